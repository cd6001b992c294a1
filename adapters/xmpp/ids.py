"""How XMPP's people, places and stanzas become ids, and back. Pure.

A stanza has up to three names. `by!id`: the room or our own account's archive gave it (XEP-0359), and nobody else can.
`where/who/id`: its sender called it so; `where` is the conversation and `who` the one who speaks there, so that nobody's id is
ever another's. `where//id`: the same, for stanzas that point at it without saying whose it is. What ids hold is escaped, so no
id looks like another's. Parsing a JID costs 0.4 µs, 1.3 µs where it was not seen lately, 8 µs where it is not ASCII.
"""

import hashlib
import re
from enum import StrEnum
from functools import lru_cache

from msgspec import Struct
from slixmpp.jid import JID

from bridge.model.ids import HUB, ChannelId, IdentityId, NetworkName
from bridge.text.escape import strip_controls

LONGEST_ID = 255
"""Characters of a stanza's id that we believe to be one."""
LONGEST_PART = 1023
"""Bytes of each part of a JID (RFC 7622 §3.1)."""

_LOGIN = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NETWORK = re.compile(r"[a-z0-9-]+")
_USER = re.compile(r"@[^:\s]*:\S+")


class Kind(StrEnum):
    """What a channel is. Values are the words that channel ids begin with; a room's begins with none."""

    ROOM = "room"
    """A MUC, through the component."""
    JOINED = "joined"
    """A MUC, through a login."""
    DIRECT = "direct"
    """A direct chat of a login."""
    GATEWAY = "gateway"
    """A direct chat of a Matrix user, through the component."""


class Place(Struct, frozen=True):
    """A channel id taken apart. `jid`: of the room or of the other person, bare and prepared."""

    kind: Kind
    jid: str
    login: str = ""
    user: str = ""

    @property
    def id(self) -> str:
        """As `ChannelId.id` spells it."""
        match self.kind:
            case Kind.ROOM:
                return self.jid
            case Kind.GATEWAY:
                return f"{self.kind}/{self.jid}/{self.user}"
            case _:
                return f"{self.kind}/{self.jid}@{self.login}"

    @property
    def is_room(self) -> bool:
        return self.kind in (Kind.ROOM, Kind.JOINED)

    def channel(self, network: NetworkName) -> ChannelId:
        return ChannelId(network, self.id)


@lru_cache(maxsize=4096)
def place_of(channel: str) -> Place:
    """Reads a channel id, folding its spelling. Raises `ValueError` in plain words."""
    channel = channel.strip()
    word, slash, rest = channel.partition("/")
    if not slash:
        return Place(Kind.ROOM, _room(channel))
    word = word.lower()
    if word == Kind.GATEWAY:
        jid, _, user = rest.partition("/")
        if _USER.fullmatch(user) is None:
            raise ValueError(f"a channel of the gateway ends in / and a Matrix ID, not {user!r}")
        return Place(Kind.GATEWAY, bare(jid), user=user)
    if word not in (Kind.JOINED, Kind.DIRECT):
        raise ValueError(f"a channel here is a room@host, joined/room@host@login or direct/user@host@login, not {channel!r}")
    jid, at, login = rest.rpartition("@")
    if not at or _LOGIN.fullmatch(login) is None:
        raise ValueError(f"{word}/… ends in @ and the name of a login, not {channel!r}")
    if word == Kind.JOINED:
        return Place(Kind.JOINED, _room(jid), login)
    return Place(Kind.DIRECT, _whole(jid), login)


def _room(jid: str) -> str:
    jid = _whole(jid)
    if "@" not in jid:
        raise ValueError(f"a room is room@host, not {jid!r}")
    return jid


def _whole(jid: str) -> str:
    if "/" in jid:
        raise ValueError(f"expected an address without a resource, not {jid!r}")
    return bare(jid)


def fold_channel(channel: str) -> str:
    """A channel's one spelling. Raises `ValueError` in plain words."""
    return place_of(channel).id


def login_of(channel: str) -> str | None:
    """Whose login a channel is seen through."""
    try:
        return place_of(channel).login or None
    except ValueError:
        return None


def owner_of(channel: str) -> str | None:
    """The Matrix user whose direct chat through the component it is."""
    try:
        return place_of(channel).user or None
    except ValueError:
        return None


