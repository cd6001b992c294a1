"""Chores: the hub's own business, done after commit. In order within a room, each once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, exists, literal_column, or_, select, update

from bridge.ledger import schema
from bridge.ledger.columns import words
from bridge.ledger.core import Core
from bridge.ledger.rows import Chore
from bridge.ledger.schema import CHORE_DONE, CHORE_DUE, CHORE_QUARANTINED
from bridge.ledger.work import Work

_table = schema.chores
_THERE = "SELECT id FROM chores WHERE id IN"


class Chores:
    """Verbs of chores; `Ledger` offers them."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def due_chores(self, limit: int) -> list[Chore]:
        """What may be done now, oldest first. A chore that must wait holds back all later ones of its room."""
        now = self._core.clock.now()
        earlier = _table.alias()
        waiting = exists().where(
            earlier.c.room == _table.c.room,
            earlier.c.state != literal_column(str(CHORE_DONE)),
            earlier.c.state == CHORE_DUE,
            earlier.c.seq < _table.c.seq,
            earlier.c.due_at > now,
        )
        free = or_(_table.c.room == "", ~waiting)
        due = and_(schema.OPEN, _table.c.state == CHORE_DUE, or_(_table.c.due_at.is_(None), _table.c.due_at <= now))
        query = select(_table).where(due, free).order_by(_table.c.seq).limit(limit)
        rows = await self._core.read(lambda connection: connection.execute(query).all())
        return [_chore(row) for row in rows]

    async def chore_done(self, id: str) -> None:
        """Its id stays known until it is pruned, so that the same business arriving again is not done again.

        What people said to the bot is nobody's business after that: the payload goes at once.
        """
        await self._change(id, state=CHORE_DONE, due_at=None, payload=b"")

    async def chore_failed(self, id: str, reason: str, due_at: datetime | None) -> None:
        """Try again at `due_at`; None: never, and the room goes on."""
        state = CHORE_QUARANTINED if due_at is None else CHORE_DUE
        await self._change(id, state=state, due_at=due_at, reason=reason, attempts=_table.c.attempts + 1)

    async def quarantined_chores(self, limit: int = 100) -> list[tuple[Chore, str]]:
        """Those given up, with the reason."""
        query = select(_table).where(schema.OPEN, _table.c.state == CHORE_QUARANTINED).order_by(_table.c.seq).limit(limit)
        rows = await self._core.read(lambda connection: connection.execute(query).all())
        return [(_chore(row), row.reason or "") for row in rows]

    async def knows_chore(self, id: str) -> bool:
        """Whether it came already, done or not, and was not pruned."""
        query = select(_table.c.id).where(_table.c.id == words(id))
        return await self._core.read(lambda connection: connection.execute(query).first() is not None)

    async def _change(self, id: str, **values: Any) -> None:
        await self._core.execute(update(_table).where(_table.c.id == id).values(changed_at=self._core.clock.now(), **values))


def add_chores(work: Work, chores: Sequence[Chore]) -> tuple[Chore, ...]:
    """Store those whose id is new; returns them."""
    new: dict[str, Chore] = {}
    for chore in chores:
        new.setdefault(words(chore.id), chore)
    for (id,) in work.bulk.where_in(work.look, _THERE, (), list(new)):
        del new[id]
    added = [(id, chore) for id, chore in new.items() if id not in work.chores]
    for id, chore in added:
        row = (
            work.serials.chore,
            id,
            chore.kind,
            words(chore.room),
            chore.payload,
            CHORE_DUE,
            chore.attempts,
            None,
            None,
            work.now,
        )
        work.insert(_table, row)
        work.serials.chore += 1
        work.chores.add(id)
    return tuple(chore for _, chore in added)


def _chore(row: Row[Any]) -> Chore:
    return Chore(id=row.id, kind=row.kind, payload=row.payload, room=row.room, attempts=row.attempts)
