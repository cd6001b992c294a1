"""One wire message to one channel, and what comes of it."""

from datetime import datetime

from msgspec import Struct

from bridge.contract.features import Evidence, Voice
from bridge.model.events import Body, Origin
from bridge.model.ids import ChannelId, EventKey
from bridge.model.people import Identity


class Target(Struct, frozen=True, kw_only=True):
    """An event that a delivery points at, by its copies at the destination."""

    event: EventKey
    ids: tuple[str, ...] = ()
    """Native ids at the destination: one of each part, first part first, then what else the parts are called there.

    Empty where it has no copy there.
    """
    author: Identity | None = None
    ours: bool = True
    """The copy was written by this bridge (so it may be edited and deleted there), not by the network's own people."""


class Delivery(Struct, frozen=True, kw_only=True):
    """Exactly one wire message. `id` belongs to the delivery, not to the attempt: it is the same on every try."""

    id: str
    """32 lower-case hexadecimal digits, unique over every bridge and run: safe as a transaction id, label or stanza id."""
    channel: ChannelId
    event: EventKey
    author: Identity
    voice: Voice
    body: Body
    """Already fitted: nothing in it is below NATIVE at the destination."""
    happened_at: datetime
    accepted_at: datetime
    origin: Origin = Origin.LIVE
    part: int = 0
    parts: int = 1
    hops: tuple[str, ...] = ()
    target: Target | None = None
    """For Edit, Redaction, Reactions and Boost: what they act on, resolved when the delivery is about to leave."""
    reply_to: Target | None = None
    thread: Target | None = None
    via: str | None = None
    """The account that brought it, as `network@name`, where the destination is fed by more than that one."""
    repeat: bool = False
    """It may have been sent before: the adapter marks it visibly as a possible repeat, if the network cannot tell by id."""


class Receipt(Struct, frozen=True, kw_only=True):
    """What the destination gave back, and how much it proves."""

    evidence: Evidence
    ids: tuple[str, ...] = ()
    """Native ids of the copy; more than one where the network may name it either way. Empty where it gives none."""
    at: datetime | None = None
