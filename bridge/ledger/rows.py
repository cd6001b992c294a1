"""What goes into the ledger and comes out of it: plain frozen values, without SQLAlchemy."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.features import Evidence
from bridge.contract.plan import Hint
from bridge.model.events import Body, Event
from bridge.model.ids import ChannelId, EventKey, IdentityId


class State(StrEnum):
    """Of a delivery: pending → leased → done | pending (later) | uncertain | dead."""

    PENDING = "pending"
    LEASED = "leased"
    """It may be on the wire."""
    UNCERTAIN = "uncertain"
    """It was tried, and nobody knows whether it arrived."""
    DONE = "done"
    DEAD = "dead"


class Entry(Struct, frozen=True, kw_only=True):
    """A delivery in the outbox. `seq` ascends over the whole ledger: the order within every lane."""

    seq: int
    delivery: Delivery
    state: State = State.PENDING
    attempts: int = 0
    due_at: datetime | None = None
    expires_at: datetime | None = None
    waits_for: str | None = None
    batch: str | None = None
    reason: str | None = None


class Settled(Struct, frozen=True, kw_only=True):
    """What came of a delivery, or, under the id of a batch, of all its lines. PENDING means later, at `due_at`."""

    id: str
    state: State
    receipt: Receipt | None = None
    reason: str | None = None
    due_at: datetime | None = None


class Copy(Struct, frozen=True, kw_only=True):
    """One native id under which an event is known in a channel. `delivery` is None for the original itself.

    `id` is empty where the network gave none. Several lines of one batch share an id and differ in `line`.
    """

    event: EventKey
    channel: ChannelId
    id: str
    at: datetime
    part: int = 0
    delivery: str | None = None
    batch: str | None = None
    line: int | None = None
    evidence: Evidence | None = None


class Batch(Struct, frozen=True, kw_only=True):
    """Waiting messages of one author joined into one wire message. `bodies[n]` is what line n says now; None: redacted."""

    id: str
    channel: ChannelId
    deliveries: tuple[str, ...]
    bodies: tuple[Body | None, ...]


class Chore(Struct, frozen=True, kw_only=True):
    """Business of the hub itself, done after commit: idempotent, deduped by id, in order within `room`."""

    id: str
    kind: str
    payload: bytes
    room: str = ""
    """Empty: waits for no other."""
    attempts: int = 0


class Accepted(Struct, frozen=True, kw_only=True):
    """What became of the events of one `accept`."""

    fresh: tuple[EventKey, ...] = ()
    known: tuple[EventKey, ...] = ()
    merged: tuple[tuple[EventKey, EventKey], ...] = ()
    """Those of the known that came by another name: (the new key, the event that it is)."""
    echoes: tuple[EventKey, ...] = ()
    quarantined: tuple[tuple[EventKey, str], ...] = ()
    refused: tuple[tuple[Event, str], ...] = ()
    dropped: tuple[tuple[EventKey, str], ...] = ()
    """With the plan's reason code."""
    hints: tuple[tuple[Event, Hint], ...] = ()
    withdrawn: tuple[tuple[ChannelId, str], ...] = ()
    """Deliveries that will not leave any more: taken back by their author before they did."""
    entries: tuple[Entry, ...] = ()
    chores: tuple[Chore, ...] = ()
    """Those that were new."""


class Quarantined(Struct, frozen=True, kw_only=True):
    """An event that could not be digested. `event` is None where it could not even be written down."""

    key: EventKey
    channel: ChannelId
    event: Event | None
    reason: str
    """The traceback."""
    at: datetime


class Sighting(Struct, frozen=True, kw_only=True):
    """The same event seen again by another way."""

    channel: ChannelId
    at: datetime


class Merger(Struct, frozen=True, kw_only=True):
    """Another network's event, or one of another name, that is taken for the same post."""

    key: EventKey
    reason: str
    at: datetime
    parted: bool = False
    """People said that it is not: it stands alone."""


class Trace(Struct, frozen=True, kw_only=True):
    """All that is known of one event. `note` says why it was refused, dropped or quarantined."""

    key: EventKey
    event: Event | None
    accepted_at: datetime | None
    note: str | None
    sightings: tuple[Sighting, ...]
    entries: tuple[Entry, ...]
    copies: tuple[Copy, ...]
    mergers: tuple[Merger, ...] = ()


class Uploaded(Struct, frozen=True, kw_only=True):
    """A file of another network that is on the homeserver. `size` in bytes; `width` and `height` in pixels, of pictures."""

    mxc: str
    size: int | None = None
    width: int | None = None
    height: int | None = None


class PuppetRow(Struct, frozen=True, kw_only=True):
    """The Matrix user that stands for an identity, as far as it has been set up."""

    user: str
    identity: IdentityId
    registered: bool = False
    name: str | None = None
    avatar: str | None = None
    avatar_mxc: str | None = None
