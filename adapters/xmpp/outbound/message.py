"""What a delivery looks like: exactly one `<message/>`, the same on every attempt but for the mark of a repeat."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from urllib.parse import quote
from xml.etree.ElementTree import Element

from adapters.xmpp.ids import assigned_in, place_of, resource_of, sent_in
from adapters.xmpp.outbound.text import Body, body_of, warning_of
from adapters.xmpp.stanza import files, ns
from adapters.xmpp.stanza.clean import xml_text
from bridge.contract.delivery import Delivery, Target
from bridge.contract.errors import Rejected
from bridge.model.events import ChannelChange, Edit, Message, Reactions, Redaction
from bridge.model.ids import IdentityId
from bridge.text.plain import one_line

RETRACTED = "/me retracted a previous message, but your client does not support it."
"""What older clients show where a message is taken back."""
_TOPIC_CAP = 4096
_MOST_KEYS = 16


def _unknown(who: IdentityId) -> str | None:
    return None


def message_for(
    delivery: Delivery,
    to: str,
    *,
    sender: str | None = None,
    jid_of: Callable[[IdentityId], str | None] = _unknown,
    asks: bool = False,
    mark_repeats: bool = False,
) -> Element:
    """Pure; in `jabber:client`. The stanza's id and its origin id are the delivery's.

    `to`, `sender`: addresses (`sender` where the stanza must bear one: a component's). `jid_of`: the address somebody has there,
    in a room the full one of their occupant. `asks` for a receipt and a read mark, in direct chats. `mark_repeats`: the words say
    so where it may have been sent before; for places where nobody can look whether it was.
    Raises `Rejected`, in words for the author, where the delivery has no form.
    """
    writing = _Writing(delivery, to, sender, jid_of, asks, mark_repeats)
    body = delivery.body
    match body:
        case Message():
            return writing.message(body)
        case Edit():
            return writing.edit(body)
        case Redaction():
            return writing.redaction()
        case Reactions():
            return writing.reactions(body)
        case ChannelChange(topic=str() as topic) if writing.room:
            element = writing.stanza()
            element.append(_text_element("subject", xml_text(one_line(topic), _TOPIC_CAP)))
            return element
        case _:
            raise Rejected("XMPP has no form for this")


class _Writing:
    def __init__(
        self,
        delivery: Delivery,
        to: str,
        sender: str | None,
        jid_of: Callable[[IdentityId], str | None],
        asks: bool,
        mark_repeats: bool,
    ) -> None:
        self.delivery, self.to, self.sender, self.jid_of = delivery, to, sender, jid_of
        self.asks, self.mark_repeats = asks, mark_repeats
        self.room = place_of(delivery.channel.id).is_room

    def stanza(self) -> Element:
        return stanza(self.to, self.sender, "groupchat" if self.room else "chat", self.delivery.id)

    def message(self, message: Message) -> Element:
        body = body_of(self.delivery, message, self._nick_of, mark_repeat=self.mark_repeats)
        if not body.text.strip():
            raise Rejected("there is nothing to send in this message")
        element = self.stanza()
        element.append(_text_element("body", body.text))
        if body.unstyled:
            ns.add(element, ns.STYLING, "unstyled")
        self._origin_id(element)
        self._answer(element, body)
        if self.delivery.thread is not None:
            digest = blake2b(str(self.delivery.thread.event).encode("utf-8", "surrogatepass"), digest_size=12)
            element.append(_text_element("thread", digest.hexdigest()))
        if body.warning is not None:
            ns.add(element, ns.SPOILER, "spoiler", warning_of(message) or None)
            _fallback(element, ns.SPOILER, *body.warning)
        self._files(element, message, body)
        self._mentions(element, message, body)
        if self.asks and not self.room:
            ns.add(element, ns.RECEIPTS, "request")
            ns.add(element, ns.MARKERS, "markable")
            ns.add(element, ns.CHAT_STATES, "active")
        return element

    def edit(self, edit: Edit) -> Element:
        """XEP-0308, of the message's latest text by its first id. A part that it had not before is a message of its own."""
        target = self.delivery.target
        if target is not None and not target.ours:
            raise Rejected("only who wrote a message can change it")
        element = self.message(edit.message)
        if target is not None and (self.delivery.parts == 1 or self.delivery.part < len(target.ids)):
            id = _first(sent_in, target, self.delivery)
            if id is None:
                raise Rejected("this message has no name on XMPP by which it could be changed")
            ns.add(element, ns.CORRECT, "replace", id=id)
        return element

    def redaction(self) -> Element:
        """XEP-0424. In a room by the room's id for it, where it gave one."""
        target = self.delivery.target
        if target is None or not target.ours:
            raise Rejected("only a moderator of the room can delete what others wrote")
        id = target_id(target, self.delivery, room=self.room)
        if id is None:
            raise Rejected("this message has no name on XMPP by which it could be deleted")
        element = self.stanza()
        element.append(_text_element("body", RETRACTED))
        ns.add(element, ns.RETRACT, "retract", id=id)
        ns.add(element, ns.FALLBACK, "fallback", for_=ns.RETRACT)
        self._origin_id(element)
        ns.add(element, ns.HINTS, "store")
        return element

    def reactions(self, body: Reactions) -> Element:
        """XEP-0444: the whole set."""
        target = self.delivery.target
        id = None if target is None else target_id(target, self.delivery, room=self.room)
        if id is None:
            raise Rejected("this message has no name on XMPP by which it could be reacted to")
        element = self.stanza()
        found = ns.add(element, ns.REACTIONS, "reactions", id=id)
        keys = (one_line(key) for key in body.keys if not key.startswith("mxc:"))
        for key in tuple(dict.fromkeys(key for key in keys if key))[:_MOST_KEYS]:
            ns.add(found, ns.REACTIONS, "reaction", key)
        self._origin_id(element)
        ns.add(element, ns.HINTS, "store")
        return element

    def _origin_id(self, element: Element) -> None:
        """XEP-0359. Not in rooms: they keep the stanza's own id, and each child is written once more for every occupant."""
        if not self.room:
            ns.add(element, ns.STANZA_IDS, "origin-id", id=self.delivery.id)

    def _nick_of(self, who: IdentityId) -> str | None:
        return resource_of(self.jid_of(who) or "") or None if self.room else None

    def _answer(self, element: Element, body: Body) -> None:
        target = self.delivery.reply_to
        id = None if target is None else target_id(target, self.delivery, room=self.room, part=0)
        if target is None or id is None:
            return
        reply = ns.add(element, ns.REPLY, "reply", id=id)
        whose = self.jid_of(target.author.id) if target.author is not None else None
        if whose is None and not self.room:
            whose = (self.sender or "") if target.ours else self.to
        if whose:
            reply.set("to", whose if self.room else whose.partition("/")[0])
        if body.quote:
            _fallback(element, ns.REPLY, 0, body.quote)

    def _files(self, element: Element, message: Message, body: Body) -> None:
        for attachment, (start, end) in zip(message.attachments, body.addresses, strict=True):
            files.share(element, attachment)
            _fallback(element, ns.SHARING, start, end)

    def _mentions(self, element: Element, message: Message, body: Body) -> None:
        for mention in message.mentions:
            jid = self.jid_of(mention.who.id)
            shown = (self._nick_of(mention.who.id) or mention.text) if jid else ""
            begin = body.text.find(shown, body.quote) if shown else -1
            if jid and begin >= 0:
                uri = f"xmpp:{quote(xml_text(jid), safe='@/')}"
                span = {"begin": str(begin), "end": str(begin + len(shown))}
                ns.add(element, ns.REFERENCE, "reference", type="mention", uri=uri, **span)


def stanza(to: str, sender: str | None, type: str, id: str | None = None, name: str = "message") -> Element:
    """An empty one. Addresses are prepared."""
    element = Element(ns.qualified(ns.CLIENT, name), {"to": to})
    if type:
        element.set("type", type)
    if sender is not None:
        element.set("from", sender)
    if id is not None:
        element.set("id", id)
    return element


def target_id(target: Target, delivery: Delivery, *, room: bool, part: int | None = None) -> str | None:
    """What everybody there calls it: the room's id where the room gave one, else its sender's."""
    found = _first(assigned_in, target, delivery, part) if room else None
    return found if found is not None else _first(sent_in, target, delivery, part)


def _first(read: Callable[[str], str | None], target: Target, delivery: Delivery, part: int | None = None) -> str | None:
    """Of the part that the delivery is about; its ids stand in the part's place and behind those of all parts."""
    part = delivery.part if part is None else part
    ids: Sequence[str] = (target.ids[part], *target.ids) if part < len(target.ids) else target.ids
    return next((id for id in map(read, ids) if id), None)


def _text_element(name: str, text: str) -> Element:
    element = Element(ns.qualified(ns.CLIENT, name))
    element.text = text
    return element


def _fallback(element: Element, of: str, start: int, end: int) -> None:
    fallback = ns.add(element, ns.FALLBACK, "fallback", for_=of)
    ns.add(fallback, ns.FALLBACK, "body", start=str(start), end=str(end))
