"""Somebody on XMPP, as people's programs are: an account in rooms, on slixmpp's stream and without the bridge's code."""

import asyncio
import itertools
from collections.abc import Callable, Iterable
from typing import Any, Self
from xml.etree.ElementTree import Element, SubElement

import slixmpp

from tests.servers.xmpp import XmppServer

CLIENT = "{jabber:client}"
CORRECT = "{urn:xmpp:message-correct:0}replace"
REPLY = "{urn:xmpp:reply:0}reply"
REACTIONS = "{urn:xmpp:reactions:0}reactions"
RETRACT = "{urn:xmpp:message-retract:1}retract"
STANZA_ID = "{urn:xmpp:sid:0}stanza-id"
MAM = "urn:xmpp:mam:2"
MUC = "http://jabber.org/protocol/muc"
DELAY = "{urn:xmpp:delay}delay"
ADMIN = f"{MUC}#admin"


class Said:
    """One message as it came, in a room or alone."""

    def __init__(self, element: Element) -> None:
        self.element = element
        self.id = element.get("id", "")
        self.sender = element.get("from", "")
        self.room, _, self.nick = self.sender.partition("/")
        self.kind = element.get("type", "normal")
        self.body = element.findtext(f"{CLIENT}body") or ""
        found = {one.get("by"): one.get("id", "") for one in element.iter(STANZA_ID)}
        self.stanza_id = found.get(self.room, "")

    def __repr__(self) -> str:
        return f"<{self.nick or self.sender}> {self.body!r}"

    def relates(self, tag: str) -> str | None:
        """The id that a correction, reply, reaction or retraction names."""
        found = self.element.find(tag)
        return None if found is None else found.get("id")


