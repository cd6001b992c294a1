"""People: their identities, the persons behind several, their puppets and where those are."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Row, delete, select

from bridge.ledger import schema
from bridge.ledger.core import Core
from bridge.ledger.recent import Remembered
from bridge.ledger.rows import PuppetRow
from bridge.ledger.upsert import upsert
from bridge.ledger.work import Work
from bridge.model.ids import IdentityId
from bridge.model.people import Identity, Profile

_puppets, _members, _identities, _persons = schema.puppets, schema.members, schema.identities, schema.persons


class People:
    """Verbs of people; `Ledger` offers them. Reads of single rows are remembered."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._puppets: Remembered[str, PuppetRow | None] = Remembered(4096)
        self._members: Remembered[tuple[str, str], str | None] = Remembered(8192)
        self._identities: Remembered[IdentityId, Identity | None] = Remembered(2048)
        self._shown: Remembered[IdentityId, IdentityId] = Remembered(8192)
        core.doubted += [memory.clear for memory in (self._puppets, self._members, self._identities, self._shown)]

    async def puppet(self, user: str) -> PuppetRow | None:
        async def load() -> PuppetRow | None:
            query = select(_puppets).where(_puppets.c.user == user)
            row = await self._core.read(lambda connection: connection.execute(query).first())
            return None if row is None else _puppet(row)

        return await self._puppets.read(user, load)

    async def save_puppet(self, row: PuppetRow) -> None:
        values = {
            "user": row.user,
            "network": row.identity.network,
            "identity": row.identity.id,
            "registered": row.registered,
            "name": row.name,
            "avatar": row.avatar,
            "avatar_mxc": row.avatar_mxc,
        }
        await self._core.execute(upsert(_puppets, values), lambda: self._puppets.write(row.user, row))

    async def member(self, room: str, user: str) -> str | None:
        """`join`, `invite`, `leave`, `ban`; None where we never heard."""

        async def load() -> str | None:
            query = select(_members.c.membership).where(_members.c.room == room, _members.c.user == user)
            return await self._core.read(lambda connection: connection.execute(query).scalar())

        return await self._members.read((room, user), load)

    async def save_member(self, room: str, user: str, membership: str) -> None:
        values = {"room": room, "user": user, "membership": membership}
        await self._core.execute(upsert(_members, values), lambda: self._members.write((room, user), membership))

    async def members(self, room: str) -> dict[str, str]:
        query = select(_members.c.user, _members.c.membership).where(_members.c.room == room)
        rows = await self._core.read(lambda connection: connection.execute(query).all())
        return {row.user: row.membership for row in rows}

    async def forget_room(self, room: str) -> None:
        """Forget who is in it: it is gone, or we are."""
        await self._core.execute(delete(_members).where(_members.c.room == room), lambda: self._members.clear())

    async def identity(self, id: IdentityId) -> Identity | None:
        async def load() -> Identity | None:
            query = select(_identities).where(_identities.c.network == id.network, _identities.c.id == id.id)
            row = await self._core.read(lambda connection: connection.execute(query).first())
            if row is None:
                return None
            return Identity(id=id, profile=Profile(name=row.name, avatar=row.avatar, url=row.url), bot=row.bot)

        return await self._identities.read(id, load)

    async def save_identity(self, identity: Identity) -> None:
        id, profile = identity.id, identity.profile
        shown = {"name": profile.name, "avatar": profile.avatar, "url": profile.url}
        values = {"network": id.network, "id": id.id, **shown, "bot": identity.bot}
        await self._core.execute(upsert(_identities, values), lambda: self._identities.write(id, identity))

    async def person(self, id: IdentityId) -> IdentityId:
        """The identity shown for it: the first declared of its person; itself where none is declared."""

        async def load() -> IdentityId:
            query = select(_persons.c.shown_network, _persons.c.shown_id).where(*_is(id))
            row = await self._core.read(lambda connection: connection.execute(query).first())
            return id if row is None else IdentityId(row.shown_network, row.shown_id)

        return await self._shown.read(id, load)

    async def persons(self) -> list[tuple[IdentityId, ...]]:
        """Every human of several identities, the one that is shown first."""
        columns = _persons.c
        query = select(_persons).order_by(columns.shown_network, columns.shown_id, columns.position)
        rows = await self._core.read(lambda connection: connection.execute(query).all())
        found: dict[tuple[str, str], tuple[IdentityId, ...]] = {}
        for row in rows:
            shown = (row.shown_network, row.shown_id)
            found[shown] = (*found.get(shown, ()), IdentityId(row.network, row.id))
        return list(found.values())

    async def join_person(self, ids: Sequence[IdentityId]) -> None:
        """From now on these are one human. Persons that they belong to already become one, shown as the first one's is."""
        await self._core.write(lambda work: self._change(work, lambda: _join(work, list(dict.fromkeys(ids)))))

    async def leave_person(self, id: IdentityId) -> None:
        """It stands for itself again. The rest stays one, shown as the first that was declared among them."""
        await self._core.write(lambda work: self._change(work, lambda: _leave(work, id)))

    def _change(self, work: Work, change: Callable[[], None]) -> None:
        work.recent.persons.clear()
        change()
        work.told.append(self._shown.clear)


def _is(id: IdentityId) -> tuple[Any, Any]:
    return _persons.c.network == id.network, _persons.c.id == id.id


def _shown_as(id: IdentityId) -> tuple[Any, Any]:
    return _persons.c.shown_id == id.id, _persons.c.shown_network == id.network


def _join(work: Work, ids: list[IdentityId]) -> None:
    everyone: list[IdentityId] = []
    for id in ids:
        row = work.sql.execute(select(_persons.c.shown_network, _persons.c.shown_id).where(*_is(id))).first()
        everyone += _whole(work, IdentityId(row.shown_network, row.shown_id)) if row is not None else [id]
    everyone = list(dict.fromkeys(everyone))
    if len(everyone) > 1:
        _declare(work, everyone)


def _leave(work: Work, id: IdentityId) -> None:
    row = work.sql.execute(select(_persons.c.shown_network, _persons.c.shown_id).where(*_is(id))).first()
    if row is None:
        return
    rest = [one for one in _whole(work, IdentityId(row.shown_network, row.shown_id)) if one != id]
    for one in (id, *rest):
        work.sql.execute(delete(_persons).where(*_is(one)))
    if len(rest) > 1:
        _declare(work, rest)


def _whole(work: Work, shown: IdentityId) -> list[IdentityId]:
    query = select(_persons.c.network, _persons.c.id).where(*_shown_as(shown)).order_by(_persons.c.position)
    return [IdentityId(row.network, row.id) for row in work.sql.execute(query)]


def _declare(work: Work, ids: list[IdentityId]) -> None:
    for position, id in enumerate(ids):
        values = {
            "network": id.network,
            "id": id.id,
            "shown_network": ids[0].network,
            "shown_id": ids[0].id,
            "position": position,
        }
        work.sql.execute(upsert(_persons, values))


def _puppet(row: Row[Any]) -> PuppetRow:
    return PuppetRow(
        user=row.user,
        identity=IdentityId(row.network, row.identity),
        registered=row.registered,
        name=row.name,
        avatar=row.avatar,
        avatar_mxc=row.avatar_mxc,
    )
