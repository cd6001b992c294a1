"""What a presence says: who is there, who came and went, who asks to see whom."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from xml.etree.ElementTree import Element

from msgspec import Struct

from adapters.xmpp.ids import native
from adapters.xmpp.stanza import fields, ns
from adapters.xmpp.stanza.parts import Bad, Delay, Fault, Muc


class Kind(StrEnum):
    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"
    SUBSCRIBE = "subscribe"
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBE = "unsubscribe"
    UNSUBSCRIBED = "unsubscribed"
    PROBE = "probe"
    ERROR = "error"


class Here(Struct, frozen=True, kw_only=True):
    """A `<presence/>`. Addresses are prepared; of equal elements the first counts."""

    sender: str
    """Empty where the stanza names none: from our own account's server."""
    to: str = ""
    kind: Kind = Kind.AVAILABLE
    id: str | None = None
    show: str = ""
    """away, chat, dnd, xa; empty: simply there."""
    status: str = ""
    priority: int = 0
    nick: str | None = None
    photo: str | None = None
    """The hash of the avatar (XEP-0153); empty: there is none; None: nothing is said about it."""
    caps: str | None = None
    """`node#ver` (XEP-0115)."""
    occupant_id: str | None = None
    delay: Delay | None = None
    idle_since: datetime | None = None
    joins: bool = False
    """It asks to enter a room (`<x/>` of muc)."""
    muc: Muc | None = None
    fault: Fault | None = None


def read_presence(element: Element) -> Here | Bad:
    """Everything that a `<presence/>` says. Never raises, whatever the element is."""
    if ns.split(element.tag)[1] != "presence":
        return Bad("no-presence")
    sender = fields.jid_of(element.get("from"))
    if element.get("from") and not sender:
        return Bad("bad-address")
    kind = element.get("type", "available")
    if kind not in _KINDS:
        return Bad("bad-type")
    found: dict[str, Any] = {}
    for child in fields.children(element):
        reader = _READERS.get(child.tag)
        if reader is not None and reader[0] not in found:
            value = reader[1](child)
            if value is not None:
                found[reader[0]] = value
    if kind == Kind.ERROR:
        found.setdefault("fault", Fault())
    else:
        found.pop("fault", None)
    return Here(sender=sender, to=fields.jid_of(element.get("to")), kind=_KINDS[kind], id=fields.id_of(element), **found)


_KINDS = {str(kind): kind for kind in Kind}
_SHOWS = frozenset({"away", "chat", "dnd", "xa"})
_HASH = frozenset("0123456789abcdef")


def _show(element: Element) -> str | None:
    show = fields.text_of(element)
    return show if show in _SHOWS else None


def _priority(element: Element) -> int | None:
    text = fields.text_of(element, 8)
    value = fields.number(text.lstrip("+-"))
    return None if value is None or value > 128 else -value if text.startswith("-") else value


def _photo(element: Element) -> str | None:
    photo = fields.child(element, ns.VCARD_UPDATE, "photo")
    if photo is None:
        return None
    digest = fields.text_of(photo).lower()
    return digest if not digest or (len(digest) == 40 and _HASH.issuperset(digest)) else None


def _caps(element: Element) -> str | None:
    node, ver = element.get("node", "")[:512], element.get("ver", "")[:128]
    return f"{node}#{ver}" if node and ver else None


_READERS: dict[str, tuple[str, Any]] = {
    ns.qualified(ns.NICK, "nick"): ("nick", lambda element: fields.text_of(element) or None),
    ns.qualified(ns.VCARD_UPDATE, "x"): ("photo", _photo),
    ns.qualified(ns.CAPS, "c"): ("caps", _caps),
    ns.qualified(ns.OCCUPANT, "occupant-id"): ("occupant_id", lambda element: native(element.get("id"))),
    ns.qualified(ns.DELAY, "delay"): ("delay", fields.delay),
    ns.qualified(ns.IDLE, "idle"): ("idle_since", lambda element: fields.date(element.get("since"))),
    ns.qualified(ns.MUC, "x"): ("joins", lambda element: True),
    ns.qualified(ns.MUC_USER, "x"): ("muc", fields.muc),
}
for _stream in ns.STREAMS:
    _READERS[ns.qualified(_stream, "show")] = ("show", _show)
    _READERS[ns.qualified(_stream, "status")] = ("status", fields.text_of)
    _READERS[ns.qualified(_stream, "priority")] = ("priority", _priority)
    _READERS[ns.qualified(_stream, "error")] = ("fault", fields.fault)
