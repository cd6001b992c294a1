"""Public links: what a network without media or long messages is given instead, signed, expiring, dying with a redaction.

`/media/<token>/<name>` streams one attachment; `/media/text/<token>` shows a long message as plain text. A token names
the event, the attachment's place in it and the hour it expires, under a key derived from the bridge's key file; nothing
is stored for it. What is served can do no harm in a browser: no sniffing, no scripts, and only raster images are shown
inline. Every refusal reads the same to somebody who guesses.
"""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import quote

import msgspec
from aiohttp import web

from bridge.contract.toolbox import Clock, MediaStore, MediaStream, Metrics
from bridge.matrix.server import RouteEntry
from bridge.matrix.streaming import UNKNOWN_TYPE, safe_file_name
from bridge.model.events import Attachment, Body, Boost, Edit, Event, Message
from bridge.model.ids import HUB, EventKey, NetworkName

_MAC = 16
_PAGE = -1
_MOST_AT_ONCE = 32
_LONGEST = 900.0
"""Seconds that one reader may hold one of these places."""
_INLINE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"})
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "private, max-age=60",
}
"""A minute of caching: a redaction must not be outlived by much."""


class Claim(msgspec.Struct, frozen=True, array_like=True):
    """What a token says. `index` -1 is the page of the whole text; `hour` counts from the epoch and is the first it's dead in."""

    network: str
    event: str
    index: int
    hour: int

    @property
    def key(self) -> EventKey:
        return EventKey(NetworkName(self.network) if self.network else HUB, self.event)


_decode = msgspec.msgpack.Decoder(Claim).decode