def direct_with(who: str, login: str) -> str | None:
    """The direct channel with somebody (`IdentityId.id`: a bare JID), through a login. None for who is known by a nick only."""
    try:
        return Place(Kind.DIRECT, _whole(who), login).id if _LOGIN.fullmatch(login) else None
    except ValueError:
        return None


def direct_for(who: str, user: str) -> str | None:
    """The direct channel with somebody through the component, for a Matrix user. None for who is known by a nick only."""
    try:
        return Place(Kind.GATEWAY, _whole(who), user=user).id if _USER.fullmatch(user) else None
    except ValueError:
        return None


# addresses


def prep(jid: str) -> str:
    """The one spelling of an address, with its resource. Raises `ValueError` where it is none.

    A resource that only old stringprep refuses (emoji, letters younger than Unicode 3.2) stays as the server spelled it.
    """
    try:
        found = str(JID(jid))
    except ValueError:
        head, slash, resource = jid.partition("/")
        if not slash or not _may_be_resource(resource):
            raise ValueError(f"{jid[:80]!r} is no address") from None
        try:
            found = f"{JID(head)}/{resource}"
        except ValueError:
            raise ValueError(f"{jid[:80]!r} is no address") from None
    if not found or found.startswith("/"):
        raise ValueError("an empty address")
    return found


def _may_be_resource(text: str) -> bool:
    fits = bool(text) and len(text.encode("utf-8", "replace")) <= LONGEST_PART
    return fits and strip_controls(text) == text and "\n" not in text and "\t" not in text


def bare(jid: str) -> str:
    """An address without its resource. Raises `ValueError` where it is none."""
    return prep(jid).partition("/")[0]


def resource_of(jid: str) -> str:
    """What follows the first `/` of an address that `prep` has seen; in a room, the nick. Empty where nothing does."""
    return jid.partition("/")[2]


# our own addresses (XEP-0106)

_ESCAPES = {" ": "\\20", '"': "\\22", "&": "\\26", "'": "\\27", "/": "\\2f", ":": "\\3a", "<": "\\3c", ">": "\\3e", "@": "\\40"}
_ESCAPES["\\"] = "\\5c"
_UNESCAPES = {escape: char for char, escape in _ESCAPES.items()}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789!#$%()*+,-.;?[]^_`{|}~")
_ESCAPED = re.compile(r"\\[2-5][0-9a-f]|(?:=[0-9a-f]{2})+", re.DOTALL)
_HASHED = "=-"
_LONGEST_NODE = 255
"""Bytes: what is longer becomes a hash. Well under what a JID may have, since ids are made of these."""


@lru_cache(maxsize=8192)
def puppet_jid(who: IdentityId, host: str) -> str:
    """The address of somebody who speaks through the component: injective, the same for ever.

    `alice\\3aexample.org` is @alice:example.org, `local\\2fbob` is bob of the network `local`. What XEP-0106 has no escape for
    (capitals, a Matrix ID's `/`, letters that servers would change) is `=xx` for each byte of UTF-8.
    """
    name, network = who.id, who.network
    if network == HUB and name.startswith("@"):
        text, slash = name[1:], "=2f"
    else:
        text, slash = f"{network}/{name}", "\\2f"
    node = _escaped(text, slash, keep=True)
    if not _stable(node):
        node = _escaped(text, slash, keep=False)
    if len(node.encode()) > _LONGEST_NODE:
        whole = f"{network}/{name}".encode("utf-8", "surrogatepass")
        node = _HASHED + hashlib.blake2b(whole, digest_size=16).hexdigest()
    return f"{node}@{host}"


def _escaped(text: str, slash: str, *, keep: bool) -> str:
    """`keep`: letters outside ASCII stay; the spelling is the same to a reader either way."""
    last = len(text) - 1
    return "".join(_one(char, slash, keep=keep, edge=index in (0, last)) for index, char in enumerate(text))


def _one(char: str, slash: str, *, keep: bool, edge: bool) -> str:
    if char in _PLAIN:
        return char
    if char == "/":
        return slash
    if char in _ESCAPES and not (char == " " and edge):  # an escaped space may be neither first nor last (XEP-0106 §4.2)
        return _ESCAPES[char]
    if keep and not char.isascii():
        return char
    return "".join(f"={byte:02x}" for byte in char.encode("utf-8", "surrogatepass"))


