"""A component's connection as bare as can be: it speaks in a room under many names, and hears what one of them is told."""

import asyncio
import hashlib
from collections.abc import Callable, Collection
from typing import Any
from xml.sax.saxutils import escape, quoteattr

_HELLO = "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='{}'>"
_MUC = "<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x>"
Heard = Callable[[str, bytes], None]
"""(nick of who said it, the body as it stands in the stream)."""


class Bare(asyncio.Protocol):
    """`host`: its name. Each name is a nick in `room` and a local part; `ear` is the one that hears, once `heard` is set."""

    def __init__(self, host: str, secret: str, room: str, ear: str) -> None:
        self.host, self.room, self.ear = host, room, ear
        self.up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard: Heard | None = None
        self.inside: set[str] = set()
        self.copies = 0
        """Messages that came for anybody of ours."""
        self.transport: Any = None
        self._secret = secret
        self._grown = asyncio.Event()
        self._mine = f"to='{ear}@{host}/x'".encode()
        self._rest = b""

    @classmethod
    async def connected(cls, port: int, host: str, secret: str, room: str, ear: str) -> "Bare":
        """With `ear` in the room."""
        _, bare = await asyncio.get_running_loop().create_connection(lambda: cls(host, secret, room, ear), "127.0.0.1", port)
        async with asyncio.timeout(20):
            await bare.up
            await bare.join(ear)
        return bare

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(_HELLO.format(self.host).encode())

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        if not self.up.done():
            self._greet(data)
            return
        *pieces, self._rest = data.split(b"</message>")
        self.copies += len(pieces)
        for piece in pieces:
            if self._mine in piece and self.heard is not None:
                head, _, words = piece.rpartition(b"<message")[2].partition(b"<body>")
                self.heard(_nick(head), words.partition(b"</body>")[0])
            if b"code='110'" in piece:
                self._came(piece)
        if b"code='110'" in self._rest and self._rest.endswith(b"</presence>"):
            self._came(self._rest)
            self._rest = b""

    def _greet(self, data: bytes) -> None:
        if b"<handshake/>" in data:
            self.up.set_result(None)
        elif b"id='" in data:
            id = data.partition(b"id='")[2].partition(b"'")[0].decode()
            self.transport.write(f"<handshake>{hashlib.sha1(f'{id}{self._secret}'.encode()).hexdigest()}</handshake>".encode())

    def _came(self, data: bytes) -> None:
        for presence in data.split(b"</presence>"):
            if b"code='110'" in presence:
                self.inside.add(_nick(presence.rpartition(b"<presence")[2]))
        self._grown.set()

    def enter(self, name: str, room: str = "") -> None:
        """Asked for; what the name says next stands behind it. Another `room` than ours is named."""
        self.transport.write(
            f"<presence from='{name}@{self.host}/x' to={quoteattr(f'{room or self.room}/{name}')}>{_MUC}</presence>".encode()
        )

    async def join(self, name: str) -> None:
        """Returns when it is in."""
        self.enter(name)
        await self.are_in([name])

    async def are_in(self, names: Collection[str]) -> None:
        while not self.inside.issuperset(names):
            self._grown.clear()
            await self._grown.wait()

    def say(self, name: str, text: str, id: str) -> None:
        head = f"<message from='{name}@{self.host}/x' to='{self.room}' type='groupchat' id='{id}'>"
        self.transport.write(f"{head}<body>{escape(text)}</body></message>".encode())


def _nick(head: bytes) -> str:
    """Of who sent a stanza, out of its start tag."""
    return head.partition(b" from='")[2].partition(b"'")[0].partition(b"/")[2].decode()
