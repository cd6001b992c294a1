"""Who is linked to whom: the rows of portals and links, indexed. Immutable; a change of a row makes a new one."""

from collections.abc import Iterable

from msgspec import Struct

from bridge.model.ids import HUB, ChannelId
from bridge.model.portals import Direction, Link, Portal
from bridge.routing.accounts import Account


class Leg(Struct, frozen=True):
    """One place that gets a copy. `link` is None for the portal's room itself; `account` writes there under its own name."""

    channel: ChannelId
    portal: Portal
    link: Link | None = None
    account: Account | None = None


def account_leg(portal: Portal, channel: ChannelId, account: Account) -> Leg:
    """Where an account writes at its owner's word. No link leads there, so there is one for the occasion."""
    link = Link(id=0, portal=portal.id, channel=channel, direction=Direction.OUT, relay=False)
    return Leg(channel, portal, link, account)


class Topology:
    def __init__(self, portals: Iterable[Portal] = (), links: Iterable[Link] = ()) -> None:
        self._portals = {portal.id: portal for portal in portals}
        self._rooms = {portal.room: portal for portal in self._portals.values()}
        self._aliases = {portal.alias: portal for portal in self._portals.values() if portal.alias}
        self._links: dict[int, tuple[Link, ...]] = {}
        self._inward: dict[ChannelId, tuple[tuple[Portal, Link], ...]] = {}
        for link in links:
            portal = self._portals.get(link.portal)
            if portal is None or link.channel.network == HUB:
                continue
            self._links[portal.id] = (*self._links.get(portal.id, ()), link)
            if link.inward:
                self._inward[link.channel] = (*self._inward.get(link.channel, ()), (portal, link))
        self._routes: dict[tuple[ChannelId, bool], tuple[Leg, ...]] = {}

    def legs_in(self, channel: ChannelId) -> tuple[tuple[Portal, Link], ...]:
        """The portals into which a network's channel comes, with the link that brings it."""
        return self._inward.get(channel, ())

    def portal_in(self, room: str) -> Portal | None:
        return self._rooms.get(room)

    def portal_called(self, room: str) -> Portal | None:
        """By room id or alias."""
        return self._rooms.get(room) or self._aliases.get(room)

    def links_of(self, portal: Portal) -> tuple[Link, ...]:
        """All links of a portal, in whatever direction."""
        return self._links.get(portal.id, ())

    def reach(self, channel: ChannelId, *, public: bool) -> tuple[Leg, ...]:
        """Everywhere that what is said in `channel` is to be heard; rooms come before what they feed.

        A channel is a place that every portal linked to it hears: what one portal carries out to it, the others take in.
        No place is visited twice, nor the one it came from. What is not public goes to its own channel's rooms, no further.
        """
        key = (channel, public)
        known = self._routes.get(key)
        if known is None:
            known = self._walk(channel, public)
            if known:
                self._routes[key] = known
        return known

    def _walk(self, start: ChannelId, public: bool) -> tuple[Leg, ...]:
        seen = {start}
        legs: list[Leg] = []
        queue = [start]
        for channel in queue:
            for leg, goes_on in self._next(channel):
                if leg.channel in seen:
                    continue
                if leg.link is not None and not public:
                    continue
                seen.add(leg.channel)
                legs.append(leg)
                if goes_on and public:
                    queue.append(leg.channel)
        return tuple(legs)

    def _next(self, channel: ChannelId) -> list[tuple[Leg, bool]]:
        """The places one step away, and whether what comes there goes on from there."""
        if channel.network == HUB:
            portal = self._rooms.get(channel.id)
            if portal is None:
                return []
            return [(Leg(link.channel, portal, link), True) for link in self.links_of(portal) if link.outward]
        return [(Leg(portal.channel, portal), link.relay) for portal, link in self.legs_in(channel)]
