"""Where an event is, as a plan asks for it: channel by channel, what is there and what has not left yet."""

from sqlalchemy import Connection, select

from bridge.contract.plan import Seat
from bridge.ledger import schema
from bridge.ledger.columns import PENDING
from bridge.model.ids import ChannelId, EventKey

TAKEN_BACK = "taken back"
"""Why a delivery is dead that its author withdrew before it left. It is never replayed."""


def seats_of(connection: Connection, event: EventKey) -> tuple[Seat, ...]:
    """A delivery that is pending was never written, or surely not sent: before it is written it is leased by a commit.

    One that was joined with others is not counted among the waiting: what is left of its batch must stay what it is.
    """
    copies, deliveries = schema.copies.c, schema.deliveries.c
    there = select(copies.network, copies.channel, copies.part, copies.delivery).where(
        copies.event_id == event.id, copies.event_network == event.network
    )
    coming = select(
        deliveries.network, deliveries.channel, deliveries.part, deliveries.id, deliveries.state, deliveries.batch
    ).where(deliveries.event_id == event.id, deliveries.event_network == event.network, schema.UNDONE)
    ours: dict[ChannelId, bool] = {}
    parts: dict[ChannelId, int] = {}
    waiting: dict[ChannelId, list[tuple[int, str]]] = {}
    for network, name, part, delivery in connection.execute(there):
        channel = ChannelId(network, name)
        ours[channel] = ours.get(channel, False) or delivery is not None
        parts[channel] = max(parts.get(channel, 1), part + 1)
    for network, name, part, id, state, batch in connection.execute(coming):
        channel = ChannelId(network, name)
        ours[channel] = True
        parts[channel] = max(parts.get(channel, 1), part + 1)
        if state == PENDING and batch is None:
            waiting.setdefault(channel, []).append((part, id))
    return tuple(
        Seat(channel=channel, ours=mine, parts=parts[channel], waiting=tuple(sorted(waiting.get(channel, ()))))
        for channel, mine in ours.items()
    )
