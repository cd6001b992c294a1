"""What a room is told of the account that brought an event. Pure."""

from msgspec.structs import replace

from bridge.model.events import Edit, Event, Message
from bridge.model.ids import HUB, IdentityId
from bridge.model.portals import PortalKind
from bridge.routing.accounts import Accounts
from bridge.routing.topology import Leg, Topology


def via(event: Event, leg: Leg, topology: Topology, accounts: Accounts) -> str | None:
    """The account, as `network@name`, in a timeline room that something else feeds, too; None elsewhere."""
    if leg.link is not None or leg.portal.kind is not PortalKind.TIMELINE:
        return None
    account = accounts.of(event.channel)
    if account is None:
        return None
    others = (link for link in topology.links_of(leg.portal) if link.inward and accounts.of(link.channel) != account)
    return str(account) if next(others, None) is not None else None


def rung(event: Event, leg: Leg, accounts: Accounts) -> Event:
    """With whoever owns the account that brought it in the place of that account, where it is named: their bell is to ring.

    Only in the room, which is theirs: nobody else learns whose account it is.
    """
    message = event.body.message if isinstance(event.body, Edit) else event.body
    if leg.link is not None or leg.channel.network != HUB or not isinstance(message, Message) or not message.mentions:
        return event
    account = accounts.of(event.channel)
    if account is None or account.identity is None or all(one.who.id != account.identity for one in message.mentions):
        return event
    owner = IdentityId(HUB, account.owner)
    mentions = tuple(
        replace(one, who=replace(one.who, id=owner)) if one.who.id == account.identity else one for one in message.mentions
    )
    message = replace(message, mentions=mentions)
    return replace(event, body=replace(event.body, message=message) if isinstance(event.body, Edit) else message)
