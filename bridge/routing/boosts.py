"""What stands in a room for a post that was passed on: the post, the boost that brought it, or the last one that showed it anew.

Within the room's horizon later boosts are marks on that. The horizon is reckoned from when it came into the room, not from when
it was written: what came in today can be seen today.
"""

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from bridge.contract.plan import Lookup, Mark, Same
from bridge.model.events import Boost, Edit, Event, Message, PostFacts, Redaction, target_of
from bridge.model.ids import ChannelId, EventKey
from bridge.routing.resolve import Resolved, brought, one_human
from bridge.routing.same import boost_mark, canonical_uri
from bridge.routing.topology import Leg

PASSED_ON = "it was passed on"


class There(Struct, frozen=True, kw_only=True):
    """An event as it is put into one room."""

    event: Event
    anew: bool = False
    """What it passes on is shown as a message."""
    instead: EventKey | None = None
    """It is told here once more, under this name: of what it changes there is more than one message."""


class Showing:
    """One boost without words of its own, on its way to rooms."""

    def __init__(self, event: Event, boost: Boost, post: EventKey | None, lookup: Lookup) -> None:
        self._event = event
        self._boost = boost
        self._post = post
        """The root of what is passed on; None where it is unknown: then this boost stands for it."""
        self._lookup = lookup
        name = canonical_uri(event.key.id)
        self._name = None if name is None else boost_mark("name", name)

    def same(self) -> Same | None:
        """The boost is one of a known post, whose names it may bring along."""
        return None if self._post is None else Same(event=self._post, reason=PASSED_ON)

    def is_in(self, room: ChannelId) -> bool:
        """Whether the very same boost is there, by another network. A name alone proves nothing: anybody can write it."""
        for key in self._lookup.marked(self._name) if self._name is not None else ():
            other = self._lookup.event(key)
            if other is None or key.network == self._event.key.network or not isinstance(other.body, Boost):
                continue
            if not one_human(other.author.id, self._event.author.id, self._lookup):
                continue
            if self._lookup.has_copy(key, room) or key in self._lookup.marked(self.mark(room)):
                return True
        return False

    def own_marks(self) -> tuple[Mark, ...]:
        """By what it is known later who has passed the post on."""
        marks = (_boosters(self._post or self._event.key),)
        return marks if self._name is None else (*marks, self._name)

    def on(self, leg: Leg) -> There:
        """What is not in the room yet comes as the post itself, so that whatever is about the post finds it there."""
        if self._post is None:
            return There(event=self._event, anew=True)
        there = standing(self._post, leg.channel, self._lookup)
        if there is None:
            known = self._lookup.event(self._post)
            return There(event=self._event if known is None else replace(self._event, key=self._post), anew=True)
        key, since = there
        horizon = timedelta(hours=leg.portal.timeline.boost_hours)
        target = replace(self._boost.target, key=key)
        event = replace(self._event, body=replace(self._boost, target=target))
        return There(event=event, anew=self._event.happened_at - since > horizon)

    def mark(self, room: ChannelId) -> Mark:
        return _shown_in(self._post or self._event.key, room)


def shown(event: Event, post: EventKey | None, lookup: Lookup) -> Showing | None:
    """None for all but boosts that add nothing."""
    body = event.body
    return Showing(event, body, post, lookup) if isinstance(body, Boost) and body.comment is None else None


def standing(post: EventKey, room: ChannelId, lookup: Lookup) -> tuple[EventKey, datetime] | None:
    """What is newest in a room of a post (by its root), and since when it is there; None where nothing is."""
    since = lookup.since(post, room)
    found = None if since is None else (post, since)
    for key in lookup.marked(_shown_in(post, room)):
        since = lookup.since(key, room)
        if since is not None and (found is None or since >= found[1]):
            found = key, since
    return found


def changed(event: Event, leg: Leg, resolved: Resolved, lookup: Lookup) -> tuple[There, ...]:
    """An edit or a redaction as it is put into a room: once for each message that is there of its subject, or not at all."""
    if resolved.taken is not None:
        there = _taken_back(event, resolved.taken, leg.channel, lookup)
        return () if there is None else (There(event=there),)
    target = target_of(event.body)
    if target is None or not resolved.trusted:
        return (There(event=event),)
    first, further = event, []
    for key in lookup.marked(_shown_in(target.key, leg.channel)):
        boost = lookup.event(key)
        if key == target.key or not lookup.has_copy(key, leg.channel):
            first = first if boost is None or first is not event else _brought_by(event, boost)
        else:
            anew = _about(event if boost is None else _brought_by(event, boost), key)
            further.append(There(event=anew, instead=EventKey(event.key.network, f"{event.key.id} {key}")))
    return (There(event=first), *further)


def _brought_by(event: Event, boost: Event) -> Event:
    """New words say who passed the old ones on, as those did."""
    body = event.body
    if not isinstance(body, Edit):
        return event
    post = replace(body.message.post or PostFacts(), boosted_by=boost.author)
    return replace(event, body=replace(body, message=replace(body.message, post=post)))


def remembered(taken: Event) -> Mark:
    """Of the redaction that takes a boost back."""
    return _gone(taken.key)


def arrived(event: Event, known: EventKey, lookup: Lookup) -> tuple[Mark, ...]:
    """What stood there as somebody's boost has come as itself. Marks of what stood there."""
    if not isinstance(event.body, Message):
        return ()
    first = lookup.event(known)
    return (_itself(known),) if first is not None and brought(first) else ()


def _taken_back(event: Event, taken: Event, room: ChannelId, lookup: Lookup) -> Event | None:
    """A boost that is taken back takes its mark along. What it brought goes only where nobody else brought that, too."""
    body = taken.body
    if not isinstance(body, Boost):
        return event
    post = lookup.root(body.target.key) or taken.key
    brought_here = lookup.marked(_shown_in(post, room))
    if taken.key not in brought_here:
        return event
    first = lookup.event(post)
    if first is None or not brought(first):
        return None
    if lookup.merged(body.target.key) is not None or lookup.marked(_itself(post)):
        return None
    others = [key for key in lookup.marked(_boosters(post)) if key != taken.key and not lookup.marked(_gone(key))]
    if any(key in brought_here or (key != post and lookup.has_copy(key, room)) for key in others):
        return None
    return _about(event, post if lookup.has_copy(post, room) else taken.key)


def _about(event: Event, key: EventKey) -> Event:
    body = event.body
    assert isinstance(body, Edit | Redaction)
    return replace(event, body=replace(body, target=replace(body.target, key=key)))


def _shown_in(post: EventKey, room: ChannelId) -> Mark:
    """Of boosts that showed a post in a room, for the first time or anew."""
    return boost_mark("shown", post.network, post.id, room.network, room.id)


def _boosters(post: EventKey) -> Mark:
    """Of all boosts of a post."""
    return boost_mark("boosters", post.network, post.id)


def _gone(boost: EventKey) -> Mark:
    """Of the redaction of a boost."""
    return boost_mark("gone", boost.network, boost.id)


def _itself(post: EventKey) -> Mark:
    """Of a boost that stands for a post which came as itself later."""
    return boost_mark("itself", post.network, post.id)
