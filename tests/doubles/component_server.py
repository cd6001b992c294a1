"""A small XMPP server for one component: the handshake, rooms, and what goes wrong between. Over a real socket."""

import asyncio
import hashlib
from collections.abc import Sequence
from xml.etree.ElementTree import Element, XMLPullParser

from adapters.xmpp.wire.markup import written
from bridge.matrix.shutting import shut
from tests.doubles.component_uploads import ABOVE, UPLOAD, UploadService, answered
from tests.doubles.muc_room import STANZAS, Room
from tests.doubles.muc_service import RoomService

SECRET = "let me in"
HOST = "matrix.example.org"
STREAM_HEAD = (
    "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' id='{id}' from='{host}'>"
)


class ComponentServer:
    """`service` has rooms at any host but the component's. Use `start`; `stop` leaves no socket."""

    def __init__(self) -> None:
        self.service = RoomService(HOST, self.send)
        self.connections: list[Connection] = []
        self.seen: list[Element] = []
        """Every stanza the component sent, fences left out."""
        self.forgets = True
        """When a connection ends, rooms put its people out; Prosody doesn't."""
        self.uploads: UploadService | None = None
        self.silent = False
        """Reads, and answers nothing: not even a fence."""
        self.port = 0
        self._server: asyncio.Server | None = None

    @classmethod
    async def start(cls) -> "ComponentServer":
        self = cls()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        self.cut()
        if self._server is not None:
            await shut(self._server)
            self.cut()  # who was just coming in
            await self._server.wait_closed()

    def cut(self) -> None:
        """Every connection ends as if the server had died."""
        for connection in list(self.connections):
            connection.transport.abort()

    def room(self, jid: str) -> Room:
        return self.service.room(jid)

    def send(self, *elements: Element | str) -> None:
        for element in elements:
            for connection in self.connections:
                if connection.accepted:
                    connection.write(element if isinstance(element, str) else written(element))

    def fail(self, condition: str, text: str = "") -> None:
        """A stream error, and the end."""
        streams = "urn:ietf:params:xml:ns:xmpp-streams"
        said = f"<text xmlns='{streams}'>{text}</text>" if text else ""
        for connection in list(self.connections):
            connection.write(f"<stream:error><{condition} xmlns='{streams}'/>{said}</stream:error></stream:stream>")
            connection.transport.close()

    def said(self) -> Sequence[Element]:
        """The messages of the component, as it sent them."""
        return [one for one in self.seen if one.tag.endswith("}message")]

    def take(self, stanza: Element) -> None:
        name, to = stanza.tag.rpartition("}")[2], stanza.get("to", "")
        bare = to.partition("/")[0]
        if name == "iq" and bare == HOST:
            if not self.silent:
                self.send(stanza)
            return
        if name == "iq" and bare in (ABOVE, UPLOAD):
            if not self.silent:
                self.send(answered(stanza, self.uploads))
            return
        self.seen.append(stanza)
        if self.silent or not bare.partition("@")[0] or "@" not in bare:
            return
        self.service.take(stanza)


class Connection(asyncio.Protocol):
    def __init__(self, server: ComponentServer) -> None:
        self._server = server
        self._parser = XMLPullParser(("start", "end"))
        self._depth = 0
        self._id = hashlib.sha256(str(id(self)).encode()).hexdigest()[:12]
        self.accepted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._server.connections.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self._server.connections:
            self._server.connections.remove(self)
        if self.accepted and self._server.forgets:
            for room in self._server.service.rooms.values():
                for nick in [nick for nick, one in room.occupants.items() if f"@{HOST}/" in one.jid]:
                    room.leave(nick)

    def write(self, data: str) -> None:
        if not self.transport.is_closing():
            self.transport.write(data.encode())

    def data_received(self, data: bytes) -> None:
        self._parser.feed(data)
        for event, element in self._parser.read_events():
            assert isinstance(element, Element)
            if event == "start":
                self._depth += 1
                if self._depth == 1:
                    self._open(element)
                continue
            self._depth -= 1
            if self._depth == 0:
                self.write("</stream:stream>")
                self.transport.close()
            elif self._depth == 1:
                self._take(element)

    def _open(self, head: Element) -> None:
        self.write(STREAM_HEAD.format(id=self._id, host=HOST))
        if head.get("to") != HOST:
            self._refuse("host-unknown")

    def _take(self, element: Element) -> None:
        if self.accepted:
            self._server.take(element)
        elif element.text == hashlib.sha1(f"{self._id}{SECRET}".encode()).hexdigest():
            self.accepted = True
            self.write("<handshake/>")
        else:
            self._refuse("not-authorized")

    def _refuse(self, condition: str) -> None:
        self.write(f"<stream:error><{condition} xmlns='{STANZAS.replace('stanzas', 'streams')}'/></stream:error></stream:stream>")
        self.transport.close()
