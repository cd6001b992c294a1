"""Portals and links: rows, without behaviour."""

from enum import StrEnum

from msgspec import Struct

from bridge.model.ids import HUB, ChannelId


class Direction(StrEnum):
    """Seen from the room: `in` brings the channel into the room, `out` carries the room to the channel."""

    IN = "in"
    OUT = "out"
    BOTH = "both"


class PortalKind(StrEnum):
    CHAT = "chat"
    TIMELINE = "timeline"


class Source(StrEnum):
    """Who made a link: the configuration file, a command, or a join of an alias."""

    FILE = "file"
    COMMAND = "command"
    ALIAS = "alias"


class Link(Struct, frozen=True, kw_only=True):
    """Portal ↔ channel. `relay` lets what comes in here go on to the portal's other links."""

    id: int
    portal: int
    channel: ChannelId
    direction: Direction = Direction.BOTH
    relay: bool = True
    source: Source = Source.FILE

    @property
    def inward(self) -> bool:
        return self.direction is not Direction.OUT

    @property
    def outward(self) -> bool:
        return self.direction is not Direction.IN


class Portal(Struct, frozen=True, kw_only=True):
    """A Matrix room we look after. `members` says whether puppets join on speaking ("lazy") or all at once ("full")."""

    id: int
    room: str
    """The room id."""
    alias: str | None = None
    kind: PortalKind = PortalKind.CHAT
    order: str = "network"
    """"network", or "room": its other links then wait for the room's receipt."""
    members: str = "lazy"
    post_to: tuple[str, ...] = ()

    @property
    def channel(self) -> ChannelId:
        return ChannelId(HUB, self.room)
