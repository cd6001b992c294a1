"""What a channel can do, as data: degrees of support, limits, voices and proof."""

from collections.abc import Callable, Mapping
from enum import IntEnum, StrEnum
from typing import Any, TypeAlias

from msgspec import Struct

from bridge.model.events import Message


class Feature(StrEnum):
    """What an event may ask of a destination."""

    TEXT = "text"
    HTML = "html"
    EMOTE = "emote"
    NOTICE = "notice"
    ATTACHMENT = "attachment"
    REPLY = "reply"
    THREAD = "thread"
    MENTION = "mention"
    WARNING = "warning"
    POLL = "poll"
    LOCATION = "location"
    POST = "post"
    BOOST = "boost"
    EDIT = "edit"
    REDACTION = "redaction"
    REACTIONS = "reactions"
    MEMBERSHIP = "membership"
    PROFILE = "profile"
    NAME = "name"
    TOPIC = "topic"
    AVATAR = "avatar"
    TYPING = "typing"
    READ = "read"
    PRESENCE = "presence"
    MODERATORS = "moderators"


class Level(StrEnum):
    """NATIVE; RENDERED: the core writes it as something simpler; DROPPED: left out, nobody minds; REFUSED: the author is told."""

    NATIVE = "native"
    RENDERED = "rendered"
    DROPPED = "dropped"
    REFUSED = "refused"


class Evidence(IntEnum):
    """How much a receipt proves; a higher value proves more."""

    WRITTEN = 1
    """The bytes left."""
    FENCED = 2
    """A later round trip on the same stream was answered."""
    ECHOED = 3
    """We saw our message come back."""
    ASSIGNED = 4
    """The network returned an id."""


class VoiceKind(StrEnum):
    """How a foreign author can speak: as a presence of their own, under a name given with the message, or in a prefix."""

    PUPPET = "puppet"
    NAME = "name"
    PREFIX = "prefix"


class Unit(StrEnum):
    BYTES = "bytes"
    CHARACTERS = "characters"
    GRAPHEMES = "graphemes"


class Limits(Struct, frozen=True, kw_only=True):
    """In the network's own unit. None means no limit that matters."""

    text: int | None = None
    """Of one wire message's text, the voice's prefix included, what the network adds by itself excluded."""
    unit: Unit = Unit.CHARACTERS
    lines: int | None = None
    """Lines in one wire message."""
    parts: int | None = None
    """Wire messages one event may become before the rest goes to a page with a link."""
    in_flight: int = 1
    """Deliveries of one lane that may be written and unproven at a time."""
    joins: bool = False
    """Where the lane is behind, waiting lines of one author may arrive as one message of several lines."""
    attachment: int | None = None
    """Bytes of one upload."""


class Voice(Struct, frozen=True, kw_only=True):
    """How the author of a delivery speaks at its destination.

    `name` is safe to show there: no control characters, marked with its network where a look-alike is possible.
    `prefix` is what the adapter writes before the text of each message; empty unless `kind` is PREFIX.
    """

    kind: VoiceKind
    name: str
    prefix: str = ""


class Features(Struct, frozen=True, kw_only=True):
    """What one channel can do right now."""

    levels: Mapping[Feature, Level]
    limits: Limits = Limits()
    voice: VoiceKind = VoiceKind.PREFIX
    evidence: Evidence = Evidence.WRITTEN

    def level(self, feature: Feature) -> Level:
        """DROPPED for whatever the adapter does not name."""
        return self.levels.get(feature, Level.DROPPED)


Splitter: TypeAlias = Callable[[Message, Voice, Features], tuple[Message, ...]]
"""Pure: cuts one message into wire messages that each fit, formatting carried over the cut. Never returns none."""


def _nobody(channel: str) -> str | None:
    return None


class Manifest(Struct, frozen=True, kw_only=True):
    """What an adapter declares about itself. `features` is the best its protocol can do; a live channel may do less."""

    protocol: str
    """The name used as `adapter = "…"` in the configuration."""
    title: str
    config: type[Any]
    """The `msgspec.Struct` of one network's settings; each field's docstring or default is the documentation."""
    features: Features
    split: Splitter | None = None
    losses: tuple[str, ...] = ()
    """What cannot survive this protocol, one plain sentence each; shown in the feature table."""
    fold_channel: Callable[[str], str] = str
    """Spells a channel as `ChannelId.id` does, before any connection is there. Raises `ValueError` where it is none."""
    login_of: Callable[[str], str | None] = _nobody
    """Whose login a channel is seen through, by the login's name, told from `ChannelId.id` alone; None: anybody's."""
    posts_to: Callable[[str], str] | None = None
    """The channel id to which what is written with the login of that name goes. None: one can't log in here to write."""
    owner_of: Callable[[str], str | None] = _nobody
    """The one Matrix user who hears and writes through a channel that is no login's, told from `ChannelId.id` alone."""
    direct_with: Callable[[str, str], str | None] | None = None
    """The channel id of a direct chat: with whom (`IdentityId.id`), through which login (its name). None: not possible here."""
    direct_for: Callable[[Any, str, str], str | None] | None = None
    """The channel id of a direct chat without a login: by the network's settings, with whom (`IdentityId.id`), for whom.

    For a Matrix user, that is. None: these settings, or this person, allow none. `owner_of` names the user again.
    """
    watches: bool = False
    """It is told (`Signals.send_signal`) whether people of the hub are there."""
