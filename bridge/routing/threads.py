"""Conversations of a timeline as Matrix threads: below the topmost message that is in the room. Pure.

A thread once begun keeps its root, though what that answers may come later: clients can't move messages between threads.
"""

from msgspec.structs import replace

from bridge.contract.plan import Lookup
from bridge.model.events import Boost, Edit, Event, Message, Ref
from bridge.model.ids import ChannelId, EventKey
from bridge.routing.same import conversation_mark

_FOLLOWED = 64
"""Answers to answers that are followed upwards."""


def threaded(event: Event, room: ChannelId, lookup: Lookup) -> Event:
    """The event as it is put into a timeline room; its references name roots."""
    body = event.body
    if isinstance(body, Message) and body.thread is None and body.reply_to is not None:
        root = _above(body.reply_to.key, room, lookup) or _beside(event, body, room, lookup)
        return event if root is None else replace(event, body=replace(body, thread=_ref(root, lookup)))
    if isinstance(body, Edit) and body.message.thread is None:
        root = lookup.thread(body.target.key, room)
        message = body.message if root is None else replace(body.message, thread=_ref(root, lookup))
        return replace(event, body=replace(body, message=message))
    return event


def _above(answered: EventKey, room: ChannelId, lookup: Lookup) -> EventKey | None:
    """The root of the thread in which the nearest ancestor is that is in the room."""
    key: EventKey | None = answered
    seen: set[EventKey] = set()
    while key is not None and key not in seen and len(seen) < _FOLLOWED:
        seen.add(key)
        if lookup.has_copy(key, room):
            return _root_at(key, room, lookup)
        key = _answered(key, lookup)
    return None


def _answered(key: EventKey, lookup: Lookup) -> EventKey | None:
    event = lookup.event(key)
    body = None if event is None else event.body
    if isinstance(body, Boost):
        body = body.original
    above = body.reply_to if isinstance(body, Message) else None
    return None if above is None else lookup.root(above.key)


def _root_at(key: EventKey, room: ChannelId, lookup: Lookup) -> EventKey:
    """Of the thread that a message of the room is in; itself where it is in none."""
    root = lookup.thread(key, room)
    if root is not None:
        return root
    event = lookup.event(key)
    if event is not None and event.channel == room and isinstance(event.body, Message) and event.body.thread is not None:
        return lookup.root(event.body.thread.key) or key
    return key


def _beside(event: Event, message: Message, room: ChannelId, lookup: Lookup) -> EventKey | None:
    """What it answers is unknown: the first of its conversation in the room will do."""
    conversation = None if message.post is None else message.post.conversation
    if not conversation:
        return None
    there = [key for key in lookup.marked(conversation_mark(conversation)) if key != event.key and lookup.has_copy(key, room)]
    known = [(first.happened_at, key) for key in there if (first := lookup.event(key)) is not None]
    return _root_at(min(known)[1], room, lookup) if known else None


def _ref(key: EventKey, lookup: Lookup) -> Ref:
    event = lookup.event(key)
    return Ref(key=key, author=None if event is None else event.author)
