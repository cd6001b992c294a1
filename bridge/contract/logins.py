"""Logins: accounts of Matrix users on networks, and the dialogue that makes one."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from msgspec import Struct

from bridge.model.ids import IdentityId, NetworkName
from bridge.model.people import Identity


class Login(Struct, frozen=True, kw_only=True):
    """An account of a Matrix user on a network. `secrets` are encrypted in the ledger; `repr` doesn't show them."""

    user: str
    network: NetworkName
    name: str
    """Chosen when it was made; unique on its network: letters, digits, "-", "_" and "."."""
    identity: IdentityId | None = None
    secrets: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"Login(user={self.user!r}, network={self.network!r}, name={self.name!r}, identity={self.identity!r})"


class Question(Struct, frozen=True, kw_only=True):
    """One question of a login's dialogue, in plain words. A `secret` answer is never shown, logged or kept where it was typed."""

    text: str
    secret: bool = False
    link: str | None = None
    """An address to open first (the page where an account grants access)."""
    choices: tuple[str, ...] = ()


class LoggedIn(Struct, frozen=True, kw_only=True):
    """The dialogue's end: who it is, and what to keep."""

    identity: Identity
    secrets: Mapping[str, str]
    channels: tuple[str, ...] = ()
    """Channel ids that most people want in their timeline, offered to be linked: "home@me", "mentions@me"."""


@runtime_checkable
class LogsIn(Protocol):
    """Implemented by adapters whose people have accounts."""

    def steps(self, name: str) -> AsyncGenerator[Question | LoggedIn, str]:
        """The dialogue for a login of this name: yields a `Question`, is sent the answer, and yields one `LoggedIn` at its end.

        Wrong answers are asked again with words that say why, three times at most. Raises `Rejected` with plain words where it
        can't go on; `OSError` where the network can't be reached. Closed at any time (the asker gave up): leaves nothing behind.
        """
        ...

    async def changed(self) -> None:
        """The logins in `Toolbox.logins` are others than before: one came, one went, secrets were renewed.

        Called before `run` too. What a login that is gone had open is closed. Never raises for one login's trouble.
        """
        ...


class LoginBook(Protocol):
    """The logins of one network, in memory, always as they are on disk."""

    def all(self) -> Sequence[Login]: ...

    def get(self, name: str) -> Login | None: ...

    async def renew(self, name: str, secrets: Mapping[str, str]) -> None:
        """Keeps new secrets (a refreshed token). Raises `LedgerUnavailable`."""
        ...

    def trouble(self, name: str, reason: str | None, *, passing: bool = False) -> None:
        """The account refuses us (revoked, wrong password): its owner is told once, without secrets; None: it is well.

        `passing`: it is being tried again, so it is shown to who asks, and nobody is told.
        """
        ...
