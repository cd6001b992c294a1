"""Stand-ins for what the core gives an adapter."""

import asyncio
import itertools
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

import msgspec

from bridge.contract.adapter import Cursor, NetworkState, Phase
from bridge.contract.delivery import Receipt
from bridge.contract.logins import Login
from bridge.contract.toolbox import Clock, HttpAnswer, MediaStream, Toolbox
from bridge.contract.words import Asker
from bridge.model.events import Attachment, Event
from bridge.model.ids import ChannelId, EventKey, IdentityId
from bridge.model.people import Identity, Profile
from bridge.model.signals import Signal

PATIENCE = 10.0
"""Seconds that anything may take before a test gives up."""
_TURNS, _PAUSE = 100, 0.001


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until it holds. Raises `TimeoutError` after `PATIENCE`."""
    async with asyncio.timeout(PATIENCE):
        for turn in itertools.count():
            if condition():
                return
            # whatever it is sets no event; a loop that only spins would keep threads from the interpreter, whose work it may be
            await asyncio.sleep(0 if turn < _TURNS else _PAUSE)


class SystemClock:
    """The real one."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class RecordingInlet:
    """An `Inlet` that keeps what it is given. While `shut`, no event is committed: `accept` of any does not return."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        """Committed, each once: what is named as an earlier one is that one."""
        self.offered: list[Event] = []
        """Handed in, committed or not."""
        self.cursors: dict[str, Cursor] = {}
        self.signals: list[Signal] = []
        self.states: list[NetworkState] = []
        self.proofs: dict[str, Receipt] = {}
        self.looked: list[ChannelId] = []
        """Which are to be opened anew."""
        self._open = asyncio.Event()
        self._open.set()

    def shut(self) -> None:
        self._open.clear()

    def unshut(self) -> None:
        self._open.set()

    async def accept(self, *events: Event, cursor: Cursor | None = None) -> None:
        self.offered += events
        if events:
            await self._open.wait()
        known = {name for event in self.events for name in _names(event)}
        for event in events:
            if event.key not in known:
                self.events.append(event)
                known |= _names(event)
        if cursor is not None:
            self.cursors[cursor.scope] = cursor

    async def cursor(self, scope: str) -> Cursor | None:
        return self.cursors.get(scope)

    def signal(self, signal: Signal) -> None:
        self.signals.append(signal)

    def report(self, state: NetworkState) -> None:
        self.states.append(state)

    def look_again(self, *channels: ChannelId) -> None:
        self.looked += channels

    def proved(self, delivery: str, receipt: Receipt) -> None:
        self.proofs[delivery] = receipt

    @property
    def connected(self) -> bool:
        return bool(self.states) and self.states[-1].phase is Phase.CONNECTED


def _names(event: Event) -> set[EventKey]:
    return {event.key, *(EventKey(event.key.network, name) for name in event.aliases)}


class NoHttp:
    """An `HttpClient` for networks that need none: every request fails."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: int = 0,
        timeout: float = 0.0,
        redirects: int = 0,
    ) -> HttpAnswer:
        raise OSError("there is no web in this test")

    def stream(self, url: str, *, limit: int, timeout: float = 0.0) -> AbstractAsyncContextManager[MediaStream]:
        raise OSError("there is no web in this test")


class NoMedia:
    """A `MediaStore` without media."""

    def open(self, attachment: Attachment) -> AbstractAsyncContextManager[MediaStream]:
        raise OSError("there is no media in this test")

    async def put(self, stream: MediaStream) -> str:
        raise OSError("there is no media in this test")


class NoMetrics:
    """`Metrics` that nobody reads."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...

    def observe(self, name: str, seconds: float, **labels: str) -> None: ...


class MemoryLogins:
    """A `LoginBook` in memory; `troubles` has what was told of accounts that refuse, `last` what was said last of each."""

    def __init__(self, *logins: Login) -> None:
        self.logins = {login.name: login for login in logins}
        self.troubles: list[tuple[str, str | None]] = []
        self.last: dict[str, str | None] = {}

    def all(self) -> Sequence[Login]:
        return [*self.logins.values()]

    def get(self, name: str) -> Login | None:
        return self.logins.get(name)

    async def renew(self, name: str, secrets: Mapping[str, str]) -> None:
        self.logins[name] = msgspec.structs.replace(self.logins[name], secrets=dict(secrets))

    def trouble(self, name: str, reason: str | None, *, passing: bool = False) -> None:
        self.last[name] = reason
        if not passing:
            self.troubles.append((name, reason))


class MemoryLinking:
    """`Linking` without rooms: `channels` are linked, `directs` were made sure of, and those with `profiles` are known."""

    def __init__(self, *channels: ChannelId) -> None:
        self.channels = list(channels)
        self.directs: list[tuple[ChannelId, str | None, Identity]] = []
        self.profiles: dict[IdentityId, Profile] = {}

    def linked(self) -> Sequence[ChannelId]:
        return list(self.channels)

    def is_linked(self, channel: ChannelId) -> bool:
        return channel in self.channels

    async def followed(self, asker: Asker) -> Sequence[ChannelId]:
        return list(self.channels)

    async def follow(self, asker: Asker, channels: Sequence[ChannelId]) -> str:
        self.channels += [channel for channel in channels if channel not in self.channels]
        return f"Following {', '.join(map(str, channels))}."

    async def direct(self, channel: ChannelId, *, login: str | None = None, peer: Identity, group: bool = False) -> None:
        self.directs.append((channel, login, peer))
        if group:
            self.channels.append(channel)

    async def part(self, channel: ChannelId) -> None:
        self.channels.remove(channel)

    async def profile(self, who: IdentityId) -> Profile | None:
        return self.profiles.get(who)


def toolbox(clock: Clock | None = None) -> Toolbox:
    """What an adapter is given, without the world outside; the clock is the real one unless another is given."""
    return Toolbox(
        clock=clock or SystemClock(),
        random=random.Random(1),
        http=NoHttp(),
        media=NoMedia(),
        metrics=NoMetrics(),
        log=logging.getLogger("bridge.testing"),
        logins=MemoryLogins(),
        linking=MemoryLinking(),
    )
