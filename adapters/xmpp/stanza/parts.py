"""What stanzas are made of, as plain values: untrusted, capped, and nothing of it acted upon."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class Bad(Struct, frozen=True):
    """A stanza that is none. `why`: a reason code, to be counted."""

    why: str


class Type(StrEnum):
    CHAT = "chat"
    GROUPCHAT = "groupchat"
    NORMAL = "normal"
    HEADLINE = "headline"
    ERROR = "error"


class Fault(Struct, frozen=True, kw_only=True):
    """A stanza error (RFC 6120 §8.3). `kind`: auth, cancel, continue, modify, wait; `condition`: the element's name."""

    kind: str = "cancel"
    condition: str = "undefined-condition"
    text: str = ""


class Delay(Struct, frozen=True, kw_only=True):
    """When it was first sent (XEP-0203), as `by` claims: prepared, or empty where nobody is named. Aware, UTC."""

    at: datetime
    by: str = ""


class Item(Struct, frozen=True, kw_only=True):
    """An occupant's standing (XEP-0045 `<item/>`). Empty where nothing is said."""

    affiliation: str = ""
    role: str = ""
    jid: str = ""
    """Bare and prepared."""
    nick: str = ""
    actor: str = ""
    """The nick, else the bare address, of who did it."""
    reason: str = ""


class Muc(Struct, frozen=True, kw_only=True):
    """`<x/>` of muc#user: believed only from the room itself or from an occupant's own presence."""

    codes: frozenset[int] = frozenset()
    item: Item | None = None
    destroyed: bool = False
    moved_to: str = ""
    """Where a destroyed room went on, bare."""
    reason: str = ""


class Invite(Struct, frozen=True, kw_only=True):
    """To a room, direct (XEP-0249) or through it (XEP-0045 §7.8.2). `by`: bare; the sender where none is named."""

    room: str
    by: str
    reason: str = ""
    password: str = ""


class Retraction(Struct, frozen=True, kw_only=True):
    """The taking back of a message. `moderated`: by a moderator, so the room says (XEP-0425); `by`: their full JID, or empty."""

    id: str
    moderated: bool = False
    by: str = ""
    occupant_id: str | None = None
    reason: str = ""


class Reacted(Struct, frozen=True):
    id: str
    keys: tuple[str, ...]


class Answered(Struct, frozen=True):
    """What is answered (XEP-0461): its id, and the full JID of whose it is, or empty."""

    id: str
    to: str


class Fallback(Struct, frozen=True, kw_only=True):
    """What stands in the text for those who don't know `of`, a namespace (XEP-0428).

    `body`: ranges of code points; an empty tuple is the whole body, None nothing of it.
    """

    of: str
    body: tuple[tuple[int, int], ...] | None = None


class File(Struct, frozen=True, kw_only=True):
    """A file that is offered (XEP-0447, 0385, 0066). `url` is http(s); sizes in bytes and pixels, `duration` in milliseconds."""

    url: str
    name: str = ""
    type: str = ""
    size: int | None = None
    width: int | None = None
    height: int | None = None
    duration: int | None = None
    sha256: str | None = None
    """Hexadecimal."""
    about: str = ""


class Pointer(Struct, frozen=True, kw_only=True):
    """A mention (XEP-0372): the address, and where in the body it stands, in code points; -1 where nothing is said."""

    jid: str
    begin: int = -1
    end: int = -1


class Spot(Struct, frozen=True, kw_only=True):
    """A place on earth (XEP-0080), in degrees."""

    latitude: float
    longitude: float
    name: str = ""
