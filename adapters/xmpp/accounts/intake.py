"""From an account's stream to the ledger: in order within each chat, and acknowledged only when it is there.

What arrives while a commit runs is handed in with the next. A chat gets its room before its first event: while that is being made
(or can't be) only that chat waits. The cursor never passes what has not been committed, whichever chat it waits in.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from msgspec import Struct

from bridge.contract.adapter import Cursor, Inlet
from bridge.contract.errors import LedgerUnavailable, Unavailable
from bridge.contract.toolbox import Toolbox
from bridge.model.events import Event
from bridge.model.ids import ChannelId
from bridge.model.people import Identity

PAUSE_AT = 2000
"""Waiting items at which reading stops; it goes on below a quarter of that."""
MAX_BATCH = 500
RETRY_SECONDS = 1.0
ROOM_SECONDS = 5.0
"""Between two tries to make a chat's room; doubled up to `ROOM_CAP`."""
ROOM_CAP = 300.0
ROOMS_AT_ONCE = 4


def _nothing() -> None:
    return None


class Item(Struct, kw_only=True):
    """What one stanza turned out to be. `ticket`: to settle it by; `cursor`: how far the archive is read with it."""

    channel: ChannelId
    peer: Identity
    events: Sequence[Event] = ()
    ticket: int = 0
    cursor: str | None = None
    then: Callable[[], None] = _nothing
    """Done once the events are committed: receipts, marks."""
    before: str | None = None
    """How far the archive was read before it; seen to by `Intake`."""


class Intake:
    """`settle` is told of tickets; `reading` stops and starts the reader, and may be called more often than needed."""

    def __init__(
        self,
        login: str,
        scope: str,
        inlet: Inlet,
        tools: Toolbox,
        *,
        settle: Callable[[Sequence[int]], None],
        reading: Callable[[bool], None],
    ) -> None:
        self._login, self._scope = login, scope
        self._inlet, self._tools = inlet, tools
        self._settle, self._reading = settle, reading
        self._ready: deque[Item] = deque()
        self._undone: dict[int, Item] = {}
        """Everything that is not committed, in the order in which it came, by `id`."""
        self._housed: set[ChannelId] = set()
        self._waiting: dict[ChannelId, list[Item]] = {}
        self._unmade: deque[ChannelId] = deque()
        self._pauses: dict[ChannelId, float] = {}
        self._newest: str | None = None
        self._stored: str | None = None
        self._arrived = asyncio.Event()
        self._wanted = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.paused = False

    # what comes

    def put(self, item: Item) -> None:
        """Never blocks."""
        item.before, self._newest = self._newest, item.cursor or self._newest
        self._undone[id(item)] = item
        if item.events and item.channel not in self._housed:
            self._shelter(item)
        else:
            self._ready.append(item)
        self._idle.clear()
        self._arrived.set()
        if len(self._undone) >= PAUSE_AT and not self.paused:
            self.paused = True
            self._reading(False)

    def forget(self, channel: ChannelId) -> None:
        """Its room is gone: the next event asks for one again."""
        self._housed.discard(channel)

    def is_housed(self, channel: ChannelId) -> bool:
        """It got something to show since we run: so it has a room."""
        return channel in self._housed

    async def finish(self) -> None:
        """Returns once all but what waits for rooms is committed, by `run`."""
        await self._idle.wait()

    def _shelter(self, item: Item) -> None:
        waiting = self._waiting.get(item.channel)
        if waiting is not None:
            waiting.append(item)
            return
        self._waiting[item.channel] = [item]
        self._unmade.append(item.channel)
        self._wanted.set()

    # commits

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(ROOMS_AT_ONCE):
                group.create_task(self._make_rooms(group))
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._ready:
                    await self._commit([self._ready.popleft() for _ in range(min(MAX_BATCH, len(self._ready)))])
                if not self._ready:
                    self._idle.set()

    async def _commit(self, items: list[Item]) -> None:
        events = [event for item in items for event in item.events]
        for item in items:
            del self._undone[id(item)]
        cursor = self._reached()
        while events or cursor is not None:
            try:
                await self._inlet.accept(*events, cursor=None if cursor is None else Cursor(scope=self._scope, value=cursor))
                self._stored = cursor or self._stored
                break
            except LedgerUnavailable as error:
                self._tools.metrics.count("xmpp_ledger_unavailable")
                self._tools.log.warning("the ledger takes nothing now, reading stops: %s", error)
                self.paused = True
                self._reading(False)
                await self._tools.clock.sleep(RETRY_SECONDS)
        self._settle([item.ticket for item in items if item.ticket])
        for item in items:
            item.then()
        if self.paused and len(self._undone) < PAUSE_AT // 4:
            self.paused = False
            self._reading(True)

    def _reached(self) -> str | None:
        """The cursor, without what still waits, where it is another than the stored one."""
        oldest = next(iter(self._undone.values()), None)
        cursor = self._newest if oldest is None else oldest.before
        return cursor if cursor != self._stored else None

    # rooms

    async def _make_rooms(self, group: asyncio.TaskGroup) -> None:
        while True:
            await self._wanted.wait()
            if not self._unmade:
                self._wanted.clear()
                continue
            channel = self._unmade.popleft()
            try:
                await self._tools.linking.direct(channel, login=self._login, peer=self._waiting[channel][0].peer)
            except Unavailable as error:
                self._tools.metrics.count("xmpp_room_unavailable")
                self._tools.log.warning("%s has no room yet: %s", channel, error.reason)
                group.create_task(self._later(channel))
            else:
                self._made(channel)

    async def _later(self, channel: ChannelId) -> None:
        """Until its room is there; what waits for it comes again from the server, where the bridge is stopped before."""
        pause = self._pauses.get(channel, ROOM_SECONDS)
        self._pauses[channel] = min(pause * 2, ROOM_CAP)
        await self._tools.clock.sleep(pause * (0.75 + self._tools.random.random() / 2))
        self._unmade.append(channel)
        self._wanted.set()

    def _made(self, channel: ChannelId) -> None:
        self._pauses.pop(channel, None)
        self._housed.add(channel)
        self._ready.extend(self._waiting.pop(channel))
        self._idle.clear()
        self._arrived.set()
