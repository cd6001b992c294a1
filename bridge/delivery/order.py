"""In which order a timeline's posts leave when several wait: by the time they were written, whatever way they came by.

A lane is in the order of the outbox, in which they were taken. After a night of no network that is: all of one account, then all
of a feed. Where a room shows one timeline, what waits leaves by its time. Nothing waits for company: only what waits anyway is
put in order. What belongs together stays in the order in which it was taken: what speaks of another message, and several changes
of one. A source that lies about its times can't hold others up for longer than `PATIENCE`.
"""

from datetime import datetime, timedelta

from msgspec import Struct

from bridge.contract.delivery import Delivery
from bridge.delivery.targets import points_at
from bridge.model.events import Boost, Edit, Message, Reactions, Redaction
from bridge.model.ids import EventKey

PATIENCE = timedelta(minutes=5)
"""What was taken so much later than another leaves later."""


class Standing(Struct, frozen=True):
    """What of a delivery its order depends on, read once."""

    at: datetime | None
    """None for what never moves."""
    accepted_at: datetime
    event: EventKey
    target: EventKey | None
    speaks_of: tuple[EventKey, ...]


def standing(delivery: Delivery) -> Standing:
    moves = isinstance(delivery.body, Message | Boost | Edit | Redaction | Reactions)
    return Standing(
        min(delivery.happened_at, delivery.accepted_at) if moves else None,
        delivery.accepted_at,
        delivery.event,
        None if delivery.target is None else delivery.target.event,
        points_at(delivery),
    )


def overtakes(late: Standing, early: Standing) -> bool:
    """Whether what was taken later leaves before what was taken earlier, where both wait."""
    if late.at is None or early.at is None or late.at >= early.at:
        return False
    return late.accepted_at - early.accepted_at <= PATIENCE and not _belong_together(late, early)


def _belong_together(one: Standing, other: Standing) -> bool:
    if one.event == other.event or other.event in one.speaks_of or one.event in other.speaks_of:
        return True
    return one.target is not None and one.target == other.target
