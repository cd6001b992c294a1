"""What routing decides and the ledger stores: the seam between two floors that do not know each other."""

from collections.abc import Callable
from datetime import datetime
from enum import IntEnum
from typing import Protocol, TypeAlias

from msgspec import Struct

from bridge.contract.delivery import Delivery
from bridge.model.events import Event
from bridge.model.ids import ChannelId, EventKey, IdentityId


class Draft(Struct, frozen=True, kw_only=True):
    """A delivery as planned. Its targets are unresolved: `Target.event` is set, the ids are empty until it is about to leave."""

    delivery: Delivery
    expires_at: datetime | None = None
    """Aware, UTC. From then on it goes to the dead letters with a notice to its author."""
    waits_for: str | None = None
    """The id of a delivery that must be done first (a portal with order = "room")."""
    not_before: datetime | None = None
    """Aware, UTC. It waits so long, so that its author can take it back; its lane waits with it."""


class Hint(Struct, frozen=True, kw_only=True):
    """Words that somebody is told once in a room for each `kind`, and not whenever it happens again."""

    kind: str
    words: str


class MarkKind(IntEnum):
    """By what a post is known again. As stored: never renumbered."""

    URI = 1
    """Its global id."""
    LINK = 2
    """Where people read it."""
    WORDS = 3
    """How it begins, and which human wrote it."""
    CONVERSATION = 4
    """What it belongs to: shared by many."""
    BOOSTED = 5
    """What was passed on: who brought it where, and who did so, too."""


class Mark(Struct, frozen=True):
    """Something by which a post can be known again. Equal marks have equal values; those of URI and LINK may be equal, too."""

    kind: MarkKind
    value: str


class Same(Struct, frozen=True, kw_only=True):
    """It is what `event` was already. A message is no event of its own then; a boost is one of the known event.

    All its native ids (but a boost's own) become names of `event` in the channel it came by.
    """

    event: EventKey
    reason: str
    """For people: why we think so."""


class Planned(Struct, frozen=True, kw_only=True):
    """What is to become of one event."""

    drafts: tuple[Draft, ...] = ()
    refused: str | None = None
    """Plain words for the author: some destination, or all, will not have it."""
    dropped: str | None = None
    """A reason code, counted: the event goes nowhere and nobody needs to be told."""
    note: str | None = None
    """Why it is not everywhere that it could be, in plain words; kept with the event, for whoever looks for it."""
    hint: Hint | None = None
    """For the author; said once."""
    withdrawn: tuple[str, ...] = ()
    """Ids of deliveries out of `Seat.waiting`: they never leave, and nobody is told. Done before the drafts are put."""
    same: Same | None = None
    """The same post was there before, by another name. `drafts` are then deliveries of that event."""
    marks: tuple[Mark, ...] = ()
    """By what it may be known again: marks of `same.event` where that is set."""
    own_marks: tuple[Mark, ...] = ()
    """Marks of the event itself, also where `same` is set."""


class Seat(Struct, frozen=True, kw_only=True):
    """A channel where an event is or is on its way to. `parts`: the wire messages it is there; 1 for an original."""

    channel: ChannelId
    ours: bool
    """Written there by this bridge; else seen there."""
    parts: int = 1
    waiting: tuple[tuple[int, str], ...] = ()
    """Of its deliveries those that have surely not left: (part, id)."""


class Lookup(Protocol):
    """What a plan may ask of the ledger: synchronous, inside the transaction that stores the event."""

    def root(self, key: EventKey) -> EventKey | None:
        """The event that a native id names: itself, an alias or a copy."""
        ...

    def event(self, key: EventKey) -> Event | None:
        """None where it is unknown or pruned."""
        ...

    def has_copy(self, event: EventKey, channel: ChannelId) -> bool:
        """Delivered there, on its way there, or original there."""
        ...

    def since(self, event: EventKey, channel: ChannelId) -> datetime | None:
        """When it came there, aware, in UTC: now where it is on its way; None where `has_copy` is false."""
        ...

    def seats(self, event: EventKey) -> tuple[Seat, ...]:
        """Every channel for which `has_copy` is true, in no order."""
        ...

    def marked(self, mark: Mark) -> tuple[EventKey, ...]:
        """The events that bear a mark of this value: the oldest and the newest, few of many, oldest first."""
        ...

    def merged(self, key: EventKey) -> Event | None:
        """The event of this key as it came, where it was merged into another and has not been parted since."""
        ...

    def parted(self, one: EventKey, other: EventKey) -> bool:
        """Whether people said that the first is not the second."""
        ...

    def person(self, who: IdentityId) -> IdentityId | None:
        """The identity shown for a declared human; None where they are nobody but themselves."""
        ...

    def thread(self, event: EventKey, channel: ChannelId) -> EventKey | None:
        """The root of the thread to which a copy of the event was put there."""
        ...


Plan: TypeAlias = Callable[[Event, Lookup], Planned]
"""Pure. Whatever it raises quarantines that one event."""
