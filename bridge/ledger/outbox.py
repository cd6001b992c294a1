"""The outbox: deliveries from draft to receipt."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, select, update

from bridge.contract.delivery import Delivery
from bridge.contract.plan import Draft
from bridge.ledger import schema
from bridge.ledger.batches import batches_named
from bridge.ledger.bulk import chunks
from bridge.ledger.columns import CODES, DEAD, DONE, LEASED, PENDING, STATES, micros, moment, words
from bridge.ledger.core import Core
from bridge.ledger.recent import Slim
from bridge.ledger.rows import Copy, Entry, Settled, State
from bridge.ledger.seats import TAKEN_BACK
from bridge.ledger.work import Work
from bridge.model.ids import HUB, ChannelId, EventKey

UNREADABLE = "its stored form can't be read"

Lease: TypeAlias = Callable[[ChannelId], int]

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Delivery)
_table = schema.deliveries
_REVIVE = """UPDATE deliveries SET seq = ?, expires_at = ?, changed_at = ?, state = 0, attempts = 0,
due_at = NULL, reason = NULL, batch = NULL, line = NULL WHERE seq = ?"""

_Written: TypeAlias = tuple[Draft, bytes]


class Outbox:
    """Verbs of the outbox; `Ledger` offers them."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def lanes(self) -> list[ChannelId]:
        """The lanes that have anything undone."""
        query = select(_table.c.network, _table.c.channel).where(schema.UNDONE).distinct()
        rows = await self._core.read(lambda connection: connection.execute(query).all())
        return [ChannelId(row.network, row.channel) for row in rows]

    async def undone(self, lane: ChannelId, after: int, limit: int) -> list[Entry]:
        """What is pending, leased or uncertain in a lane behind `after`, by `seq`.

        What can't be read any more goes to the dead letters, so that the lane goes on.
        """
        query = _entries().where(*_in_lane(lane), schema.UNDONE, _table.c.seq > after).order_by(_table.c.seq).limit(limit)
        rows = await self._core.read(lambda connection: connection.execute(query).all())
        entries = [entry for row in rows if (entry := _entry(row)) is not None]
        if len(entries) < len(rows):
            seqs = {row.seq for row in rows} - {entry.seq for entry in entries}
            bury = update(_table).where(_table.c.seq.in_(seqs), schema.UNDONE)
            await self._core.execute(bury.values(state=DEAD, reason=UNREADABLE, changed_at=self._core.clock.now()))
        return entries

    async def lease(self, ids: Sequence[str]) -> frozenset[str]:
        """From now on these may be on the wire. Returns those that may not: they are done or dead, and stay so."""
        return await self._core.write(lambda work: _lease(work, ids))

    async def settle(self, settled: Sequence[Settled], drafts: Sequence[Draft] = ()) -> list[Entry]:
        """Store what came of deliveries, and put new ones in the outbox; returns the entries of the new ones.

        DONE stores a copy for each id of the receipt, and ends a dead delivery too. What is done stays done, and what is
        dead comes back by `replay` or a late proof alone; everything else said about them is ignored, as are unknown ids.
        PENDING counts an attempt. The id of a batch stands for each of its lines.
        """
        written = encode_drafts(drafts)

        def run(work: Work) -> list[Entry]:
            settle(work, settled)
            return enqueue(work, written)

        return await self._core.write(run)

    async def enqueue(self, drafts: Sequence[Draft]) -> list[Entry]:
        """Put drafts at the end of their lanes. One whose id is there already is not put again; its entry is returned."""
        written = encode_drafts(drafts)
        return await self._core.write(lambda work: enqueue(work, written))

    async def entry(self, id: str) -> Entry | None:
        query = _entries().where(_table.c.id == id)
        found = await self._core.read(lambda connection: _decoded(connection, query))
        return found[0] if found else None

    async def dead(self, limit: int = 100, channel: ChannelId | None = None) -> list[Entry]:
        """The newest dead letters, newest first."""
        query = _entries().where(schema.ENDED, _table.c.state == DEAD)
        if channel is not None:
            query = query.where(*_in_lane(channel))
        query = query.order_by(_table.c.changed_at.desc(), _table.c.seq.desc()).limit(limit)
        return await self._core.read(lambda connection: _decoded(connection, query))

    async def replay(self, ids: Sequence[str] | None, channel: ChannelId | None = None) -> list[Entry]:
        """Dead letters back to the end of their lanes, in their old order; None: all, or all of a channel.

        But never what its author took back.

        They keep their ids, leave their batch, and get the time to live that they first had. Returns them as pending.
        """
        return await self._core.write(lambda work: _replay(work, ids, channel))


