"""What a message says: untrusted, capped, and nothing of it acted upon."""

from collections.abc import Callable, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from msgspec import Struct, field

from adapters.xmpp.ids import native
from adapters.xmpp.stanza import fields, files, ns, xhtml
from adapters.xmpp.stanza.clean import BODY_CAP
from adapters.xmpp.stanza.parts import (
    Answered,
    Bad,
    Delay,
    Fallback,
    Fault,
    File,
    Invite,
    Muc,
    Pointer,
    Reacted,
    Retraction,
    Spot,
    Type,
)


class Said(Struct, frozen=True, kw_only=True):
    """A `<message/>`. Addresses are prepared; ids can be ids; of equal elements the first counts."""

    sender: str
    """Empty where the stanza names none: from our own account's server."""
    to: str = ""
    type: Type = Type.NORMAL
    id: str | None = None
    body: str | None = None
    """As it came, at most `clean.BODY_CAP` bytes."""
    cut: bool = False
    """The body was longer."""
    subject: str | None = None
    """An empty one clears it."""
    thread: str | None = None
    html: str | None = None
    """Out of XHTML-IM: within the Matrix subset."""
    unstyled: bool = False
    """Its marks mean nothing (XEP-0393)."""
    origin_id: str | None = None
    stanza_ids: Mapping[str, str] = field(default_factory=dict)
    """By whom → the id. One that is given twice, differently, is not here."""
    occupant_id: str | None = None
    delays: tuple[Delay, ...] = ()
    replaces: str | None = None
    retraction: Retraction | None = None
    reacted: Reacted | None = None
    answered: Answered | None = None
    fallbacks: tuple[Fallback, ...] = ()
    files: tuple[File, ...] = ()
    mentions: tuple[Pointer, ...] = ()
    spot: Spot | None = None
    spoiler: str | None = None
    """Empty: hidden without a word why."""
    hints: frozenset[str] = frozenset()
    wants_receipt: bool = False
    received: str | None = None
    """The id of what the sender confirms to have."""
    markable: bool = False
    displayed: str | None = None
    """The id of what the sender has read up to."""
    state: str | None = None
    """The chat state: active, composing, paused, inactive, gone."""
    nick: str | None = None
    invite: Invite | None = None
    declined: Invite | None = None
    muc: Muc | None = None
    encrypted: str | None = None
    """By what, in words for people; there may be a body beside it that says the same."""
    fault: Fault | None = None

    def fallback(self, of: str) -> Fallback | None:
        return next((one for one in self.fallbacks if one.of == of), None)


_Found = dict[str, Any]
_Reader = Callable[[Element, _Found], None]

_TYPES = {str(type): type for type in Type}
_MANY = 16
"""Of what may stand in a message more than once."""
_LONGEST_KEY = 64
"""Characters of one reaction."""
_LONGEST_THREAD = 255


def read_message(element: Element) -> Said | Bad:
    """Everything that a `<message/>` says. Never raises, whatever the element is."""
    if ns.split(element.tag)[1] != "message":
        return Bad("no-message")
    sender = fields.jid_of(element.get("from"))
    if element.get("from") and not sender:
        return Bad("bad-address")
    kind = _TYPES.get(element.get("type", "normal"), Type.NORMAL)
    found: _Found = {"sender": sender}
    for child in fields.children(element):
        reader = _READERS.get(child.tag)
        if reader is not None:
            reader(child, found)
        elif (by := ns.ENCRYPTED.get(ns.split(child.tag)[0])) is not None and _holds_words(child, by):
            found.setdefault("encrypted", by)
    if kind is Type.ERROR:
        found.setdefault("fault", Fault())
    else:
        found.pop("fault", None)
    for name in _GATHERED:
        if name in found:
            found[name] = tuple(found[name])
    if "stanza_ids" in found:
        found["stanza_ids"] = {by: id for by, id in found["stanza_ids"].items() if id}
    body = found.get("body")
    if body is not None:
        del found["own_body"]
        found["body"], found["cut"] = _capped(body)
    return Said(to=fields.jid_of(element.get("to")), type=kind, id=fields.id_of(element), **found)


def _capped(text: str) -> tuple[str, bool]:
    if len(text) * 4 <= BODY_CAP:
        return text, False
    raw = text.encode("utf-8", "surrogatepass")
    return (text, False) if len(raw) <= BODY_CAP else (raw[:BODY_CAP].decode("utf-8", "ignore"), True)


def _one(name: str, read: Callable[[Element], object | None]) -> _Reader:
    """The first that can be read counts."""

    def reader(element: Element, found: _Found) -> None:
        if name not in found and (value := read(element)) is not None:
            found[name] = value

    return reader


