"""One room of the pretend XMPP server: occupants, reflections, an archive, as XEP-0045 and Prosody 0.12 have them."""

import hashlib
from collections.abc import Callable, Iterable
from copy import deepcopy
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, fromstring

MUC = "http://jabber.org/protocol/muc"
USER = "http://jabber.org/protocol/muc#user"
SID = "urn:xmpp:sid:0"
OCCUPANT = "urn:xmpp:occupant-id:0"
MAM = "urn:xmpp:mam:2"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
CLIENT = "jabber:component:accept"


def named(element: Element, name: str) -> Element | None:
    """The first child of that local name, whatever its namespace."""
    return next((child for child in element if child.tag.rpartition("}")[2] == name), None)


class Occupant:
    def __init__(self, nick: str, jid: str) -> None:
        self.nick, self.jid = nick, jid
        self.role, self.affiliation = "participant", "none"
        self.away = False


class Room:
    """`send(element)` takes what goes to the component; whoever is no `@ours` JID is a person, whose post nobody delivers."""

    def __init__(self, jid: str, ours: str, send: Callable[[Element], None]) -> None:
        self.jid, self._ours, self._send = jid, ours, send
        self.occupants: dict[str, Occupant] = {}
        self.archive: list[tuple[str, datetime, Element]] = []
        self.affiliations: dict[str, str] = {}
        self.name = "A room"
        self.keeps = True
        """Has an archive (XEP-0313), and so gives stanza ids."""
        self.anonymous = True
        self.moderates: str | None = None
        """The namespace of XEP-0425 that it knows."""
        self.moderators: set[str] = set()
        """Nicks that come in as moderators."""
        self.ranked: list[tuple[str, str]] = []
        """(nick, role) that somebody asked for and got."""
        self.bans_by_rank = False
        """As XEP-0045 says it: bans need an affiliation, which a role alone is not."""
        self.members_only = False
        self.password: str | None = None
        self.subject = ""
        self.refusing: list[str] = []
        """Conditions with which the next messages are sent back."""
        self.swallowing = False
        """Messages are taken and shown to people, but their sender's observer never sees them."""
        self.on_message: Callable[[], None] = lambda: None
        self._count = 0

    # what people do

    def enter(self, nick: str, jid: str | None = None, *, role: str = "participant") -> Occupant:
        occupant = self.occupants[nick] = Occupant(nick, jid or f"{nick}@example.org/home")
        occupant.role = role
        occupant.affiliation = "owner" if role == "moderator" else "none"
        self._show(occupant)
        return occupant

    def leave(self, nick: str, codes: Iterable[str] = (), *, reason: str = "", actor: str = "") -> None:
        """Also kicks (307) and bans (301)."""
        occupant = self.occupants.pop(nick)
        codes = set(codes)
        if "301" in codes:
            self.affiliations[occupant.jid.partition("/")[0]] = "outcast"
        occupant.affiliation = "outcast" if "301" in codes else "none"
        for to in (*self.occupants.values(), occupant):
            self._presence(occupant, to, "unavailable", codes=codes, reason=reason, actor=actor)

    def destroy(self, reason: str, *, moved_to: str) -> None:
        """By its owner (XEP-0045 §10.9): nobody is in it any more."""
        gone, self.occupants = [*self.occupants.values()], {}
        for one in gone:
            presence = Element(f"{{{CLIENT}}}presence", {"from": f"{self.jid}/{one.nick}", "to": one.jid, "type": "unavailable"})
            x = SubElement(presence, f"{{{USER}}}x")
            SubElement(x, f"{{{USER}}}item", {"affiliation": "none", "role": "none"})
            SubElement(SubElement(x, f"{{{USER}}}destroy", {"jid": moved_to}), f"{{{USER}}}reason").text = reason
            self._send(presence)

    def rename(self, nick: str, new: str) -> None:
        occupant = self.occupants.pop(nick)
        for to in (*self.occupants.values(), occupant):
            self._presence(occupant, to, "unavailable", codes={"303"}, nick=new)
        occupant.nick = new
        self.occupants[new] = occupant
        self._show(occupant)

    def rank(self, nick: str, role: str) -> None:
        """They have another role from now on."""
        self.occupants[nick].role = role
        self._show(self.occupants[nick])

    def say(self, nick: str, text: str = "", *, id: str = "", more: str = "") -> str:
        """Somebody says something; `more` is XML within the message. Returns its stanza id, empty without an archive."""
        stanza = fromstring(f"<message xmlns='{CLIENT}' type='groupchat'>{more}</message>")
        stanza.set("id", id or f"p{len(self.archive)}-{self._count}")
        if text:
            SubElement(stanza, f"{{{CLIENT}}}body").text = text
        return self.reflect(stanza, self.occupants[nick])

    def throw_out(self, ours: str) -> None:
        """One of the component's is in here no more, and nobody tells it: what a restarted server forgets."""
        self.occupants = {nick: one for nick, one in self.occupants.items() if one.jid.partition("/")[0] != ours}

    # what the component sends

    def presence(self, stanza: Element) -> None:
        sender, nick = stanza.get("from", ""), stanza.get("to", "").partition("/")[2]
        there = next((one for one in self.occupants.values() if one.jid == sender), None)
        if stanza.get("type") == "unavailable":
            if there is not None:
                self.leave(there.nick)
        elif (refusal := self._refusal(stanza, sender, nick)) is not None:
            self.bounce(stanza, refusal)
        elif there is not None and there.nick != nick:
            self.rename(there.nick, nick)
        elif there is None or named(stanza, "x") is not None:  # who is in already is told everything again
            self._join(stanza, there or Occupant(nick, sender))

    def _refusal(self, stanza: Element, sender: str, nick: str) -> str | None:
        holder = self.occupants.get(nick)
        if holder is not None and holder.jid != sender:
            return "conflict"
        affiliation = self.affiliations.get(sender.partition("/")[0], "none")
        if affiliation == "outcast":
            return "forbidden"
        if self.members_only and affiliation == "none":
            return "registration-required"
        join = named(stanza, "x")
        given = named(join, "password") if join is not None else None
        if self.password is not None and (given is None or given.text != self.password):
            return "not-authorized"
        return None

    def _join(self, stanza: Element, newcomer: Occupant) -> None:
        newcomer.affiliation = self.affiliations.get(newcomer.jid.partition("/")[0], "none")
        above = newcomer.affiliation in ("owner", "admin") or newcomer.nick in self.moderators
        newcomer.role = "moderator" if above else "participant"
        for occupant in self.occupants.values():
            if occupant is not newcomer:
                self._presence(occupant, newcomer)
        self.occupants[newcomer.nick] = newcomer
        self._show(newcomer)
        x = named(stanza, "x")
        wish = named(x, "history") if x is not None else None
        if wish is None or wish.get("maxstanzas") != "0":
            since = datetime.fromisoformat(wish.get("since", "")) if wish is not None and wish.get("since") else None
            for _, at, kept in self.archive[-20:]:
                if since is None or at >= since:
                    self._send(self._delayed(kept, at, newcomer.jid))
        subject = Element(f"{{{CLIENT}}}message", {"type": "groupchat", "from": self.jid, "to": newcomer.jid})
        SubElement(subject, f"{{{CLIENT}}}subject").text = self.subject
        self._send(subject)

    def message(self, stanza: Element) -> None:
        sender = next((one for one in self.occupants.values() if one.jid == stanza.get("from")), None)
        if sender is None:
            self.bounce(stanza, "not-acceptable")
        elif self.refusing:
            self.bounce(stanza, self.refusing.pop(0))
        elif sender.role == "visitor":
            self.bounce(stanza, "forbidden")
        else:
            self.reflect(stanza, sender)
            self.on_message()

    def reflect(self, stanza: Element, sender: Occupant) -> str:
        self._count += 1
        shown = deepcopy(stanza)
        shown.set("from", f"{self.jid}/{sender.nick}")
        SubElement(shown, f"{{{OCCUPANT}}}occupant-id", {"id": self._occupant_id(sender)})
        id = ""
        if (subject := named(shown, "subject")) is not None and named(shown, "body") is None:
            self.subject = subject.text or ""
        if self.keeps:
            id = f"s{self._count}"
            SubElement(shown, f"{{{SID}}}stanza-id", {"id": id, "by": self.jid})
        self.archive.append((id, datetime.now(UTC), shown))
        for to in self.occupants.values():
            if to.jid.endswith(f"@{self._ours}") or f"@{self._ours}/" in to.jid:
                if self.swallowing and f"@{self._ours}/" in sender.jid:
                    continue
                copy = deepcopy(shown)
                copy.set("to", to.jid)
                self._send(copy)
        return id

    def moderate(self, id: str) -> None:
        """A moderator took the message with that id back (XEP-0425)."""
        stanza = fromstring(
            f"<message xmlns='{CLIENT}' type='groupchat'><retract xmlns='urn:xmpp:message-retract:1' id='{id}'>"
            f"<moderated xmlns='{self.moderates}'/></retract></message>"
        )
        for to in self.occupants.values():
            if f"@{self._ours}/" in to.jid:
                copy = deepcopy(stanza)
                copy.set("from", self.jid)
                copy.set("to", to.jid)
                self._send(copy)

    def bounce(self, stanza: Element, condition: str, kind: str = "") -> None:
        answer = Element(stanza.tag, {"type": "error", "from": stanza.get("to", ""), "to": stanza.get("from", "")})
        if "id" in stanza.attrib:
            answer.set("id", stanza.attrib["id"])
        waits = ("resource-constraint", "remote-server-timeout", "policy-violation")
        error = SubElement(answer, f"{{{CLIENT}}}error", {"type": kind or ("wait" if condition in waits else "cancel")})
        SubElement(error, f"{{{STANZAS}}}{condition}")
        self._send(answer)

    def pages(self, query: Element, to: str) -> Element:
        """Sends a page of the archive; returns the `<fin/>`. Raises `KeyError` for an id that is not there."""
        form = {field.get("var"): (named(field, "value")) for field in query.iter("{jabber:x:data}field")}
        limits = named(query, "set")
        after = named(limits, "after") if limits is not None else None
        most = named(limits, "max") if limits is not None else None
        kept = self.archive
        if after is not None and after.text:
            at = next((number for number, (id, _, _) in enumerate(kept) if id == after.text), None)
            if at is None:
                raise KeyError(after.text)
            kept = kept[at + 1 :]
        start = form.get("start")
        if start is not None and start.text:
            kept = [one for one in kept if one[1] >= datetime.fromisoformat(start.text)]
        page = kept[: int(most.text) if most is not None and most.text else 50]
        for id, at, stanza in page:
            message = Element(f"{{{CLIENT}}}message", {"from": self.jid, "to": to})
            result = SubElement(message, f"{{{MAM}}}result", {"id": id, "queryid": query.get("queryid", "")})
            forwarded = SubElement(result, "{urn:xmpp:forward:0}forwarded")
            SubElement(forwarded, "{urn:xmpp:delay}delay", {"stamp": at.isoformat()})
            inner = deepcopy(stanza)
            inner.tag = "{jabber:client}message"
            forwarded.append(inner)
            self._send(message)
        fin = Element(f"{{{MAM}}}fin", {} if len(page) < len(kept) else {"complete": "true"})
        if page:
            SubElement(
                SubElement(fin, "{http://jabber.org/protocol/rsm}set"), "{http://jabber.org/protocol/rsm}last"
            ).text = page[-1][0]
        return fin

    # inside

    def _show(self, occupant: Occupant) -> None:
        for to in self.occupants.values():
            self._presence(occupant, to)

    def _presence(
        self,
        of: Occupant,
        to: Occupant,
        kind: str = "",
        *,
        codes: Iterable[str] = (),
        nick: str | None = None,
        reason: str = "",
        actor: str = "",
    ) -> None:
        stanza = Element(f"{{{CLIENT}}}presence", {"from": f"{self.jid}/{of.nick}", "to": to.jid})
        if kind:
            stanza.set("type", kind)
        SubElement(stanza, f"{{{OCCUPANT}}}occupant-id", {"id": self._occupant_id(of)})
        x = SubElement(stanza, f"{{{USER}}}x")
        item = SubElement(x, f"{{{USER}}}item", {"affiliation": of.affiliation, "role": "none" if kind else of.role})
        if nick is not None:
            item.set("nick", nick)
        if not self.anonymous or to.role == "moderator" or of is to:
            item.set("jid", of.jid)
        if reason:
            SubElement(item, f"{{{USER}}}reason").text = reason
        if actor:
            SubElement(item, f"{{{USER}}}actor", {"nick": actor})
        for code in (*codes, *(("110",) if of is to else ())):
            SubElement(x, f"{{{USER}}}status", {"code": code})
        if f"@{self._ours}/" in to.jid:
            self._send(stanza)

    def _delayed(self, kept: Element, at: datetime, to: str) -> Element:
        copy = deepcopy(kept)
        copy.set("to", to)
        SubElement(copy, "{urn:xmpp:delay}delay", {"stamp": at.isoformat(), "from": self.jid})
        return copy

    def _occupant_id(self, occupant: Occupant) -> str:
        return hashlib.sha256(f"{self.jid} {occupant.jid.partition('/')[0]}".encode()).hexdigest()[:20]