def encode_drafts(drafts: Iterable[Draft]) -> list[_Written]:
    """Raises `UnicodeEncodeError`, `OverflowError` or `TypeError` for what can't be stored."""
    return [(draft, _ENCODER.encode(draft.delivery)) for draft in drafts]


def put_drafts(work: Work, drafts: Sequence[_Written], lease: Lease | None) -> list[Entry]:
    """Put new drafts at the end of their lanes, as many LEASED as the courier has room for."""
    entries: list[Entry] = []
    for draft, stored in drafts:
        delivery = draft.delivery
        lane, event, seq = delivery.channel, delivery.event, work.serials.delivery
        free = draft.waits_for is None and draft.not_before is None and lane not in work.held
        leased = free and lease is not None and work.room(lane, lease(lane)) > 0
        if not leased:
            work.held.add(lane)  # nothing may overtake it
        state = State.LEASED if leased else State.PENDING
        work.serials.delivery = seq + 1
        work.inserted[lane] += 1
        work.put_place(event, lane)
        if delivery.thread is not None and lane.network == HUB:
            _put_thread(work, event, lane, delivery.thread.event)
        code = CODES[state]
        work.put_slim(Slim(seq, delivery.id, event, lane, delivery.part, code, 0, None, None))
        due, expires = (None if at is None else micros(at) for at in (draft.not_before, draft.expires_at))
        work.insert(
            _table,
            (
                *(seq, delivery.id, lane.network, words(lane.id), event.network, words(event.id), delivery.part, stored, code, 0),
                *(due, expires, draft.waits_for, None, None, None, work.now),
            ),
        )
        entries.append(
            Entry(
                seq=seq,
                delivery=delivery,
                state=state,
                due_at=draft.not_before,
                expires_at=draft.expires_at,
                waits_for=draft.waits_for,
            )
        )
    return entries


def _put_thread(work: Work, event: EventKey, room: ChannelId, root: EventKey) -> None:
    work.threads[event, room] = root
    work.insert(schema.threads, (room.network, room.id, event.network, event.id, root.network, root.id, work.now))


def put_new(work: Work, drafts: Sequence[_Written], lease: Lease | None) -> tuple[list[Entry], frozenset[str]]:
    """`put_drafts` of those that aren't there yet, and the ids of the others: what is dead comes back by `replay` alone."""
    there = work.slims([draft.delivery.id for draft, _ in drafts]) if drafts else {}
    return put_drafts(work, [one for one in drafts if one[0].delivery.id not in there], lease), frozenset(there)


def enqueue(work: Work, drafts: Sequence[_Written]) -> list[Entry]:
    """`put_drafts` for callers that may say the same twice."""
    ids = [draft.delivery.id for draft, _ in drafts]
    put, there = put_new(work, drafts, None)
    if not there:
        return put
    queries = [_entries().where(_table.c.id.in_(chunk)) for chunk in chunks(list(there))]
    stored = [entry for query in queries for entry in _decoded(work.sql, query)]
    found = {entry.delivery.id: entry for entry in (*put, *stored)}
    return [found[id] for id in ids if id in found]


def undone_of(work: Work, event: EventKey) -> list[Entry]:
    return _decoded(work.sql, _entries().where(*_of_event(event), schema.UNDONE).order_by(_table.c.seq))


def entries_of(connection: Connection, event: EventKey) -> list[Entry]:
    return _decoded(connection, _entries().where(*_of_event(event)).order_by(_table.c.seq))


def entries_where(connection: Connection, condition: ColumnElement[bool]) -> list[Entry]:
    """In the order of `seq`; what can't be read any more is left out."""
    return _decoded(connection, _entries().where(condition).order_by(_table.c.seq))


def settle(work: Work, settled: Sequence[Settled]) -> None:
    """See `Outbox.settle`."""
    slims = work.slims([one.id for one in settled])
    missing = [one.id for one in settled if one.id not in slims]
    lines = {batch.id: batch.deliveries for batch in batches_named(work.sql, missing)} if missing else {}
    slims |= work.slims([id for deliveries in lines.values() for id in deliveries]) if lines else {}
    for one in settled:
        for id in lines.get(one.id, (one.id,)):
            slim = slims.get(id)
            if slim is not None:
                slims[id] = _settle_one(work, slim, one)


