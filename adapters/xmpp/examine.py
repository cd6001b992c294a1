"""`unabridged check` for a network: does the server take us as its component, and can the rest of the world find it?

It logs in, which would take a running bridge's place for a moment: `check` asks a running bridge instead.
"""

import asyncio
import hashlib
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from slixmpp.xmlstream.resolver import default_resolver, resolve

from adapters.xmpp.config import XmppConfig, address
from adapters.xmpp.stanza import ns
from adapters.xmpp.wire.verdicts import verdict_of

LOOK_SECONDS = 8.0
WORLD_SECONDS = 5.0
S2S_PORT = 5269
_STREAM = "http://etherx.jabber.org/streams"
_RIGHT_PORT = "is it the port for components (5347 where nothing else is set)?"
_NO_SERVER = f"answers, but not as an XMPP server does to components: {_RIGHT_PORT}"
_MOST_ADDRESSES = 4


async def examine(config: XmppConfig) -> str:
    """See `bridge.contract.adapter.Examines`."""
    if config.component is None:
        return "no component is set, so there is no server to reach: each account has its own"
    at = "{} port {}".format(*address(config.server))
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            await _log_in(config, config.component, at)
    except TimeoutError:
        raise OSError(f"{at} does not answer") from None
    except FileNotFoundError:
        raise OSError(f"there is no file {config.tls_ca}, which `tls_ca` names") from None
    except ConnectionRefusedError:
        raise OSError(f"nothing listens at {at}: is the server running, and its port for components open?") from None
    except ssl.SSLError as error:
        raise OSError(f"{at} does not speak TLS as it should: {error.reason or error} (see `tls` and `tls_ca`)") from None
    return f"{at} takes us for {config.component}; {await world(config.component)}"


async def _log_in(config: XmppConfig, host: str, at: str) -> None:
    """Raises `OSError` in words."""
    name, port = address(config.server)
    secure = await asyncio.to_thread(ssl.create_default_context, cafile=config.tls_ca) if config.tls else None
    reader, writer = await asyncio.open_connection(name, port, ssl=secure)
    try:
        stream = _Stream(reader, at)
        writer.write(f"<?xml version='1.0'?><stream:stream xmlns='{ns.COMPONENT}' xmlns:stream='{_STREAM}' to='{host}'>".encode())
        head = await stream.next("start")
        digest = hashlib.sha1(f"{head.get('id', '')}{config.secret}".encode(), usedforsecurity=False).hexdigest()
        writer.write(f"<handshake>{digest}</handshake>".encode())
        answer = await stream.next("end")
        if answer.tag == f"{{{_STREAM}}}error":
            raise OSError(_cure(verdict_of(answer, host).reason, answer, host))
        if answer.tag != f"{{{ns.COMPONENT}}}handshake":
            raise OSError(f"{at} {_NO_SERVER}")
        writer.write(b"</stream:stream>")
    finally:
        writer.close()


def _cure(words: str, error: Element, host: str) -> str:
    condition = next((ns.split(one.tag)[1] for one in error), "")
    if condition == "host-unknown":
        return f"{words}: add it to the server's settings as an external component, and start that again; {_RIGHT_PORT}"
    if condition == "not-authorized":
        named = "(ejabberd says this also where they don't name it)"
        return f"{words}: `secret` must be what the server's settings name for {host} {named}"
    if condition in ("invalid-namespace", "bad-namespace-prefix"):
        return "that port is not the one for components (5347 where nothing else is set)"
    return words


class _Stream:
    def __init__(self, reader: asyncio.StreamReader, at: str) -> None:
        self._reader, self._at = reader, at
        self._parser: Any = XMLPullParser(("start", "end"))
        self._depth = 0

    async def next(self, kind: str) -> Element:
        """The stream's head ("start"), or the next whole element in it ("end"). Raises `OSError` in words."""
        while True:
            for event, element in self._events():
                self._depth += 1 if event == "start" else -1
                if (event, self._depth) == (kind, 1):
                    return element
            data = await self._reader.read(4096)
            if not data:
                raise OSError(f"{self._at} hangs up without a word: {_RIGHT_PORT}")
            try:
                self._parser.feed(data)
            except ParseError:
                raise OSError(f"{self._at} {_NO_SERVER}") from None

    def _events(self) -> Iterator[tuple[str, Element]]:
        try:
            yield from self._parser.read_events()
        except ParseError:
            raise OSError(f"{self._at} {_NO_SERVER}") from None


async def world(host: str) -> str:
    """Whether other servers can find and reach a component (RFC 6120 §3.2): in words, since not all are meant to."""
    found = await _addresses(host)
    if not found:
        return f"other servers can't find {host} (the DNS has neither SRV _xmpp-server._tcp.{host} nor an address for it)"
    for name, port in found[:_MOST_ADDRESSES]:
        try:
            async with asyncio.timeout(WORLD_SECONDS / _MOST_ADDRESSES):
                _, writer = await asyncio.open_connection(name, port)
        except (OSError, TimeoutError):
            continue
        peer = writer.get_extra_info("peername")[0]
        writer.close()
        if not ip_address(peer.partition("%")[0]).is_global:
            return f"this machine finds it at {name} port {port} ({peer}): other servers need a public address"
        return f"it answers at {name} port {port}, seen from here"
    at = "{} port {}".format(*found[0])
    return f"other servers are led to {at}, where nobody answers: is the server's s2s on, and that port open?"


async def _addresses(host: str) -> list[tuple[str, int]]:
    loop = asyncio.get_running_loop()
    resolver: Any = default_resolver(loop)
    try:
        async with asyncio.timeout(WORLD_SECONDS):
            records = await resolve(host, S2S_PORT, loop=loop, services=["xmpp-server"], resolver=resolver)
    except (OSError, TimeoutError):
        return []
    finally:
        await resolver.close()
    return [(at, port) for _, _, at, port in records]
