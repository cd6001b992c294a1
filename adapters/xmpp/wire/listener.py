"""What a client stream brings: stanzas to the `Ear`, counts to the session, answers to who asked."""

import ssl
from collections.abc import Callable
from typing import Protocol
from xml.etree.ElementTree import Element

from adapters.xmpp.wire.asking import Asking, refusal_to
from adapters.xmpp.wire.client_stream import SM, ClientStream
from adapters.xmpp.wire.negotiation import Negotiation
from adapters.xmpp.wire.pen import Pen
from adapters.xmpp.wire.session import Session
from adapters.xmpp.wire.verdicts import ODD, lost, verdict_of
from bridge.contract.errors import Disconnected
from bridge.contract.toolbox import Toolbox


class Ear(Protocol):
    """Who hears what comes; in order, each stanza once. What it raises for an odd stanza is counted and logged."""

    def message(self, element: Element, ticket: int) -> None:
        """To be settled (`Client.settle`) when nothing of it can be lost any more."""
        ...

    def presence(self, element: Element) -> None: ...

    def query(self, element: Element) -> bool:
        """A request (an iq of type get or set). False: not mine."""
        ...


class Listener:
    """`client_stream.Owner`. `risen` is told when stanzas may be sent, `ended` why the connection can't go on,
    `closed` when there is none any more; `answer` writes a stanza."""

    stream: ClientStream

    def __init__(
        self,
        session: Session,
        negotiation: Negotiation,
        asking: Asking,
        ear: Ear,
        pen: Pen,
        tools: Toolbox,
        *,
        risen: Callable[[], None],
        ended: Callable[[Disconnected], None],
        closed: Callable[[], None],
        answer: Callable[[Element], None],
    ) -> None:
        self._session, self._negotiation, self._asking = session, negotiation, asking
        self._ear, self._pen, self._tools = ear, pen, tools
        self._risen, self._ended, self._closed, self._answer = risen, ended, closed, answer
        self._why: Disconnected | None = None
        self.resumed = False
        self.read_at = tools.clock.monotonic()
        """When the server was last heard."""
        self.waiting = False
        """It has been asked for a sign of life."""

    def received(self, element: Element) -> None:
        self.read_at, self.waiting = self._tools.clock.monotonic(), False
        ticket = self._session.took() if self._session.counts_in else 0
        name = element.tag.rpartition("}")[2]
        try:
            if name == "message":
                self._ear.message(element, ticket)
                return
            if name == "presence":
                self._ear.presence(element)
            elif name == "iq":
                self._on_iq(element)
            else:
                self._count("unknown")
        except ODD:  # whatever a server sends, its next stanza still counts: recorded, not hidden
            self._count("raised")
            self._tools.log.exception("passed over a stanza of kind %s", name[:40])
        self._session.settle(ticket)

    def _on_iq(self, iq: Element) -> None:
        if iq.get("type") in ("result", "error"):
            if not self._asking.answered(iq):
                self._count("unasked")
        elif not self._ear.query(iq):
            self._answer(refusal_to(iq, "service-unavailable"))

    def _count(self, kind: str) -> None:
        self._tools.metrics.count("xmpp_odd_stanzas", kind=kind)

    # what the stream tells

    def nonza(self, element: Element) -> None:
        self.read_at = self._tools.clock.monotonic()
        name = element.tag.rpartition("}")[2]
        if not element.tag.startswith(SM):
            self._negotiation.hear(element)
        elif name == "r":
            self._pen.put(f"<a xmlns='urn:xmpp:sm:3' h='{self._session.acknowledged()}'/>")
        elif name == "a":
            self.waiting = False
            self._on_acked(element)
        elif name in ("enabled", "resumed", "failed"):
            self._on_managed(name, element)

    def _on_acked(self, element: Element) -> None:
        try:
            self._session.acked(int(element.get("h", "")))
        except ValueError as error:
            self._ended(Disconnected(f"the server can't count: {error}"))

    def _on_managed(self, name: str, element: Element) -> None:
        """Done at once: what follows in the same piece is counted already."""
        if name == "enabled":
            resume = element.get("resume") in ("true", "1")
            self._session.enabled(element.get("id") if resume else None)
        elif name == "resumed":
            self.stream.resumed()
            self._on_acked(element)
            for stanza in self._session.resumed():
                self._pen.put(stanza)
        elif element.get("h"):
            self._on_acked(element)
        self._negotiation.hear(element)

    async def authenticate(self, mechanisms: list[str]) -> None:
        if await self._negotiation.log_in(mechanisms, secure=self.stream.secure):
            self.stream.restart()

    async def manage(self, *, bound: bool) -> bool:
        if bound:
            await self._negotiation.enable(self._session)
        elif self._session.resumable and await self._negotiation.resume(self._session):
            self.resumed = True
            self._risen()
        return self.resumed

    def say(self, data: str) -> None:
        self._pen.put(data)

    def negotiated(self, jid: str) -> None:
        self._session.jid = jid
        self._risen()

    def failed(self, error: Element) -> None:
        self._why = verdict_of(error, self.stream.default_domain)

    def broken(self, reason: str) -> None:
        self._ended(self._why or Disconnected(reason))

    def closed(self, error: BaseException | None) -> None:
        reason = lost(error)
        if isinstance(error, ssl.SSLCertVerificationError):
            reason = f"the certificate of {self.stream.default_domain} is not to be trusted: {error.verify_message}"
        self._ended(self._why or Disconnected(reason))
        self._closed()