def _settle_one(work: Work, slim: Slim, settled: Settled) -> Slim:
    state = CODES[settled.state]
    if slim.state == DONE or (slim.state == DEAD and state != DONE):
        return slim
    if state == DONE:
        _store_copies(work, slim, settled)
        return work.change(slim, DONE, reason=settled.reason)
    attempts = slim.attempts + 1 if state == PENDING else None
    due_at = None if settled.due_at is None else micros(settled.due_at)
    return work.change(slim, state, attempts=attempts, due_at=due_at, reason=settled.reason)


def _store_copies(work: Work, slim: Slim, settled: Settled) -> None:
    receipt = settled.receipt
    ids = (receipt.ids if receipt is not None else ()) or ("",)
    at = receipt.at if receipt is not None and receipt.at is not None else moment(work.now)
    for id in dict.fromkeys(ids):
        copy = Copy(
            event=slim.event,
            channel=slim.channel,
            id=words(id),
            at=at,
            part=slim.part,
            delivery=slim.id,
            batch=slim.batch,
            line=slim.line,
            evidence=None if receipt is None else receipt.evidence,
        )
        work.add_copy(copy)


def _lease(work: Work, ids: Sequence[str]) -> frozenset[str]:
    ended: set[str] = set()
    for slim in work.slims(ids).values():
        if slim.state < DONE:
            work.change(slim, LEASED)
        else:
            ended.add(slim.id)
    return frozenset(ended)


def withdraw(work: Work, ids: Sequence[str]) -> list[tuple[ChannelId, str]]:
    """What has not left never leaves. Returns what was withdrawn; all else is left as it is."""
    waiting = [slim for slim in work.slims(ids).values() if slim.state == PENDING and slim.batch is None] if ids else []
    for slim in waiting:
        work.change(slim, DEAD, reason=TAKEN_BACK)
    return [(slim.channel, slim.id) for slim in waiting]


def _replay(work: Work, ids: Sequence[str] | None, channel: ChannelId | None) -> list[Entry]:
    query = _entries().where(schema.ENDED, _table.c.state == DEAD).order_by(_table.c.seq)
    query = query.where(_table.c.reason.is_distinct_from(TAKEN_BACK))
    if channel is not None:
        query = query.where(*_in_lane(channel))
    queries = [query] if ids is None else [query.where(_table.c.id.in_(chunk)) for chunk in chunks(ids)]
    letters = [entry for query in queries for entry in _decoded(work.sql, query)]
    entries: list[Entry] = []
    rows: list[tuple[Any, ...]] = []
    for dead in sorted(letters, key=lambda entry: entry.seq):
        delivery, seq = dead.delivery, work.serials.delivery
        work.serials.delivery = seq + 1
        expires = None if dead.expires_at is None else work.now + micros(dead.expires_at) - micros(delivery.accepted_at)
        slim = Slim(seq, delivery.id, delivery.event, delivery.channel, delivery.part, PENDING, 0, None, None)
        work.put_slim(slim)
        work.put_place(slim.event, slim.channel)
        work.inserted[slim.channel] += 1
        rows.append((seq, expires, work.now, dead.seq))
        expires_at = None if expires is None else moment(expires)
        entries.append(Entry(seq=seq, delivery=delivery, expires_at=expires_at, waits_for=dead.waits_for))
    if rows:
        work.bulk.many(work.sql, _REVIVE, rows)
    return entries


def _entries() -> Select[Any]:
    columns = _table.c
    return select(
        columns.seq,
        columns.stored,
        columns.state,
        columns.attempts,
        columns.due_at,
        columns.expires_at,
        columns.waits_for,
        columns.batch,
        columns.reason,
    )


def _decoded(connection: Connection, query: Select[Any]) -> list[Entry]:
    return [entry for row in connection.execute(query) if (entry := _entry(row)) is not None]


def _entry(row: Any) -> Entry | None:
    """None where the stored delivery can't be read."""
    seq, stored, state, attempts, due_at, expires_at, waits_for, batch, reason = row
    try:
        delivery = _DECODER.decode(stored)
    except msgspec.DecodeError:
        return None
    return Entry(
        seq=seq,
        delivery=delivery,
        state=STATES[state],
        attempts=attempts,
        due_at=due_at,
        expires_at=expires_at,
        waits_for=waits_for,
        batch=batch,
        reason=reason,
    )


def _in_lane(lane: ChannelId) -> tuple[Any, Any]:
    return _table.c.network == lane.network, _table.c.channel == lane.id


def _of_event(event: EventKey) -> tuple[Any, Any]:
    return _table.c.event_id == event.id, _table.c.event_network == event.network
