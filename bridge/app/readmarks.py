"""How far people have read timeline rooms, as their clients say; kept a little behind, as a read mark is worth little."""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from bridge.contract.errors import LedgerUnavailable
from bridge.contract.toolbox import Clock
from bridge.ledger.ledger import Ledger
from bridge.model.ids import HUB, ChannelId, EventKey
from bridge.model.signals import ReadMark, Signal

_SCOPE = "read"
AWAY = timedelta(minutes=30)
"""Who reads nothing for so long was away. Clients mark all as read as soon as one comes back: so what counts is from before."""
BEHIND = 30.0
"""Seconds between two commits of what changed."""
MOST = 20_000


class Read(Struct, frozen=True):
    event: str
    at: datetime
    before: str | None = None
    """What was read before they were last away."""


_DECODER = msgspec.json.Decoder(Read)


class ReadMarks:
    """`cares`: whether a channel's marks are wanted."""

    def __init__(self, ledger: Ledger, clock: Clock, cares: Callable[[ChannelId], bool]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._cares = cares
        self._read: dict[str, Read] = {}
        self._changed: set[str] = set()

    async def load(self) -> None:
        for name, stored in (await self._ledger.facts(_SCOPE)).items():
            try:
                self._read[name] = _DECODER.decode(stored)
            except msgspec.DecodeError:
                continue  # it is only known anew

    def note(self, signal: Signal) -> None:
        """Never blocks."""
        if not isinstance(signal, ReadMark) or signal.who.network != HUB or not self._cares(signal.channel):
            return
        name, now = _name(signal.channel, signal.who.id), self._clock.now()
        known = self._read.get(name)
        if known is None and len(self._read) >= MOST:
            return
        before = None if known is None else known.event if now - known.at > AWAY else known.before
        self._read[name] = Read(signal.event.id, now, before)
        self._changed.add(name)

    def event(self, user: str, room: ChannelId) -> str | None:
        """The last event of the room that counts as read."""
        read = self._read.get(_name(room, user))
        if read is None:
            return None
        return read.before if read.before is not None and self._clock.now() - read.at <= AWAY else read.event

    async def until(self, user: str, room: ChannelId) -> datetime | None:
        """Until when somebody has read a room; of who has just come back, until when before that. None: nobody knows."""
        native = self.event(user, room)
        if native is None:
            return None
        root = await self._ledger.root(EventKey(HUB, native))
        copies = [] if root is None else await self._ledger.copies(root, room)
        return next((copy.at for copy in copies if copy.id == native), None)

    async def run(self) -> None:
        """Until cancelled: keeps what changed."""
        while True:
            await self._clock.sleep(BEHIND)
            await self.save()

    async def save(self) -> None:
        changed, self._changed = self._changed, set()
        for name in sorted(changed):
            try:
                await self._ledger.save_fact(_SCOPE, name, msgspec.json.encode(self._read[name]).decode())
            except LedgerUnavailable:
                self._changed.add(name)


def _name(room: ChannelId, user: str) -> str:
    return f"{room.id} {user}"
