"""Reading what messages and presences share: attributes, dates, addresses, errors, the words of a room."""

from collections.abc import Iterator
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from adapters.xmpp.ids import bare, native, prep
from adapters.xmpp.stanza import ns
from adapters.xmpp.stanza.parts import Delay, Fault, Invite, Item, Muc

_CHILDREN = 128
"""Of one element that are looked at."""
_WORDS = 1024
"""Characters of a reason, a name, a status."""
_LONGEST_NUMBER = 15


def children(element: Element) -> Iterator[Element]:
    for index, child in enumerate(element):
        if index == _CHILDREN:
            return
        if isinstance(child.tag, str):
            yield child


def child(element: Element | None, space: str, name: str) -> Element | None:
    """The first of this name."""
    return None if element is None else element.find(ns.qualified(space, name))


def text_of(element: Element | None, cap: int = _WORDS) -> str:
    return "" if element is None or element.text is None else element.text[:cap].strip()


def id_of(element: Element, name: str = "id") -> str | None:
    return native(element.get(name))


def jid_of(text: str | None) -> str:
    """Prepared; empty where it is no address."""
    try:
        return prep(text) if text else ""
    except ValueError:
        return ""


def bare_of(text: str | None) -> str:
    try:
        return bare(text) if text else ""
    except ValueError:
        return ""


def number(text: str | None) -> int | None:
    """A natural number; None for anything else."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER else None


def date(text: str | None) -> datetime | None:
    """XEP-0082, and the form before it. Aware, UTC; None where it is none."""
    try:
        at = datetime.fromisoformat((text or "")[:64].strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def delay(element: Element) -> Delay | None:
    at = date(element.get("stamp"))
    return None if at is None else Delay(at=at, by=jid_of(element.get("from")))


def fault(element: Element) -> Fault:
    """`<error/>`; where it says nothing that is known, an undefined condition."""
    condition, text = "", ""
    for one in children(element):
        space, name = ns.split(one.tag)
        if space == ns.STANZA_ERRORS and name == "text":
            text = text or text_of(one)
        elif space == ns.STANZA_ERRORS:
            condition = condition or name[:64]
    return Fault(kind=(element.get("type") or "cancel")[:16], condition=condition or "undefined-condition", text=text)


def muc(element: Element) -> Muc:
    """`<x xmlns="…muc#user"/>` in its part about codes, standing and the room's end."""
    codes: set[int] = set()
    item: Item | None = None
    gone: Element | None = None
    for one in children(element):
        name = ns.split(one.tag)[1]
        if name == "status":
            code = number(one.get("code"))
            if code is not None and code < 1000:
                codes.add(code)
        elif name == "item" and item is None:
            item = _item(one)
        elif name == "destroy" and gone is None:
            gone = one
    return Muc(
        codes=frozenset(codes),
        item=item,
        destroyed=gone is not None,
        moved_to="" if gone is None else bare_of(gone.get("jid")),
        reason=text_of(child(gone, ns.MUC_USER, "reason")),
    )


def _item(element: Element) -> Item:
    actor = child(element, ns.MUC_USER, "actor")
    return Item(
        affiliation=(element.get("affiliation") or "")[:16],
        role=(element.get("role") or "")[:16],
        jid=bare_of(element.get("jid")),
        nick=(element.get("nick") or "")[:_WORDS],
        actor="" if actor is None else (actor.get("nick") or "")[:_WORDS] or bare_of(actor.get("jid")),
        reason=text_of(child(element, ns.MUC_USER, "reason")),
    )


def mediated(element: Element, room: str) -> Invite | None:
    """An invitation that the room passes on."""
    found = child(element, ns.MUC_USER, "invite")
    if found is None or not room:
        return None
    return Invite(
        room=room,
        by=bare_of(found.get("from")),
        reason=text_of(child(found, ns.MUC_USER, "reason")),
        password=text_of(child(element, ns.MUC_USER, "password")),
    )


def declined(element: Element, room: str) -> Invite | None:
    found = child(element, ns.MUC_USER, "decline")
    if found is None or not room:
        return None
    return Invite(room=room, by=bare_of(found.get("from")), reason=text_of(child(found, ns.MUC_USER, "reason")))