class Links:
    """Makes and reads links; pure but for the clock. `address` None: there is no public listener, so there are no links."""

    def __init__(self, key: bytes, clock: Clock, *, address: str | None, days: float) -> None:
        self._key = hmac.digest(key, b"unabridged public links", hashlib.sha256)
        self._clock = clock
        self._address = address.rstrip("/") if address else None
        self._hours = max(1, round(days * 24))

    def link_for(self, attachment: Attachment, event: Event) -> str | None:
        """An address of the attachment that outsiders can open: its own where it has one."""
        if attachment.source.startswith(("http://", "https://")):
            return attachment.source
        if self._address is None:
            return None
        sources = [known.source for known in attachments_of(event.body)]
        if attachment.source not in sources:
            return None
        index = sources.index(attachment.source)
        return f"{self._address}/media/{self._token(event.key, index)}/{quote(safe_file_name(attachment.name), safe='.-_')}"

    def page_for(self, event: Event) -> str | None:
        """An address where the whole text can be read."""
        return None if self._address is None else f"{self._address}/media/text/{self._token(event.key, _PAGE)}"

    def read(self, token: str) -> Claim | None:
        """None for a token that is not ours or has expired."""
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            return None
        if not hmac.compare_digest(raw[:_MAC], self._mac(raw[_MAC:])):
            return None
        claim = _decode(raw[_MAC:])
        return claim if self._hour() < claim.hour else None

    def _token(self, key: EventKey, index: int) -> str:
        network = "" if key.network == HUB else key.network
        payload = msgspec.msgpack.encode(Claim(network, key.id, index, self._hour() + self._hours))
        return base64.urlsafe_b64encode(self._mac(payload) + payload).rstrip(b"=").decode()

    def _mac(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, hashlib.sha256)[:_MAC]

    def _hour(self) -> int:
        return (self._clock.now() - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(hours=1)


class LinkLedger(Protocol):
    """The verbs of the ledger that serving links needs."""

    async def event(self, key: EventKey) -> Event | None: ...

    async def root(self, key: EventKey) -> EventKey | None: ...

    async def link_revoked(self, event: EventKey) -> bool: ...

    async def revoke_links(self, event: EventKey) -> None: ...


class LinkDesk:
    """Serves the links, for the public listener."""

    def __init__(self, links: Links, ledger: LinkLedger, media: MediaStore, metrics: Metrics) -> None:
        self._links = links
        self._ledger = ledger
        self._media = media
        self._metrics = metrics
        self._places = asyncio.Semaphore(_MOST_AT_ONCE)

    def routes(self) -> list[RouteEntry]:
        return [
            ("GET", "/media/text/{token}", self._page),
            ("GET", "/media/{token}/{name}", self._file),
            ("HEAD", "/media/{token}/{name}", self._file),
        ]

    async def redacted(self, target: EventKey) -> None:
        """Every public link to that event, named by any of its ids, is dead once this returns. Raises `LedgerUnavailable`."""
        await self._ledger.revoke_links(await self._ledger.root(target) or target)

    async def _page(self, request: web.Request) -> web.Response:
        claim = self._links.read(request.match_info["token"])
        event = await self._event(claim) if claim is not None and claim.index == _PAGE else None
        text = None if event is None else text_of(event)
        if text is None:
            return self._gone()
        self._metrics.count("public_pages")
        return web.Response(text=text, content_type="text/plain", charset="utf-8", headers=_HEADERS)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        claim = self._links.read(request.match_info["token"])
        event = await self._event(claim) if claim is not None else None
        attachments = () if event is None else attachments_of(event.body)
        if claim is None or not 0 <= claim.index < len(attachments):
            return self._gone()
        if self._places.locked():
            return web.Response(status=503, text="Busy; try again soon.\n", headers={**_HEADERS, "Retry-After": "10"})
        attachment = attachments[claim.index]
        async with self._places:
            self._metrics.count("public_files")
            try:
                async with self._media.open(attachment) as stream:
                    return await _pass_on(request, attachment, stream)
            except OSError:
                return web.Response(status=502, text="The file cannot be had right now.\n", headers=_HEADERS)

    async def _event(self, claim: Claim) -> Event | None:
        """None where it is unknown, pruned, or it or what it edits was redacted."""
        event = await self._ledger.event(claim.key)
        if event is None or await self._ledger.link_revoked(event.key):
            return None
        if isinstance(event.body, Edit):
            edited = event.body.target.key
            if await self._ledger.link_revoked(await self._ledger.root(edited) or edited):
                return None
        return event

    def _gone(self) -> web.Response:
        self._metrics.count("public_links_refused")
        return web.Response(status=404, text="There is nothing here, or not any more.\n", headers=_HEADERS)


async def _pass_on(request: web.Request, attachment: Attachment, stream: MediaStream) -> web.StreamResponse:
    """Raises `OSError` only while nothing was sent; what breaks off later is cut, so that nobody takes it for whole."""
    kind = stream.type if stream.type in _INLINE else UNKNOWN_TYPE
    response = web.StreamResponse(headers={**_HEADERS, "Content-Type": kind})
    response.headers["Content-Disposition"] = disposition("inline" if kind in _INLINE else "attachment", attachment.name)
    if stream.size is not None:
        response.content_length = stream.size
    if request.method == "HEAD":
        await response.prepare(request)
        return response
    chunks = stream.chunks()
    first = await anext(aiter(chunks), b"")
    await response.prepare(request)
    try:
        async with asyncio.timeout(_LONGEST):
            if first:  # an empty chunk would end a chunked answer
                await response.write(first)
            async for chunk in chunks:
                await response.write(chunk)
            await response.write_eof()
    except OSError:
        if request.transport is not None:
            request.transport.abort()
    return response


def disposition(how: str, name: str) -> str:
    """RFC 6266, with a plain and an encoded name."""
    safe = safe_file_name(name)
    plain = "".join(character if character.isascii() and character not in '"\\%' else "_" for character in safe)
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"


def attachments_of(body: Body) -> Sequence[Attachment]:
    message = _message(body)
    return () if message is None else message.attachments


def text_of(event: Event) -> str | None:
    """The page of a message: who, when, what; None where the event says nothing."""
    message = _message(event.body)
    text = message.text.plain if message is not None else ""
    if message is None or not text:
        return None
    warning = f"[{message.warning}]\n\n" if message.warning else ""
    return f"{event.author.name}, {event.happened_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC\n\n{warning}{text}\n"


def _message(body: Body) -> Message | None:
    match body:
        case Message():
            return body
        case Edit():
            return body.message
        case Boost():
            return body.original
        case _:
            return None
