"""What a digest lists instead of showing it: done, as nothing leaves for it any more, and brought back where somebody asks."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import and_, delete, or_, update

from bridge.ledger import schema
from bridge.ledger.columns import DONE, PENDING, micros, moment
from bridge.ledger.core import Core
from bridge.ledger.outbox import entries_where
from bridge.ledger.recent import Slim
from bridge.ledger.rows import Entry
from bridge.ledger.work import Work
from bridge.model.events import Message

DIGESTED = "in a digest"
"""Why a delivery is done of which nothing left."""

_ENCODER = msgspec.msgpack.Encoder()
_table, _copies = schema.deliveries, schema.copies
_IS_DIGESTED = and_(schema.ENDED, _table.c.state == DONE, _table.c.reason == DIGESTED)


class Digested:
    """Verbs of digests; `Ledger` offers them."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def recall(self, ids: Sequence[str]) -> list[Entry]:
        """Puts digested deliveries, with all parts of the same message, at the end of their lanes; the others are left alone.

        They keep their ids, and get the time to live that they first had. Returns them as pending.
        """

        def run(work: Work) -> list[Entry]:
            entries = _recall(work, ids)
            for event in {entry.delivery.event for entry in entries}:
                work.told.append(partial(self._core.copies.forget, event))
            return entries

        return await self._core.write(run) if ids else []

    async def reword(self, id: str, message: Message) -> None:
        """What is brought back, should it be, says this. Of what is not digested nothing changes."""

        def run(work: Work) -> None:
            for entry in entries_where(work.sql, and_(_IS_DIGESTED, _table.c.id == id)):
                stored = _ENCODER.encode(msgspec.structs.replace(entry.delivery, body=message))
                work.sql.execute(update(_table).where(_table.c.seq == entry.seq).values(stored=stored))

        await self._core.write(run)


def _recall(work: Work, ids: Sequence[str]) -> list[Entry]:
    named = entries_where(work.sql, and_(_IS_DIGESTED, _table.c.id.in_(ids)))
    if not named:
        return []
    messages = {(entry.delivery.event, entry.delivery.channel) for entry in named}
    same = or_(*(and_(*_of_message(event.network, event.id, lane.network, lane.id)) for event, lane in messages))
    entries = []
    for done in entries_where(work.sql, and_(_IS_DIGESTED, same)):
        delivery, seq = done.delivery, work.serials.delivery
        work.serials.delivery = seq + 1
        lived = None if done.expires_at is None else micros(done.expires_at) - micros(delivery.accepted_at)
        expires = None if lived is None else moment(work.now + lived)
        work.put_slim(Slim(seq, delivery.id, delivery.event, delivery.channel, delivery.part, PENDING, 0, None, None))
        work.put_place(delivery.event, delivery.channel)
        work.inserted[delivery.channel] += 1
        values = {"seq": seq, "state": PENDING, "attempts": 0, "reason": None, "due_at": None, "expires_at": expires}
        work.sql.execute(update(_table).where(_table.c.seq == done.seq).values(**values, changed_at=work.at))
        work.sql.execute(
            delete(_copies).where(_copies.c.delivery == delivery.id, *_of_event(delivery.event.network, delivery.event.id))
        )
        entries.append(Entry(seq=seq, delivery=delivery, expires_at=expires, waits_for=done.waits_for))
    return entries


def _of_event(network: str, id: str) -> tuple[Any, Any]:
    return _copies.c.event_id == id, _copies.c.event_network == network


def _of_message(event_network: str, event: str, network: str, channel: str) -> tuple[Any, ...]:
    columns = _table.c
    return (
        columns.event_id == event,
        columns.event_network == event_network,
        columns.network == network,
        columns.channel == channel,
    )
