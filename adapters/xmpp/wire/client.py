"""One account's connection: from dialling to its end. What must outlive it is in the `Session`.

What is written in one turn of the loop leaves in one piece. A message is proven by the server's acknowledgement (XEP-0198), where
the server has none by a ping that it answers behind it. What comes is acknowledged when the `Ear` says that it has it.
"""

import asyncio
import ssl
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from msgspec import Struct

from adapters.xmpp.config import XmppConfig
from adapters.xmpp.wire.asking import ASK_SECONDS, Asking, ping
from adapters.xmpp.wire.client_stream import ClientStream
from adapters.xmpp.wire.listener import Ear, Listener
from adapters.xmpp.wire.markup import written
from adapters.xmpp.wire.negotiation import Negotiation
from adapters.xmpp.wire.pen import Pen
from adapters.xmpp.wire.session import Session
from adapters.xmpp.wire.verdicts import Refusal
from bridge.contract.errors import Disconnected, Rejected, Unavailable, Uncertain
from bridge.contract.toolbox import Toolbox

CONNECT_SECONDS = 30.0
"""For one address to answer, and for all of the negotiation."""
CLOSE_SECONDS = 2.0
OWED_AT_MOST = 50
"""Stanzas after which an acknowledgement is asked for, though nobody waits for one."""
NOT_CONNECTED = "the account is not connected"


class Credentials(Struct, frozen=True, kw_only=True):
    """`jid`: bare, prepared. `resource`: the same at each run, so that a new connection takes the place of one that died."""

    jid: str
    password: str
    resource: str

    def __repr__(self) -> str:
        return f"Credentials(jid={self.jid!r})"


class Address(Struct, frozen=True):
    """Where a server may be. `direct`: TLS from the first byte, else STARTTLS."""

    host: str
    port: int
    direct: bool = False


