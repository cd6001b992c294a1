"""All that one site knows, and how it is looked up. What people do with it is in `actions`."""

import re
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from secrets import token_hex

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from adapters.gnusocial.demo.pictures import plain
from adapters.gnusocial.demo.things import (
    ApiError,
    Bond,
    Conversation,
    Direct,
    File,
    Group,
    Happening,
    Notice,
    Picture,
    Profile,
    Settings,
)

_NICK = re.compile(r"[a-z0-9]{1,64}")


class Site:
    """`host` is how it is reached (`127.0.0.1:8080`), `now` its clock (aware). Numbers of what is said begin with `first`."""

    def __init__(self, host: str, settings: Settings, now: Callable[[], datetime], first: int = 1) -> None:
        self.host = host
        self.base = f"http://{host}"
        self.settings = settings
        self.people: dict[int, Profile] = {}
        self.groups: dict[str, Group] = {}
        self.notices: dict[int, Notice] = {}
        self.deleted: set[int] = set()
        self.follows: dict[tuple[int, int], Bond] = {}
        self.blocks: set[tuple[int, int]] = set()
        self.faves: dict[tuple[int, int], Bond] = {}
        self.directs: list[Direct] = []
        self.files: dict[int, File] = {}
        self.listeners: list[Callable[[Happening], None]] = []
        self._now = now
        self._conversations: dict[str, Conversation] = {}
        self._numbers = {kind: count(1) for kind in ("profile", "group")}
        self._numbers |= {kind: count(first) for kind in ("notice", "conversation", "direct", "file")}

    # time and names

    def now(self) -> datetime:
        return self._now().replace(microsecond=0)

    def number(self, kind: str) -> int:
        return next(self._numbers[kind])

    def tag(self, *parts: object, at: datetime | None = None) -> str:
        """A global id (RFC 4151), minted today."""
        return f"tag:{self.host},{at or self.now():%Y-%m-%d}:" + ":".join(str(part) for part in parts)

    def tell(self, happening: Happening) -> None:
        for listener in list(self.listeners):
            listener(happening)

    # people

    def add_user(
        self,
        nick: str,
        password: str,
        *,
        fullname: str | None = None,
        bio: str | None = None,
        face: tuple[int, int, int] | None = None,
    ) -> Profile:
        """Somebody with an account here; `face` is a colour. Raises `ValueError` for a name that is taken or none."""
        if not _NICK.fullmatch(nick) or self.user(nick) is not None:
            raise ValueError(f"{nick!r} can't be a name here")
        id = self.number("profile")
        user = Profile(
            id=id,
            nick=nick,
            uri=f"{self.base}/user/{id}",
            url=f"{self.base}/{nick}",
            created=self.now(),
            fullname=fullname,
            bio=bio,
            password=password,
        )
        user.feed = f"{self.base}/api/statuses/user_timeline/{id}.atom"
        if face is not None:
            user.picture = self.picture_of(user, plain(96, 96, face))
        self.people[id] = user
        return user

    def add_stranger(self, nick: str, uri: str, url: str) -> Profile:
        """Somebody from elsewhere, known from now on."""
        stranger = Profile(id=self.number("profile"), nick=nick, uri=uri, url=url, created=self.now())
        self.people[stranger.id] = stranger
        return stranger

    def picture_of(self, profile: Profile, data: bytes) -> Picture:
        return Picture(stem=f"{profile.id}-{{size}}-{self.now():%Y%m%d%H%M%S}", data=data)

    def user(self, nick: str) -> Profile | None:
        """Of this site."""
        return next((one for one in self.people.values() if one.local and one.nick == nick.lower()), None)

    def by_uri(self, uri: str) -> Profile | None:
        return next((one for one in self.people.values() if uri in (one.uri, one.url)), None)

    def named(self, who: str | None) -> Profile | None:
        """By number, or by nick on this site."""
        if not who:
            return None
        return self.people.get(int(who)) if who.isascii() and who.isdigit() else self.user(who)

    def key_of(self, user: Profile) -> RSAPrivateKey:
        """What a local user's slaps are sealed with: 1024 bits, as recorded."""
        if user.key is None:
            user.key = generate_private_key(public_exponent=65537, key_size=1024)
        return user.key

    # who with whom

    def following(self, who: Profile, whom: Profile) -> bool:
        """Everybody follows themselves."""
        return who is whom or (who.id, whom.id) in self.follows

    def followed_by(self, who: Profile) -> list[Profile]:
        """Whom they follow, the latest first."""
        return [self.people[whom] for follower, whom in reversed(self.follows) if follower == who.id]

    def followers_of(self, whom: Profile) -> list[Profile]:
        return [self.people[who] for who, followed in reversed(self.follows) if followed == whom.id]

    def groups_of(self, who: Profile) -> list[Group]:
        return [group for group in self.groups.values() if who in group.members]

    # notices

    def notice(self, id: str | int) -> Notice:
        """Raises `ApiError`: 410 for what was deleted, 404 for what never was."""
        found = int(id) if str(id).isascii() and str(id).isdigit() and len(str(id)) < 12 else 0
        if found in self.deleted:
            raise ApiError(410, "Notice deleted.", early=True)
        if found not in self.notices or self.notices[found].hidden:
            raise ApiError(404, "No such notice.", early=True)
        return self.notices[found]

    def notice_by_uri(self, uri: str) -> Notice | None:
        """A delete bears the global id of what it deleted, so it is not what is meant."""
        return next((one for one in self.notices.values() if one.uri == uri and one.verb != "delete"), None)

    def by(self, author: Profile) -> Iterator[Notice]:
        """The latest first."""
        return (one for one in reversed(self.notices.values()) if one.author is author and not one.hidden)

    def conversation(self, uri: str | None = None, url: str | None = None) -> Conversation:
        """The one with this global id, else a new one."""
        if uri is not None and uri in self._conversations:
            return self._conversations[uri]
        id = self.number("conversation")
        made = Conversation(
            id=id,
            uri=uri or self.tag("objectType=thread", f"nonce={token_hex(8)}"),
            url=url or f"{self.base}/conversation/{id}",
        )
        self._conversations[made.uri] = made
        return made


def cache_hash(who: Profile | None) -> int:
    """What stands for the reader in an ETag."""
    return 0 if who is None else zlib.crc32(f"{who.id}:{who.nick}:{who.created}".encode())
