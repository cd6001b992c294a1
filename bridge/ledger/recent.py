"""What the ledger remembers without asking the disk: bounded, and kept true by our own writes alone.

That works because nobody else writes: the process holds the ledger's lock. There are two such memories, one for each
thread that asks: `Recent` belongs to the writer and changes only after a commit; `Remembered` belongs to the event loop.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, NamedTuple, TypeVar

from bridge.model.events import Event
from bridge.model.ids import ChannelId, EventKey, IdentityId

K = TypeVar("K")
V = TypeVar("V")


class Lru(Generic[K, V]):
    """The newest `size` values by last use."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        value = self._kept.get(key)
        if value is not None:
            self._kept.move_to_end(key)
        return value

    def __contains__(self, key: K) -> bool:
        return key in self._kept

    def __getitem__(self, key: K) -> V:
        value = self._kept[key]
        self._kept.move_to_end(key)
        return value

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, key: K, value: V) -> None:
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def drop(self, key: K) -> None:
        self._kept.pop(key, None)

    def clear(self) -> None:
        self._kept.clear()


class Known(NamedTuple):
    """What a native id stands for. `delivery` is None where the id is the original's or an alias of it."""

    event: EventKey
    delivery: str | None


class Shown(NamedTuple):
    """Who is shown for somebody; None where they are no declared human."""

    identity: IdentityId | None


class Slim(NamedTuple):
    """A delivery without its payload: enough to settle it."""

    seq: int
    id: str
    event: EventKey
    channel: ChannelId
    part: int
    state: int
    attempts: int
    batch: str | None
    line: int | None


class Recent:
    """The writer's memory. All of it is positive: what isn't here may still be on disk."""

    def __init__(self) -> None:
        self.known: Lru[EventKey, Known] = Lru(8192)
        self.events: Lru[EventKey, Event] = Lru(2048)
        self.places: Lru[EventKey, frozenset[ChannelId]] = Lru(8192)
        """Where an event is or is on its way to, as far as we remember."""
        self.slims: Lru[str, Slim] = Lru(8192)
        self.persons: Lru[IdentityId, Shown] = Lru(8192)
        self.doubtful: set[EventKey] = set()
        """Events of a commit whose answer was lost: seen again and found on disk, they count as fresh."""

    def clear(self) -> None:
        """After a failed commit nobody knows what is true; the disk does."""
        for memory in (self.known, self.events, self.places, self.slims, self.persons):
            memory.clear()


class Remembered(Generic[K, V]):
    """A cache in the event loop before reads of the disk. Missing rows are remembered too, as whatever `load` returns."""

    def __init__(self, size: int) -> None:
        self._kept: Lru[K, V] = Lru(size)
        self._writes = 0

    async def read(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        if key in self._kept:
            return self._kept[key]
        writes = self._writes
        value = await load()
        if writes == self._writes:  # else the value read may be older than a write that has ended since
            self._kept.put(key, value)
        return value

    def write(self, key: K, value: V) -> None:
        self._writes += 1
        self._kept.put(key, value)

    def change(self, key: K, change: Callable[[V], V]) -> None:
        """Change what is remembered, if anything is."""
        self._writes += 1
        if key in self._kept:
            self._kept.put(key, change(self._kept[key]))

    def forget(self, key: K) -> None:
        self._writes += 1
        self._kept.drop(key)

    def clear(self) -> None:
        self._writes += 1
        self._kept.clear()
