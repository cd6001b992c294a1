"""Where an event goes (docs/design.md §6, "Privacy")."""

from msgspec.structs import replace

from bridge.model.events import Body, Boost, Edit, Event, Message, Visibility
from bridge.model.ids import HUB
from bridge.model.portals import PortalKind
from bridge.routing.accounts import NO_ACCOUNTS, Accounts
from bridge.routing.topology import Leg, Topology

__all__ = ["Leg", "is_public", "route"]


def route(event: Event, topology: Topology, accounts: Accounts = NO_ACCOUNTS) -> tuple[Leg, ...]:
    """The legs that get a copy, rooms before the links they feed; never the channel it came from.

    A timeline link feeds no other link unless it relays; a post that is not public never leaves the room it came to.
    What is one person's is written by them alone, what is seen through a login from a timeline only as `write` decides.
    """
    legs = topology.reach(event.channel, public=event.channel.network == HUB or is_public(event.body))
    if not any(leg.link is not None and accounts.is_personal(leg.channel) for leg in legs):
        return legs
    return _permitted(event, legs, topology, accounts)


def _permitted(event: Event, legs: tuple[Leg, ...], topology: Topology, accounts: Accounts) -> tuple[Leg, ...]:
    """Without the accounts of others, and the rooms that would have heard it through those alone."""
    kept: list[Leg] = []
    heard = {event.channel}
    for leg in legs:
        if leg.link is None:
            if not any(link.inward and link.channel in heard for link in topology.links_of(leg.portal)):
                continue
        elif accounts.is_personal(leg.channel):
            if not accounts.may_write(event.author.id, leg.channel) or leg.portal.kind is PortalKind.TIMELINE:
                continue
            leg = replace(leg, account=accounts.of(leg.channel))
        elif leg.portal.channel not in heard:
            continue
        heard.add(leg.channel)
        kept.append(leg)
    return tuple(kept)


def is_public(body: Body) -> bool:
    """False only for a post, or a boost or edit of one, that its author did not show to everybody. Chats have no such mark."""
    message: Message | None
    if isinstance(body, Message):
        message = body
    elif isinstance(body, Edit):
        message = body.message
    elif isinstance(body, Boost):
        message = body.original
    else:
        return True
    return message is None or message.post is None or message.post.visibility is Visibility.PUBLIC
