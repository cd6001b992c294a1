"""One group of work items in one transaction: what it has seen, and what it will write.

Inserts and changes of state are gathered and written at the end of the group, in statements of many rows, so that a
hundred small items cost as much as a large one. Items of the same group see each other through what is gathered here;
whoever needs plain SQL takes `sql`, which writes the gathered first. What has been learnt goes to the memories only by
`committed`, so a rollback forgets it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Table

from bridge.ledger import schema
from bridge.ledger.bulk import Bulk
from bridge.ledger.columns import DEAD, DONE, LEASED, micros, moment, words
from bridge.ledger.recent import Known, Recent, Slim
from bridge.ledger.rows import Copy
from bridge.model.codec import decode_event
from bridge.model.events import Event
from bridge.model.ids import ChannelId, EventKey, NetworkName

_KNOWN = "SELECT native, event_network, event_id, delivery FROM copies WHERE network = ? AND native IN"
_SLIM = (
    "SELECT seq, id, event_network, event_id, network, channel, part, state, attempts, batch, line FROM deliveries WHERE id IN"
)
_HAS_COPY = """SELECT 1 FROM copies WHERE event_id = ? AND event_network = ? AND network = ? AND channel = ?
UNION ALL SELECT 1 FROM deliveries WHERE event_id = ? AND event_network = ? AND network = ? AND channel = ? AND state < 3"""
_PLAIN = "UPDATE deliveries SET state = ?, due_at = NULL, reason = NULL, changed_at = ? WHERE seq IN"
_CHANGE = "UPDATE deliveries SET state = ?, attempts = ?, due_at = ?, reason = ?, changed_at = ? WHERE seq = ?"
_ONCE = (schema.sightings, schema.marks, schema.merged, schema.threads)
"""Tables whose rows may be said twice."""
_MOVE = " ON CONFLICT (network, scope) DO UPDATE SET value = excluded.value"


class _Change(NamedTuple):
    slim: Slim
    counted: bool
    due_at: int | None
    reason: str | None


def readable(stored: bytes) -> Event | None:
    """None for what could not be written down when it came, or can't be read any more."""
    try:
        return decode_event(stored) if stored else None
    except msgspec.DecodeError:
        return None


class Serials:
    """The next numbers to give away; the writer alone gives them."""

    def __init__(self, delivery: int = 1, copy: int = 1, chore: int = 1) -> None:
        self.delivery = delivery
        self.copy = copy
        self.chore = chore

    def again(self) -> "Serials":
        return Serials(self.delivery, self.copy, self.chore)


