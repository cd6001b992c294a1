"""Portals and their links: rows, kept whole in memory by whoever routes."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, delete, select, update

from bridge.ledger import schema
from bridge.ledger.core import Core
from bridge.ledger.upsert import put
from bridge.ledger.work import Work
from bridge.model.ids import ChannelId
from bridge.model.portals import Direction, Link, Portal, PortalKind, Source, TimelineOptions

_ENCODER = msgspec.msgpack.Encoder()
_POST_TO = msgspec.msgpack.Decoder(tuple[str, ...])
_OPTIONS = msgspec.msgpack.Decoder(TimelineOptions)
_portals, _links = schema.portals, schema.links


class Portals:
    """Verbs of portals and links; `Ledger` offers them."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def portals(self) -> list[Portal]:
        query = select(_portals).order_by(_portals.c.id)
        return [_portal(row) for row in await self._core.read(lambda connection: connection.execute(query).all())]

    async def links(self) -> list[Link]:
        query = select(_links).order_by(_links.c.id)
        return [_link(row) for row in await self._core.read(lambda connection: connection.execute(query).all())]

    async def add_portal(
        self,
        *,
        room: str,
        alias: str | None = None,
        kind: PortalKind = PortalKind.CHAT,
        order: str = "network",
        members: str = "lazy",
        post_to: Sequence[str] = (),
        timeline: TimelineOptions | None = None,
    ) -> Portal:
        """A room that is a portal already keeps its id and takes these settings."""
        settings = Portal(
            id=0,
            room=room,
            alias=alias,
            kind=kind,
            order=order,
            members=members,
            post_to=tuple(post_to),
            timeline=timeline or TimelineOptions(),
        )
        statement = put(_portals, _columns(settings), ["room"]).returning(_portals.c.id)
        id = await self._core.write(lambda work: work.sql.execute(statement).scalar_one())
        return msgspec.structs.replace(settings, id=id)

    async def change_portal(self, portal: Portal) -> None:
        """By its id: all else may change, the room too (an upgrade); its links stay."""
        statement = update(_portals).where(_portals.c.id == portal.id).values(_columns(portal))
        await self._core.execute(statement)

    async def remove_portal(self, id: int) -> None:
        """With its links. What was delivered stays known."""
        await self._core.execute(delete(_portals).where(_portals.c.id == id))

    async def add_link(
        self,
        *,
        portal: int,
        channel: ChannelId,
        direction: Direction = Direction.BOTH,
        relay: bool = True,
        source: Source = Source.COMMAND,
    ) -> Link:
        """A link of the same portal and channel keeps its id and takes these settings. Raises `LookupError`: no such portal."""
        link = Link(id=0, portal=portal, channel=channel, direction=direction, relay=relay, source=source)
        values = {
            "portal": portal,
            "network": channel.network,
            "channel": channel.id,
            "direction": direction.value,
            "relay": relay,
            "source": source.value,
        }
        statement = put(_links, values, ["portal", "network", "channel"]).returning(_links.c.id)

        def add(work: Work) -> int | None:
            there = work.sql.execute(select(_portals.c.id).where(_portals.c.id == portal)).scalar()
            return None if there is None else int(work.sql.execute(statement).scalar_one())

        id = await self._core.write(add)
        if id is None:
            raise LookupError(f"there is no portal {portal}")
        return msgspec.structs.replace(link, id=id)

    async def remove_link(self, id: int) -> None:
        await self._core.execute(delete(_links).where(_links.c.id == id))


def _columns(portal: Portal) -> dict[str, Any]:
    return {
        "room": portal.room,
        "alias": portal.alias,
        "kind": portal.kind.value,
        "order": portal.order,
        "members": portal.members,
        "post_to": _ENCODER.encode(portal.post_to),
        "options": _ENCODER.encode(portal.timeline),
    }


def _portal(row: Row[Any]) -> Portal:
    return Portal(
        id=row.id,
        room=row.room,
        alias=row.alias,
        kind=PortalKind(row.kind),
        order=row.order,
        members=row.members,
        post_to=_POST_TO.decode(row.post_to),
        timeline=TimelineOptions() if row.options is None else _OPTIONS.decode(row.options),
    )


def _link(row: Row[Any]) -> Link:
    return Link(
        id=row.id,
        portal=row.portal,
        channel=ChannelId(row.network, row.channel),
        direction=Direction(row.direction),
        relay=row.relay,
        source=Source(row.source),
    )
