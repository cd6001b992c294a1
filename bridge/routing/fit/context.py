"""What fitting is told, and what it answers."""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from bridge.contract.features import Feature, Features, Level, Splitter, Voice
from bridge.model.events import Attachment, Body, Event
from bridge.model.ids import HUB, ChannelId, EventKey
from bridge.model.people import Identity
from bridge.routing.topology import Leg
from bridge.routing.voice import in_text, plain_name


def nothing_there(event: EventKey, channel: ChannelId) -> bool:
    return False


class FitContext(Struct, frozen=True, kw_only=True):
    """Answers about the world outside one event, all without waiting."""

    link_for: Callable[[Attachment, Event], str | None]
    """An address of the attachment that outsiders can open; None where there is none."""
    page_for: Callable[[Event], str | None]
    """An address where the whole of an event can be read."""
    name_of: Callable[[Identity, Leg], str]
    """How somebody is called at a destination, tellable apart from others there; it is made safe here."""
    now: datetime
    present: Callable[[EventKey, ChannelId], bool] = nothing_there
    """Whether an event (by its root key) has a copy at a destination, or is on its way there."""
    anew: bool = False
    """A boost is shown as a message of its own, though what it passes on is there."""
    subject: Event | None = None
    """What an edit, redaction, boost or reaction is about, as it was first said, where that is still known."""


class Fitted(Struct, frozen=True, kw_only=True):
    """Bodies with their part numbers, each for one delivery; `refused` is words for the author; `dropped` what was left out."""

    bodies: tuple[tuple[Body, int], ...] = ()
    refused: str | None = None
    dropped: tuple[Feature, ...] = ()


class Fitting(Struct, frozen=True):
    """One event on its way to one destination."""

    event: Event
    leg: Leg
    features: Features
    voice: Voice
    split: Splitter | None
    context: FitContext

    def level(self, feature: Feature) -> Level:
        return self.features.level(feature)

    def present(self, event: EventKey) -> bool:
        return self.context.present(event, self.leg.channel)

    def name_of(self, identity: Identity) -> str:
        """Who is at home at the destination is called as there, so that it rings; others as the context says."""
        if identity.id.network == self.leg.channel.network != HUB:
            return plain_name(identity, self.leg)
        return in_text(self.context.name_of(identity, self.leg)) or plain_name(identity, self.leg)

    def sorry(self, what: str) -> str:
        """Words for the author of something REFUSED."""
        return f"{what} cannot be shown in {self.leg.channel}"


def numbered(bodies: tuple[Body, ...]) -> tuple[tuple[Body, int], ...]:
    return tuple((body, part) for part, body in enumerate(bodies))
