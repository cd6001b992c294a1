"""What of a feed's claims is believed. Pure.

Anybody can write any id, link or author into a feed. So an id counts for the whole network (`EventKey.id` is the id itself) only
where the feed's own host gave it: a `tag:` of that host or an address on it. Any other (another host's, a bare number, a `urn:`,
which nobody owns) is scoped to the feed: `<channel>#<id>`. It is the same with people: `nick@host` only where the host is the
feed's own; whoever else is named as an author is somebody below the feed, `<channel>#<name>`. So no feed can take another's post
away by bearing its id first, nor speak as another's person.

References (what a reply answers, a favourite likes, a share passes on) keep the id as it is written: they change nothing there.
"""

import re

from msgspec import Struct

from adapters.common.media import site_of
from adapters.feeds.parse.entries import ParsedAuthor, ParsedFeed
from bridge.model.ids import ChannelId, IdentityId
from bridge.model.people import Identity, Profile
from bridge.text.plain import one_line

_TAG = re.compile(r"tag:(?:[^@,:/\s]{1,100}@)?(?P<host>[^@,:/\s]{1,255}(?::\d{1,5})?),\d{4}(?:-\d\d){0,2}:.+", re.DOTALL)
_ADDRESS = re.compile(r"(?P<nick>[^\s@/:#]{1,100})@(?P<host>[^\s@/#]{1,255})")
_NICK = re.compile(r"[^\s@/:#]{1,100}")
_BELOW_CAP = 200


class Trust(Struct, frozen=True):
    """For one feed: its channel, and the hosts whose word it gives."""

    channel: ChannelId
    hosts: frozenset[str]

    @classmethod
    def of(cls, channel: ChannelId, feed: ParsedFeed) -> "Trust":
        """The host it is followed at (of an address or of nick@host) and the one it was fetched from."""
        person = _ADDRESS.fullmatch(channel.id)
        own = (person["host"].lower() if person is not None else site_of(channel.id), site_of(feed.url))
        return cls(channel, frozenset(host.removeprefix("www.") for host in own if host))

    def owns(self, host: str) -> bool:
        """The host itself or one below it; `www.` makes no difference. One without a port may be on any of ours."""
        host = host.lower().removeprefix("www.")
        return bool(host) and any(
            host == own or host.endswith(f".{own}") or (":" not in host and host == own.partition(":")[0]) for own in self.hosts
        )

    def is_global(self, id: str) -> bool:
        """Whether the id is one that this feed may give."""
        tag = _TAG.fullmatch(id)
        return self.owns(tag["host"] if tag is not None else site_of(id))

    def key(self, id: str) -> str:
        """The id of the event that an entry becomes."""
        return id if self.is_global(id) else f"{self.channel.id}#{id}"

    def owner(self, feed: ParsedFeed) -> Identity:
        """The feed itself as somebody who speaks."""
        author = feed.author or ParsedAuthor()
        person = _ADDRESS.fullmatch(self.channel.id) is not None or author.nick is not None
        name = (author.name or author.nick) if person or feed.kind == "twtxt" else None
        id = self.channel.id if _ADDRESS.fullmatch(self.channel.id) else self._person(author, feed) or self.channel.id
        profile = Profile(name=name or feed.title, avatar=author.avatar or feed.icon, url=author.page or feed.page)
        return Identity(id=IdentityId(self.channel.network, id), profile=profile)

    def author(self, author: ParsedAuthor | None, feed: ParsedFeed) -> Identity:
        """Who is named for an entry, as far as that is believed."""
        if author is None or _same(author, feed):
            return self.owner(feed)
        page = author.page or (author.uri if site_of(author.uri) else None)
        profile = Profile(name=author.name or author.nick, avatar=author.avatar, url=page)
        if (person := self._person(author, feed)) is not None:
            return Identity(id=IdentityId(self.channel.network, person), profile=profile)
        host, nick = site_of(author.uri), author.nick or ""
        named = f"{nick.lower()}@{host}" if nick and host else author.name or author.uri or ""
        below = f"{self.channel.id}#{one_line(named)[:_BELOW_CAP]}"
        return Identity(id=IdentityId(self.channel.network, below), profile=profile)

    def _person(self, author: ParsedAuthor, feed: ParsedFeed) -> str | None:
        """nick@host of somebody on a host of the feed; on a social server without nicks the address it names its people by."""
        host = site_of(author.uri)
        if not self.owns(host):
            return None
        if author.nick is not None and _NICK.fullmatch(author.nick):
            return f"{author.nick.lower()}@{host}"
        return author.uri if author.nick is not None or feed.salmon is not None else None


def _same(author: ParsedAuthor, feed: ParsedFeed) -> bool:
    """Whether that is just the feed's own name again."""
    own = feed.author or ParsedAuthor()
    if author.uri and own.uri:
        return author.uri == own.uri
    names = {one_line(name).casefold() for name in (own.name, own.nick, feed.title) if name}
    return (author.name is None and author.uri is None) or (author.name or "").casefold() in names
