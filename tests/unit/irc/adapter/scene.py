"""What the adapter's tests share: an inlet that writes down, a toolbox around a held clock, and a running adapter."""

import asyncio
import contextlib
import itertools
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

from adapters.irc.adapter import Irc
from adapters.irc.config import IrcConfig
from bridge.contract.adapter import Cursor, NetworkState, Phase
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import LedgerUnavailable
from bridge.contract.features import Voice, VoiceKind
from bridge.contract.toolbox import Toolbox
from bridge.model.events import Body, Event, Message, Text
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from bridge.model.signals import Signal
from bridge.testing.doubles import MemoryLinking, MemoryLogins
from tests.doubles.clock import START, FakeClock

NET = NetworkName("net")
LOBBY = ChannelId(NET, "#lobby")


class BookInlet:
    """Writes down all it is given. With `closed`, nothing can be stored."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.states: list[NetworkState] = []
        self.signals: list[Signal] = []
        self.late: list[tuple[str, Receipt]] = []
        self.cursors: dict[str, Cursor] = {}
        self.closed = False
        self.calls = 0
        self.changed = asyncio.Event()

    async def accept(self, *events: Event, cursor: Cursor | None = None) -> None:
        self.calls += 1
        await asyncio.sleep(0)
        if self.closed:
            self._tell()
            raise LedgerUnavailable("disk full")
        self.events.extend(events)
        if cursor is not None:
            self.cursors[cursor.scope] = cursor
        self._tell()

    async def cursor(self, scope: str) -> Cursor | None:
        return self.cursors.get(scope)

    def signal(self, signal: Signal) -> None:
        self.signals.append(signal)
        self._tell()

    def report(self, state: NetworkState) -> None:
        self.states.append(state)
        self._tell()

    def look_again(self, *channels: ChannelId) -> None:
        return

    def proved(self, delivery: str, receipt: Receipt) -> None:
        self.late.append((delivery, receipt))
        self._tell()

    def texts(self) -> list[str]:
        return [event.body.text.plain for event in self.events if isinstance(event.body, Message)]

    @property
    def phase(self) -> Phase | None:
        return self.states[-1].phase if self.states else None

    async def until(self, true: Callable[[], bool]) -> None:
        """Returns as soon as it holds; looked at whenever something was handed in."""
        async with asyncio.timeout(10):
            while not true():
                self.changed.clear()
                await self.changed.wait()

    def _tell(self) -> None:
        self.changed.set()


class CountingMetrics:
    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        self.counted["/".join((name, *labels.values()))] += int(amount)

    def gauge(self, name: str, value: float, **labels: str) -> None: ...

    def observe(self, name: str, seconds: float, **labels: str) -> None: ...


class Scene:
    """One adapter on one server, not yet running."""

    def __init__(self, server: str, **settings: Any) -> None:
        self.clock = FakeClock()
        self.metrics = CountingMetrics()
        self.inlet = BookInlet()
        tools = Toolbox(
            clock=self.clock,
            random=random.Random(7),
            http=cast("Any", None),
            media=cast("Any", None),
            metrics=self.metrics,
            log=logging.getLogger("test.irc"),
            logins=MemoryLogins(),
            linking=MemoryLinking(),
        )
        config = IrcConfig(server=server, **{"tls": False, "nick": "bot", "rate": "off", **settings})
        self.nick = config.nick
        self.adapter = Irc(NET, config, self.inlet, tools)
        self._numbers = itertools.count(1)

    def delivery(self, text: str = "hello", *, channel: ChannelId = LOBBY, body: Body | None = None, **more: Any) -> Delivery:
        number = next(self._numbers)
        return Delivery(
            id=f"{number:032x}",
            channel=channel,
            event=EventKey(HUB, f"${number}"),
            author=Identity(id=IdentityId(HUB, "@alice:localhost"), profile=Profile(name="alice")),
            voice=Voice(kind=VoiceKind.PREFIX, name="alice", prefix="<alice> "),
            body=body or Message(text=Text(plain=text)),
            happened_at=START,
            accepted_at=START,
            **more,
        )

    @contextlib.asynccontextmanager
    async def running(self, *channels: ChannelId) -> AsyncIterator["asyncio.Task[None]"]:
        """Connected, these channels open; afterwards stopped, and nothing may be left."""
        task = asyncio.create_task(self.adapter.run())
        try:
            await self.connected(task)
            if channels:
                infos = await self.adapter.open(*channels)
                assert [info.error for info in infos] == [None] * len(channels)
            yield task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task

    async def connected(self, task: "asyncio.Task[None]") -> None:
        waiting = asyncio.create_task(self.inlet.until(lambda: self.inlet.phase is Phase.CONNECTED))
        await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            waiting.cancel()
            task.result()
        await waiting
