"""Media already uploaded, public links taken back, and small facts."""

from msgspec import structs
from sqlalchemy import Executable, delete, select

from bridge.ledger import schema
from bridge.ledger.core import Core
from bridge.ledger.recent import Remembered
from bridge.ledger.rows import Uploaded
from bridge.ledger.upsert import upsert
from bridge.model.ids import EventKey

_media, _revoked = schema.media, schema.revoked


class Media:
    """Verbs of media; `Ledger` offers them."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def media(self, source: str) -> Uploaded | None:
        """What was uploaded from this source."""
        query = select(*(_media.c[name] for name in Uploaded.__struct_fields__)).where(_media.c.source == source)
        row = await self._core.read(lambda connection: connection.execute(query).first())
        return None if row is None else Uploaded(**row._mapping)

    async def same_media(self, sha256: str) -> str | None:
        """The mxc URI of something uploaded with the same content, from wherever."""
        query = select(_media.c.mxc).where(_media.c.sha256 == sha256).limit(1)
        return await self._core.read(lambda connection: connection.execute(query).scalar())

    async def save_media(self, source: str, file: Uploaded, sha256: str | None) -> None:
        values = {"source": source, **structs.asdict(file), "sha256": sha256, "at": self._core.clock.now()}
        await self._core.execute(upsert(_media, values))

    async def revoke_links(self, event: EventKey) -> None:
        """Public links to this event's media are dead from now on."""
        values = {"network": event.network, "id": event.id, "at": self._core.clock.now()}
        await self._core.execute(upsert(_revoked, values))

    async def link_revoked(self, event: EventKey) -> bool:
        query = select(_revoked.c.at).where(_revoked.c.network == event.network, _revoked.c.id == event.id)
        return await self._core.read(lambda connection: connection.execute(query).first() is not None)


class Facts:
    """Verbs of small facts; `Ledger` offers them."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._facts: Remembered[tuple[str, str], str | None] = Remembered(4096)
        core.doubted.append(self._facts.clear)

    async def fact(self, scope: str, name: str) -> str | None:
        async def load() -> str | None:
            facts = schema.facts.c
            query = select(facts.value).where(facts.scope == scope, facts.name == name)
            return await self._core.read(lambda connection: connection.execute(query).scalar())

        return await self._facts.read((scope, name), load)

    async def save_fact(self, scope: str, name: str, value: str | None) -> None:
        """None forgets it."""
        table = schema.facts
        statement: Executable
        if value is None:
            statement = delete(table).where(table.c.scope == scope, table.c.name == name)
        else:
            statement = upsert(table, {"scope": scope, "name": name, "value": value})
        await self._core.execute(statement, lambda: self._facts.write((scope, name), value))

    async def facts(self, scope: str) -> dict[str, str]:
        """All of a scope, by name."""
        query = select(schema.facts.c.name, schema.facts.c.value).where(schema.facts.c.scope == scope)
        rows = await self._core.read(lambda connection: connection.execute(query).all())
        return {row.name: row.value for row in rows}
