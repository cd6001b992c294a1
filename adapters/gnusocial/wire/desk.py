"""All that belongs to one login while the network runs: who it is, what reads for it, what writes for it, and how it is."""

from typing import Protocol

from adapters.gnusocial.config import GnuSocialConfig
from adapters.gnusocial.find import Finder
from adapters.gnusocial.wire.account import Account
from adapters.gnusocial.wire.people import People
from adapters.gnusocial.wire.writer import Writer
from bridge.contract.errors import Unavailable
from bridge.contract.logins import Login
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import ChannelId, NetworkName


class Reads(Protocol):
    """`adapters.gnusocial.reading.reader.Reader`, as the adapter needs it."""

    async def run(self) -> None: ...

    def open(self, channel: ChannelId) -> None: ...

    def close(self, channel: ChannelId) -> None: ...

    async def looked(self, channel: ChannelId, seconds: float) -> None: ...

    def trouble(self, channel: ChannelId) -> str | None: ...

    def gone(self, number: str) -> None: ...


class Desk:
    """Raises `ValueError` where the login is not whole."""

    def __init__(self, network: NetworkName, login: Login, config: GnuSocialConfig, tools: Toolbox) -> None:
        self.login = login
        self.account = Account(network, login, tools)
        self.people = People(self.account)
        self.finder = Finder(self.account, self.people, tools)
        self.writer = Writer(self.account, self.people, self.finder, tools, source=config.source)
        self.trouble: str | None = "the network is not connected"
        """Why nothing can be done with it now, in plain words; None: it is well."""
        self.refused = False
        """The server doesn't take the account: a human must act."""
        self.retry_after: float | None = None
        """Seconds that the server asked us to wait."""
        self.tried = False
        """Its state is known."""

    def well(self) -> None:
        self.trouble, self.refused, self.retry_after, self.tried = None, False, None, True

    def ill(self, trouble: str, *, refused: bool = False, retry_after: float | None = None) -> None:
        self.trouble, self.refused, self.retry_after, self.tried = trouble, refused, retry_after, True

    @property
    def away(self) -> bool:
        """Its server can't be reached."""
        return self.tried and self.trouble is not None and not self.refused

    def need(self) -> None:
        """Raises `Unavailable` where nothing can be sent now."""
        if self.trouble is not None:
            raise Unavailable(self.trouble, retry_after=self.retry_after)
