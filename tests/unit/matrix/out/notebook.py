"""A ledger's memory of people, rooms and facts, in dictionaries: what `bridge.matrix.ports.Memory` promises, and nothing kept."""

from collections.abc import Sequence

from bridge.ledger.rows import Copy, PuppetRow, Uploaded
from bridge.model.ids import ChannelId, EventKey, IdentityId
from bridge.model.people import Identity
from bridge.model.portals import Direction, Link, Portal, PortalKind, Source, TimelineOptions


class Notebook:
    def __init__(self) -> None:
        self.puppets: dict[str, PuppetRow] = {}
        self.memberships: dict[str, dict[str, str]] = {}
        self.identities: dict[IdentityId, Identity] = {}
        self.persons: dict[IdentityId, IdentityId] = {}
        self.kept: dict[tuple[str, str], str] = {}
        self.rooms: list[Portal] = []
        self.joins: list[Link] = []
        self.copied: dict[tuple[EventKey, ChannelId], list[Copy]] = {}
        self.files: dict[str, tuple[Uploaded, str | None]] = {}

    async def puppet(self, user: str) -> PuppetRow | None:
        return self.puppets.get(user)

    async def save_puppet(self, row: PuppetRow) -> None:
        self.puppets[row.user] = row

    async def member(self, room: str, user: str) -> str | None:
        return self.memberships.get(room, {}).get(user)

    async def save_member(self, room: str, user: str, membership: str) -> None:
        self.memberships.setdefault(room, {})[user] = membership

    async def members(self, room: str) -> dict[str, str]:
        return dict(self.memberships.get(room, {}))

    async def forget_room(self, room: str) -> None:
        self.memberships.pop(room, None)

    async def identity(self, id: IdentityId) -> Identity | None:
        return self.identities.get(id)

    async def person(self, id: IdentityId) -> IdentityId:
        return self.persons.get(id, id)

    async def fact(self, scope: str, name: str) -> str | None:
        return self.kept.get((scope, name))

    async def save_fact(self, scope: str, name: str, value: str | None) -> None:
        if value is None:
            self.kept.pop((scope, name), None)
        else:
            self.kept[scope, name] = value

    async def facts(self, scope: str) -> dict[str, str]:
        return {name: value for (within, name), value in self.kept.items() if within == scope}

    async def copies(self, event: EventKey, channel: ChannelId) -> list[Copy]:
        return self.copied.get((event, channel), [])

    async def portals(self) -> list[Portal]:
        return list(self.rooms)

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
        portal = Portal(
            id=len(self.rooms) + 1,
            room=room,
            alias=alias,
            kind=kind,
            order=order,
            members=members,
            post_to=tuple(post_to),
            timeline=timeline or TimelineOptions(),
        )
        self.rooms.append(portal)
        return portal

    async def change_portal(self, portal: Portal) -> None:
        self.rooms = [portal if other.id == portal.id else other for other in self.rooms]

    async def add_link(self, *, portal: int, channel: ChannelId, direction: Direction, relay: bool, source: Source) -> Link:
        link = Link(id=len(self.joins) + 1, portal=portal, channel=channel, direction=direction, relay=relay, source=source)
        self.joins.append(link)
        return link

    async def media(self, source: str) -> Uploaded | None:
        return self.files[source][0] if source in self.files else None

    async def save_media(self, source: str, file: Uploaded, sha256: str | None) -> None:
        self.files[source] = (file, sha256)
