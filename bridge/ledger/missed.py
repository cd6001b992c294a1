"""What came into a room since some time, for who was away."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import select

from bridge.ledger import schema
from bridge.ledger.core import Core
from bridge.ledger.work import readable
from bridge.model.events import Event
from bridge.model.ids import ChannelId, EventKey

_copies, _events = schema.copies, schema.events


class Came(Struct, frozen=True, kw_only=True):
    """An event as it came into a channel. `native`: empty where only a digest lists it. `delivery`: None for what began there."""

    event: Event
    native: str
    delivery: str | None
    at: datetime


class Missed:
    """Verbs of looking back over a room; `Ledger` offers them."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def came(self, channel: ChannelId, since: datetime, limit: int = 3_000) -> list[Came]:
        """Oldest first; the newest `limit` of them. What is pruned is left out."""
        where = (
            _copies.c.at >= since,
            _copies.c.network == channel.network,
            _copies.c.channel == channel.id,
            _copies.c.part == 0,
        )
        same = (_events.c.network == _copies.c.event_network) & (_events.c.id == _copies.c.event_id)
        query = (
            select(_copies.c.native, _copies.c.delivery, _copies.c.at, _events.c.stored)
            .join(_events, same)
            .where(*where)
            .order_by(_copies.c.at.desc(), _copies.c.seq.desc())
            .limit(limit)
        )

        rows = await self._core.read(lambda connection: [(row, readable(row.stored)) for row in connection.execute(query)])
        found: dict[EventKey, Came] = {}
        for row, event in reversed(rows):
            if event is not None:
                found.setdefault(event.key, Came(event=event, native=row.native, delivery=row.delivery, at=row.at))
        return list(found.values())
