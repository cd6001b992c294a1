"""Stanzas that carry no words: presences, chat states, receipts, read marks."""

from xml.etree.ElementTree import Element

from adapters.xmpp.outbound.message import stanza
from adapters.xmpp.stanza import ns
from adapters.xmpp.stanza.clean import xml_text
from adapters.xmpp.stanza.here import Kind
from bridge.text.plain import one_line

_WORDS = 1024


def presence(
    to: str,
    kind: Kind = Kind.AVAILABLE,
    *,
    sender: str | None = None,
    show: str = "",
    status: str | None = None,
    nick: str | None = None,
    photo: str | None = None,
) -> Element:
    """`show`: away, chat, dnd, xa, or empty; `photo`: the avatar's SHA-1 (XEP-0153), empty for none, None to say nothing of it.

    An empty `to` is a presence for everybody who sees us.
    """
    element = stanza(to, sender, "" if kind is Kind.AVAILABLE else str(kind), name="presence")
    if not to:
        del element.attrib["to"]
    if show:
        ns.add(element, ns.CLIENT, "show", show)
    if status and (words := xml_text(one_line(status), _WORDS)):
        ns.add(element, ns.CLIENT, "status", words)
    if nick and (words := xml_text(one_line(nick), _WORDS)):
        ns.add(element, ns.NICK, "nick", words)
    if photo is not None:
        ns.add(ns.add(element, ns.VCARD_UPDATE, "x"), ns.VCARD_UPDATE, "photo", photo or None)
    return element


def chat_state(to: str, *, typing: bool, room: bool, sender: str | None = None) -> Element:
    """XEP-0085; kept by nobody."""
    element = stanza(to, sender, "groupchat" if room else "chat")
    ns.add(element, ns.CHAT_STATES, "composing" if typing else "paused")
    ns.add(element, ns.HINTS, "no-store")
    return element


def received(to: str, id: str, *, sender: str | None = None) -> Element:
    """XEP-0184: we have the message with this id (as its sender calls it)."""
    element = stanza(to, sender, "chat")
    ns.add(element, ns.RECEIPTS, "received", id=id)
    ns.add(element, ns.HINTS, "store")
    return element


def displayed(to: str, id: str, *, room: bool = False, sender: str | None = None) -> Element:
    """XEP-0333: read up to that one; in a room by the room's id for it."""
    element = stanza(to, sender, "groupchat" if room else "chat")
    ns.add(element, ns.MARKERS, "displayed", id=id)
    ns.add(element, ns.HINTS, "store")
    return element
