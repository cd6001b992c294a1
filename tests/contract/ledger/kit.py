"""Short words for long values: events, drafts, plans."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.features import Evidence, Voice, VoiceKind
from bridge.contract.plan import Draft, Lookup, Plan, Planned
from bridge.ledger.rows import Settled, State
from bridge.model.events import Event, Message, Text
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity

IRC = NetworkName("irc")
LOBBY = ChannelId(IRC, "#lobby")
OTHER = ChannelId(IRC, "#other")
ROOM = ChannelId(HUB, "!room:localhost")
ALICE = Identity(id=IdentityId(IRC, "alice"))
THEN = datetime(2026, 1, 1, 11, 59, 59, 123456, tzinfo=UTC)


def say(id: str, text: str = "hello", *, channel: ChannelId = LOBBY, aliases: tuple[str, ...] = ()) -> Event:
    body = Message(text=Text(plain=text))
    key = EventKey(channel.network, id)
    return Event(key=key, channel=channel, author=ALICE, happened_at=THEN, body=body, aliases=aliases)


def hex_id(event: EventKey, channel: ChannelId, part: int = 0) -> str:
    """A delivery id that tests can foresee."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{event!r} {channel!r} {part}").hex


def draft(
    event: Event,
    channel: ChannelId = ROOM,
    *,
    part: int = 0,
    id: str | None = None,
    expires_at: datetime | None = None,
    waits_for: str | None = None,
    accepted_at: datetime = THEN,
) -> Draft:
    delivery = Delivery(
        id=id or hex_id(event.key, channel, part),
        channel=channel,
        event=event.key,
        author=event.author,
        voice=Voice(kind=VoiceKind.PUPPET, name="alice"),
        body=event.body,
        happened_at=event.happened_at,
        accepted_at=accepted_at,
        part=part,
    )
    return Draft(delivery=delivery, expires_at=expires_at, waits_for=waits_for)


def to(*channels: ChannelId) -> Plan:
    """A plan that sends every event to these."""
    return lambda event, lookup: Planned(drafts=tuple(draft(event, channel) for channel in channels))


def nowhere(event: Event, lookup: Lookup) -> Planned:
    return Planned(dropped="unlinked")


def seeing(look: Callable[[Event, Lookup], object], into: list[object], then: Plan = nowhere) -> Plan:
    """A plan that writes down what `look` returns."""

    def plan(event: Event, lookup: Lookup) -> Planned:
        into.append(look(event, lookup))
        return then(event, lookup)

    return plan


def done(id: str, *ids: str, evidence: Evidence = Evidence.ASSIGNED) -> Settled:
    return Settled(id=id, state=State.DONE, receipt=Receipt(evidence=evidence, ids=ids))