class Work:
    """The transaction of one group. Ids that come in are clean (`columns.words`)."""

    def __init__(
        self, connection: Connection, bulk: Bulk, recent: Recent, serials: Serials, passing: Counter[ChannelId], now: int
    ) -> None:
        self.bulk = bulk
        self.recent = recent
        self.serials = serials
        self.now = now
        """Microseconds; the same for the whole group."""
        self.inserted: Counter[ChannelId] = Counter()
        """Entries by lane that this group adds."""
        self.held: set[ChannelId] = set()
        """Lanes to which this group adds an entry that isn't leased; none behind it may be."""
        self.copies: list[Copy] = []
        self.fresh: set[EventKey] = set()
        """Events that this group adds: nothing about them can be on disk."""
        self.whole: list[EventKey] = []
        """Those of them that had no delivery before: the copies of this group are all that they have."""
        self.again: list[EventKey] = []
        """Keys that came again in a new way, so that this group may add deliveries of events that were there before."""
        self.marked: dict[str, list[EventKey]] = {}
        """Events of this group by what they are known by."""
        self.threads: dict[tuple[EventKey, ChannelId], EventKey] = {}
        """Threads of this group: the root, by event and channel."""
        self.confirmed: list[EventKey] = []
        """Doubtful ones that proved to be there."""
        self.cursors: dict[tuple[NetworkName, str], str] = {}
        self.chores: set[str] = set()
        """Ids of chores that this group adds."""
        self.told: list[Callable[[], None]] = []
        """Called in the event loop after the commit, before any caller hears of it: for memories there."""
        self._connection = connection
        self._passing = passing
        self._rows: dict[Table, list[tuple[Any, ...]]] = {}
        self._changes: dict[int, _Change] = {}
        self._known: dict[EventKey, Known | None] = {}
        self._events: dict[EventKey, Event] = {}
        self._places: dict[EventKey, frozenset[ChannelId]] = {}
        self._displaced: set[EventKey] = set()
        self._slims: dict[str, Slim] = {}

    # what is known

    @property
    def at(self) -> datetime:
        """`now` as a time."""
        return moment(self.now)

    @property
    def sql(self) -> Connection:
        """The connection, after all that was gathered has been written."""
        self.flush()
        return self._connection

    @property
    def look(self) -> Connection:
        """The connection as it is: for questions that nothing gathered can answer otherwise."""
        return self._connection

    def expect(self, keys: Iterable[EventKey]) -> None:
        """Look up many native ids at once; later questions about them cost nothing."""
        asked: dict[NetworkName, list[str]] = {}
        for key in keys:
            if key.id and key not in self._known and key not in self.recent.known:
                self._known[key] = None
                asked.setdefault(key.network, []).append(key.id)
        for network, ids in asked.items():
            found = self.bulk.where_in(self._connection, _KNOWN, (network,), ids, " ORDER BY seq DESC")
            for native, event_network, event_id, delivery in found:  # the oldest is put last, and stands
                self._known[EventKey(network, native)] = Known(EventKey(event_network, event_id), delivery)

    def known(self, key: EventKey) -> Known | None:
        if key in self._known:
            return self._known[key]
        found = self.recent.known.get(key)
        if found is None:
            self.expect((key,))
            found = self._known.get(key)
        return found

    def root(self, key: EventKey) -> EventKey | None:
        found = self.known(key)
        return None if found is None else found.event

    def event(self, key: EventKey) -> Event | None:
        found = self._events.get(key) or self.recent.events.get(key)
        if found is None:
            row = self.bulk.one(self._connection, "SELECT stored FROM events WHERE network = ? AND id = ?", (key.network, key.id))
            found = None if row is None else readable(row[0])
            if found is not None:
                self._events[key] = found
        return found

    def has_copy(self, event: EventKey, channel: ChannelId) -> bool:
        if channel in self._places.get(event, ()):
            return True
        if event not in self._displaced and channel in (self.recent.places.get(event) or ()):
            return True
        if event in self.fresh:
            return False
        place = (event.id, event.network, channel.network, channel.id)
        return self.bulk.one(self.sql, _HAS_COPY, place + place) is not None

    def slims(self, ids: Sequence[str]) -> dict[str, Slim]:
        """Those deliveries that exist."""
        found: dict[str, Slim] = {}
        missing: list[str] = []
        for id in ids:
            slim = self._slims.get(id) or self.recent.slims.get(id)
            if slim is None:
                missing.append(id)
            else:
                found[id] = slim
        for seq, id, event_network, event_id, network, channel, part, state, attempts, batch, line in (
            self.bulk.where_in(self._connection, _SLIM, (), missing) if missing else ()
        ):
            event = EventKey(event_network, event_id)
            found[id] = Slim(seq, id, event, ChannelId(network, channel), part, state, attempts, batch, line)
        return found

    # what will be written

    def room(self, lane: ChannelId, wanted: int) -> int:
        """How many of `wanted` leases are left, once those are counted that the courier hasn't heard of yet."""
        return wanted - self._passing[lane] - self.inserted[lane]

    def insert(self, table: Table, row: tuple[Any, ...]) -> None:
        self._rows.setdefault(table, []).append(row)

    def add_event(self, event: Event) -> None:
        """Its row is the caller's business: what the plan makes of it belongs to that."""
        key = event.key
        self._events[key] = event
        self.fresh.add(key)
        if key not in self._places and key not in self.recent.places:
            self.whole.append(key)

    def forget(self, event: EventKey, names: Iterable[EventKey]) -> None:
        """Where it is must be looked up again, and what the names stand for; what this group added of it is void."""
        self._events.pop(event, None)
        self._places.pop(event, None)
        self._displaced.add(event)
        self.fresh.discard(event)
        if event in self.whole:
            self.whole.remove(event)
        for name in names:
            self._known.pop(name, None)
            self.recent.known.drop(name)

    def add_copy(self, copy: Copy) -> None:
        """Store a copy. The earliest holder of a native id stays what that id stands for."""
        channel, event = copy.channel, copy.event
        native = EventKey(channel.network, copy.id)
        if copy.id and self._known.get(native) is None and native not in self.recent.known:
            self._known[native] = Known(event, copy.delivery)
        self.put_place(event, channel)
        evidence = None if copy.evidence is None else int(copy.evidence)
        self.insert(
            schema.copies,
            (
                self.serials.copy,
                channel.network,
                channel.id,
                copy.id,
                event.network,
                event.id,
                copy.part,
                copy.delivery,
                copy.batch,
                copy.line,
                evidence,
                micros(copy.at),
            ),
        )
        self.serials.copy += 1
        self.copies.append(copy)

    def put_place(self, event: EventKey, channel: ChannelId) -> None:
        self._places[event] = self._places.get(event, frozenset()) | {channel}

    def put_slim(self, slim: Slim) -> None:
        self._slims[slim.id] = slim

    def change(
        self, slim: Slim, state: int, *, attempts: int | None = None, due_at: int | None = None, reason: str | None = None
    ) -> Slim:
        """Change a delivery's state. `attempts` None leaves their number as it is."""
        earlier = self._changes.get(slim.seq)
        counted = attempts is not None or (earlier is not None and earlier.counted)
        changed = slim._replace(state=state, attempts=slim.attempts if attempts is None else attempts)
        self._slims[slim.id] = changed
        self._changes[slim.seq] = _Change(changed, counted, due_at, reason)
        if state == DEAD:  # it has no copy there any more, unless another delivery of the event goes there
            self._displaced.add(slim.event)
            self._places.pop(slim.event, None)
        return changed

    def flush(self) -> None:
        """Write what was gathered."""
        for table, rows in self._rows.items():
            self.bulk.insert(self._connection, table, rows, " ON CONFLICT DO NOTHING" if table in _ONCE else "")
        self._rows = {}
        if self.cursors:
            rows = [(network, scope, value) for (network, scope), value in self.cursors.items()]
            self.bulk.insert(self._connection, schema.cursors, rows, _MOVE)
            self.cursors = {}
        if self._changes:
            changes, self._changes = self._changes, {}
            _write_changes(self.bulk, self._connection, changes, self.now)

    def committed(self) -> None:
        """Hand what is now true to the memory."""
        recent = self.recent
        for event in self._displaced:
            recent.places.drop(event)
        for event, places in self._places.items():
            recent.places.put(event, places | (recent.places.get(event) or frozenset()))
        for key, found in self._known.items():
            if found is not None:
                recent.known.put(key, found)
        for key, stored in self._events.items():
            recent.events.put(key, stored)
        for id, slim in self._slims.items():
            recent.slims.put(id, slim)
        for keys in (self.fresh, self.again, self.confirmed):
            recent.doubtful.difference_update(keys)


def _write_changes(bulk: Bulk, connection: Connection, changes: Mapping[int, _Change], now: int) -> None:
    plain: dict[int, list[int]] = {}
    others: list[tuple[Any, ...]] = []
    for seq, change in changes.items():
        state = change.slim.state
        if state in (DONE, LEASED) and not change.counted and change.reason is None:
            plain.setdefault(state, []).append(seq)
        else:
            reason = None if change.reason is None else words(change.reason)
            others.append((state, change.slim.attempts, change.due_at, reason, now, seq))
    for state, seqs in plain.items():
        bulk.change_in(connection, _PLAIN, (state, now), seqs)
    if others:
        bulk.many(connection, _CHANGE, others)
