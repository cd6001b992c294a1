"""What stands in a room, read from the outbox: whoever shows a room elsewhere goes through it once, and then on from there."""

from collections.abc import Mapping, Sequence

from sqlalchemy import and_, exists, func, or_, select

from bridge.ledger import schema
from bridge.ledger.bulk import chunks
from bridge.ledger.columns import STATES
from bridge.ledger.core import Core
from bridge.ledger.outbox import entries_where
from bridge.ledger.rows import Entry, State
from bridge.model.ids import HUB

_deliveries, _events = schema.deliveries, schema.events


class Shown:
    """Verbs of what a room shows; `Ledger` offers them."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def newest_entry(self) -> int:
        """The highest `Entry.seq` there is; 0 where there is none."""
        query = select(func.max(_deliveries.c.seq))
        return await self._core.read(lambda connection: connection.execute(query).scalar()) or 0

    async def shown_in(self, room: str, after: int, until: int) -> list[Entry]:
        """In the order of `seq`, from behind `after` to `until`: what went to a room, and where what its people said there went.

        Whatever became of it; of what is in parts the first alone. Costs a look at every delivery of that stretch.
        """
        entry, event = _deliveries.c, _events.c
        said_there = exists().where(
            event.network == HUB, event.id == entry.event_id, event.channel_network == HUB, event.channel == room
        )
        of_room = or_(
            and_(entry.network == HUB, entry.channel == room),
            and_(entry.event_network == HUB, entry.network != HUB, said_there),
        )
        stretch = and_(entry.seq > after, entry.seq <= until, entry.part == 0, of_room)
        return await self._core.read(lambda connection: entries_where(connection, stretch))

    async def states(self, seqs: Sequence[int]) -> Mapping[int, State]:
        """What became of these deliveries; those that are pruned are missing."""
        queries = [
            select(_deliveries.c.seq, _deliveries.c.state).where(_deliveries.c.seq.in_(chunk)) for chunk in chunks(list(seqs))
        ]
        rows = await self._core.read(lambda connection: [row for query in queries for row in connection.execute(query)])
        return {row.seq: STATES[row.state] for row in rows}
