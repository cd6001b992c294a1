"""What a feed says, as plain values: made in the worker process, so that the bridge itself parses nothing.

Every text is sanitised and every address absolute (http or https only). Names and titles are plain text, untrusted.
"""

from datetime import datetime

from msgspec import Struct

from adapters.common.activity import Verb
from bridge.model.events import Attachment, Text


class ParsedAuthor(Struct, frozen=True, kw_only=True):
    """Who is named as an author. Nothing here is proven."""

    name: str | None = None
    """The name for people."""
    nick: str | None = None
    """`poco:preferredUsername`, where the feed is a social one."""
    uri: str | None = None
    """What identifies the person on every site; often no page."""
    page: str | None = None
    avatar: str | None = None


class ParsedMention(Struct, frozen=True, kw_only=True):
    """Somebody (or a group) named in a post: `text` as it is spelt in the plain text, None where it isn't there."""

    uri: str
    group: bool = False
    text: str | None = None


class Marks(Struct, frozen=True, array_like=True):
    """What an entry is recognised by: hashes of 48 bits; 0 stands for nothing to compare."""

    id: int = 0
    alike: int = 0
    """Link and title."""
    titled: int = 0
    """The title, or how the text begins."""
    said: int = 0
    """All that it says and shows, white space aside."""


class ParsedEntry(Struct, frozen=True, kw_only=True):
    """One entry. Times are aware and UTC, as claimed: they may lie in the future."""

    ids: tuple[str, ...]
    """The identity ladder, best first: id or guid, then link, then a hash (`hash:…`). Never empty."""
    verb: Verb = Verb.POST
    kind: str = ""
    """The object type of a social entry, short: "note", "comment", "person", "group"…; empty elsewhere."""
    title: str | None = None
    text: Text = Text(plain="")
    link: str | None = None
    """Where people read it."""
    published: datetime | None = None
    updated: datetime | None = None
    author: ParsedAuthor | None = None
    attachments: tuple[Attachment, ...] = ()
    tags: tuple[str, ...] = ()
    language: str | None = None
    warning: str | None = None
    reply_to: str | None = None
    """The id of what it answers (`thr:in-reply-to`)."""
    conversation: str | None = None
    """The global id of the conversation."""
    mentions: tuple[ParsedMention, ...] = ()
    public: bool | None = None
    """Whether it is addressed to the public; None where the feed doesn't tell."""
    via: str | None = None
    """The program it was written with."""
    location: tuple[float, float] | None = None
    """Latitude and longitude."""
    marks: Marks = Marks()
    object: "ParsedEntry | None" = None
    """What a share, favourite, delete or follow is about."""


class ParsedFeed(Struct, frozen=True, kw_only=True):
    """A feed as it was found; entries in the order of the document."""

    url: str
    """Where it was fetched from, as the caller said; not what it says of itself."""
    kind: str = ""
    """The format, for people and logs: "rss20", "atom10", "json", "twtxt"…"""
    title: str | None = None
    page: str | None = None
    self_url: str | None = None
    hubs: tuple[str, ...] = ()
    next_url: str | None = None
    ttl_seconds: int | None = None
    """How long it asks to be left alone (RSS `ttl`, `sy:updatePeriod`)."""
    updated: datetime | None = None
    salmon: str | None = None
    icon: str | None = None
    language: str | None = None
    author: ParsedAuthor | None = None
    entries: tuple[ParsedEntry, ...] = ()
    trouble: str | None = None
    """What was wrong with it, in plain words, though it could be read."""
