"""One component connection (XEP-0114), from its handshake to its end.

The protocol has no acknowledgements, so what is written is proven by what comes back: a reflection from a room, a receipt of a
person, or a *fence*: a ping to ourselves, which the server routes back behind all that it took from us before. One fence covers
everything that was written since the one before.

Nothing is kept for the next connection: what cannot be written now is `Unavailable`, what was written and not proven when the
connection ended is `Uncertain`, and the courier takes it from there. What is written in one turn of the loop leaves in one piece.
"""

import asyncio
import ssl
from typing import Protocol
from xml.etree.ElementTree import Element

from adapters.xmpp.config import XmppConfig, address
from adapters.xmpp.wire.asking import ASK_SECONDS, Asking, fail, ping
from adapters.xmpp.wire.markup import written
from adapters.xmpp.wire.skim import IsCopy, never
from adapters.xmpp.wire.stream import COMPONENT, Stream
from adapters.xmpp.wire.verdicts import ODD, verdict_of
from bridge.contract.errors import Disconnected, Rejected, Unavailable, Uncertain
from bridge.contract.toolbox import Toolbox

CONNECT_SECONDS = 30.0
"""For the connection and its handshake, each."""
CLOSE_SECONDS = 2.0
"""How long a goodbye may take before the socket is cut."""
NOT_CONNECTED = "the network is not connected"


class Ear(Protocol):
    """Who hears what comes over a link; in order, each stanza once. What it raises for an odd stanza is counted and logged."""

    def message(self, element: Element) -> None: ...

    def presence(self, element: Element) -> None: ...

    def query(self, element: Element) -> bool:
        """A request (an iq of type get or set) to one of our JIDs. False: not mine, the stream's services see to it."""
        ...


