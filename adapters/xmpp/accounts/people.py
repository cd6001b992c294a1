"""Contacts as they come and go: presence, requests to be seen, names, and what a chat's people are told about them."""

from collections.abc import Callable
from datetime import datetime
from xml.etree.ElementTree import Element

from adapters.xmpp.accounts.contacts import Contact, Contacts
from adapters.xmpp.accounts.faces import PUBSUB_EVENT, Faces
from adapters.xmpp.stanza import fields, ns
from adapters.xmpp.stanza.here import Here, Kind, read_presence
from adapters.xmpp.stanza.parts import Bad, Invite
from bridge.contract.adapter import Inlet
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import IdentityId, NetworkName
from bridge.model.signals import Availability, Presence
from bridge.text.escape import strip_controls
from bridge.text.plain import cut

MOST_ASKS = 200
"""Requests that wait for an answer; those beyond it are left to the server, which will show them again."""
ASKS_AN_HOUR = 20
"""Strangers' requests and invitations that become chats; beyond it they only wait in `contacts`, or are nothing."""
_HOUR = 3600.0
_WORDS = 300


class People:
    """`say(jid, words, what)` says something in the chat with somebody; `what` tells it from all else that is said so.

    `renamed(jid)` is told that somebody is called otherwise.
    """

    def __init__(
        self,
        network: NetworkName,
        me: str,
        contacts: Contacts,
        inlet: Inlet,
        tools: Toolbox,
        *,
        faces: Faces,
        say: Callable[[str, str, str], None],
        renamed: Callable[[str], None],
    ) -> None:
        self._network, self._me, self._contacts, self._inlet, self._tools = network, me, contacts, inlet, tools
        self._faces, self._say, self._renamed = faces, say, renamed
        self.asking: dict[str, str] = {}
        """Who asks to see when we are there, and their words."""
        self._lately: list[float] = []

    def presence(self, element: Element) -> None:
        here = read_presence(element)
        if isinstance(here, Bad):
            self._count(here.why)
            return
        jid = here.sender.partition("/")[0]
        if not jid or jid == self._me:
            return
        match here.kind:
            case Kind.AVAILABLE | Kind.UNAVAILABLE:
                self._met(jid, here)
            case Kind.SUBSCRIBE:
                self._asked(jid, here)
            case Kind.SUBSCRIBED | Kind.UNSUBSCRIBED:
                self._answered(jid, here.kind)
            case Kind.UNSUBSCRIBE:
                self.asking.pop(jid, None)

    def published(self, element: Element) -> None:
        """A `<message/>` may tell of what somebody shows of themselves (XEP-0163): only contacts are listened to."""
        items = fields.child(fields.child(element, PUBSUB_EVENT, "event"), PUBSUB_EVENT, "items")
        jid = fields.bare_of(element.get("from"))
        if items is None or self._contacts.get(jid) is None:
            return
        if items.get("node") == ns.AVATAR_METADATA:
            self._faces.published(jid, items)
        elif items.get("node") == ns.NICK:
            nick = next(items.iter(ns.qualified(ns.NICK, "nick")), None)
            if nick is not None and self._contacts.call(jid, fields.text_of(nick)):
                self._renamed(jid)

    def gone(self) -> None:
        """The connection is gone, and with it all that we knew of who is there."""
        for jid in self._contacts.nobody():
            self._signal(jid, Availability.OFFLINE, "")

    def _met(self, jid: str, here: Here) -> None:
        if here.muc is not None:  # of a room that was left, perhaps: who is in one is no contact's device
            self._count("presence-of-rooms")
            return
        if self._contacts.get(jid) is None:
            self._count("presence-of-strangers")
            return
        if here.photo is not None:
            self._faces.pictured(jid, here.photo)
        if here.nick and self._contacts.call(jid, here.nick):
            self._renamed(jid)
        shown = self._contacts.meet(here)
        if shown is not None:
            self._signal(jid, shown.availability, shown.status)

    def _signal(self, jid: str, availability: Availability, status: str) -> None:
        self._inlet.signal(Presence(who=IdentityId(self._network, jid), availability=availability, status=status or None))

    def _asked(self, jid: str, here: Here) -> None:
        if jid in self.asking:
            return
        if len(self.asking) >= MOST_ASKS:
            self._count("asks-without-end")
            return
        words = cut(" ".join(strip_controls(here.status).split()), _WORDS)
        self.asking[jid] = words
        contact = self._contacts.get(jid)
        if (contact is None or not contact.seen) and not self._may_show():
            self._count("asks-not-shown")
            return
        said = f", saying: {words}" if words else ""
        accept, deny, block = (f"`{self._network} {word} {jid}`" for word in ("accept", "deny", "block"))
        ask = f"{jid} asks to see when you are there{said}. Answer to the bot: {accept}, {deny} or {block}."
        self._say(jid, ask, f"asks {self._today():%Y-%m-%d}")

    def invited(self, sender: str, invite: Invite) -> str | None:
        """What its owner is told of an invitation to a room that `sender` sent; None where strangers sent too many."""
        contact = self._contacts.get(sender)
        if (contact is None or not contact.seen) and not self._may_show():
            self._count("invitations-not-shown")
            return None
        by = f"{invite.by} invites" if invite.by == sender else f"{sender} says that {invite.by} invites"
        reason = cut(" ".join(strip_controls(invite.reason).split()), _WORDS)
        said = f", saying: {reason}" if reason else ""
        return f"{by} you to the room {invite.room}{said}. To enter it, say to the bot: `{self._network} join {invite.room}`."

    def _may_show(self) -> bool:
        now = self._tools.clock.monotonic()
        self._lately = [at for at in self._lately if now - at < _HOUR]
        if len(self._lately) >= ASKS_AN_HOUR:
            return False
        self._lately.append(now)
        return True

    def _answered(self, jid: str, kind: Kind) -> None:
        """Told once: the roster says whether it was so before."""
        contact = self._contacts.get(jid) or Contact(jid=jid)
        if kind is Kind.SUBSCRIBED and contact.asked and not contact.seen:
            self._say(jid, f"{jid} lets you see when they are there.", f"lets {self._today().isoformat()}")
        elif kind is Kind.UNSUBSCRIBED and (contact.seen or contact.asked):
            self._say(jid, f"{jid} does not let you see when they are there.", f"refuses {self._today().isoformat()}")

    def _today(self) -> datetime:
        return self._tools.clock.now()

    def _count(self, why: str) -> None:
        self._tools.metrics.count("xmpp_odd_stanzas", kind=why)
