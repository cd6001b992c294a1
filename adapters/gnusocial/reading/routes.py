"""Where each channel's timeline is."""

from urllib.parse import quote

from adapters.gnusocial.ids import Kind, Place, identity_id, person_of
from adapters.gnusocial.reading.timeline import Route
from adapters.gnusocial.wire.account import Account
from adapters.gnusocial.wire.people import People
from bridge.contract.errors import Rejected

INBOX = Route("direct_messages", activities=False)
SENT = Route("direct_messages/sent", activities=False)


async def route_of(place: Place, account: Account, people: People) -> Route:
    """Raises `Rejected` with plain words where the server has no such thing, and whatever its `client` raises."""
    match place.kind:
        case Kind.HOME:
            return Route("statuses/home_timeline")
        case Kind.MENTIONS:
            return Route("statuses/mentions")
        case Kind.GROUP:
            return Route(f"statusnet/groups/timeline/{quote(place.what, safe='')}")
        case Kind.TAG:
            return Route(f"statusnet/tags/timeline/{quote(place.what, safe='')}")
        case Kind.SEARCH:
            return Route("search", (("q", place.what),), activities=False)
        case Kind.USER:
            who = identity_id(account.me.network, *person_of(place.what))
            known = await people.find(who)
            if known is None:
                raise Rejected(f"{account.host} does not know {place.what}: subscribe to them first")
            return Route(f"statuses/user_timeline/{known.number}")
    raise Rejected("that is no timeline")
