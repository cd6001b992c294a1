"""Logins in memory, network by network: `bridge.contract.logins.LoginBook` over the ledger."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from bridge.contract.logins import Login
from bridge.ledger.ledger import Ledger
from bridge.model.ids import NetworkName

Troubled: TypeAlias = Callable[[Login, str | None, bool], None]
"""Told what an account says of its login: why it is ill, or None, and whether that passes by itself."""


class AllLogins:
    """Every login there is, by network and name; kept true by our own writes."""

    def __init__(self, ledger: Ledger, logins: Sequence[Login]) -> None:
        self._ledger = ledger
        self._logins = {(login.network, login.name): login for login in logins}
        self._listeners: list[Callable[[], None]] = []

    @classmethod
    async def load(cls, ledger: Ledger) -> "AllLogins":
        """Raises `NoKey` where there are any and the key file is missing."""
        return cls(ledger, await ledger.logins())

    def tell(self, listener: Callable[[], None]) -> None:
        """`listener` is called after every change."""
        self._listeners.append(listener)

    def of(self, network: NetworkName) -> Sequence[Login]:
        return [login for login in self._logins.values() if login.network == network]

    def all(self) -> Sequence[Login]:
        """By network and name."""
        return [self._logins[key] for key in sorted(self._logins)]

    def get(self, network: NetworkName, name: str) -> Login | None:
        return self._logins.get((network, name))

    async def save(self, login: Login) -> None:
        """Raises `Taken`, `NoKey`, `LedgerUnavailable`."""
        await self._ledger.save_login(login)
        self._logins[login.network, login.name] = login
        self._changed()

    async def remove(self, network: NetworkName, name: str) -> None:
        """Raises `LedgerUnavailable`."""
        await self._ledger.remove_login(network, name)
        self._logins.pop((network, name), None)
        self._changed()

    def _changed(self) -> None:
        for listener in self._listeners:
            listener()


def handle_of(login: Login) -> str:
    """As the configuration names a login: `network@name`."""
    return f"{login.network}@{login.name}"


class NetworkLogins:
    """`troubled` is told where an account refuses us, and again when it is well."""

    def __init__(self, network: NetworkName, logins: AllLogins, troubled: Troubled) -> None:
        self._network = network
        self._logins = logins
        self._troubled = troubled

    def all(self) -> Sequence[Login]:
        return self._logins.of(self._network)

    def get(self, name: str) -> Login | None:
        return self._logins.get(self._network, name)

    async def renew(self, name: str, secrets: Mapping[str, str]) -> None:
        login = self.get(name)
        if login is not None:
            await self._logins.save(replace(login, secrets=dict(secrets)))

    def trouble(self, name: str, reason: str | None, *, passing: bool = False) -> None:
        login = self.get(name)
        if login is not None:
            self._troubled(login, reason, passing)
