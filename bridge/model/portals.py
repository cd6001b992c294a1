"""Portals and links: rows, without behaviour."""

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from bridge.model.ids import HUB, ChannelId


class Direction(StrEnum):
    """Seen from the room: `in` brings the channel into the room, `out` carries the room to the channel."""

    IN = "in"
    OUT = "out"
    BOTH = "both"


class PortalKind(StrEnum):
    CHAT = "chat"
    TIMELINE = "timeline"


class Source(StrEnum):
    """Who made a link: the configuration file, a command, or a join of an alias."""

    FILE = "file"
    COMMAND = "command"
    ALIAS = "alias"


HERE = "here"
NOWHERE = "nowhere"


class Rule(Struct, frozen=True, kw_only=True):
    """What becomes of some of the posts of a timeline room: the first rule that fits decides.

    All that is set must fit; of a list, one.
    """

    name: str = ""
    """What `trace` calls it."""
    words: tuple[str, ...] = ()
    """Whole words or phrases of the text, the title or the warning; case doesn't count."""
    pattern: str = ""
    """A regular expression that fits somewhere in these; a slow one is refused."""
    people: tuple[str, ...] = ()
    """Authors, and whose post is passed on: `network/identity`, an identity or a name; `*` stands for anything."""
    kinds: tuple[Literal["post", "reply", "boost", "mention", "media", "poll", "notice"], ...] = ()
    """`mention`: it names or answers somebody whose account is in this room. A `post` is neither reply, boost nor notice."""
    languages: tuple[str, ...] = ()
    """`en` is `en-GB` too."""
    tags: tuple[str, ...] = ()
    """Hashtags, without `#`."""
    sources: tuple[str, ...] = ()
    """The channel that brought it, `network/channel`; `*` stands for anything."""
    accounts: tuple[str, ...] = ()
    """The login that brought it, `network@name`."""
    answers: bool = False
    """With `people`: what answers them, too."""
    to: str = NOWHERE
    """`here`, `nowhere`, or the alias or room id of another timeline room. What is not for everybody is moved to none."""


class TimelineOptions(Struct, frozen=True, kw_only=True):
    """How a timeline room behaves."""

    boost_hours: float = 72
    """A boost of something that came into the room less long ago is a 🔁 on it; later it is shown again."""
    same_hours: float = 48
    """Two posts of one known human with the same words, no further apart, are one post; 0 compares no words."""
    undo_seconds: float = 5
    """What is written here waits so long before it is posted, so that it can be taken back."""
    local: str = "//"
    """What begins like this is said in the room only, never posted."""
    split: Literal["refuse", "thread", "link"] = "refuse"
    """What is too long for a server: refused with words, posted as a thread, or cut with a link to the whole."""
    burst: int = 30
    """More posts than this within `burst_minutes` come as one digest that lists them; 0: all come one by one."""
    burst_minutes: float = 5
    """See `burst`."""
    rules: tuple[Rule, ...] = ()
    """What comes here, goes to another room, or nowhere: `[[portals.timeline.rules]]`. Those made by words come first."""
    repost: tuple[str, ...] = ()
    """Opt-in: "from@a -> to@b" repeats one's own public posts of one account on another (logins as `network@name`)."""
    outfeed: bool = False
    """Whether its public posts can be read outside, by an address nobody guesses; the word `outfeed` decides after all."""


def repost_ends(rule: str) -> tuple[str, str] | None:
    """The logins that a rule of `repost` is about: from which, on which; None where it is no such rule."""
    from_, arrow, to = (part.strip() for part in rule.partition("->"))
    return (from_, to) if arrow and from_ and to else None


class Link(Struct, frozen=True, kw_only=True):
    """Portal ↔ channel. `relay` lets what comes in here go on to the portal's other links."""

    id: int
    portal: int
    channel: ChannelId
    direction: Direction = Direction.BOTH
    relay: bool = True
    source: Source = Source.FILE

    @property
    def inward(self) -> bool:
        return self.direction is not Direction.OUT

    @property
    def outward(self) -> bool:
        return self.direction is not Direction.IN


class Portal(Struct, frozen=True, kw_only=True):
    """A Matrix room we look after. `members` says whether puppets join on speaking ("lazy") or all at once ("full")."""

    id: int
    room: str
    """The room id."""
    alias: str | None = None
    kind: PortalKind = PortalKind.CHAT
    order: str = "network"
    """"network", or "room": its other links then wait for the room's receipt."""
    members: str = "lazy"
    post_to: tuple[str, ...] = ()
    timeline: TimelineOptions = TimelineOptions()
    """Used where `kind` is TIMELINE."""

    @property
    def channel(self) -> ChannelId:
        return ChannelId(HUB, self.room)
