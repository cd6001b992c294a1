"""How the names of people, posts and places become ids. Pure.

A network may hold accounts on several servers, so whatever a server numbers for itself bears the server's host: `gs.example:17`
is a post's name there (an alias), while its key is the post's global `uri`, the same everywhere. Direct messages have no global
name: their key is `gs.example:direct:3`. Channels end in `@` and the name of the login that sees them.
"""

import re
from enum import StrEnum

from msgspec import Struct

from adapters.common import hosts
from adapters.common.media import site_of
from bridge.model.ids import ChannelId, EventKey, IdentityId, NetworkName
from bridge.text.plain import one_line

_LOGIN = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NUMBER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DIRECT = "direct:"


class Kind(StrEnum):
    """What a channel shows of a server. Values are the words that channel ids begin with."""

    HOME = "home"
    MENTIONS = "mentions"
    USER = "user"
    GROUP = "group"
    TAG = "tag"
    SEARCH = "search"
    DIRECT = "direct"


_ALONE = frozenset({Kind.HOME, Kind.MENTIONS})
_OF_PEOPLE = frozenset({Kind.USER, Kind.DIRECT})
_SIGILS = {Kind.USER: "@", Kind.DIRECT: "@", Kind.GROUP: "!", Kind.TAG: "#"}


class Place(Struct, frozen=True):
    """A channel id taken apart. `what`: nick@host, a group's or tag's name, words to search; empty for `home` and `mentions`."""

    kind: Kind
    what: str
    login: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.what}@{self.login}" if self.what else f"{self.kind}@{self.login}"


def place_of(channel: str) -> Place:
    """Reads a channel id, folding its spelling: `Tag/#Cats@me` is `tag/cats@me`. Raises `ValueError` in plain words."""
    path, at, login = channel.rpartition("@")
    if not at or _LOGIN.fullmatch(login) is None:
        raise ValueError(f"a channel here ends in @ and the name of a login, as home@me does, not {channel!r}")
    word, _, what = path.partition("/")
    try:
        kind = Kind(word.strip().lower())
    except ValueError:
        raise ValueError(f"a channel begins with one of {', '.join(Kind)}, not {word!r}") from None
    what = one_line(what).lstrip(_SIGILS.get(kind, "") + " ")
    if kind in _ALONE:
        if what:
            raise ValueError(f"{kind} is {kind}@{login}, with nothing between")
        return Place(kind, "", login)
    if kind in _OF_PEOPLE:
        what = address(what)
    elif kind is not Kind.SEARCH:
        what = what.lower()
    if not what:
        raise ValueError(f"{kind}/… needs a name before @{login}")
    return Place(kind, what, login)


def fold_channel(channel: str) -> str:
    """A channel's one spelling. Raises `ValueError` in plain words."""
    return str(place_of(channel))


def channel_id(network: NetworkName, place: Place) -> ChannelId:
    return ChannelId(network, str(place))


def login_of(channel: str) -> str | None:
    """Every channel is seen through a login."""
    _, at, login = channel.rpartition("@")
    return login if at and _LOGIN.fullmatch(login) else None


def posts_to(login: str) -> str:
    """The channel to which posts written with this login go."""
    return str(Place(Kind.HOME, "", login))


def direct_with(who: str, login: str) -> str | None:
    """The direct channel with somebody (`nick@host`), through a login."""
    try:
        return fold_channel(f"{Kind.DIRECT}/{who}@{login}")
    except ValueError:
        return None


def address(text: str) -> str:
    """`nick@host` in its one spelling: lower case, since no server tells nicks apart by case. Raises `ValueError`."""
    nick, at, host = text.rpartition("@")
    nick = one_line(nick).lstrip("@ ").rstrip().lower()
    host = fold_host(host)
    if not at or not nick or not host:
        raise ValueError(f"expected nick@host, not {text!r}")
    return f"{nick}@{host}"


def fold_host(host: str) -> str:
    """A host (and port) in lower case and in ASCII; empty where it is none."""
    try:
        return hosts.fold_host(host)
    except ValueError:
        return ""


def host_of(url: str) -> str:
    """The host, and the port where it is not the scheme's own, of an http(s) address; empty where it is none."""
    return fold_host(site_of(url))


def identity_id(network: NetworkName, nick: str, host: str) -> IdentityId:
    """Raises `ValueError` where that is nobody."""
    return IdentityId(network, address(f"{nick}@{host}"))


def person_of(id: str) -> tuple[str, str]:
    """(nick, host) of an identity's id."""
    nick, _, host = id.rpartition("@")
    return nick, host


def event_key(network: NetworkName, uri: str) -> EventKey:
    """Of a post, repeat, favourite or whatever else stands in a timeline, by its global name."""
    return EventKey(network, uri)


def alias(host: str, number: str) -> str:
    """What one server calls a post."""
    return f"{host}:{number}"


def direct_id(host: str, number: str) -> str:
    """The key of a direct message, which has no global name."""
    return f"{host}:{_DIRECT}{number}"


def number_at(host: str, ids: tuple[str, ...]) -> str | None:
    """The number that a server gave a post, of all the post's names; of its own posts the global name tells it too."""
    for id in ids:
        rest = id.removeprefix(f"{host}:")
        if rest != id and _NUMBER.fullmatch(rest):
            return rest
    own = re.compile(rf"tag:{re.escape(host)},[0-9-]{{4,10}}:noticeId=([0-9]{{1,20}}):objectType=[a-z]+")
    return next((found[1] for id in ids if (found := own.fullmatch(id))), None)


def number(value: object) -> str | None:
    """An id as servers write it (a number here, a string there) as a string; None where it is none."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 200
    text = str(value) if is_count else value
    return text if isinstance(text, str) and _NUMBER.fullmatch(text) and text != "0" else None
