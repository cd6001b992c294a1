"""`unabridged check` for a network: does the server take us as its component, and can the rest of the world find it?

It logs in, which would take a running bridge's place for a moment: `check` asks a running bridge instead.
"""

import asyncio
import hashlib
import socket
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from slixmpp.xmlstream.resolver import default_resolver, resolve

from adapters.xmpp.config import XmppConfig, address
from adapters.xmpp.stanza import ns
from adapters.xmpp.wire.markup import written
from adapters.xmpp.wire.shelf import Sender
from adapters.xmpp.wire.uploads import offer_of, probe
from adapters.xmpp.wire.verdicts import refusal_of, verdict_of

LOOK_SECONDS = 8.0
FILES_SECONDS = 3.0
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
            files = await _log_in(config, config.component, at)
    except TimeoutError:
        raise OSError(f"{at} does not answer") from None
    except FileNotFoundError:
        raise OSError(f"there is no file {config.tls_ca}, which `tls_ca` names") from None
    except ConnectionRefusedError:
        raise OSError(f"nothing listens at {at}: is the server running, and its port for components open?") from None
    except socket.gaierror as error:
        raise OSError(f"`server` names {address(config.server)[0]}, which cannot be found: {error.strerror}") from None
    except ssl.SSLError as error:
        raise OSError(f"{at} does not speak TLS as it should: {error.reason or error} (see `tls` and `tls_ca`)") from None
    return f"{at} takes us for {config.component}; {files}; {await world(config.component)}"


async def _log_in(config: XmppConfig, host: str, at: str) -> str:
    """What becomes of files, in words. Raises `OSError` in words."""
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
        files = await _files(_Questions(stream, writer), host, config.upload_service)
        writer.write(b"</stream:stream>")
        return files
    finally:
        writer.close()


async def _files(link: "_Questions", host: str, named: str | None) -> str:
    """Where files of the component's people go: comfort, so that nothing here fails the look."""
    at = named or host.partition(".")[2]
    async with asyncio.TaskGroup() as group:
        hearing = group.create_task(link.hear())
        try:
            async with asyncio.timeout(FILES_SECONDS):
                return await _offered(Sender(link, f"files@{host}/unabridged"), at)
        except (OSError, TimeoutError) as error:
            return f"what becomes of files is not known: {str(error) or f'{at} does not answer'}"
        finally:
            hearing.cancel()


async def _offered(asks: Sender, at: str) -> str:
    offer = await offer_of(asks, at)
    if offer is None:
        return f"files go as links, since {at} names no upload service (see `upload_service`)"
    refused = await probe(asks, offer)
    if refused is not None:
        return f"files go as links, since {refused}"
    return f"{offer.service} takes files" + ("" if offer.limit is None else f" of up to {offer.limit:,} bytes")


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


class _Questions:
    """Requests one after the other on a stream that nobody else reads. `hear` runs meanwhile."""

    def __init__(self, stream: _Stream, writer: asyncio.StreamWriter) -> None:
        self._stream, self._writer = stream, writer
        self._asked = 0
        self._by = ""
        self._answer: asyncio.Future[Element] = asyncio.get_running_loop().create_future()

    def ask(self, iq: Element) -> "asyncio.Future[Element]":
        """As `wire.component.Link`'s; raises `OSError` where the stream ends, and waits for as long as its caller does."""
        self._asked += 1
        iq.set("id", f"check-{self._asked}")
        self._by = iq.get("to", "")
        self._answer = asyncio.get_running_loop().create_future()
        self._writer.write(written(iq).encode())
        return self._answer

    async def hear(self) -> None:
        """Until the stream ends. What nobody asked for is left alone."""
        try:
            while True:
                self._take(await self._stream.next("end"))
        except OSError as error:
            if not self._answer.done():
                self._answer.set_exception(error)

    def _take(self, answer: Element) -> None:
        if self._answer.done() or (answer.get("id"), answer.get("from")) != (f"check-{self._asked}", self._by):
            return
        if answer.get("type") == "result":
            self._answer.set_result(answer)
        else:
            self._answer.set_exception(refusal_of(answer))


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
