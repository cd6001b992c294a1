"""Telling an author that something of his did not arrive: once, briefly, where he wrote it, and never in a flood."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta

from bridge.contract.delivery import Delivery, Target
from bridge.contract.features import Feature, Features, Level, Unit, Voice
from bridge.contract.plan import Draft
from bridge.contract.toolbox import Clock, Metrics
from bridge.delivery.patience import PatientOutbox
from bridge.model.events import (
    Edit,
    Event,
    Membership,
    Message,
    Origin,
    ProfileChange,
    Reactions,
    Redaction,
    Ref,
    Style,
    Text,
)
from bridge.model.ids import ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity
from bridge.text.plain import excerpt
from bridge.text.split import split_text

NOTICES = NetworkName("_notices")
"""The network of the keys of notices: no configured network can have this name, so no notice is ever taken for an event."""

PAUSE = 10.0
"""Seconds between two notices in one channel; what fails meanwhile is counted and told with the next."""
LIFE = timedelta(hours=1)
"""A notice older than this helps nobody."""
MOST_CHANNELS = 1_000
QUOTE = 32
REASON = 160
"""Graphemes of the failed message, and of the reason."""
_NOUNS = {Edit: "edit", Reactions: "reaction", Redaction: "deletion"}


class Notices:
    """Drafts notices. `features` says what a channel can do; None where it has no outlet.

    `told_in`: where people are told of what was said in a channel; None: nowhere.
    """

    def __init__(
        self,
        outbox: PatientOutbox,
        clock: Clock,
        metrics: Metrics,
        *,
        me: Identity,
        features: Callable[[ChannelId], Features | None],
        new_id: Callable[[], str],
        told_in: Callable[[ChannelId], ChannelId | None],
    ) -> None:
        self._outbox = outbox
        self._clock = clock
        self._metrics = metrics
        self._me = me
        self._features = features
        self._new_id = new_id
        self._told_in = told_in
        self._reacted: OrderedDict[tuple[IdentityId, ChannelId], None] = OrderedDict()
        """Who was told already that reactions do not get to a channel."""
        self._gates: dict[ChannelId, _Gate] = {}
        self.held = asyncio.Event()
        """Set when there is something new for `overdue`."""

    async def about(self, delivery: Delivery, reason: str) -> tuple[Draft, ...]:
        """For a delivery that ended in the dead letters. None about a notice, or where the event is gone."""
        if delivery.event.network == NOTICES:
            self._metrics.count("notices_lost", network=delivery.channel.network)
            return ()
        event = await self._outbox.event(delivery.event)
        if event is None:
            return ()
        if isinstance(event.body, Reactions) and not self._first_reaction(event, delivery.channel):
            return ()
        return self._tell(event, f"did not reach {delivery.channel}", reason)

    def _first_reaction(self, event: Event, channel: ChannelId) -> bool:
        """People react often, and to learn once that it goes unseen is enough."""
        key = (event.author.id, channel)
        if key in self._reacted:
            return False
        self._reacted[key] = None
        if len(self._reacted) > MOST_CHANNELS:
            self._reacted.popitem(last=False)
        return True

    def hint(self, event: Event, words: str) -> tuple[Draft, ...]:
        """What its author is to know, and is told once: no pause holds it back."""
        place = self._told_in(event.channel)
        return () if place is None else self._draft(place, f"{excerpt(event.author.name, QUOTE)}: {words}", event)

    def refused(self, event: Event, words: str) -> tuple[Draft, ...]:
        """For an event that some destination, or all, will not have."""
        return self._tell(event, "was not passed on", words)

    def quarantined(self, event: Event) -> tuple[Draft, ...]:
        """For an event that broke our own planning."""
        return self._tell(event, "could not be handled", "an internal error; it has been kept and reported")

    def overdue(self) -> tuple[Draft, ...]:
        """Summaries of what was held back, for channels whose pause is over."""
        drafts: list[Draft] = []
        now = self._clock.monotonic()
        for channel, gate in list(self._gates.items()):
            if now < gate.opens_at:
                continue
            held, gate.held = gate.held, 0
            if held:
                gate.opens_at = now + PAUSE
                noun = "message" if held == 1 else "messages"
                drafts += self._draft(channel, f"{held} more {noun} did not get through.", None)
            else:
                del self._gates[channel]
        return tuple(drafts)

    def next_due(self) -> float | None:
        """When `overdue` will have something to say or to forget; a monotonic time."""
        return min((gate.opens_at for gate in self._gates.values()), default=None)

    def _tell(self, event: Event, what: str, reason: str) -> tuple[Draft, ...]:
        if event.origin is Origin.HISTORY or isinstance(event.body, Membership | ProfileChange):
            return ()  # nobody sits and waits for what comes of it
        place = self._told_in(event.channel)
        if place is None:
            return ()
        gate = self._gates.get(place)
        now = self._clock.monotonic()
        if gate is None:
            if len(self._gates) >= MOST_CHANNELS:
                self._metrics.count("notices_suppressed", network=place.network)
                return ()
            gate = self._gates[place] = _Gate()
        if now < gate.opens_at:
            gate.held += 1
            self.held.set()
            self._metrics.count("notices_suppressed", network=place.network)
            return ()
        held, gate.held, gate.opens_at = gate.held, 0, now + PAUSE
        body = event.body
        quoted = f" “{excerpt(body.text.plain, QUOTE)}”" if isinstance(body, Message) and body.text.plain else ""
        noun = _NOUNS.get(type(body), "message")
        more = f" ({held} more did not get through either.)" if held else ""
        words = f"{excerpt(event.author.name, QUOTE)}: your {noun}{quoted} {what}: {excerpt(reason, REASON)}{more}"
        return self._draft(place, words, event)

    def _draft(self, channel: ChannelId, words: str, event: Event | None) -> tuple[Draft, ...]:
        features = self._features(channel)
        if features is None or features.level(Feature.TEXT) is not Level.NATIVE:
            return ()
        reply = event if event is not None and features.level(Feature.REPLY) is Level.NATIVE else None
        now = self._clock.now()
        id = self._new_id()
        delivery = Delivery(
            id=id,
            channel=channel,
            event=EventKey(NOTICES, id),
            author=self._me,
            voice=Voice(kind=features.voice, name=self._me.name),
            body=Message(
                text=Text(plain=_fitting(words, features)),
                style=Style.NOTICE if features.level(Feature.NOTICE) is Level.NATIVE else Style.SAY,
                reply_to=None if reply is None else Ref(key=reply.key, author=reply.author),
            ),
            happened_at=now,
            accepted_at=now,
            reply_to=None if reply is None else Target(event=reply.key, author=reply.author, ours=False),
        )
        self._metrics.count("notices", network=channel.network)
        return (Draft(delivery=delivery, expires_at=now + LIFE),)


class _Gate:
    __slots__ = ("held", "opens_at")

    def __init__(self) -> None:
        self.held = 0
        self.opens_at = 0.0


def _fitting(words: str, features: Features) -> str:
    """One wire message of it."""
    limits = features.limits
    if limits.text is None:
        return words
    shortest = 4 if limits.unit is Unit.BYTES else 1
    return split_text(words, max(limits.text, shortest), limits.unit)[0]
