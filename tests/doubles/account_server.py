"""A small XMPP server for people's accounts: TLS, a login, stream management, an archive, and what goes wrong between."""

import asyncio
import base64
import itertools
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree.ElementTree import Element, SubElement, XMLPullParser, fromstring

from adapters.xmpp.wire.markup import written
from bridge.matrix.shutting import shut
from tests.doubles.muc_service import RoomService
from tests.servers.certificates import issue

HOST, USER, PASSWORD = "example.org", "juliet", "wherefore"
JID = f"{USER}@{HOST}"
MUC = f"muc.{HOST}"
MAM, RSM, FORWARD = "urn:xmpp:mam:2", "http://jabber.org/protocol/rsm", "urn:xmpp:forward:0"
UPLOAD, ITEMS = "urn:xmpp:http:upload:0", "http://jabber.org/protocol/disco#items"
CARBONS, INFO, ROSTER = "urn:xmpp:carbons:2", "http://jabber.org/protocol/disco#info", "jabber:iq:roster"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
HEAD = (
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
    f"from='{HOST}' id='s' version='1.0'>"
)
BOOKMARKS, PRIVATE = "urn:xmpp:bookmarks:1", "jabber:iq:private"
PUBSUB = "http://jabber.org/protocol/pubsub"
SASL, SM = "urn:ietf:params:xml:ns:xmpp-sasl", "urn:xmpp:sm:3"


@cache
def certificate() -> tuple[str, ssl.SSLContext]:
    """Whom to trust (a file), and what the server shows."""
    folder = TemporaryDirectory(prefix="unabridged-certificates-")
    made = issue(Path(folder.name), HOST)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.chain, made.key)
    _KEPT.append(folder)
    return str(made.ca), context


_KEPT: list[TemporaryDirectory[str]] = []


class AccountServer:
    """One account, `juliet@example.org`. Use `start`; `stop` leaves no socket."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.logins = 0
        self.seen: list[Element] = []
        """Every stanza of the account's clients, the negotiation left out."""
        self.on_stanza: Callable[[Element], None] = lambda stanza: None
        self.roster: list[tuple[str, str, str]] = []
        """(address, name, subscription)."""
        self.archive: list[tuple[str, str, datetime]] = []
        """(id, message, when)."""
        self.bookmarks: dict[str, str] | None = {}
        """By room, as XML; None: the server keeps none but in `stored`."""
        self.simple = False
        """It knows few of the conditions on which something is published."""
        self.stored = f"<query xmlns='{PRIVATE}'><storage xmlns='storage:bookmarks'/></query>"
        self.mislaid = False
        """The archive can't be read now."""
        self.picture = ""
        """Everybody's, in base64."""
        self.features = [MAM, "urn:xmpp:sid:0", CARBONS, "urn:xmpp:blocking"]
        self.mechanisms = ["PLAIN"]
        self.managed, self.resumes = True, True
        self.acknowledges = True
        """Answers when it is asked what it has."""
        self.silent = False
        """Reads, and answers no request."""
        self.sessions: dict[str, list[str]] = {}
        """What was sent and not acknowledged, by session."""
        self.counts: dict[str, int] = {}
        self.told = 0
        """How often a client said what it has."""
        self.full = f"{JID}/x"
        """The address that was bound last."""
        self.rooms = RoomService(HOST, lambda element: self.send(_as_client(element)))
        """At `MUC`; people in them are of other hosts than the account."""
        self.port = 0
        self._server: asyncio.Server | None = None

    @classmethod
    async def start(cls) -> "AccountServer":
        self = cls()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        self.cut()
        if self._server is not None:
            await shut(self._server)
            self.cut()  # who was just coming in
            await self._server.wait_closed()
        await asyncio.gather(*(one.over.wait() for one in self.connections))

    def cut(self) -> None:
        """Every connection ends as if the line had been cut."""
        for connection in self.connections:
            connection.writer.transport.abort()

    def send(self, *stanzas: Element | str) -> None:
        """To every client that has a session."""
        for stanza in stanzas:
            text = stanza if isinstance(stanza, str) else written(stanza)
            for connection in self.connections:
                if connection.bound and not connection.over.is_set():
                    connection.stanza(text)

    def ask(self) -> None:
        """What do the clients have?"""
        for connection in self.connections:
            connection.say(f"<r xmlns='{SM}'/>")

    def owed(self) -> list[str]:
        """What no client says to have."""
        return [text for session in self.sessions.values() for text in session]

    def messages(self) -> Sequence[Element]:
        return [one for one in self.seen if one.tag.endswith("}message")]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        self.connections.append(connection)
        try:
            await connection.run()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            connection.over.set()
            writer.close()


