"""SCRAM, the client's side (RFC 5802, RFC 7677), without channel binding. Pure: the nonce is handed in.

`respond` costs the processor what the server asks for, up to half a second: on a server not of one's own choice, in a thread.
"""

import base64
import binascii
import hashlib
import hmac
import unicodedata

MAX_ITERATIONS = 250_000
"""Of a server's PBKDF2 wish: beyond this it wants our CPU, not our proof."""
MIN_ITERATIONS = 4096
"""RFC 7677 §4."""


class SaslFailed(Exception):
    """The login cannot go on. The text is plain words without secrets."""


class Scram:
    """The server's signature is verified: it must know the password as well."""

    def __init__(self, user: str, password: str, nonce: str, digest: str = "sha256") -> None:
        """`nonce`: printable ASCII without commas, of at least 18 random bytes' worth; `digest`: as `hashlib` calls it."""
        self.name = f"SCRAM-SHA-{digest.removeprefix('sha')}"
        self._digest = digest
        name = unicodedata.normalize("NFKC", user).replace("=", "=3D").replace(",", "=2C")
        self._password = unicodedata.normalize("NFKC", password).encode()
        self._nonce = nonce
        self._first = f"n={name},r={nonce}"
        self._step = 0
        self._signature = b""
        self._verified = False

    @property
    def done(self) -> bool:
        return self._verified

    def respond(self, challenge: bytes) -> bytes:
        self._step += 1
        match self._step:
            case 1:
                return f"n,,{self._first}".encode()
            case 2:
                return self._prove(challenge)
            case 3:
                self._verify(challenge)
                return b""
        raise SaslFailed("the server asked for more than SCRAM has")

    def _prove(self, challenge: bytes) -> bytes:
        server_first, fields = _fields(challenge)
        nonce, salt = fields.get("r", ""), decoded(fields.get("s", ""))
        if "m" in fields or not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce) or not salt:
            raise SaslFailed("the server's SCRAM challenge is not an answer to ours")
        digits = fields.get("i", "")
        iterations = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 9 else 0
        if not MIN_ITERATIONS <= iterations <= MAX_ITERATIONS:
            raise SaslFailed(f"the server asks for an unacceptable SCRAM iteration count ({digits[:9]})")
        salted = hashlib.pbkdf2_hmac(self._digest, self._password, salt, iterations)
        client_key = self._hmac(salted, b"Client Key")
        bare = f"c=biws,r={nonce}"
        signed = f"{self._first},{server_first},{bare}".encode()
        self._signature = self._hmac(self._hmac(salted, b"Server Key"), signed)
        proof = bytes(
            a ^ b for a, b in zip(client_key, self._hmac(hashlib.new(self._digest, client_key).digest(), signed), strict=True)
        )
        return f"{bare},p={base64.b64encode(proof).decode()}".encode()

    def _verify(self, challenge: bytes) -> None:
        _, fields = _fields(challenge)
        if "e" in fields:
            raise SaslFailed(f"the server refused: {fields['e'][:80]}")
        if not hmac.compare_digest(decoded(fields.get("v", "")), self._signature):
            raise SaslFailed("the server could not prove that it knows the password")
        self._verified = True

    def _hmac(self, key: bytes, message: bytes) -> bytes:
        return hmac.digest(key, message, self._digest)


def _fields(challenge: bytes) -> tuple[str, dict[str, str]]:
    try:
        text = challenge.decode()
    except UnicodeDecodeError:
        raise SaslFailed("the server's SCRAM message is not UTF-8") from None
    return text, {item[0]: item[2:] for item in text.split(",") if item[1:2] == "="}


def decoded(text: str) -> bytes:
    """Of base64. Raises `SaslFailed`."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SaslFailed("the server sent what is not base64") from None