class Link:
    """Use once: `connect`, then whatever until `over`."""

    def __init__(self, config: XmppConfig, tools: Toolbox, ear: Ear, *, is_copy: IsCopy = never) -> None:
        """`is_copy` tells of a message or presence that says nothing that another does not say too: it is dropped unread."""
        self.host = config.component or ""
        self.stream = Stream(self, self.host, config.secret or "", is_copy)
        """For services: `register_plugin`, before `connect`."""
        self._config, self._tools, self._ear = config, tools, ear
        self._loop = asyncio.get_running_loop()
        self.over: asyncio.Future[Disconnected] = self._loop.create_future()
        self._up: asyncio.Future[None] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._why: Disconnected | None = None
        self._buffer: list[str] = []
        self._asking = Asking(tools, server=self.host)
        self._waiting: list[asyncio.Future[None]] = []
        self._fences: dict[str, tuple[float, list[asyncio.Future[None]]]] = {}
        self._read_at = tools.clock.monotonic()
        self._early: list[Element] | None = []
        """What came close behind the handshake, before whoever connects could be told of it."""
        self.paused = False

    # life

    @property
    def up(self) -> bool:
        return self._up.done() and not self.over.done()

    async def connect(self) -> None:
        """Returns when stanzas can be written; the ear hears from the loop's next turn on. Raises `Disconnected` in words."""
        host, port = address(self._config.server)
        secure = await asyncio.to_thread(_context, self._config) if self._config.tls else None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._loop.create_connection(lambda: self.stream, host, port, ssl=secure)
        except ssl.SSLCertVerificationError as error:
            raise Disconnected(f"the certificate of {host} is not to be trusted: {error.verify_message}") from None
        except TimeoutError:
            raise Disconnected(f"{host} port {port} does not answer") from None
        except OSError as error:
            raise Disconnected(f"{host} port {port} cannot be reached: {error.strerror or error}") from None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.wait((self._up, self.over), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            raise Disconnected(f"{host} port {port} answers, but no XMPP server does: is it the port for components?") from None
        if self.over.done():
            raise self.over.result()
        self._loop.call_soon(self._listen)

    async def close(self) -> None:
        """Say goodbye; returns when no socket is left. What was written before still leaves."""
        transport = self.stream.transport
        if transport is None:
            self.end(Disconnected("closed"))
            return
        self._flush()
        if not transport.is_closing():
            transport.write(b"</stream:stream>")
            transport.close()
        self.end(Disconnected("closed"))
        await asyncio.wait((self._gone,), timeout=CLOSE_SECONDS)
        if not self._gone.done():
            transport.abort()
            await self._gone

    def end(self, error: Disconnected) -> None:
        """Whatever ended the connection: everybody who waits is told, once."""
        if self.over.done():
            return
        self.over.set_result(error)
        self._buffer.clear()
        lost = Uncertain(f"the connection was lost before the server answered: {error.reason}")
        for waiter in (*self._waiting, *(one for _, waiters in self._fences.values() for one in waiters)):
            fail(waiter, lost)
        self._asking.end(error.reason)
        self._waiting.clear()
        self._fences.clear()
        if self.stream.transport is not None and not self.stream.transport.is_closing():
            self.stream.transport.close()

    def tick(self) -> None:
        """About once a second: what is not answered in time, and whether anybody is there."""
        now = self._tools.clock.monotonic()
        self._asking.tick()
        if not self.up or self.paused:
            self._read_at = now
            return
        patience = self._config.ping_seconds
        oldest = min((at for at, _ in self._fences.values()), default=None)
        if oldest is not None and now - oldest > patience and now - self._read_at > patience:
            self.end(Disconnected(f"the server has been silent for {now - self._read_at:.0f} seconds"))
        elif oldest is None and now - self._read_at > patience:
            self.fence()

    # writing

    def write(self, element: Element | str) -> None:
        """One stanza, or text that is one, in the order of the calls; it leaves before the loop's next turn.

        Raises `Unavailable` without a connection, `Rejected` where the stanza is larger than the server takes.
        """
        if isinstance(element, Element):
            element = written(element)
        if self.over.done() or self.stream.transport is None or self.stream.transport.is_closing():
            raise Unavailable(NOT_CONNECTED)
        if len(element) > self._config.stanza_bytes // 4 and len(element.encode()) > self._config.stanza_bytes:
            raise Rejected("the message is larger than the server takes")
        if not self._buffer:
            self._loop.call_soon(self._flush)
        self._buffer.append(element)

    def hurry(self) -> None:
        """What was written leaves now, not at the end of the turn, where the answer to whoever gave us the message stands, too.

        For what proves itself by coming back. What is to have a fence waits for it: who is quick must not answer before that.
        """
        self._flush()

    def fence(self) -> "asyncio.Future[None]":
        """Done once the server has dealt with all that was written before. `Uncertain` where the connection ends first."""
        waiter: asyncio.Future[None] = self._loop.create_future()
        if self.over.done():
            fail(waiter, Uncertain(NOT_CONNECTED))
            return waiter
        if not self._buffer and not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(waiter)
        return waiter

    def ask(self, iq: Element, seconds: float = ASK_SECONDS) -> "asyncio.Future[Element]":
        """Write a request and await its answer: the whole iq of type result. It is given an id of ours.

        Raises, here or when awaited: `Unavailable` (no connection), `Refusal` (the answer is an error), `TimeoutError`.
        """
        iq.attrib.setdefault("from", self.host)
        answer = self._asking.begin(iq, seconds)
        try:
            self.write(iq)
        except (Unavailable, Rejected):
            answer.cancel()
            raise
        return answer

    def _flush(self) -> None:
        if self._waiting and not self.over.done():
            iq = ping()
            iq.attrib.update({"id": (id := next(self._asking.ids)), "from": self.host, "to": self.host})
            self._fences[id] = (self._tools.clock.monotonic(), self._waiting)
            self._waiting = []
            self._buffer.append(written(iq))
        data, self._buffer = "".join(self._buffer), []
        transport = self.stream.transport
        if data and transport is not None and not transport.is_closing():
            transport.write(data.encode("utf-8", "replace"))

    # reading

    def pause(self) -> None:
        self.paused = True
        if self.stream.transport is not None and not self.stream.transport.is_closing():
            self.stream.transport.pause_reading()

    def resume(self) -> None:
        self.paused = False
        if self.stream.transport is not None and not self.stream.transport.is_closing():
            self.stream.transport.resume_reading()

    def accepted(self) -> None:
        if not self._up.done():
            self._up.set_result(None)

    def failed(self, error: Element) -> None:
        self._why = verdict_of(error, self.host)

    def closed(self, reason: str) -> None:
        self.end(self._why or Disconnected(reason))
        if not self._gone.done():
            self._gone.set_result(None)

    def _listen(self) -> None:
        early, self._early = self._early or [], None
        for element in early:
            self.received(element)

    def received(self, element: Element) -> None:
        self._read_at = self._tools.clock.monotonic()
        if self._early is not None:
            self._early.append(element)
            return
        space, _, name = element.tag.rpartition("}")
        try:
            if name == "message":
                self._ear.message(element)
            elif name == "presence":
                self._ear.presence(element)
            elif name == "iq":
                self._on_iq(element)
            else:
                self._count("unknown")
        except ODD:  # whatever a server sends, its next stanza still counts: recorded, not hidden
            self._count("raised")
            self._tools.log.exception("passed over a stanza of kind %s%s", space[1:60], name[:40])

    def _on_iq(self, iq: Element) -> None:
        kind, id, sender = iq.get("type"), iq.get("id", ""), iq.get("from", "")
        if kind in ("result", "error"):
            if not self._asking.answered(iq):
                self._count("unasked")
        elif sender == self.host and (fence := self._fences.pop(id, None)) is not None:
            for waiter in fence[1]:
                if not waiter.done():
                    waiter.set_result(None)
        elif not self._ear.query(iq):
            iq.tag = f"{{{COMPONENT}}}iq"
            self.stream.served(iq)

    def _count(self, kind: str) -> None:
        self._tools.metrics.count("xmpp_odd_stanzas", kind=kind)


def _context(config: XmppConfig) -> ssl.SSLContext:
    """Raises `Disconnected` in words."""
    try:
        return ssl.create_default_context(cafile=config.tls_ca)
    except OSError as error:
        raise Disconnected(f"the certificate file cannot be used: {error.strerror or error}", fatal=True) from None
