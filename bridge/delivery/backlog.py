"""What waits in one lane: a bounded window, in memory, on what the ledger holds."""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime

from bridge.contract.delivery import Delivery
from bridge.delivery.joining import assemble
from bridge.delivery.order import Standing, overtakes, standing
from bridge.delivery.ports import Outbox
from bridge.ledger.rows import Entry, State
from bridge.model.ids import ChannelId

MOST = 256
"""Wire messages of one lane kept in memory; a page of the ledger is as long."""


class Item:
    """One wire message to be: an entry, or the entries of one batch."""

    __slots__ = ("_standing", "alone", "batch", "delivery", "entries", "leased", "repeat", "unsure")

    def __init__(self, entry: Entry, *, leased: bool = False, unsure: bool = False, alone: bool = False) -> None:
        self.entries: tuple[Entry, ...] = (entry,)
        self.delivery: Delivery = entry.delivery
        self.batch = entry.batch
        self.leased = leased
        """The ledger knows that from now on it may be on the wire."""
        self.unsure = unsure
        """It may have been sent: find out before sending it."""
        self.repeat = entry.delivery.repeat
        self.alone = alone
        """It was refused in company: it is not joined again."""
        self._standing: Standing | None = None

    @property
    def seq(self) -> int:
        return self.entries[0].seq

    def standing(self) -> Standing:
        """For the order of a timeline; of one that is no batch."""
        if self._standing is None:
            self._standing = standing(self.delivery)
        return self._standing

    def early(self, now: datetime) -> float:
        """Seconds for which it must not leave yet, so that its author can take it back. What was tried before is late already."""
        first = self.entries[0]
        if first.due_at is None or first.attempts or first.state is not State.PENDING:
            return 0
        return (first.due_at - now).total_seconds()

    def join(self, batch: str, entries: Sequence[Entry]) -> None:
        """Become the batch of these entries, in their order."""
        self.entries = tuple(entries)
        self.batch = batch
        self.delivery = assemble(batch, entries)


class Backlog:
    """In the order of the outbox. Memory never is the truth: past `MOST`, entries are left to be read from the ledger.

    `by_time` says whether the channel is a timeline's room: what is in memory is then in the order of `bridge.delivery.order`.
    """

    def __init__(self, channel: ChannelId, *, unread: bool, by_time: Callable[[ChannelId], bool] = lambda channel: False) -> None:
        self._channel = channel
        self._by_time = by_time
        self.items: deque[Item] = deque()
        self.unread = unread
        """The ledger has entries of this lane, later than all here, that are not in memory."""
        self._known: set[str] = set()
        self._after = 0
        self._passed_over = False
        self._granted: set[str] = set()

    def offer(self, entries: Sequence[Entry]) -> None:
        """Take entries that were just committed; those already known are not taken twice."""
        for entry in entries:
            if entry.delivery.id in self._known:
                continue
            if entry.seq > self._after:
                if self.unread or len(self.items) >= MOST:
                    self._pass_over(entry)
                    continue
                self._after = entry.seq
            self._insert(entry, leased=entry.state is State.LEASED, unsure=entry.state is State.UNCERTAIN)

    def _pass_over(self, entry: Entry) -> None:
        self.unread = True
        self._passed_over = True
        if entry.state is State.LEASED:
            self._granted.add(entry.delivery.id)

    async def refill(self, outbox: Outbox) -> None:
        """Read the next page of the ledger.

        A leased entry that nobody here leased was leased by a process that died: it may have been sent.
        """
        self._passed_over = False
        page = await outbox.undone(self._channel, self._after, MOST)
        for entry in page:
            self._after = max(self._after, entry.seq)
            if entry.delivery.id not in self._known:
                granted = entry.delivery.id in self._granted
                self._granted.discard(entry.delivery.id)
                stray = entry.state is State.LEASED and not granted
                self._insert(entry, leased=granted, unsure=stray or entry.state is State.UNCERTAIN)
        self.unread = len(page) >= MOST or self._passed_over

    def _insert(self, entry: Entry, *, leased: bool, unsure: bool) -> None:
        self._known.add(entry.delivery.id)
        self._place(Item(entry, leased=leased, unsure=unsure))

    def _place(self, item: Item) -> None:
        by_time = len(self.items) > 0 and self._by_time(self._channel)
        if not self.items or _behind(item, self.items[-1], by_time):
            self.items.append(item)
            return
        if not by_time and item.seq < self.items[0].seq:
            self.items.appendleft(item)
            return
        ordered = list(self.items)
        at = len(ordered) - 1
        while at > 0 and not _behind(item, ordered[at - 1], by_time):
            at -= 1
        ordered.insert(at, item)
        self.items = deque(ordered)

    def put_back(self, item: Item) -> None:
        """It was taken but did not leave for good."""
        self._place(item)

    def take(self, item: Item) -> None:
        """It is about to leave; it stays known until `forget`."""
        if self.items and self.items[0] is item:
            self.items.popleft()
        else:
            self.items.remove(item)

    def merge(self, kept: Item, others: Sequence[Item]) -> None:
        """`others` are part of `kept` now."""
        gone = {id(item) for item in others}
        self.items = deque(item for item in self.items if item is kept or id(item) not in gone)

    def adopt(self, ids: Sequence[str]) -> None:
        """Entries that came into memory another way, as members of a batch: drop them where they wait by themselves."""
        self._known.update(ids)
        wanted = set(ids)
        self.items = deque(item for item in self.items if len(item.entries) > 1 or item.entries[0].delivery.id not in wanted)

    def forget(self, id: str) -> None:
        """It is settled for good: offered again, it is taken again."""
        self._known.discard(id)


def _behind(item: Item, other: Item, by_time: bool) -> bool:
    """Whether an item leaves after another one."""
    if not by_time or item.unsure or other.unsure or item.batch is not None or other.batch is not None:
        return item.seq > other.seq
    if item.seq > other.seq:
        return not overtakes(item.standing(), other.standing())
    return overtakes(other.standing(), item.standing())
