"""May this event be carried at all? Asked before anything is routed."""

from collections.abc import Callable

from msgspec import Struct

from bridge.model.events import Boost, ChannelChange, Edit, Event, Membership, Message, Origin, ProfileChange, Redaction
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId
from bridge.model.permissions import Permission


class Dropped(Struct, frozen=True):
    """Nobody needs to be told. `reason` is a code that is counted."""

    reason: str


class Refused(Struct, frozen=True):
    """`words` are for the author: plain, no secrets."""

    words: str


class Origins(Struct, frozen=True, kw_only=True):
    """What is known of the event that another one changes."""

    key: EventKey
    event: Event | None


def _everybody(user: str) -> Permission:
    return Permission.RELAY


def _nobody(who: IdentityId, channel: ChannelId) -> bool:
    return False


def checked_redactions(event: Event, original: Origins) -> bool:
    """The homeserver, and a place that moderates, checked the power of who redacts; nothing checks who edits."""
    return isinstance(event.body, Redaction) and (event.key.network == HUB or event.body.moderated)


class Policy(Struct, frozen=True, kw_only=True):
    """What is allowed here. The callables are pure questions to the caller's own tables."""

    mark: str
    """This bridge's own, among the hop marks of what it sends."""
    permission_of: Callable[[str], Permission] = _everybody
    """Of a Matrix user id."""
    foreign_puppet: Callable[[IdentityId, ChannelId], bool] = _nobody
    """Whether somebody is another bridge's puppet of a channel that we carry too."""
    vouches: Callable[[Event, Origins], bool] = checked_redactions
    """Whether an event's network answers for its author's right to change what is not his."""
    delivery_hours: float = 48
    history_hours: float = 48
    """History older than this goes into the room, not on to other networks."""
    command: str = "!"
    """What begins a word to the bot in a room."""


def admit(event: Event, policy: Policy) -> Dropped | Refused | None:
    """None: carry it."""
    body = event.body
    if policy.mark in event.hops:
        return Dropped("loop")
    if policy.foreign_puppet(event.author.id, event.channel):
        return Dropped("foreign-bridge")
    if event.origin is Origin.HISTORY and isinstance(body, Membership | ProfileChange | ChannelChange):
        return Dropped("history")
    if event.channel.network == HUB and not isinstance(body, Redaction):
        permission = policy.permission_of(event.author.id.id)
        if permission < Permission.RELAY:
            speaks = isinstance(body, Message | Edit | Boost)
            return Refused("you may not speak through this bridge") if speaks else Dropped("permission")
    return None
