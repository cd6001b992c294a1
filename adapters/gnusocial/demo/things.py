"""What a site is made of: people, groups, notices, conversations, files, direct messages."""

from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


class ApiError(Exception):
    """A refusal. `early`: GNU social notices before it has sent the headers of every answer."""

    def __init__(self, status: int, words: str, *, early: bool = False) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.early = early


@dataclass(slots=True, kw_only=True)
class Throttle:
    enabled: bool = False
    count: int = 20
    timespan: int = 600
    """Seconds."""


@dataclass(slots=True, kw_only=True)
class Settings:
    """May be changed while the site runs."""

    name: str = "GS1"
    version: str = "1.20.10-release"
    text_limit: int = 1000
    file_quota: int = 5_000_000
    dupe_seconds: float = 60.0
    """So long the same words of one author are refused."""
    throttle: Throttle = field(default_factory=Throttle)


@dataclass(slots=True, eq=False, kw_only=True)
class Picture:
    """A face that its owner (or, for people elsewhere, this site) serves itself."""

    stem: str
    """`5-{size}-20261122191733`"""
    data: bytes


@dataclass(slots=True, eq=False, kw_only=True)
class Profile:
    """Somebody: of this site (with a password), or known from elsewhere (with the addresses that lead there)."""

    id: int
    nick: str
    uri: str
    url: str
    created: datetime
    fullname: str | None = None
    bio: str | None = None
    location: str | None = None
    homepage: str | None = None
    picture: Picture | None = None
    password: str | None = None
    key: RSAPrivateKey | None = None
    """For slaps; of local people only."""
    feed: str = ""
    hub: str = ""
    salmon: str = ""

    @property
    def local(self) -> bool:
        return self.password is not None

    @property
    def best_name(self) -> str:
        return self.fullname or self.nick


@dataclass(slots=True, eq=False, kw_only=True)
class Group:
    id: int
    nick: str
    fullname: str
    description: str
    location: str
    created: datetime
    uri: str
    url: str
    members: list[Profile] = field(default_factory=list)


@dataclass(slots=True, eq=False, kw_only=True)
class Conversation:
    """`id` is the site's own; `uri` is the same everywhere."""

    id: int
    uri: str
    url: str


@dataclass(slots=True, eq=False, kw_only=True)
class File:
    id: int
    name: str
    type: str
    data: bytes
    page: str
    """`http://site/attachment/3`, which stands in the text."""
    url: str
    width: int | None = None
    height: int | None = None


@dataclass(slots=True, eq=False, kw_only=True)
class Notice:
    """Whatever stands in a timeline; what is no post (favourite, delete, follow, join) is a notice all the same."""

    id: int
    uri: str
    url: str
    author: Profile
    text: str
    html: str
    created: datetime
    conversation: Conversation
    verb: str = "post"
    """post, share, favorite, delete, follow or join."""
    type: str = "note"
    """note, comment or activity."""
    source: str = "api"
    source_link: str | None = None
    reply_to: "Notice | None" = None
    repeat_of: "Notice | None" = None
    about: "Profile | Group | Notice | str | None" = None
    """Who is followed, which group is joined, what is a favourite; or the global id of what is deleted."""
    mentions: list[Profile] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    """Of local notices: what is attached to one from elsewhere shows only as a link."""
    hidden: bool = False
    """It takes its place in a timeline, and is shown nowhere: that somebody from elsewhere follows."""

    @property
    def local(self) -> bool:
        return self.author.local


@dataclass(slots=True, frozen=True)
class Bond:
    """That somebody follows somebody, or likes something: what the notice that tells of it is called, and since when."""

    uri: str
    created: datetime


@dataclass(slots=True, eq=False, kw_only=True)
class Direct:
    id: int
    sender: Profile
    recipient: Profile
    text: str
    created: datetime


@dataclass(slots=True, frozen=True)
class Published:
    notice: Notice


@dataclass(slots=True, frozen=True)
class Followed:
    who: Profile
    whom: Profile
    at: datetime
    uri: str


@dataclass(slots=True, frozen=True)
class Unfollowed:
    who: Profile
    whom: Profile
    at: datetime


@dataclass(slots=True, frozen=True)
class Unfavoured:
    who: Profile
    notice: Notice
    at: datetime


Happening = Published | Followed | Unfollowed | Unfavoured
"""Done by somebody of this site; other sites may want to hear of it."""