class Client:
    """Use once: `reach`, then whatever until `over`."""

    def __init__(
        self, who: Credentials, config: XmppConfig, tools: Toolbox, ear: Ear, *, session: Session, context: ssl.SSLContext
    ) -> None:
        self._who, self._config, self._tools = who, config, tools
        self.session = session
        self.resumed = False
        """The session before goes on: nothing was missed, and presence stands as it was."""
        self._loop = asyncio.get_running_loop()
        self.over: asyncio.Future[Disconnected] = self._loop.create_future()
        self._up: asyncio.Future[None] = self._loop.create_future()
        self._gone: asyncio.Future[None] | None = None
        self._pen = Pen(lambda: self.stream.transport)
        self._asking = Asking(tools, ("", who.jid, who.jid.rpartition("@")[2]))
        self._negotiation = Negotiation(who.jid, who.password, config, tools, say=self._pen.put, end=self.end)
        self._listener = Listener(
            session,
            self._negotiation,
            self._asking,
            ear,
            self._pen,
            tools,
            risen=self._rise,
            ended=self.end,
            closed=self._closed,
            answer=self.write,
        )
        self.stream = self._listener.stream = ClientStream(self._listener, f"{who.jid}/{who.resource}", context)
        self._asked_at = tools.clock.monotonic()
        self.paused = False

    # life

    @property
    def up(self) -> bool:
        return self._up.done() and not self.over.done()

    async def reach(self, addresses: Sequence[Address]) -> None:
        """Tries one address after the other; returns when stanzas can be written. Raises `Disconnected` in words."""
        lost = Disconnected("there is no address to connect to")
        for address in addresses:
            try:
                await self._dial(address)
                break
            except Disconnected as error:
                lost = error
        else:
            raise lost
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.wait((self._up, self.over), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            raise Disconnected("the server answers, but not as an XMPP server for people does") from None
        if self.over.done():
            raise self.over.result()

    async def _dial(self, address: Address) -> None:
        domain = self._who.jid.rpartition("@")[2]
        where = f"{address.host} port {address.port}"
        self.stream.dialing()
        name, secure = (domain, self.stream.ssl_context) if address.direct else (None, None)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._loop.create_connection(
                    lambda: self.stream, address.host, address.port, ssl=secure, server_hostname=name
                )
        except ssl.SSLCertVerificationError as error:
            raise Disconnected(f"the certificate of {domain} is not to be trusted: {error.verify_message}") from None
        except TimeoutError:
            raise Disconnected(f"{where} does not answer") from None
        except OSError as error:
            raise Disconnected(f"{where} cannot be reached: {error.strerror or error}") from None
        self._gone = self._loop.create_future()

    async def close(self, *, leave: bool = True) -> None:
        """Returns when no socket is left. What was written before still leaves.

        `leave`: the session ends with it; else the server keeps it a while for who resumes it.
        """
        transport = self.stream.transport
        if transport is not None and not transport.is_closing():
            self._pen.flush()
            if leave:
                transport.write(b"</stream:stream>")
            transport.close()
        self.end(Disconnected("closed"))
        if self._gone is None:
            return
        await asyncio.wait((self._gone,), timeout=CLOSE_SECONDS)
        if not self._gone.done():
            if transport is not None:
                transport.abort()
            await self._gone

    def end(self, error: Disconnected) -> None:
        """Whatever ended the connection. Who waits for a proof goes on waiting for the session to be resumed."""
        if self.over.done():
            return
        self.over.set_result(error)
        self._pen.drop()
        self._negotiation.hear(None)
        self._asking.end(error.reason)
        if not self.session.resumable:
            self.session.lost(error.reason)
        if self.stream.transport is not None and self._pen.open:
            self.stream.transport.close()

    def tick(self) -> None:
        """About once a second: what is not answered in time, and whether anybody is there."""
        self._asking.tick()
        now = self._tools.clock.monotonic()
        if not self.up or self.paused:
            self._listener.read_at = now
            return
        if self.session.owed and not self._listener.waiting:
            self._request()
        silent = now - self._listener.read_at
        if silent > self._config.ping_seconds and not self._listener.waiting:
            self._request()
        elif self._listener.waiting and now - self._asked_at > self._config.ping_seconds and silent > self._config.ping_seconds:
            self.end(Disconnected(f"the server has been silent for {silent:.0f} seconds"))

    # writing

    def write(self, element: Element | str) -> None:
        """One stanza, or text that is one, in the order of the calls; it leaves before the loop's next turn.

        Raises `Unavailable` without a connection, `Rejected` where the stanza is larger than the server takes.
        """
        if isinstance(element, Element):
            element = written(element)
        if self.over.done() or not self._pen.open:
            raise Unavailable(NOT_CONNECTED)
        if len(element) > self._config.stanza_bytes // 4 and len(element.encode()) > self._config.stanza_bytes:
            raise Rejected("the message is larger than the server takes")
        self.session.sent(element)
        self._pen.put(element)
        if self.session.owed >= OWED_AT_MOST and not self._listener.waiting:
            self._request()

    def hurry(self) -> None:
        """See `wire.component.Link.hurry`."""
        self._pen.flush()

    def fence(self) -> "asyncio.Future[None]":
        """Done once the server has all that was written before; `Uncertain` where that can't be known any more."""
        if self.session.counts_out:
            waiter = self.session.fence()
            if not waiter.done() and self.up:
                self._request()
            return waiter
        waiter = self._loop.create_future()
        try:
            answer = self.ask(ping())
        except (Unavailable, Rejected):
            waiter.set_exception(Uncertain(NOT_CONNECTED))
            return waiter
        answer.add_done_callback(lambda done: _fenced(waiter, done))
        return waiter

    def ask(self, iq: Element, seconds: float = ASK_SECONDS) -> "asyncio.Future[Element]":
        """Write a request and await its answer: the whole iq of type result. It is given an id of ours.

        Raises, here or when awaited: `Unavailable` (no connection), `Refusal` (the answer is an error), `TimeoutError`.
        """
        answer = self._asking.begin(iq, seconds)
        try:
            self.write(iq)
        except (Unavailable, Rejected):
            answer.cancel()
            raise
        return answer

    def _request(self) -> None:
        """Have the server say what it has."""
        self._listener.waiting, self._asked_at = True, self._tools.clock.monotonic()
        if not self.session.counts_out:
            answer = self.ask(ping())
            answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        else:
            self._pen.end_with("<r xmlns='urn:xmpp:sm:3'/>")

    # reading

    def pause(self) -> None:
        self.paused = True
        if self.stream.transport is not None and self._pen.open:
            self.stream.transport.pause_reading()

    def resume(self) -> None:
        self.paused = False
        if self.stream.transport is not None and self._pen.open:
            self.stream.transport.resume_reading()

    def settle(self, *tickets: int) -> None:
        """Of these messages nothing can be lost any more: the server is told so."""
        for ticket in tickets:
            self.session.settle(ticket)
        if self.up and (h := self.session.to_tell()) is not None:
            self._pen.put(f"<a xmlns='urn:xmpp:sm:3' h='{h}'/>")

    def _closed(self) -> None:
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    def _rise(self) -> None:
        self.resumed = self._listener.resumed
        if not self._up.done() and not self.over.done():
            self._up.set_result(None)
            if self.session.owed:
                self._request()


def _fenced(waiter: "asyncio.Future[None]", answer: "asyncio.Future[Element]") -> None:
    error = None if answer.cancelled() else answer.exception()
    if waiter.done():
        return
    if error is None or isinstance(error, Refusal):  # a refusal comes back behind what was written, too
        waiter.set_result(None)
    else:
        waiter.set_exception(Uncertain("the connection was lost before the server answered"))
        waiter.exception()
