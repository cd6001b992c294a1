"""SASL mechanisms as IRC uses them: PLAIN (RFC 4616), EXTERNAL (RFC 4422 appendix A), SCRAM-SHA-256 (RFC 5802, RFC 7677).

Pure but for the nonce, which is handed in. A mechanism answers challenges; `done` says whether success may be believed.
"""

import base64
import binascii
import hashlib
import hmac
import unicodedata
from collections.abc import Iterable
from typing import Protocol

CHUNK = 400
"""Base64 characters in one AUTHENTICATE; a shorter one, or `+`, ends the message."""
MAX_MESSAGE = 16 * 1024
MAX_ITERATIONS = 250_000
"""Of a server's PBKDF2 wish: beyond this it wants our CPU, not our proof."""
MIN_ITERATIONS = 4096
"""RFC 7677 §4."""


class SaslFailed(Exception):
    """The login cannot go on. The text is plain words without secrets."""


class Mechanism(Protocol):
    name: str

    @property
    def done(self) -> bool:
        """The server has proved itself as far as the mechanism asks; a success before that is a lie."""
        ...

    def respond(self, challenge: bytes) -> bytes:
        """Raises `SaslFailed`."""
        ...


class Plain:
    name = "PLAIN"
    done = True

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password

    def respond(self, challenge: bytes) -> bytes:
        return f"\0{self._user}\0{self._password}".encode()


class External:
    """By the TLS client certificate."""

    name = "EXTERNAL"
    done = True

    def __init__(self, user: str = "") -> None:
        self._user = user

    def respond(self, challenge: bytes) -> bytes:
        return self._user.encode()


class Scram:
    """SCRAM-SHA-256 without channel binding. The server's signature is verified: it must know the password as well."""

    name = "SCRAM-SHA-256"

    def __init__(self, user: str, password: str, nonce: str) -> None:
        """`nonce`: printable ASCII without commas, of at least 18 random bytes' worth."""
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
        nonce, salt = fields.get("r", ""), _base64(fields.get("s", ""))
        if "m" in fields or not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce) or not salt:
            raise SaslFailed("the server's SCRAM challenge is not an answer to ours")
        digits = fields.get("i", "")
        iterations = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 9 else 0
        if not MIN_ITERATIONS <= iterations <= MAX_ITERATIONS:
            raise SaslFailed(f"the server asks for an unacceptable SCRAM iteration count ({digits[:9]})")
        salted = hashlib.pbkdf2_hmac("sha256", self._password, salt, iterations)
        client_key = _hmac(salted, b"Client Key")
        bare = f"c=biws,r={nonce}"
        signed = f"{self._first},{server_first},{bare}".encode()
        self._signature = _hmac(_hmac(salted, b"Server Key"), signed)
        proof = bytes(a ^ b for a, b in zip(client_key, _hmac(hashlib.sha256(client_key).digest(), signed), strict=True))
        return f"{bare},p={base64.b64encode(proof).decode()}".encode()

    def _verify(self, challenge: bytes) -> None:
        _, fields = _fields(challenge)
        if "e" in fields:
            raise SaslFailed(f"the server refused: {fields['e'][:80]}")
        if not hmac.compare_digest(_base64(fields.get("v", "")), self._signature):
            raise SaslFailed("the server could not prove that it knows the password")
        self._verified = True


class Exchange:
    """One login: AUTHENTICATE chunks in, AUTHENTICATE parameters out."""

    def __init__(self, mechanism: Mechanism) -> None:
        self.mechanism = mechanism
        self._pieces: list[str] = []

    def receive(self, chunk: str) -> list[str]:
        """Returns the parameters to send, none while a challenge is incomplete. Raises `SaslFailed`."""
        if chunk != "+":
            self._pieces.append(chunk)
        if len(self._pieces) * CHUNK > MAX_MESSAGE:
            raise SaslFailed("the server's challenge has no end")
        if len(chunk) == CHUNK:
            return []
        challenge = _base64("".join(self._pieces))
        self._pieces = []
        return list(chunks(self.mechanism.respond(challenge)))


def chunks(message: bytes) -> Iterable[str]:
    """The message in base64, cut for AUTHENTICATE; a last full chunk is followed by `+`."""
    text = base64.b64encode(message).decode()
    for start in range(0, len(text), CHUNK):
        yield text[start : start + CHUNK]
    if len(text) % CHUNK == 0:
        yield "+"


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _fields(challenge: bytes) -> tuple[str, dict[str, str]]:
    try:
        text = challenge.decode()
    except UnicodeDecodeError:
        raise SaslFailed("the server's SCRAM message is not UTF-8") from None
    return text, {item[0]: item[2:] for item in text.split(",") if item[1:2] == "="}


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SaslFailed("the server sent what is not base64") from None
