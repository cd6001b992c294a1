"""Own posts of one account repeated on another (`repost = ["from@a -> to@b"]`): opt-in, one's own, public, and once.

It cannot go round. What this bridge wrote anywhere comes back under an id that is known, so it is no event and is never looked at
here; what was seen through somebody else's login or a feed is not the account's own word; answers and boosts stay where they are.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from bridge.contract.plan import Lookup
from bridge.model.events import Edit, Event, Message, Origin, Redaction, Visibility
from bridge.model.ids import ChannelId
from bridge.model.portals import Portal, PortalKind, repost_ends
from bridge.routing.accounts import Accounts
from bridge.routing.say import standing_alone
from bridge.routing.topology import Topology, account_leg
from bridge.routing.writing import Job


def repeated(event: Event, original: Event | None, topology: Topology, accounts: Accounts, lookup: Lookup) -> Iterator[Job]:
    """What an event of a network is beside what its links make of it. `original`: what it is about, where that is known."""
    yield from _posts(event, topology, accounts)
    yield from _changes(event, original, topology, accounts, lookup)


def _posts(event: Event, topology: Topology, accounts: Accounts) -> Iterator[Job]:
    """A post that its author's rules have on further accounts, too."""
    body = event.body
    if not isinstance(body, Message) or not _is_own_post(event, body):
        return
    seen = accounts.of(event.channel)
    if seen is None:
        return
    done: set[ChannelId] = set()
    for portal, rule in _rules(event, topology):
        from_, to = repost_ends(rule) or ("", "")
        first, other = accounts.named(from_), accounts.named(to)
        if first is None or other is None or first == other or first.identity != event.author.id:
            continue
        if not first.owner == other.owner == seen.owner or other.posts_to is None or other.posts_to in done:
            continue
        done.add(other.posts_to)
        copy = replace(standing_alone(body), post=None, mentions=())
        yield Job(event=replace(event, body=copy), legs=(account_leg(portal, other.posts_to, other),))


def _changes(event: Event, original: Event | None, topology: Topology, accounts: Accounts, lookup: Lookup) -> Iterator[Job]:
    """What becomes of the repeated post when its author changes or deletes the first one, not by the bridge."""
    if original is None or not isinstance(event.body, Edit | Redaction) or original.author.id != event.author.id:
        return
    for portal, _ in _rules(event, topology):
        for seat in lookup.seats(original.key):
            account = accounts.of(seat.channel)
            if account is not None and seat.ours and seat.channel != event.channel:
                parts = {seat.channel: (seat.parts, tuple(range(seat.parts)))}
                yield Job(event=event, legs=(account_leg(portal, seat.channel, account),), parts=parts)
        return


def _is_own_post(event: Event, message: Message) -> bool:
    post = message.post
    if post is None or post.visibility is not Visibility.PUBLIC or event.origin is Origin.HISTORY:
        return False
    said_to_somebody = message.text.plain.lstrip().startswith("@")
    return message.reply_to is None and message.thread is None and not said_to_somebody


def _rules(event: Event, topology: Topology) -> Iterator[tuple[Portal, str]]:
    for portal, _ in topology.legs_in(event.channel):
        if portal.kind is PortalKind.TIMELINE:
            for rule in portal.timeline.repost:
                yield portal, rule
