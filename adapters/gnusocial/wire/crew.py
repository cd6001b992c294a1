"""The desks of all logins while the network runs: each is kept going by itself, and troubled by nobody else's server."""

import asyncio
from collections.abc import Callable, Iterable

from adapters.gnusocial.config import GnuSocialConfig
from adapters.gnusocial.wire.answers import Revoked
from adapters.gnusocial.wire.desk import Desk, Reads
from bridge.contract.errors import Disconnected, LedgerUnavailable, Rejected, Unavailable
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import ChannelId, NetworkName

FIRST_SECONDS, CAP_SECONDS = 5.0, 900.0
"""Between two tries of a server that is away."""
REFUSED_SECONDS = 3600.0
"""After which a refused account is tried once more: servers refuse people by mistake, too."""
LEDGER_SECONDS = 5.0
LOOK_SECONDS = 15.0


class Crew:
    def __init__(self, network: NetworkName, config: GnuSocialConfig, tools: Toolbox, reader: Callable[[Desk], Reads]) -> None:
        self._network = network
        self._config = config
        self._tools = tools
        self._reader = reader
        self._desks: dict[str, Desk] = {}
        self._readers: dict[str, Reads] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._wishes: dict[ChannelId, str] = {}
        self._news = asyncio.Event()
        """A login came or went, or a desk's state changed."""

    def desk(self, login: str) -> Desk | None:
        """None while the network doesn't run, too."""
        return self._desks.get(login)

    def desks(self) -> Iterable[Desk]:
        return [*self._desks.values()]

    def muster(self) -> None:
        """The logins are others than before."""
        self._news.set()

    def wish(self, channel: ChannelId, login: str) -> None:
        """It is to be read whenever its login is there."""
        self._wishes[channel] = login
        if (reader := self._readers.get(login)) is not None:
            reader.open(channel)

    def forget(self, channel: ChannelId) -> None:
        login = self._wishes.pop(channel, "")
        if (reader := self._readers.get(login)) is not None:
            reader.close(channel)

    async def looked(self, *channels: ChannelId) -> None:
        """Until each was looked at once, its reader has ended, or `LOOK_SECONDS` have passed over all of them."""
        clock = self._tools.clock
        end = clock.monotonic() + LOOK_SECONDS
        for channel in channels:
            reader = self._readers.get(self._wishes.get(channel, ""))
            if reader is not None and clock.monotonic() < end:
                await reader.looked(channel, end - clock.monotonic())

    def gone(self, desk: Desk, number: str) -> None:
        """A post was found to be deleted, by its number there."""
        if (reader := self._readers.get(desk.login.name)) is not None:
            reader.gone(number)

    def trouble(self, channel: ChannelId) -> str | None:
        """Why a channel can't be read, as far as is known."""
        reader = self._readers.get(self._wishes.get(channel, ""))
        return reader.trouble(channel) if reader is not None else None

    def refuse(self, desk: Desk, reason: str) -> None:
        """The server doesn't take the account any more: its owner is told, and it rests until it is logged in anew."""
        desk.ill(f"the account is refused, log in again: {reason}", refused=True)
        self._tools.logins.trouble(desk.login.name, desk.trouble)
        self._tools.metrics.count("gnusocial_refused", network=self._network)
        self._news.set()

    async def work(self, ready: Callable[[], None]) -> Disconnected:
        """Until every desk is away; says why. `ready` is called when the state of each has been found out."""
        lost: Disconnected | None = None
        told = False
        try:
            async with asyncio.TaskGroup() as tasks:
                while lost is None:
                    self._news.clear()
                    self._staff(tasks)
                    desks = self.desks()
                    away = [desk for desk in desks if desk.away]
                    if away and len(away) == len(self._desks):
                        lost = Disconnected(away[0].trouble or "", retry_after=away[0].retry_after)
                        break
                    if not told and all(desk.tried for desk in desks):
                        told = True
                        ready()
                    await self._news.wait()
                self._dismiss(*self._keepers)
        finally:
            self._desks, self._readers, self._keepers = {}, {}, {}
        return lost

    def _staff(self, tasks: asyncio.TaskGroup) -> None:
        """A desk for each login, as it is now."""
        logins = {login.name: login for login in self._tools.logins.all()}
        self._dismiss(*(name for name, desk in self._desks.items() if logins.get(name) != desk.login))
        for name, login in logins.items():
            if name in self._desks:
                continue
            try:
                desk = Desk(self._network, login, self._config, self._tools)
            except ValueError as error:
                self._tools.log.warning("the login %s can't be used: %s", name, error)
                self._tools.logins.trouble(name, f"it can't be used, log in again: {error}")
                continue
            self._desks[name] = desk
            self._keepers[name] = tasks.create_task(self._keep(desk))

    def _dismiss(self, *names: str) -> None:
        for name in names:
            self._keepers.pop(name).cancel()
            self._desks.pop(name)
            self._readers.pop(name, None)

    async def _keep(self, desk: Desk) -> None:
        """One desk, until cancelled: its account verified, its channels read, tried again after any trouble."""
        clock, tries = self._tools.clock, 0
        while True:
            began = clock.monotonic()
            try:
                await self._serve(desk)
            except Revoked as error:
                self.refuse(desk, error.reason)
                await clock.sleep(REFUSED_SECONDS)
            except LedgerUnavailable:
                await clock.sleep(LEDGER_SECONDS)
            except (Disconnected, Rejected, Unavailable) as error:
                tries = 0 if clock.monotonic() - began > CAP_SECONDS else tries + 1
                desk.ill(error.reason, retry_after=None if isinstance(error, Rejected) else error.retry_after)
                self._news.set()
                await clock.sleep(self._pause(tries, desk.retry_after))

    def _pause(self, tries: int, asked: float | None) -> float:
        pause = min(CAP_SECONDS, FIRST_SECONDS * 2.0 ** min(tries, 10)) * (0.75 + self._tools.random.random() / 2)
        return max(pause, asked or 0.0)

    async def _serve(self, desk: Desk) -> None:
        name = desk.login.name
        await desk.account.verify()
        await desk.account.learn()
        reader = self._reader(desk)
        self._readers[name] = reader
        for channel, login in self._wishes.items():
            if login == name:
                reader.open(channel)
        desk.well()
        self._news.set()
        self._tools.logins.trouble(name, None)
        try:
            await reader.run()
        finally:
            if self._readers.get(name) is reader:
                del self._readers[name]
