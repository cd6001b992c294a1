"""slixmpp's client stream, hardened, and as lean as it can be: 30 KiB beside its socket.

Kept of it: the transport's protocol, STARTTLS, the order in which features are negotiated, and binding a resource. Not kept: its
send queue and its reconnecting (both lose or repeat what was in flight), its roster, its stanza objects for what people say, and
its SASL (it derives a SCRAM key in Python, on the loop, as long as the server likes).
"""

import asyncio
import ssl
from typing import Protocol
from xml.etree.ElementTree import Element

from slixmpp.clientxmpp import ClientXMPP
from slixmpp.plugins.xep_0198.stanza import StreamManagement
from slixmpp.stanza import StreamFeatures
from slixmpp.xmlstream import register_stanza_plugin
from slixmpp.xmlstream.stanzabase import StanzaBase

from adapters.xmpp.wire.feed import feed
from adapters.xmpp.wire.markup import written

SASL = "{urn:ietf:params:xml:ns:xmpp-sasl}"
SM = "{urn:xmpp:sm:3}"
_STREAM = "{http://etherx.jabber.org/streams}"
_TLS = "{urn:ietf:params:xml:ns:xmpp-tls}"
_NEGOTIATING = (f"{_STREAM}features", f"{_TLS}proceed", "{jabber:client}iq")
_RESUME_ORDER, _ENABLE_ORDER = 9000, 10100
"""Before and after a resource is bound, as slixmpp numbers them."""

register_stanza_plugin(StreamFeatures, StreamManagement)


class Owner(Protocol):
    """Who has a stream."""

    async def authenticate(self, mechanisms: list[str]) -> None:
        """Log in; ends the stream where that fails. Raises nothing."""
        ...

    async def manage(self, *, bound: bool) -> bool:
        """The server offers stream management. True where a session was resumed: nothing else is to be negotiated then."""
        ...

    def negotiated(self, jid: str) -> None:
        """A new session: stanzas may be sent."""
        ...

    def received(self, element: Element) -> None:
        """A stanza of the session, whole. Raises nothing."""
        ...

    def nonza(self, element: Element) -> None:
        """What is no stanza: of SASL or stream management."""
        ...

    def failed(self, error: Element) -> None:
        """A stream error: the stream is about to end."""
        ...

    def broken(self, reason: str) -> None:
        """The stream can't go on: TLS, XML, binding."""
        ...

    def closed(self, error: BaseException | None) -> None:
        """The stream has ended; called once, whoever ended it."""
        ...

    def say(self, data: str) -> None:
        """Part of the negotiation: written, and not counted."""
        ...


class ClientStream(ClientXMPP):
    """An asyncio protocol for one connection. Use once."""

    def __init__(self, owner: Owner, jid: str, context: ssl.SSLContext) -> None:
        super().__init__(jid, "", ssl_context=context)
        self._owner = owner
        self._in_session = False
        self._securing = False
        for name in ("IM", "IMError", "Presence", "Stream Error", "Roster Update"):
            self.remove_handler(name)
        self.del_event_handler("session_start", self._start_keepalive)  # the client asks whether the server is there
        self.unregister_feature("mechanisms", 100)
        self.register_feature("mechanisms", self._on_mechanisms, restart=True, order=100)
        self.register_feature("sm", self._on_management, restart=True, order=_RESUME_ORDER)
        self.register_feature("sm", self._on_management, restart=True, order=_ENABLE_ORDER)
        self.add_event_handler("stream_negotiated", self._on_negotiated)
        self.add_event_handler("ssl_invalid_chain", self._on_bad_certificate)
        self.init_plugins()  # type: ignore[no-untyped-call]  # the library is half typed

    @property
    def secure(self) -> bool:
        return self.transport is not None and self.transport.get_extra_info("ssl_object") is not None

    def dialing(self) -> None:
        """To be called before a connection is made: the library refuses ones that it does not expect."""
        self._current_connection_attempt = asyncio.get_running_loop().create_future()

    def restart(self) -> None:
        """A new stream on the same connection, after logging in."""
        self.features.add("mechanisms")
        self.init_parser()
        self.send_raw(self.stream_header)

    def resumed(self) -> None:
        """What comes now belongs to the session."""
        self._in_session = True

    # what slixmpp calls

    async def _on_mechanisms(self, features: StreamFeatures) -> bool:
        await self._owner.authenticate([name for name in features["mechanisms"] if isinstance(name, str)])
        return True

    async def _on_management(self, features: StreamFeatures) -> bool:
        return await self._owner.manage(bound="bind" in self.features)

    def _on_negotiated(self, _: object) -> None:
        if not self.bound or not self.boundjid.full:
            self._owner.broken("the server did not give us an address")
            return
        self._in_session = True
        self._owner.negotiated(self.boundjid.full)

    def _on_bad_certificate(self, error: object) -> None:
        why = getattr(error, "verify_message", None)
        self._owner.broken(f"the certificate is not to be trusted: {why}" if why else "no encrypted connection came about")

    async def start_tls(self) -> bool:
        done = await super().start_tls()
        self._securing = False
        return done

    def data_received(self, data: bytes | str) -> None:
        reason = feed(self, data, self._spawn_event)
        if reason is not None:
            self._owner.broken(reason)

    def _spawn_event(self, xml: Element) -> None:
        if self._securing:
            return  # said before the encryption that was agreed on: anybody could have put it there
        if xml.tag == f"{_STREAM}error":
            self._owner.failed(xml)
        elif xml.tag.startswith((SASL, SM)):
            self._owner.nonza(xml)
        elif self._in_session or (self.bound and xml.get("type") != "result"):
            self._owner.received(xml)
        elif xml.tag in _NEGOTIATING and xml.get("type") != "error":
            self._securing = xml.tag == f"{_TLS}proceed"
            super()._spawn_event(xml)
        elif xml.tag in ("{jabber:client}iq", f"{_TLS}failure"):
            self._owner.broken("the server did not give us an address" if "iq" in xml.tag else "the server refuses encryption")

    def send(self, data: StanzaBase | str, use_filters: bool = True) -> None:
        """Only the library itself sends by this, while it negotiates."""
        self._owner.say(written(data.xml) if isinstance(data, StanzaBase) else data)

    def disconnect(self, wait: float = 2.0, reason: str | None = None, ignore_send_queue: bool = False) -> "asyncio.Future[None]":
        """Only the library itself calls it, where something went wrong."""
        self._owner.broken(reason or "no encrypted connection came about")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def connection_lost(self, exception: BaseException | None) -> None:
        super().connection_lost(exception)
        for name in [*self.scheduled_events]:
            self.cancel_schedule(name)
        self._owner.closed(exception)
