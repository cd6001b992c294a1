"""Batches: several messages in one wire message, each line with a copy of its own."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, select, update

from bridge.ledger import schema
from bridge.ledger.bulk import chunks
from bridge.ledger.columns import DONE, LEASED, PENDING
from bridge.ledger.core import Core
from bridge.ledger.recent import Slim
from bridge.ledger.rows import Batch
from bridge.ledger.upsert import upsert
from bridge.ledger.work import Work
from bridge.model.events import Body
from bridge.model.ids import ChannelId

_ENCODER = msgspec.msgpack.Encoder()
_IDS = msgspec.msgpack.Decoder(tuple[str, ...])
_BODIES: msgspec.msgpack.Decoder[tuple[Body | None, ...]] = msgspec.msgpack.Decoder(tuple[Body | None, ...])
_table = schema.batches
_JOIN = "UPDATE deliveries SET batch = ?, line = ? WHERE seq = ?"


class Batches:
    """Verbs of batches; `Ledger` offers them."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def make_batch(self, batch: Batch) -> None:
        """Join deliveries and lease them, before the first attempt at sending them as one. Saying it again changes nothing."""
        await self._core.write(lambda work: _make(work, batch))

    async def part_batch(self, id: str) -> None:
        """It was never sent and never will be: its lines wait for themselves again."""
        await self._core.write(lambda work: _part(work, id))

    async def batch(self, id: str) -> Batch | None:
        found = await self._core.read(lambda connection: batches_named(connection, (id,)))
        return found[0] if found else None

    async def change_batch(self, id: str, bodies: Sequence[Body | None]) -> None:
        """What its lines say from now on."""
        change = update(_table).where(_table.c.id == id).values(bodies=_ENCODER.encode(tuple(bodies)))
        await self._core.execute(change)


def batches_named(connection: Connection, ids: Sequence[str]) -> list[Batch]:
    """Those that exist."""
    queries = [select(_table).where(_table.c.id.in_(chunk)) for chunk in chunks(ids)]
    return [_batch(row) for query in queries for row in connection.execute(query)]


def _batch(row: Row[Any]) -> Batch:
    return Batch(
        id=row.id,
        channel=ChannelId(row.network, row.channel),
        deliveries=_IDS.decode(row.deliveries),
        bodies=_BODIES.decode(row.bodies),
    )


def _make(work: Work, batch: Batch) -> None:
    sql = work.sql
    values = {
        "id": batch.id,
        "network": batch.channel.network,
        "channel": batch.channel.id,
        "deliveries": _ENCODER.encode(batch.deliveries),
        "bodies": _ENCODER.encode(batch.bodies),
        "at": work.at,
    }
    sql.execute(upsert(_table, values))
    slims = work.slims(batch.deliveries)
    rows = []
    for line, id in enumerate(batch.deliveries):
        slim = slims.get(id)
        if slim is not None:
            _move(work, slim._replace(batch=batch.id, line=line), LEASED)
            rows.append((batch.id, line, slim.seq))
    if rows:
        work.bulk.many(sql, _JOIN, rows)


def _part(work: Work, id: str) -> None:
    sql = work.sql
    rows = []
    for batch in batches_named(sql, (id,)):
        for slim in work.slims(batch.deliveries).values():
            if slim.batch == id and slim.state < DONE:
                _move(work, slim._replace(batch=None, line=None), PENDING)
                rows.append((None, None, slim.seq))
    if rows:
        work.bulk.many(sql, _JOIN, rows)


def _move(work: Work, slim: Slim, state: int) -> None:
    """To another batch or none, and to a state unless it is over."""
    work.put_slim(slim)
    if slim.state < DONE:
        work.change(slim, state)
