"""What is asked of a room rather than said in it: to throw somebody out, to take another's message back. Pure.

The room answers each with yes or no, so the answer is the proof. Who asks is not set here: it is `Room.ask` that knows.
"""

from xml.etree.ElementTree import Element

from adapters.xmpp.ids import assigned_in
from adapters.xmpp.outbound import presence, target_id
from adapters.xmpp.rooms.people import People
from adapters.xmpp.stanza import ns
from adapters.xmpp.stanza.clean import xml_text
from bridge.contract.delivery import Delivery
from bridge.contract.errors import Rejected
from bridge.model.events import Membership, Move, Redaction
from bridge.text.plain import one_line

REASON = 200
"""Bytes of a reason that goes along."""


def entering(to: str, caps: Element, *, sender: str, password: str | None = None, since: str | None = None) -> Element:
    """To `room@host/nick`. `since`: what was said from then on is shown again (XEP-0045 §7.2.14, a time); None: nothing is."""
    element = presence(to, sender=sender)
    element.append(caps)
    join = ns.add(element, ns.MUC, "x")
    if password is not None:
        ns.add(join, ns.MUC, "password", xml_text(password))
    history = {"maxstanzas": "0"} if since is None else {"since": since}
    ns.add(join, ns.MUC, "history", None, **history)
    return element


def facts_request(room: str) -> Element:
    return _iq("get", room, ns.INFO)


def instant_room(room: str) -> Element:
    """A room that came about by our entering it is opened as it is (XEP-0045 §10.1.2)."""
    iq = _iq("set", room, "http://jabber.org/protocol/muc#owner")
    ns.add(iq[0], "jabber:x:data", "x", None, type="submit")
    return iq


def self_ping(occupant: str) -> Element:
    """XEP-0410."""
    iq = Element(ns.qualified(ns.CLIENT, "iq"), {"type": "get", "to": occupant})
    ns.add(iq, ns.PING, "ping")
    return iq


def membership_request(body: Membership, room: str, people: People) -> Element:
    """A kick, a ban or its end (XEP-0045 §8.2, §9.1). Raises `Rejected` where the room has nobody like that."""
    nick = people.nick_of(body.who.id)
    person = people.of(nick) if nick is not None else None
    if body.move is Move.KICK:
        if nick is None:
            raise Rejected(f"{body.who.name} is not in the room")
        iq = role_request(room, nick, "none")
    else:
        jid = person.jid if person is not None and person.jid else body.who.id.id
        if not jid or "#" in jid or "/" in jid:
            raise Rejected(f"the room does not show us the address of {body.who.name}, so that can't be done from here")
        affiliation = "outcast" if body.move is Move.BAN else "none"
        iq = _iq("set", room, ns.MUC_ADMIN)
        ns.add(iq[0], ns.MUC_ADMIN, "item", None, jid=jid, affiliation=affiliation)
    _reason(iq[0][0], ns.MUC_ADMIN, body.reason)
    return iq


def role_request(room: str, nick: str, role: str) -> Element:
    """XEP-0045 §8.4, §9.6."""
    iq = _iq("set", room, ns.MUC_ADMIN)
    ns.add(iq[0], ns.MUC_ADMIN, "item", None, nick=nick, role=role)
    return iq


def moderation_request(delivery: Delivery, body: Redaction, room: str, people: People) -> Element:
    """XEP-0425, in the version that the room knows. Raises `Rejected` where it knows none, or gave the message no id."""
    target, space = delivery.target, people.facts.moderates
    id = target_id(target, delivery, room=True) if target is not None and any(map(assigned_in, target.ids)) else None
    if space is None:
        raise Rejected("moderators can't take messages back in this room")
    if id is None:
        raise Rejected("the room has no name for this message by which it could be taken back")
    iq = Element(ns.qualified(ns.CLIENT, "iq"), {"type": "set", "to": room})
    if space == ns.MODERATE:
        moderate = ns.add(iq, space, "moderate", None, id=id)
        ns.add(moderate, ns.RETRACT, "retract")
    else:
        moderate = ns.add(ns.add(iq, ns.FASTEN, "apply-to", None, id=id), space, "moderate")
        ns.add(moderate, ns.RETRACT_0, "retract")
    _reason(moderate, space, body.reason)
    return iq


def _reason(parent: Element, space: str, reason: str | None) -> None:
    if reason and (words := xml_text(one_line(reason), REASON)):
        ns.add(parent, space, "reason", words)


def _iq(kind: str, to: str, space: str) -> Element:
    iq = Element(ns.qualified(ns.CLIENT, "iq"), {"type": kind, "to": to})
    ns.add(iq, space, "query")
    return iq
