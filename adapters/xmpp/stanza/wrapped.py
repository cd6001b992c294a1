"""Messages within messages: carbons (XEP-0280) and what an archive answers (XEP-0313), both forwarded (XEP-0297).

Anybody can send such a wrapping. A carbon is true only from our own bare address, an archived message only from the archive that
was asked and for the question that we asked (CVE-2017-5589 and its like): all others are None.
"""

from datetime import datetime
from xml.etree.ElementTree import Element

from msgspec import Struct

from adapters.xmpp.ids import native
from adapters.xmpp.stanza import fields, ns


class Carbon(Struct, frozen=True):
    """A message of ours through another device. `sent`: written there; else received there.

    `at`: aware, UTC, where our server says that it was said earlier (XEP-0203): the line was down.
    """

    message: Element
    sent: bool
    at: datetime | None = None


class Archived(Struct, frozen=True):
    """A message out of an archive. `id`: the archive's; `at`: aware, UTC, by the archive's clock."""

    message: Element
    id: str
    at: datetime | None


def is_wrapped(element: Element) -> bool:
    """Whether a `<message/>` claims to be a carbon or an archive's answer: what it says besides is not to be read."""
    return any(tag in _WRAPPINGS for tag in (child.tag for child in fields.children(element)))


def carbon(element: Element, me: str) -> Carbon | None:
    """`me`: our own bare address, prepared. A stanza that names no sender is from our account's server."""
    if not _is_from(element, me):
        return None
    for name in ("sent", "received"):
        wrapping = fields.child(element, ns.CARBONS, name)
        if wrapping is not None:
            message = _forwarded(wrapping)
            at = _stamped(fields.child(wrapping, ns.FORWARD, "forwarded")) or _stamped(element)
            return None if message is None else Carbon(message, name == "sent", at)
    return None


def archived(element: Element, by: str, query: str) -> Archived | None:
    """`by`: the archive that was asked (our bare address, or a room's), `query`: the id of the question."""
    if not _is_from(element, by):
        return None
    result = fields.child(element, ns.ARCHIVE, "result")
    if result is None or result.get("queryid") != query:
        return None
    id, message = native(result.get("id")), _forwarded(result)
    if id is None or message is None:
        return None
    return Archived(message, id, _stamped(fields.child(result, ns.FORWARD, "forwarded")))


_WRAPPINGS = frozenset(
    (
        ns.qualified(ns.CARBONS, "sent"),
        ns.qualified(ns.CARBONS, "received"),
        ns.qualified(ns.ARCHIVE, "result"),
    )
)


def _is_from(element: Element, who: str) -> bool:
    sender = element.get("from")
    return ns.split(element.tag)[1] == "message" and (not sender or fields.jid_of(sender) == who)


def _stamped(element: Element | None) -> datetime | None:
    stamp = fields.child(element, ns.DELAY, "delay")
    return None if stamp is None else fields.date(stamp.get("stamp"))


def _forwarded(wrapping: Element) -> Element | None:
    """The one message in it; none where there are several."""
    forwarded = fields.child(wrapping, ns.FORWARD, "forwarded")
    if forwarded is None:
        return None
    messages = [child for child in fields.children(forwarded) if ns.split(child.tag)[1] == "message"]
    return messages[0] if len(messages) == 1 and ns.split(messages[0].tag)[0] in ns.STREAMS else None
