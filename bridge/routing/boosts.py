"""What stands in a room for a post that was passed on: the post, the boost that brought it, or the last one that showed it anew.

Within the room's horizon later boosts are marks on that. Which one it is follows from the events alone, in the order they came,
so that it is the same on every planning.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from bridge.contract.plan import Lookup, Mark, Same
from bridge.model.events import Boost, Event, Redaction
from bridge.model.ids import HUB, ChannelId, EventKey
from bridge.routing.same import boosted_mark
from bridge.routing.topology import Leg

PASSED_ON = "it was passed on"


class Showing:
    """One boost without words of its own, on its way to rooms."""

    def __init__(self, event: Event, boost: Boost, post: EventKey | None, lookup: Lookup) -> None:
        self._event = event
        self._boost = boost
        self._post = post
        """The root of what is passed on; None where it is unknown: then this boost stands for it."""
        self._lookup = lookup

    def same(self) -> Same | None:
        """The boost is one of a known post, whose names it may bring along."""
        return None if self._post is None else Same(event=self._post, reason=PASSED_ON)

    def on(self, leg: Leg) -> tuple[Event, bool]:
        """The event as it comes to a room, and whether it is shown as a message there.

        What is not in the room yet comes as the post itself, so that whatever is about the post finds it there.
        """
        if self._post is None:
            return self._event, True
        there = standing(self._post, leg.channel, self._lookup)
        if there is None:
            known = self._lookup.event(self._post)
            return (self._event if known is None else replace(self._event, key=self._post)), True
        key, since = there
        horizon = timedelta(hours=leg.portal.timeline.boost_hours)
        target = replace(self._boost.target, key=key)
        return replace(self._event, body=replace(self._boost, target=target)), self._event.happened_at - since > horizon

    def mark(self, room: ChannelId) -> Mark:
        return boosted_mark(self._post or self._event.key, room)


def shown(event: Event, post: EventKey | None, lookup: Lookup) -> Showing | None:
    """None for all but boosts that add nothing."""
    body = event.body
    return Showing(event, body, post, lookup) if isinstance(body, Boost) and body.comment is None else None


def standing(post: EventKey, room: ChannelId, lookup: Lookup) -> tuple[EventKey, datetime] | None:
    """What is newest in a room of a post (by its root), and since when; None where nothing is."""
    found: tuple[EventKey, datetime] | None = None
    first = lookup.event(post)
    if first is not None and lookup.has_copy(post, room):
        found = post, first.happened_at
    for key in lookup.marked(boosted_mark(post, room)):
        boost = lookup.event(key)
        itself = lookup.has_copy(key, room)
        if boost is not None and (itself or found is not None) and (found is None or boost.happened_at >= found[1]):
            found = (key if itself else post), boost.happened_at
    return found


def stays(event: Event, taken: Event | None, leg: Leg, lookup: Lookup) -> bool:
    """Whether a boost that is taken back stays in a room all the same: it brought what others may have answered since."""
    if not isinstance(event.body, Redaction) or taken is None or not isinstance(taken.body, Boost) or leg.channel.network != HUB:
        return False
    if taken.body.comment is not None or event.author.id != taken.author.id:
        return False
    post = lookup.root(taken.body.target.key) or taken.key
    return post == taken.key or taken.key in lookup.marked(boosted_mark(post, leg.channel))