def _as_client(element: Element) -> Element:
    """As it is spelled between a server and its people."""
    for one in element.iter():
        one.tag = one.tag.replace("{jabber:component:accept}", "{jabber:client}")
    return element


class Connection:
    _numbers = itertools.count(1)

    def __init__(self, server: AccountServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.over = asyncio.Event()
        self.bound = self.secure = self.known = self.counting = False
        self.session = ""
        self.taken = 0
        self.acked = 0
        self._parser = XMLPullParser(("start", "end"))
        self._depth = 0

    def say(self, text: str) -> None:
        if not self.over.is_set():
            self.writer.write(text.encode())

    def stanza(self, text: str) -> None:
        if self.session:
            self.server.sessions[self.session].append(text)
        self.say(text)

    async def run(self) -> None:
        while data := await self.reader.read(65536):
            self._parser.feed(data)
            parser = self._parser
            for event, element in parser.read_events():
                if event == "start":
                    self._depth += 1
                    if self._depth == 1:
                        self.say(HEAD + self._features())
                else:
                    self._depth -= 1
                    if self._depth == 0:
                        return
                    if self._depth == 1:
                        await self._heard(element)
                        if self._parser is not parser:
                            break

    def _features(self) -> str:
        if not self.secure:
            inner = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
        elif not self.known:
            names = "".join(f"<mechanism>{name}</mechanism>" for name in self.server.mechanisms)
            inner = f"<mechanisms xmlns='{SASL}'>{names}</mechanisms>"
        else:
            inner = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>" + (f"<sm xmlns='{SM}'/>" if self.server.managed else "")
        return f"<stream:features>{inner}</stream:features>"

    def _restart(self) -> None:
        self._parser, self._depth = XMLPullParser(("start", "end")), 0

    async def _heard(self, element: Element) -> None:
        space, _, name = element.tag[1:].partition("}")
        if name == "starttls":
            self.say("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            self._restart()
            await self.writer.start_tls(certificate()[1])
            self.secure = True
        elif name == "auth":
            self._log_in(element)
        elif space == SM:
            self._manage(name, element)
        else:
            self._stanza(name, element)

    def _log_in(self, element: Element) -> None:
        self.server.logins += 1
        if base64.b64decode(element.text or "") != f"\0{USER}\0{PASSWORD}".encode():
            self.say(f"<failure xmlns='{SASL}'><not-authorized/></failure>")
            return
        self.known = True
        self.say(f"<success xmlns='{SASL}'/>")
        self._restart()

    def _manage(self, name: str, element: Element) -> None:
        server = self.server
        if name == "enable":
            self.session, self.counting = f"session{next(self._numbers)}", True
            server.sessions[self.session], server.counts[self.session] = [], 0
            resume = "resume='true'" if server.resumes else ""
            self.say(f"<enabled xmlns='{SM}' id='{self.session}' {resume}/>")
        elif name == "resume":
            previous = element.get("previd", "")
            if previous not in server.sessions:
                self.say(f"<failed xmlns='{SM}'><item-not-found xmlns='{STANZAS}'/></failed>")
                return
            self.session, self.counting, self.bound = previous, True, True
            self.taken = server.counts[previous]
            self.say(f"<resumed xmlns='{SM}' previd='{previous}' h='{self.taken}'/>")
            self._acked(int(element.get("h", "")))
            for text in server.sessions[previous]:
                self.say(text)
        elif name == "r" and server.acknowledges:
            self.say(f"<a xmlns='{SM}' h='{self.taken}'/>")
        elif name == "a":
            self._acked(int(element.get("h", "")))

    def _acked(self, h: int) -> None:
        """`sessions` holds what comes after it."""
        owed = self.server.sessions[self.session]
        self.server.told += 1
        base = self.server.counts.setdefault(f"{self.session} acked", 0)
        del owed[: h - base]
        self.server.counts[f"{self.session} acked"] = self.acked = h

    def _stanza(self, name: str, element: Element) -> None:
        if self.counting:
            self.taken += 1
            self.server.counts[self.session] = self.taken
        if name == "iq" and len(element) and element[0].tag.endswith("xmpp-bind}bind"):
            resource = element[0].findtext("{urn:ietf:params:xml:ns:xmpp-bind}resource") or "x"
            bind = f"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>{JID}/{resource}</jid></bind>"
            self.server.full = f"{JID}/{resource}"
            self.say(f"<iq type='result' id='{element.get('id')}'>{bind}</iq>")
            self.bound = True
            return
        self.server.seen.append(element)
        self.server.on_stanza(element)
        if element.get("to", "").partition("/")[0].endswith(f"@{MUC}"):
            element.set("from", self.server.full)
            self.server.rooms.take(element)
            return
        if name == "iq" and element.get("type") in ("get", "set") and not self.server.silent:
            self._answer(element, element[0])

    def _answer(self, iq: Element, query: Element) -> None:
        result = Element("iq", {"type": "result", "id": iq.get("id", ""), "from": iq.get("to") or JID})
        space, _, _ = query.tag[1:].partition("}")
        if space == ITEMS:
            items = SubElement(result, f"{{{ITEMS}}}query")
            SubElement(items, f"{{{ITEMS}}}item", {"jid": HOST})
        elif space == INFO:
            info = SubElement(result, f"{{{INFO}}}query")
            for feature in self.server.features:
                SubElement(info, f"{{{INFO}}}feature", {"var": feature})
        elif space == ROSTER and iq.get("type") == "get":
            roster = SubElement(result, query.tag)
            for jid, name, subscription in self.server.roster:
                SubElement(roster, f"{{{ROSTER}}}item", {"jid": jid, "name": name, "subscription": subscription})
        elif space == "vcard-temp":
            card = SubElement(result, query.tag)
            SubElement(SubElement(card, "{vcard-temp}PHOTO"), "{vcard-temp}BINVAL").text = self.server.picture
        elif space == PUBSUB and query[0].get("node") == BOOKMARKS:
            self._keep(iq, query, result)
        elif space == PRIVATE:
            if iq.get("type") == "set":
                self.server.stored = written(query)
            result.append(fromstring(self.server.stored))
        elif space == PUBSUB:
            item = SubElement(SubElement(SubElement(result, query.tag), f"{{{PUBSUB}}}items"), f"{{{PUBSUB}}}item")
            SubElement(item, "{urn:xmpp:avatar:data}data").text = self.server.picture
        elif space == UPLOAD:
            slot = SubElement(result, f"{{{UPLOAD}}}slot")
            name = query.get("filename")
            SubElement(slot, f"{{{UPLOAD}}}put", {"url": f"https://{HOST}/put/{name}"})
            SubElement(slot, f"{{{UPLOAD}}}get", {"url": f"https://{HOST}/get/{name}"})
        elif space == MAM:
            page = None if self.server.mislaid else self._page(query)
            if page is None:
                result.set("type", "error")
                SubElement(SubElement(result, "error", {"type": "cancel"}), f"{{{STANZAS}}}item-not-found")
            else:
                result.append(page)
        self.stanza(written(result))

    def _keep(self, iq: Element, query: Element, result: Element) -> None:
        """Bookmarks as items (XEP-0402), where the server knows that."""
        kept, done = self.server.bookmarks, query[0]
        if kept is None:
            result.set("type", "error")
            SubElement(SubElement(result, "error", {"type": "cancel"}), f"{{{STANZAS}}}feature-not-implemented")
        elif iq.get("type") == "get":
            items = SubElement(SubElement(result, query.tag), f"{{{PUBSUB}}}items", {"node": BOOKMARKS})
            for id, conference in kept.items():
                SubElement(items, f"{{{PUBSUB}}}item", {"id": id}).append(fromstring(conference))
        elif done.tag.endswith("}publish") and self.server.simple and "pubsub#max_items" in written(query):
            result.set("type", "error")
            SubElement(SubElement(result, "error", {"type": "wait"}), f"{{{STANZAS}}}resource-constraint")
        elif done.tag.endswith("}publish"):
            kept[done[0].get("id", "")] = written(done[0][0])
        else:
            kept.pop(done[0].get("id", ""), None)

    def _page(self, query: Element) -> Element | None:
        kept = self.server.archive
        after = query.findtext(f"{{{RSM}}}set/{{{RSM}}}after")
        if after is not None:
            at = next((index for index, one in enumerate(kept) if one[0] == after), None)
            if at is None:
                return None
            kept = kept[at + 1 :]
        most = int(query.findtext(f"{{{RSM}}}set/{{{RSM}}}max") or "50")
        page = kept[:most]
        for id, message, when in page:
            wrapping = Element("message", {"from": JID, "to": self.server.full})
            result = SubElement(wrapping, f"{{{MAM}}}result", {"id": id, "queryid": query.get("queryid", "")})
            forwarded = SubElement(result, f"{{{FORWARD}}}forwarded")
            stamp = when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            SubElement(forwarded, "{urn:xmpp:delay}delay", {"stamp": stamp})
            forwarded.append(fromstring(message))
            self.stanza(written(wrapping))
        fin = Element(f"{{{MAM}}}fin", {"complete": "true"} if len(page) == len(kept) else {})
        if page:
            SubElement(SubElement(fin, f"{{{RSM}}}set"), f"{{{RSM}}}last").text = page[-1][0]
        return fin
