"""SASL, the client's side (RFC 4422): what every protocol that logs in with it shares. Pure. SCRAM is in `scram`."""

from typing import Protocol


class Mechanism(Protocol):
    """Answers challenges; `done` says whether success may be believed."""

    @property
    def name(self) -> str: ...

    @property
    def done(self) -> bool:
        """The server has proved itself as far as the mechanism asks; a success before that is a lie."""
        ...

    def respond(self, challenge: bytes) -> bytes:
        """Raises `SaslFailed`."""
        ...


class Plain:
    """The password itself (RFC 4616): only over a connection that is encrypted, and where the operator allows it."""

    name = "PLAIN"
    done = True

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password

    def respond(self, challenge: bytes) -> bytes:
        return f"\0{self._user}\0{self._password}".encode()
