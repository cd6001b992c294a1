"""Whom an account knows: its roster (RFC 6121 §2), who is there, and who asks to be let in. Pure."""

from collections.abc import Iterable
from xml.etree.ElementTree import Element

from msgspec import Struct

from adapters.xmpp.ids import bare, resource_of
from adapters.xmpp.stanza.here import Here, Kind
from bridge.model.signals import Availability
from bridge.text.escape import strip_controls
from bridge.text.plain import cut

ROSTER = "jabber:iq:roster"
_MOST_CONTACTS = 20_000
_MOST_RESOURCES = 16
"""Of one contact that are told apart; real people have a handful."""
_NAME_GRAPHEMES = 100
_STATUS_GRAPHEMES = 300


class Contact(Struct, frozen=True, kw_only=True):
    """`subscription`: none, to (we see them), from (they see us), both. `asked`: we asked to see them, and have no answer."""

    jid: str
    name: str = ""
    subscription: str = "none"
    asked: bool = False

    @property
    def seen(self) -> bool:
        """They let us see when they are there."""
        return self.subscription in ("to", "both")

    @property
    def sees(self) -> bool:
        """We let them see when we are there."""
        return self.subscription in ("from", "both")


class Shown(Struct, frozen=True):
    """How a contact appears."""

    availability: Availability
    status: str = ""


class Contacts:
    def __init__(self) -> None:
        self._all: dict[str, Contact] = {}
        self._nicks: dict[str, str] = {}
        self._there: dict[str, dict[str, tuple[int, Shown]]] = {}
        self._heard_of: set[str] = set()
        """Those of whom this connection said anything: what an earlier run showed of all others may stand yet."""

    def get(self, jid: str) -> Contact | None:
        return self._all.get(jid)

    def all(self) -> Iterable[Contact]:
        """By address."""
        return [self._all[jid] for jid in sorted(self._all)]

    def name_of(self, jid: str) -> str | None:
        """As the account's owner calls them, else as they call themselves."""
        contact = self._all.get(jid)
        return (contact.name if contact is not None else "") or self._nicks.get(jid)

    def call(self, jid: str, nick: str) -> bool:
        """A contact calls themselves so (XEP-0172); whether that is what they are shown as now, and were not before."""
        before, name = self.name_of(jid), cut(" ".join(strip_controls(nick).split()), _NAME_GRAPHEMES)
        if jid in self._all and name:
            self._nicks[jid] = name
        return self.name_of(jid) != before

    def sees(self, jid: str) -> bool:
        contact = self._all.get(jid)
        return contact is not None and contact.sees

    def fill(self, query: Element) -> None:
        """The whole roster, as asked for."""
        self._all = {}
        self.push(query)

    def push(self, query: Element) -> list[Contact]:
        """What changed of it; returns those that are called otherwise than before."""
        renamed: list[Contact] = []
        for item in query:
            contact = _contact(item)
            if contact is None:
                continue
            if item.get("subscription") == "remove":
                self._all.pop(contact.jid, None)
                self._nicks.pop(contact.jid, None)
                self._there.pop(contact.jid, None)
                self._heard_of.discard(contact.jid)
            elif contact.jid in self._all or len(self._all) < _MOST_CONTACTS:
                before = self._all.get(contact.jid)
                self._all[contact.jid] = contact
                if before is not None and before.name != contact.name:
                    renamed.append(contact)
        return renamed

    # presence

    def shown(self, jid: str) -> Shown:
        """Of the device that the server would send to first."""
        there = self._there.get(jid)
        return max(there.values(), key=lambda one: one[0])[1] if there else Shown(Availability.OFFLINE)

    def meet(self, here: Here) -> Shown | None:
        """Somebody came, went or changed; how they appear now, where that is news: not as before, or the first of them."""
        jid, resource = here.sender.partition("/")[0], resource_of(here.sender)
        before: Shown | None = self.shown(jid)
        if jid in self._all and jid not in self._heard_of:
            self._heard_of.add(jid)
            before = None
        if here.kind is Kind.AVAILABLE:
            there = self._there.setdefault(jid, {})
            if resource not in there and len(there) >= _MOST_RESOURCES:
                return None
            there[resource] = (here.priority, Shown(_availability(here.show), _status(here.status)))
        elif jid in self._there:
            self._there[jid].pop(resource, None)
            if not resource or not self._there[jid]:
                del self._there[jid]
        after = self.shown(jid)
        return after if after != before else None

    def nobody(self) -> list[str]:
        """The connection is gone: nothing is known of anybody. Returns who was there."""
        there, self._there = list(self._there), {}
        self._heard_of.clear()
        return there


def _contact(item: Element) -> Contact | None:
    if item.tag != f"{{{ROSTER}}}item":
        return None
    try:
        jid = bare(item.get("jid", ""))
    except ValueError:
        return None
    name = cut(" ".join(strip_controls(item.get("name", "")).split()), _NAME_GRAPHEMES)
    subscription = item.get("subscription", "none")
    known = subscription in ("none", "to", "from", "both")
    return Contact(jid=jid, name=name, subscription=subscription if known else "none", asked=item.get("ask") == "subscribe")


def _availability(show: str) -> Availability:
    return Availability.ONLINE if show in ("", "chat") else Availability.AWAY


def _status(text: str) -> str:
    return cut(" ".join(strip_controls(text).split()), _STATUS_GRAPHEMES)
