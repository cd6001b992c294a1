"""slixmpp's component stream, hardened.

Kept of it: the transport's protocol, the handshake and the services of its plugins for iq stanzas. Not kept, because each has
cost somebody their stream or their messages: its send queue (lost when the connection ends, and what is given to it between
connections goes out later), its reconnecting, its roster (keeps every pair of JIDs for ever), its stanza objects for messages
and presences (built for each of two hundred copies), and its log of all that is said.
"""

from typing import Protocol
from xml.etree.ElementTree import Element

from slixmpp.componentxmpp import ComponentXMPP
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


class Stream(ComponentXMPP):
    """An asyncio protocol for one connection. Use once."""

    def __init__(self, owner: Owner, host: str, secret: str, is_copy: IsCopy) -> None:
        super().__init__(host, secret)  # type: ignore[no-untyped-call]  # the library is half typed
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

    def _spawn_event(self, xml: Element) -> None:
        if xml.tag == _HANDSHAKE:
            super()._spawn_event(xml)
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
