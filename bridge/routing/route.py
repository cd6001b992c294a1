"""Where an event goes (docs/design.md §6, "Privacy")."""

from bridge.model.events import Body, Boost, Edit, Event, Message, Visibility
from bridge.model.ids import HUB
from bridge.routing.topology import Leg, Topology

__all__ = ["Leg", "is_public", "route"]


def route(event: Event, topology: Topology) -> tuple[Leg, ...]:
    """The legs that get a copy, rooms before the links they feed; never the channel it came from.

    A timeline link feeds no other link unless it relays; a post that is not public never leaves the room it came to.
    """
    return topology.reach(event.channel, public=event.channel.network == HUB or is_public(event.body))


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
