"""Looking back, and forgetting in time."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, and_, delete, exists, func, select, true, tuple_

from bridge.contract.features import Evidence
from bridge.ledger import schema
from bridge.ledger.columns import DEAD, DONE, STATES
from bridge.ledger.core import Core
from bridge.ledger.inbox import root_of
from bridge.ledger.outbox import entries_of
from bridge.ledger.rows import Copy, Merger, Sighting, State, Trace
from bridge.ledger.work import Work, readable
from bridge.model.ids import ChannelId, EventKey

_events, _copies, _deliveries, _sightings = schema.events, schema.copies, schema.deliveries, schema.sightings
_QUARANTINED = "quarantined"
_CHORES = "chores"
_QUARANTINED_CHORES = "quarantined_chores"


class Keeping:
    """Verbs of looking back and forgetting; `Ledger` offers them."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def copies(self, event: EventKey, channel: ChannelId) -> list[Copy]:
        """The copies of an event in a channel, first part first; the original itself included. Remembered for recent events."""

        async def load() -> tuple[Copy, ...]:
            return await self._core.read(lambda connection: _copies_of(connection, event))

        copies = await self._core.copies.read(event, load)
        return sorted((copy for copy in copies if copy.channel == channel), key=lambda copy: copy.part)

    async def trace(self, key: EventKey) -> Trace | None:
        """All that is known of the event that a native id names; None where none does."""
        return await self._core.read(lambda connection: _trace(connection, key))

    async def counts(self) -> dict[str, int]:
        """Deliveries by state; `quarantined` events; `chores` undone and `quarantined_chores`. Every name is always there."""
        return await self._core.read(_counts)

    async def prune(self, *, done_before: datetime, copies_before: datetime, limit: int = 200) -> int:
        """Forget one step's worth; returns how many rows, 0 when there is nothing left to forget.

        Deliveries that ended before `done_before` go, then their events once they have no deliveries left. Copies,
        batches, sightings, and what posts are known by, made before `copies_before` go once their event has gone.
        What is undone stays.
        A step deletes at most `limit` rows of each table, so that others need not wait long.
        """
        return await self._core.write(lambda work: _prune(work, done_before, min(done_before, copies_before), limit))


def _copies_of(connection: Connection, event: EventKey) -> tuple[Copy, ...]:
    query = (
        select(_copies).where(_copies.c.event_id == event.id, _copies.c.event_network == event.network).order_by(_copies.c.seq)
    )
    return tuple(
        Copy(
            event=event,
            channel=ChannelId(row.network, row.channel),
            id=row.native,
            at=row.at,
            part=row.part,
            delivery=row.delivery,
            batch=row.batch,
            line=row.line,
            evidence=None if row.evidence is None else Evidence(row.evidence),
        )
        for row in connection.execute(query)
    )


def _trace(connection: Connection, key: EventKey) -> Trace | None:
    root = root_of(connection, key)
    if root is None:
        return None
    event = connection.execute(select(_events).where(_events.c.network == root.network, _events.c.id == root.id)).first()
    query = select(_sightings).where(_sightings.c.event_network == root.network, _sightings.c.event_id == root.id)
    sightings = connection.execute(query.order_by(_sightings.c.at)).all()
    return Trace(
        key=root,
        event=None if event is None else readable(event.stored),
        accepted_at=None if event is None else event.accepted_at,
        note=None if event is None else event.note,
        sightings=tuple(Sighting(channel=ChannelId(row.network, row.channel), at=row.at) for row in sightings),
        entries=tuple(entries_of(connection, root)),
        copies=_copies_of(connection, root),
        mergers=_mergers_of(connection, root),
    )


def _mergers_of(connection: Connection, root: EventKey) -> tuple[Merger, ...]:
    merged = schema.merged.c
    query = select(merged.network, merged.id, merged.reason, merged.at, merged.parted).where(
        merged.event_network == root.network, merged.event_id == root.id
    )
    return tuple(
        Merger(key=EventKey(row.network, row.id), reason=row.reason, at=row.at, parted=row.parted)
        for row in connection.execute(query.order_by(merged.at, merged.network, merged.id))
    )


def _counts(connection: Connection) -> dict[str, int]:
    counts = {state.value: 0 for state in State} | {_QUARANTINED: 0, _CHORES: 0, _QUARANTINED_CHORES: 0}
    state = _deliveries.c.state
    for part in (schema.UNDONE, schema.ENDED):
        for code, count in connection.execute(select(state, func.count()).where(part).group_by(state)):
            counts[STATES[code].value] = count
    counts[_QUARANTINED] = connection.execute(select(func.count()).select_from(_events).where(schema.QUARANTINED)).scalar_one()
    state = schema.chores.c.state
    for code, count in connection.execute(select(state, func.count()).where(schema.OPEN).group_by(state)):
        counts[_CHORES if code == schema.CHORE_DUE else _QUARANTINED_CHORES] = count
    return counts


def _prune(work: Work, done_before: datetime, copies_before: datetime, limit: int) -> int:
    forgotten = 0
    for code in (DONE, DEAD):
        ended = and_(schema.ENDED, _deliveries.c.state == code)
        forgotten += _delete(work, _deliveries.c.changed_at, done_before, limit, ended)
    has_delivery = exists().where(_deliveries.c.event_id == _events.c.id, _deliveries.c.event_network == _events.c.network)
    forgotten += _delete(work, _events.c.accepted_at, done_before, limit, ~has_delivery)
    for table in (_copies, _sightings, schema.marks, schema.merged, schema.threads):
        kept = exists().where(_events.c.network == table.c.event_network, _events.c.id == table.c.event_id)
        forgotten += _delete(work, table.c.at, copies_before, limit, ~kept)
    for table in (schema.batches, schema.revoked):
        forgotten += _delete(work, table.c.at, copies_before, limit, true())
    chores = schema.chores.c
    return forgotten + _delete(work, chores.changed_at, done_before, limit, chores.state != schema.CHORE_DUE)


def _delete(work: Work, time: Column[datetime], before: datetime, limit: int, condition: ColumnElement[bool]) -> int:
    """The oldest go first: in that order both engines walk the index on `time`, whatever they guess about the table."""
    table = time.table
    keys: list[Any] = list(table.primary_key)
    found = select(*keys).where(time < before, condition).order_by(time).limit(limit)
    which = keys[0].in_(found) if len(keys) == 1 else tuple_(*keys).in_(found)
    return work.sql.execute(delete(table).where(which)).rowcount