def _each(name: str, read: Callable[[Element], object | None]) -> _Reader:
    def reader(element: Element, found: _Found) -> None:
        some = found.setdefault(name, [])
        if len(some) < _MANY and (value := read(element)) is not None:
            some.append(value)

    return reader


_GATHERED = ("delays", "fallbacks", "files", "mentions")


def _body(element: Element, found: _Found) -> None:
    """The one in the message's own language, else the first."""
    own = element.get(ns.LANG) is None
    if "body" not in found or (own and not found["own_body"]):
        found["body"] = element.text or ""
        found["own_body"] = own


def _stanza_id(element: Element, found: _Found) -> None:
    """Two ids by one and the same: neither can be believed."""
    by, id = fields.bare_of(element.get("by")), fields.id_of(element)
    ids = found.setdefault("stanza_ids", {})
    if by and id and (by in ids or len(ids) < _MANY):
        ids[by] = id if ids.get(by, id) == id else ""


def _id(element: Element) -> str | None:
    return fields.id_of(element)


def _reactions(element: Element) -> Reacted | None:
    id = fields.id_of(element)
    if id is None:
        return None
    keys = (fields.text_of(one, _LONGEST_KEY) for one in fields.children(element) if ns.split(one.tag)[1] == "reaction")
    return Reacted(id, tuple(dict.fromkeys(key for key in keys if key))[:_MANY])


def _retract(element: Element) -> Retraction | None:
    """XEP-0424, and XEP-0425 where the room says that a moderator did it."""
    id = fields.id_of(element)
    moderated = fields.child(element, ns.MODERATE, "moderated")
    return None if id is None else _retraction(id, moderated, fields.child(element, ns.RETRACT, "reason"))


def _fastened(element: Element) -> Retraction | None:
    """The same two as they were written before, fastened to a message (XEP-0422)."""
    id = fields.id_of(element)
    if id is None:
        return None
    moderated = fields.child(element, ns.MODERATE_0, "moderated")
    retract = fields.child(element if moderated is None else moderated, ns.RETRACT_0, "retract")
    return None if retract is None else _retraction(id, moderated, fields.child(moderated, ns.MODERATE_0, "reason"))


def _retraction(id: str, moderated: Element | None, reason: Element | None) -> Retraction:
    if moderated is None:
        return Retraction(id=id, reason=fields.text_of(reason))
    who = fields.child(moderated, ns.OCCUPANT, "occupant-id")
    return Retraction(
        id=id,
        moderated=True,
        by=fields.jid_of(moderated.get("by")),
        occupant_id=None if who is None else native(who.get("id")),
        reason=fields.text_of(reason),
    )


def _answered(element: Element) -> Answered | None:
    id = fields.id_of(element)
    return None if id is None else Answered(id, fields.jid_of(element.get("to")))


def _fallback(element: Element) -> Fallback | None:
    parts = [ns.split(one.tag)[1] for one in fields.children(element)]
    bodies = [one for one in fields.children(element) if ns.split(one.tag)[1] == "body"]
    if not bodies:
        return Fallback(of=element.get("for", ""), body=None if "subject" in parts else ())
    ranges: list[tuple[int, int]] = []
    for one in bodies[:_MANY]:
        if one.get("start") is None and one.get("end") is None:
            return Fallback(of=element.get("for", ""), body=())
        start, end = fields.number(one.get("start") or "0"), fields.number(one.get("end"))
        if start is not None and end is not None and start < end:
            ranges.append((start, end))
    return Fallback(of=element.get("for", ""), body=tuple(ranges) or None)


def _reference(element: Element, found: _Found) -> None:
    if element.get("type") == "mention":
        pointers = found.setdefault("mentions", [])
        pointer = files.pointer(element)
        if pointer is not None and len(pointers) < _MANY:
            pointers.append(pointer)
    elif (shared := files.sims(element)) is not None:
        offered = found.setdefault("files", [])
        if len(offered) < _MANY:
            offered.append(shared)


def _hint(element: Element, found: _Found) -> None:
    found["hints"] = found.get("hints", frozenset()) | {ns.split(element.tag)[1][:32]}


def _mark(name: str) -> _Reader:
    def reader(element: Element, found: _Found) -> None:
        found[name] = True

    return reader


def _state(element: Element) -> str:
    return ns.split(element.tag)[1]


def _holds_words(element: Element, by: str) -> bool:
    """OMEMO also carries keys alone."""
    return by != "OMEMO" or any(ns.split(one.tag)[1] == "payload" for one in fields.children(element))


