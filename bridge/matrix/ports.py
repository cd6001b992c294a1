"""What this floor asks of the ledger, and two small containers that keep its memory bounded."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Generic, Protocol, TypeVar

from bridge.ledger.rows import Copy, PuppetRow
from bridge.model.ids import ChannelId, EventKey, IdentityId
from bridge.model.people import Identity
from bridge.model.portals import Direction, Link, Portal, PortalKind, Source, TimelineOptions

K = TypeVar("K")
V = TypeVar("V")


class Memory(Protocol):
    """The verbs of `bridge.ledger.Ledger` about people, rooms and small facts."""

    async def puppet(self, user: str) -> PuppetRow | None: ...
    async def save_puppet(self, row: PuppetRow) -> None: ...
    async def member(self, room: str, user: str) -> str | None: ...
    async def save_member(self, room: str, user: str, membership: str) -> None: ...
    async def members(self, room: str) -> dict[str, str]: ...
    async def forget_room(self, room: str) -> None: ...
    async def identity(self, id: IdentityId) -> Identity | None: ...
    async def person(self, id: IdentityId) -> IdentityId: ...
    async def fact(self, scope: str, name: str) -> str | None: ...
    async def save_fact(self, scope: str, name: str, value: str | None) -> None: ...
    async def facts(self, scope: str) -> dict[str, str]: ...
    async def copies(self, event: EventKey, channel: ChannelId) -> Sequence[Copy]: ...
    async def portals(self) -> list[Portal]: ...
    async def add_portal(
        self,
        *,
        room: str,
        alias: str | None = None,
        kind: PortalKind = ...,
        order: str = ...,
        members: str = ...,
        post_to: Sequence[str] = ...,
        timeline: TimelineOptions | None = ...,
    ) -> Portal: ...
    async def change_portal(self, portal: Portal) -> None: ...
    async def add_link(self, *, portal: int, channel: ChannelId, direction: Direction, relay: bool, source: Source) -> Link: ...


class Lru(Generic[K, V]):
    """The `size` entries last used."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, key: K, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def drop(self, key: K) -> None:
        self._entries.pop(key, None)

    def __contains__(self, key: K) -> bool:
        return key in self._entries


class Turns(Generic[K]):
    """One at a time for each key, first come first served; a key nobody waits for costs nothing."""

    def __init__(self) -> None:
        self._locks: dict[K, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def of(self, key: K) -> AsyncIterator[None]:
        lock, waiting = self._locks.get(key) or (asyncio.Lock(), 0)
        self._locks[key] = (lock, waiting + 1)
        try:
            async with lock:
                yield
        finally:
            _, waiting = self._locks[key]
            if waiting == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, waiting - 1)
