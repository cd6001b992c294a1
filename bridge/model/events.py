"""The canonical event: something that happened, immutable and keyed.

Eight bodies. A post is a message with facts about its publication, so timelines and chats share one path.
State, not toggles: an `Edit` carries the whole new content and `Reactions` the author's whole set, so that
replaying either changes nothing. There is no `extra` dict: either the model gets a field with golden files,
or the thing is dropped on purpose and the adapter's manifest says so.
"""

from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from bridge.model.ids import ChannelId, EventKey, IdentityId
from bridge.model.people import Identity, Profile

VERSION = 1
"""Of the stored form. Every older version stays readable; `tests/golden/stored` holds one of each."""


class Origin(StrEnum):
    LIVE = "live"
    HISTORY = "history"


class Style(StrEnum):
    SAY = "say"
    EMOTE = "emote"
    NOTICE = "notice"


class Media(StrEnum):
    """What a client should show an attachment as."""

    FILE = "file"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    VOICE = "voice"
    STICKER = "sticker"


class Move(StrEnum):
    JOIN = "join"
    LEAVE = "leave"
    KICK = "kick"
    BAN = "ban"
    UNBAN = "unban"
    INVITE = "invite"
    RENAME = "rename"


class Visibility(StrEnum):
    PUBLIC = "public"
    UNLISTED = "unlisted"
    FOLLOWERS = "followers"
    DIRECT = "direct"


class Text(Struct, frozen=True, kw_only=True):
    """`plain` always stands for the whole; `html`, where given, is within the Matrix subset and means the same."""

    plain: str
    html: str | None = None


class Attachment(Struct, frozen=True, kw_only=True):
    """A reference to media, never its bytes. Sizes in bytes, durations in milliseconds."""

    source: str
    """An http(s) URL or an mxc URI."""
    name: str
    media: Media = Media.FILE
    type: str = "application/octet-stream"
    size: int | None = None
    alt: str | None = None
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    duration: int | None = None
    sensitive: bool = False
    """Its author asks to hide it until somebody wants to see it."""
    instead: str | None = None
    """A line with a link that says it in words, where a place that takes files will not have this one. Fit writes it."""


class Ref(Struct, frozen=True, kw_only=True):
    """Another event, by the id its network gave it. What is known of it helps where the destination can't point at it."""

    key: EventKey
    author: Identity | None = None
    excerpt: str | None = None


class Mention(Struct, frozen=True, kw_only=True):
    """Somebody named in the text: `text` is the spelling that stands in `Text.plain`."""

    who: Identity
    text: str


class PollOption(Struct, frozen=True, kw_only=True):
    text: str
    votes: int | None = None


class Poll(Struct, frozen=True, kw_only=True):
    question: str
    options: tuple[PollOption, ...]
    closes_at: datetime | None = None
    multiple: bool = False


class Location(Struct, frozen=True, kw_only=True):
    """WGS 84 degrees."""

    latitude: float
    longitude: float
    name: str | None = None


class PostFacts(Struct, frozen=True, kw_only=True):
    """What makes a message a publication."""

    permalink: str | None = None
    """Where people read it."""
    uri: str | None = None
    """What its origin calls it on every site and in every format: an Atom id, a tag URI, an ActivityPub id."""
    claimed_at: datetime | None = None
    """The date it bears, where that can't be believed (`Event.happened_at` is then when we first saw it)."""
    conversation: str | None = None
    """The global id of the conversation."""
    title: str | None = None
    visibility: Visibility = Visibility.PUBLIC
    language: str | None = None
    tags: tuple[str, ...] = ()
    via: str | None = None
    boosted_by: Identity | None = None
    """Who passed it on, where a boost is told as the post itself. No event of a network has this: fit writes it."""
    written_at: datetime | None = None
    """When, where that is not when the event happened: of an edit. Fit writes it, too."""


class Message(Struct, frozen=True, kw_only=True, tag="message"):
    text: Text
    style: Style = Style.SAY
    attachments: tuple[Attachment, ...] = ()
    reply_to: Ref | None = None
    thread: Ref | None = None
    follows: Ref | None = None
    """In a thread, where `reply_to` is None: the newest message of the thread as its author saw it. No answer to that one."""
    mentions: tuple[Mention, ...] = ()
    warning: str | None = None
    poll: Poll | None = None
    location: Location | None = None
    post: PostFacts | None = None


class Boost(Struct, frozen=True, kw_only=True, tag="boost"):
    """Somebody passes another's post on; with a comment it is a quote."""

    target: Ref
    original: Message | None = None
    comment: Text | None = None


class Edit(Struct, frozen=True, kw_only=True, tag="edit"):
    target: Ref
    message: Message
    revision: int | None = None


class Redaction(Struct, frozen=True, kw_only=True, tag="redaction"):
    target: Ref
    reason: str | None = None
    moderated: bool = False
    """The place where it stood took it away, whoever wrote it: said by the place itself, not by somebody in it."""


class Reactions(Struct, frozen=True, kw_only=True, tag="reactions"):
    """The author's whole set of reactions on the target; an empty set takes all back."""

    target: Ref
    keys: tuple[str, ...]


class Membership(Struct, frozen=True, kw_only=True, tag="membership"):
    who: Identity
    move: Move
    by: Identity | None = None
    reason: str | None = None


class ProfileChange(Struct, frozen=True, kw_only=True, tag="profile"):
    who: IdentityId
    profile: Profile


class ChannelChange(Struct, frozen=True, kw_only=True, tag="channel"):
    """None leaves a property as it is; an empty string clears it."""

    name: str | None = None
    topic: str | None = None
    avatar: str | None = None


Body: TypeAlias = Message | Boost | Edit | Redaction | Reactions | Membership | ProfileChange | ChannelChange


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened in a channel. `happened_at` is aware, UTC and by the network's own clock."""

    key: EventKey
    channel: ChannelId
    author: Identity
    happened_at: datetime
    body: Body
    order: int | None = None
    origin: Origin = Origin.LIVE
    hops: tuple[str, ...] = ()
    """Marks of the bridges this item has passed, oldest first; a leg is never visited twice."""
    aliases: tuple[str, ...] = ()
    """Further native ids by which the network may name this event later (an IRC line's parts, an Atom link)."""
    v: int = VERSION


def target_of(body: Body) -> Ref | None:
    """The event that this body changes or points at as its subject; None for a body that stands alone."""
    return body.target if isinstance(body, Boost | Edit | Redaction | Reactions) else None


def message_of(body: Body) -> Message | None:
    """What is said: of an edit the new words, of a boost the original where it is known."""
    if isinstance(body, Message):
        return body
    return body.message if isinstance(body, Edit) else body.original if isinstance(body, Boost) else None


def with_message(body: Body, message: Message) -> Body:
    """The same body, saying that instead. Of one that says something."""
    if isinstance(body, Edit):
        return replace(body, message=message)
    return replace(body, original=message) if isinstance(body, Boost) else message


def refs_of(body: Body) -> tuple[Ref, ...]:
    """Every event the body names: subject, reply and thread root; an edit's message included."""
    if isinstance(body, Message):
        return tuple(ref for ref in (body.reply_to, body.thread) if ref is not None)
    if isinstance(body, Edit):
        return (body.target, *refs_of(body.message))
    target = target_of(body)
    return () if target is None else (target,)