class XmppClient:
    """`account` of the server, with its name backwards as its password. `heard` grows: what was said, retracted, reacted."""

    def __init__(self, server: XmppServer, account: str) -> None:
        self.server, self.account, self.nick = server, account, account
        self.heard: list[Said] = []
        self.occupants: dict[str, dict[str, Element]] = {}
        """Room → nick → the presence."""
        self.presences: list[Element] = []
        """Outside of rooms."""
        self.subjects: dict[str, str] = {}
        self.connected = False
        self._rooms: list[str] = []
        self._results: dict[str, list[Element]] = {}
        self._grown = asyncio.Condition()
        self._ids = (f"{account}-{number}" for number in itertools.count(1))

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disconnect()

    # the stream

    async def connect(self) -> None:
        """Online, with nothing kept from the connection before but what was heard."""
        stream = slixmpp.ClientXMPP(f"{self.account}@{self.server.domain}/client", self.account[::-1])
        stream.ca_certs = self.server.certificates.ca
        stream.enable_direct_tls = False
        stream.add_filter("in", self._take)
        up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        stream.add_event_handler("session_start", lambda _: up.done() or up.set_result(None))
        stream.add_event_handler("failed_all_auth", lambda _: up.done() or up.set_exception(RuntimeError("not let in")))
        stream.add_event_handler("disconnected", self._lost)
        stream.connect(self.server.host, self.server.port)
        self._stream = stream
        async with asyncio.timeout(20):
            await up
        stream.send_presence()
        self.connected = True

    async def disconnect(self) -> None:
        self._stream.cancel_connection_attempt()
        if self.connected:
            await self._stream.disconnect(wait=1.0)

    async def reconnect(self) -> None:
        """After the server was away: a new stream, in the rooms as before."""
        self._stream.cancel_connection_attempt()
        self.occupants.clear()
        await self.connect()
        for room in list(self._rooms):
            await self.join(room, self.nick)

    async def _lost(self, _: Any) -> None:
        async with self._grown:
            self.connected = False
            self._grown.notify_all()

    def _take(self, stanza: Any) -> Any:
        element = getattr(stanza, "xml", None)
        if element is not None:
            self._sort(element)
            self._tasks = asyncio.ensure_future(self._tell())
        return stanza

    async def _tell(self) -> None:
        async with self._grown:
            self._grown.notify_all()

    def _sort(self, element: Element) -> None:
        name = element.tag.removeprefix(CLIENT)
        room, _, nick = element.get("from", "").partition("/")
        if name == "presence" and nick and element.find(f"{{{MUC}#user}}x") is not None:
            here = self.occupants.setdefault(room, {})
            if element.get("type") == "unavailable":
                here.pop(nick, None)
            elif element.get("type") is None:
                here[nick] = element
        elif name == "presence":
            self.presences.append(element)
        elif name == "message":
            result = element.find(f"{{{MAM}}}result")
            if result is not None:
                self._results.setdefault(result.get("queryid", ""), []).append(result)
                return
            subject = element.find(f"{CLIENT}subject")
            if subject is not None and element.find(f"{CLIENT}body") is None:
                self.subjects[room] = subject.text or ""
            self.heard.append(Said(element))

    def present(self, to: str, kind: str) -> None:
        """subscribe, subscribed, …"""
        self._stream.send_raw(_written(Element(f"{CLIENT}presence", {"to": to, "type": kind})))

    async def meets(self, who: str, kind: str | None = None, timeout: float = 20.0) -> Element:
        """Waits for a presence of that kind (None: they are there), past or to come, and takes it off the list."""
        return await self.notices(lambda one: one.get("from", "").partition("/")[0] == who and one.get("type") == kind, timeout)

    async def notices(self, wanted: Callable[[Element], bool], timeout: float = 20.0) -> Element:
        """Waits for such a presence, past or to come, and takes it off the list."""

        def found() -> Element | None:
            return next((one for one in self.presences if wanted(one)), None)

        await self.until(lambda: found() is not None, timeout)
        met = found()
        assert met is not None
        self.presences.remove(met)
        return met

    # rooms

    async def join(self, room: str, nick: str | None = None) -> None:
        """Returns when one is in."""
        self.nick = nick or self.account
        if room not in self._rooms:
            self._rooms.append(room)
        element = Element(f"{CLIENT}presence", {"to": f"{room}/{self.nick}"})
        SubElement(SubElement(element, f"{{{MUC}}}x"), f"{{{MUC}}}history", {"maxstanzas": "0"})
        self._stream.send_raw(_written(element))
        await self.until(lambda: self.nick in self.occupants.get(room, {}), 20)

    async def leave(self, room: str) -> None:
        self._rooms.remove(room)
        self._stream.send_raw(_written(Element(f"{CLIENT}presence", {"to": f"{room}/{self.nick}", "type": "unavailable"})))
        await self.until(lambda: self.nick not in self.occupants.get(room, {}), 20)

    def rename(self, room: str, nick: str) -> None:
        self.nick = nick
        self._stream.send_raw(_written(Element(f"{CLIENT}presence", {"to": f"{room}/{nick}"})))

    def say(self, to: str, text: str, *children: Element, kind: str = "groupchat", id: str | None = None) -> str:
        """The id that it has."""
        id = id or next(self._ids)
        element = Element(f"{CLIENT}message", {"to": to, "type": kind, "id": id})
        if text:
            SubElement(element, f"{CLIENT}body").text = text
        element.extend(children)
        self._stream.send_raw(_written(element))
        return id

    def raw(self, text: str) -> None:
        """Whatever it is, as it is."""
        self._stream.send_raw(text)

    async def is_through(self) -> None:
        """The server has dealt with all that was sent."""
        await self.ask(self.server.domain, "get", Element("{urn:xmpp:ping}ping"))

    def correct(self, room: str, id: str, text: str) -> str:
        return self.say(room, text, Element(CORRECT, {"id": id}))

    def reply(self, room: str, said: Said, text: str) -> str:
        return self.say(room, text, Element(REPLY, {"id": said.stanza_id, "to": said.sender}))

    def react(self, room: str, id: str, keys: Iterable[str]) -> str:
        """The whole set: what is not in it is taken back."""
        element = Element(REACTIONS, {"id": id})
        for key in keys:
            SubElement(element, "{urn:xmpp:reactions:0}reaction").text = key
        return self.say(room, "", element)

    def retract(self, room: str, id: str) -> str:
        return self.say(room, "", Element(RETRACT, {"id": id}))

    def subject(self, room: str, text: str) -> None:
        subject = Element(f"{CLIENT}subject")
        subject.text = text
        self.say(room, "", subject)

    async def kick(self, room: str, nick: str) -> None:
        await self.rank(room, nick=nick, role="none")

    async def rank(self, room: str, **item: str) -> None:
        """A role of a nick, or an affiliation of a jid."""
        query = Element(f"{{{ADMIN}}}query")
        SubElement(query, f"{{{ADMIN}}}item", item)
        await self.ask(room, "set", query)

    def role(self, room: str, nick: str) -> str | None:
        """As the room last said it; None where nobody has that nick."""
        here = self.occupants.get(room, {}).get(nick)
        item = None if here is None else here.find(f"{{{MUC}#user}}x/{{{MUC}#user}}item")
        return None if item is None else item.get("role")

    async def configure(self, room: str, **fields: str) -> None:
        """As its owner; each `muc#roomconfig_…` by the rest of its name."""
        query = Element(f"{{{MUC}#owner}}query")
        form = SubElement(query, "{jabber:x:data}x", {"type": "submit"})
        names = {"FORM_TYPE": f"{MUC}#roomconfig"} | {f"muc#roomconfig_{name}": value for name, value in fields.items()}
        for name, value in names.items():
            SubElement(SubElement(form, "{jabber:x:data}field", {"var": name}), "{jabber:x:data}value").text = value
        await self.ask(room, "set", query)

    async def ask(self, to: str, kind: str, child: Element) -> Element:
        """The answer; slixmpp's `IqError` where it is a refusal."""
        iq = self._stream.make_iq(ito=to, itype=kind)
        iq.append(child)
        answer: Element = (await iq.send(timeout=20)).xml
        return answer

    async def archive(self, room: str, after: str = "") -> list[tuple[Said, str]]:
        """Everything that the room keeps behind the id `after`, oldest first, each with its id there."""
        found: list[tuple[Said, str]] = []
        while True:
            query = Element(f"{{{MAM}}}query", {"queryid": (token := next(self._ids))})
            page = SubElement(query, "{http://jabber.org/protocol/rsm}set")
            SubElement(page, "{http://jabber.org/protocol/rsm}max").text = "100"
            SubElement(page, "{http://jabber.org/protocol/rsm}after").text = after or None
            if not after:
                page.remove(page[-1])
            answer = await self.ask(room, "set", query)
            for result in self._results.pop(token, []):
                message = result.find(f".//{CLIENT}message")
                if message is not None:
                    found.append((Said(message), result.get("id", "")))
            fin = answer.find(f"{{{MAM}}}fin")
            if fin is None or fin.get("complete") == "true" or (found and found[-1][1] == after):
                return found
            after = found[-1][1]

    # waiting

    async def sees(self, wanted: Callable[[Said], bool], timeout: float = 20.0) -> Said:
        """Waits for a message, past or to come."""
        async with asyncio.timeout(timeout), self._grown:
            while True:
                for said in self.heard:
                    if wanted(said):
                        return said
                await self._grown.wait()

    async def hears(self, text: str, timeout: float = 20.0) -> Said:
        return await self.sees(lambda said: text in said.body, timeout)

    async def until(self, done: Callable[[], bool], timeout: float = 60.0) -> None:
        async with asyncio.timeout(timeout), self._grown:
            await self._grown.wait_for(done)


def _written(element: Element) -> str:
    return str(slixmpp.xmlstream.tostring(element, xmlns="", top_level=True))