def _encryption(element: Element) -> str | None:
    """XEP-0380: by name where it has one, else by the namespace; what we know is named as people do."""
    space = element.get("namespace", "")[:128]
    return ns.ENCRYPTED.get(space) or element.get("name", "")[:64] or space or None


def _muc(element: Element, found: _Found) -> None:
    room = fields.bare_of(found["sender"])
    for name, read in (("invite", fields.mediated), ("declined", fields.declined)):
        if name not in found and (value := read(element, room)) is not None:
            found[name] = value
    found.setdefault("muc", fields.muc(element))


def _conference(element: Element, found: _Found) -> None:
    room = fields.bare_of(element.get("jid"))
    if room and "@" in room:
        words = {name: (element.get(name) or "")[:1024] for name in ("reason", "password")}
        found.setdefault("invite", Invite(room=room, by=fields.bare_of(found["sender"]), **words))


def _spot(element: Element) -> Spot | None:
    try:
        latitude = float(fields.text_of(fields.child(element, ns.GEOLOC, "lat"), 32))
        longitude = float(fields.text_of(fields.child(element, ns.GEOLOC, "lon"), 32))
    except ValueError:
        return None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None
    name = fields.child(element, ns.GEOLOC, "text")
    return Spot(latitude=latitude, longitude=longitude, name=fields.text_of(name))


def _thread(element: Element) -> str | None:
    return native(fields.text_of(element, _LONGEST_THREAD + 1))


_READERS: dict[str, _Reader] = {
    ns.qualified(ns.XHTML_IM, "html"): _one("html", xhtml.to_html),
    ns.qualified(ns.STYLING, "unstyled"): _mark("unstyled"),
    ns.qualified(ns.STANZA_IDS, "origin-id"): _one("origin_id", _id),
    ns.qualified(ns.STANZA_IDS, "stanza-id"): _stanza_id,
    ns.qualified(ns.OCCUPANT, "occupant-id"): _one("occupant_id", _id),
    ns.qualified(ns.DELAY, "delay"): _each("delays", fields.delay),
    ns.qualified(ns.LEGACY_DELAY, "x"): _each("delays", fields.delay),
    ns.qualified(ns.CORRECT, "replace"): _one("replaces", _id),
    ns.qualified(ns.RETRACT, "retract"): _one("retraction", _retract),
    ns.qualified(ns.FASTEN, "apply-to"): _one("retraction", _fastened),
    ns.qualified(ns.REACTIONS, "reactions"): _one("reacted", _reactions),
    ns.qualified(ns.REPLY, "reply"): _one("answered", _answered),
    ns.qualified(ns.FALLBACK, "fallback"): _each("fallbacks", _fallback),
    ns.qualified(ns.FALLBACK_OLD, "fallback"): _each("fallbacks", _fallback),
    ns.qualified(ns.SHARING, "file-sharing"): _each("files", files.sharing),
    ns.qualified(ns.OOB, "x"): _each("files", files.oob),
    ns.qualified(ns.REFERENCE, "reference"): _reference,
    ns.qualified(ns.GEOLOC, "geoloc"): _one("spot", _spot),
    ns.qualified(ns.SPOILER, "spoiler"): _one("spoiler", fields.text_of),
    ns.qualified(ns.RECEIPTS, "request"): _mark("wants_receipt"),
    ns.qualified(ns.RECEIPTS, "received"): _one("received", _id),
    ns.qualified(ns.MARKERS, "markable"): _mark("markable"),
    ns.qualified(ns.MARKERS, "displayed"): _one("displayed", _id),
    ns.qualified(ns.NICK, "nick"): _one("nick", lambda element: fields.text_of(element) or None),
    ns.qualified(ns.CONFERENCE, "x"): _conference,
    ns.qualified(ns.MUC_USER, "x"): _muc,
    ns.qualified(ns.ENCRYPTION, "encryption"): _one("encrypted", _encryption),
}
for _name in ("active", "composing", "paused", "inactive", "gone"):
    _READERS[ns.qualified(ns.CHAT_STATES, _name)] = _one("state", _state)
for _name in ("store", "no-store", "no-permanent-store", "no-copy"):
    _READERS[ns.qualified(ns.HINTS, _name)] = _hint
for _stream in ns.STREAMS:
    _READERS[ns.qualified(_stream, "body")] = _body
    _READERS[ns.qualified(_stream, "subject")] = _one("subject", lambda element: fields.text_of(element, 4096))
    _READERS[ns.qualified(_stream, "thread")] = _one("thread", _thread)
    _READERS[ns.qualified(_stream, "error")] = _one("fault", fields.fault)
