"""slixmpp's component stream, hardened.

Kept of it: the transport's protocol and the services of its plugins for iq stanzas. Not kept, because each has
cost somebody their stream or their messages: its send queue (lost when the connection ends, and what is given to it between
connections goes out later), its reconnecting, its roster (keeps every pair of JIDs for ever), its stanza objects for messages
and presences (built for each of two hundred copies), and its log of all that is said. Nor its class for components, which
reads the system's certificates for each stream, in the loop: 0.04 s for what no component's stream looks at.
"""

import ssl
from hashlib import sha1
from typing import Protocol
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from slixmpp.basexmpp import BaseXMPP
from slixmpp.xmlstream.stanzabase import StanzaBase

from adapters.xmpp.wire.feed import feed
from adapters.xmpp.wire.markup import written
from adapters.xmpp.wire.skim import IsCopy, Skim
from adapters.xmpp.wire.verdicts import lost

COMPONENT = "jabber:component:accept"
_HANDSHAKE = f"{{{COMPONENT}}}handshake"
_STREAM_ERROR = "{http://etherx.jabber.org/streams}error"


class Owner(Protocol):
    """Who has a stream."""

    def accepted(self) -> None:
        """The server took the handshake."""
        ...

    def received(self, element: Element) -> None:
        """One stanza, whole. Raises nothing."""
        ...

    def failed(self, error: Element) -> None:
        """A stream error: the stream is about to end."""
        ...

    def closed(self, reason: str) -> None:
        """The stream has ended; called once, whoever ended it."""
        ...

    def write(self, data: str) -> None: ...


class Stream(BaseXMPP):
    """An asyncio protocol for one connection. Use once."""

    def __init__(self, owner: Owner, host: str, secret: str, is_copy: IsCopy) -> None:
        trusting_nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the library wants one; TLS is the link's matter
        super().__init__(host, COMPONENT, ssl_context=trusting_nobody)  # type: ignore[no-untyped-call]  # half typed
        self.is_component = True
        self.stream_header = f'<stream:stream xmlns="{COMPONENT}" xmlns:stream="{self.stream_ns}" to={quoteattr(host)}>'
        self.stream_footer = "</stream:stream>"
        self._secret = secret
        self._owner = owner
        self._skim = Skim(is_copy)
        self._said: str | None = None
        for name in ("IM", "IMError", "Presence", "Stream Error"):
            self.remove_handler(name)
        self.del_event_handler("session_start", self._start_keepalive)  # the link asks whether the server is there
        self.init_plugins()  # type: ignore[no-untyped-call]

    def data_received(self, data: bytes | str) -> None:
        if isinstance(data, bytes):
            data = self._skim.copies_out(data, between=self.xml_depth == 1)
        reason = feed(self, data, self._spawn_event)
        if reason is not None:
            self._end(reason)

    def start_stream_handler(self, xml: Element) -> None:
        super().start_stream_handler(xml)  # type: ignore[no-untyped-call]
        proof = sha1(f"{xml.get('id', '')}{self._secret}".encode(), usedforsecurity=False).hexdigest()  # XEP-0114 §3
        self.send(f'<handshake xmlns="{COMPONENT}">{proof}</handshake>')

    def _spawn_event(self, xml: Element) -> None:
        if xml.tag == _HANDSHAKE:
            self.session_bind_event.set()
            self.event("session_bind", self.boundjid)
            self.event("session_start")
            self._owner.accepted()
        elif xml.tag == _STREAM_ERROR:
            self._owner.failed(xml)
        else:
            self._owner.received(xml)

    def served(self, iq: Element) -> None:
        """Have the plugins answer a request; where none does, its sender is told so."""
        super()._spawn_event(iq)

    def send(self, data: StanzaBase | str, use_filters: bool = True) -> None:
        """Written at once, or not at all: raises what the owner's `write` raises."""
        self._owner.write(written(data.xml) if isinstance(data, StanzaBase) else data)

    def connection_lost(self, exception: BaseException | None) -> None:
        super().connection_lost(exception)
        self._owner.closed(self._said or lost(exception))

    def _end(self, reason: str) -> None:
        self._said = reason
        self.abort()
