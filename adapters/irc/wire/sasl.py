"""SASL as IRC carries it, beside what all protocols share: EXTERNAL (RFC 4422 appendix A), and logins in pieces. Pure."""

import base64
from collections.abc import Iterable

from adapters.common.sasl import Mechanism
from adapters.common.scram import SaslFailed, decoded

CHUNK = 400
"""Base64 characters in one AUTHENTICATE; a shorter one, or `+`, ends the message."""
MAX_MESSAGE = 16 * 1024


class External:
    """By the TLS client certificate."""

    name = "EXTERNAL"
    done = True

    def __init__(self, user: str = "") -> None:
        self._user = user

    def respond(self, challenge: bytes) -> bytes:
        return self._user.encode()


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
        challenge = decoded("".join(self._pieces))
        self._pieces = []
        return list(chunks(self.mechanism.respond(challenge)))


def chunks(message: bytes) -> Iterable[str]:
    """The message in base64, cut for AUTHENTICATE; a last full chunk is followed by `+`."""
    text = base64.b64encode(message).decode()
    for start in range(0, len(text), CHUNK):
        yield text[start : start + CHUNK]
    if len(text) % CHUNK == 0:
        yield "+"
