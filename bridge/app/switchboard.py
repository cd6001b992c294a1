"""Portals and links in memory, kept true by our own writes: no message asks the ledger who is linked to whom."""

from collections.abc import Callable, Mapping, Sequence

from bridge.delivery.desk import Pace
from bridge.ledger.ledger import Ledger
from bridge.model.ids import HUB, ChannelId
from bridge.model.portals import Link, Portal, PortalKind
from bridge.routing.topology import Topology


class Switchboard:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._listeners: list[Callable[[], None]] = []
        self.topology = Topology()
        self.portals: Sequence[Portal] = ()
        self.links: Sequence[Link] = ()
        self.channels: Mapping[ChannelId, None] = {}
        """That have links, each once and in their order."""

    def tell(self, listener: Callable[[], None]) -> None:
        """`listener` is called after every change."""
        self._listeners.append(listener)

    async def refresh(self) -> None:
        """After portals or links changed in the ledger."""
        self.portals = await self._ledger.portals()
        self.links = await self._ledger.links()
        self.channels = dict.fromkeys(link.channel for link in self.links)
        self.topology = Topology(self.portals, self.links)
        for listener in self._listeners:
            listener()

    def portal_in(self, room: str) -> Portal | None:
        return self.topology.portal_in(room)

    def is_timeline(self, channel: ChannelId) -> bool:
        """Whether it is the room of a timeline."""
        portal = self.portal_in(channel.id) if channel.network == HUB else None
        return portal is not None and portal.kind is PortalKind.TIMELINE

    def pace(self, channel: ChannelId) -> Pace | None:
        """Of a timeline's room; None where all goes as it comes."""
        portal = self.portal_in(channel.id) if channel.network == HUB else None
        if portal is None or portal.kind is not PortalKind.TIMELINE or portal.timeline.burst <= 0:
            return None
        return Pace(portal.timeline.burst, portal.timeline.burst_minutes)

    def channels_of(self, room: str) -> Sequence[ChannelId]:
        """What comes into a room."""
        portal = self.portal_in(room)
        return () if portal is None else [link.channel for link in self.topology.links_of(portal) if link.inward]

    def rooms_of(self, channel: ChannelId) -> Sequence[str]:
        """Into which rooms a channel comes."""
        return [portal.room for portal, _ in self.topology.legs_in(channel)]

    def legs(self, channel: ChannelId) -> list[ChannelId]:
        """The other places that hear what happens in a channel."""
        return [leg.channel for leg in self.topology.reach(channel, public=True)]

    def portal_called(self, room: str) -> Portal | None:
        """By room id or alias."""
        return self.topology.portal_called(room)