def _stable(node: str) -> bool:
    try:
        return str(JID(f"{node}@x")) == f"{node}@x"
    except ValueError:
        return False


@lru_cache(maxsize=8192)
def identity_of(jid: str, host: str) -> IdentityId | None:
    """Whom an address of ours stands for; its resource counts for nothing. None for any other, and for a hashed one."""
    node, at, domain = jid.partition("/")[0].rpartition("@")
    if not at or domain != host:
        return None
    text = _unescaped(node)
    if text is None:
        return None
    network, slash, name = text.partition("/")
    if "\\2f" in node and slash and _NETWORK.fullmatch(network) and name:
        who = IdentityId(NetworkName(network), name)
    elif _USER.fullmatch(f"@{text}"):
        who = IdentityId(HUB, f"@{text}")
    else:
        return None
    return who if puppet_jid(who, host) == f"{node}@{host}" else None


def _unescaped(node: str) -> str | None:
    try:
        return _ESCAPED.sub(lambda match: _meant(match[0]), node)
    except (KeyError, UnicodeDecodeError):
        return None


def _meant(escape: str) -> str:
    if escape[0] == "\\":
        return _UNESCAPES[escape]
    return bytes.fromhex(escape.replace("=", "")).decode("utf-8", "surrogatepass")


# people of rooms


def occupant(room: str, nick: str, *, occupant_id: str | None = None, jid: str | None = None) -> str:
    """`IdentityId.id` of somebody in a room: their address where the room shows it to all, else what the room calls them.

    `occupant_id` only from a room that offers XEP-0421: elsewhere anybody could write one.
    """
    if jid is not None:
        return jid
    return f"{room}/{nick}" if occupant_id is None else f"{room}#{occupant_id}"


# stanzas

_UNSAFE = re.compile("[%/!]")
_DELIVERY = re.compile("[0-9a-f]{32}")


def native(value: str | None) -> str | None:
    """An id that can be one; hostile ones count as none."""
    return value if value and len(value) <= LONGEST_ID and value.isprintable() else None


def may_be_ours(id: str) -> bool:
    """Whether it has the form of a delivery's id: then an earlier run of the bridge may have sent what bears it."""
    return _DELIVERY.fullmatch(id) is not None


def by_id(by: str, id: str) -> str:
    """What `by` (a bare address: the room, our own account) calls a stanza."""
    return f"{by}!{_safe(id)}"


def conversation(me: str, peer: str) -> str:
    """`where` of a direct chat, of our own and the other's bare address; in a room it is the room's."""
    return f"{me}&{peer}"


def sent_id(where: str, who: str, id: str) -> str:
    """What its sender (`IdentityId.id`) calls a stanza."""
    if who.startswith(where):
        mark, name = who[len(where) : len(where) + 1], who[len(where) + 1 :]
        if mark in ("#", "/") and name:
            return f"{where}/{'#' if mark == '#' else '='}{_safe(name)}/{_safe(id)}"
    return f"{where}/@{_safe(who)}/{_safe(id)}"


def told_id(where: str, who: str, id: str, what: str) -> str:
    """Of a stanza whose sender may use the id again: `what` tells it from the others."""
    return f"{sent_id(where, who, id)}/{_safe(what)}"


def loose_id(where: str, id: str) -> str:
    """What somebody in a conversation calls a stanza, whoever sent it."""
    return f"{where}//{_safe(id)}"


def made_id(where: str, who: str, what: str) -> str:
    """Of a stanza without any id: `what` tells it from all others."""
    return f"{sent_id(where, who, '')}/{_safe(what)}"


def assigned_in(native_id: str) -> str | None:
    """The id that a room or archive gave, out of `by_id`; None for any other."""
    by, mark, id = native_id.rpartition("!")
    return _unsafe(id) if mark and by and "/" not in native_id else None


def sent_in(native_id: str) -> str | None:
    """The id that its sender gave a stanza, out of `sent_id` or `loose_id`; None for any other, and for made ones."""
    parts = native_id.split("/")
    return _unsafe(parts[2]) if len(parts) == 3 and parts[2] else None


def _safe(text: str) -> str:
    return _UNSAFE.sub(lambda match: f"%{ord(match[0]):02x}", text)


def _unsafe(text: str) -> str:
    return text.replace("%2f", "/").replace("%21", "!").replace("%25", "%")
