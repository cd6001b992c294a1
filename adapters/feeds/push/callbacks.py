"""What strangers may call: `websub/{token}` for hubs, `salmon/{token}` for people's servers.

Who doesn't know a token learns nothing here. What is pushed is answered with 2xx only when it is on disk; what can't be proven is
answered like what can, and dropped.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from msgspec.structs import replace

from adapters.common.salmon import SIZE_CAP as SLAP_CAP
from adapters.common.salmon import Refused
from adapters.common.websub import is_signed
from adapters.feeds.feed import Feed
from adapters.feeds.ids import shown
from adapters.feeds.polling.fetch import BODY_CAP
from adapters.feeds.polling.poller import Poller
from adapters.feeds.push.hubs import Hubs
from adapters.feeds.push.slaps import Slaps
from adapters.feeds.reader import Reader, Source
from adapters.feeds.shelf import Shelf
from bridge.contract.errors import LedgerUnavailable
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import NetworkName

AT_ONCE = 16
"""Pushes that are read at a time; who comes later is asked to come again."""
BODY_SECONDS = 30.0
CHALLENGE_CAP = 4096

Route = tuple[str, str, Callable[[Any], Awaitable[Any]]]


class _Busy(Exception):
    """Too many at a time."""


class Callbacks:
    def __init__(
        self, network: NetworkName, tools: Toolbox, *, shelf: Shelf, reader: Reader, hubs: Hubs, slaps: Slaps, poller: Poller
    ) -> None:
        self._network, self._tools = network, tools
        self._shelf, self._reader, self._hubs, self._slaps, self._poller = shelf, reader, hubs, slaps, poller
        self._under_way = 0

    def routes(self) -> Sequence[Route]:
        return (
            ("GET", "websub/{token}", self._verify),
            ("POST", "websub/{token}", self._push),
            ("POST", "salmon/{token}", self._slap),
        )

    # hubs

    async def _verify(self, request: web.Request) -> web.Response:
        """Intent (§5.3), and denial (§5.2)."""
        token, asked = request.match_info["token"], request.query
        mode, topic, challenge = (asked.get(f"hub.{name}", "") for name in ("mode", "topic", "challenge"))
        feed = self._shelf.called(token)
        try:
            if mode == "unsubscribe":
                meant = self._hubs.is_leaving(token, topic)
            elif feed is None:
                return self._unknown()
            elif mode == "denied":
                known = await self._hubs.deny(feed, topic, asked.get("hub.reason", ""))
                return web.Response(status=200 if known else 404)
            else:
                fits = mode == "subscribe" and 0 < len(challenge) <= CHALLENGE_CAP
                meant = fits and await self._hubs.confirm(feed, topic, asked.get("hub.lease_seconds"))
        except LedgerUnavailable:
            return self._later("ledger")
        if not meant:
            return self._count("verification_refused", 404)
        return web.Response(text=challenge)

    async def _push(self, request: web.Request) -> web.Response:
        """Content distribution (§7)."""
        feed = self._shelf.called(request.match_info["token"])
        if feed is None or feed.state.subscription is None:
            return self._unknown()
        secret = feed.state.subscription.secret
        try:
            async with self._place():
                body = await _body(request, BODY_CAP)
                if not is_signed(body, secret, request.headers.get("X-Hub-Signature", "")):
                    return self._count("push_forged", 202)
                if not body.strip():
                    self._poller.wake(feed)  # a hub of the old kind: it only says that there is something
                    return self._count("push_empty", 202)
                return await self._read(feed, body, request)
        except LedgerUnavailable:
            return self._later("ledger")
        except _Busy:
            return self._later("busy")
        except OSError as error:
            return self._count("push_broken", 413 if isinstance(error, _TooBig) else 400)

    async def _read(self, feed: Feed, body: bytes, request: web.Request) -> web.Response:
        """Raises `LedgerUnavailable`."""
        headers = {"content-type": request.headers.get("Content-Type", "")}
        source = Source(body=body, headers=headers, url=feed.state.final or feed.address or feed.channel.id, whole=False)
        async with feed.lock:
            try:
                taken = await self._reader.take(feed, source, feed.state)
            except OSError as error:
                self._tools.log.info("a push for %s can't be read: %s", shown(feed.channel.id), error)
                return self._count("push_unreadable", 202)  # once more would be no better
            feed.state = self._hubs.pushed(feed.state, taken.posts)
        return self._count("push_taken", 202)

    # people's servers

    async def _slap(self, request: web.Request) -> web.Response:
        """Salmon: believed only from the one who is followed here."""
        feed = self._shelf.called(request.match_info["token"])
        if feed is None:
            return self._unknown()
        try:
            async with self._place():
                body = await _body(request, SLAP_CAP)
                content = await self._slaps.proven(feed, body)
                return await self._read_slap(feed, content)
        except LedgerUnavailable:
            return self._later("ledger")
        except _Busy:
            return self._later("busy")
        except Refused as refused:
            self._tools.log.info("a Salmon slap for %s is refused: %s", shown(feed.channel.id), refused)
            return self._count("slap_refused", 202)
        except OSError as error:
            return self._count("slap_broken", 413 if isinstance(error, _TooBig) else 503)

    async def _read_slap(self, feed: Feed, content: bytes) -> web.Response:
        source = Source(
            body=content,
            headers={"content-type": "application/atom+xml"},
            url=feed.state.final or feed.address or feed.channel.id,
            whole=False,
        )
        async with feed.lock:
            try:
                await self._reader.take(feed, source, replace(feed.state))
            except OSError:
                return self._count("slap_unreadable", 202)
        return self._count("slap_taken", 202)

    # answers

    def _unknown(self) -> web.Response:
        """Before all feeds are known again, a token may be one of theirs."""
        return self._count("callback_unknown", 404) if self._shelf.ready else self._later("starting")

    def _later(self, why: str) -> web.Response:
        self._tools.metrics.count("feeds_callbacks", network=self._network, outcome=f"later_{why}")
        return web.Response(status=503, headers={"Retry-After": "30"})

    def _count(self, outcome: str, status: int) -> web.Response:
        self._tools.metrics.count("feeds_callbacks", network=self._network, outcome=outcome)
        return web.Response(status=status)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._under_way >= AT_ONCE:
            raise _Busy
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1


class _TooBig(OSError):
    """More than anybody may send."""


async def _body(request: web.Request, cap: int) -> bytes:
    """Raises `OSError` where it is too big, comes too slowly or ends early."""
    if request.content_length is not None and request.content_length > cap:
        raise _TooBig
    found = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_chunked(64 * 1024):
                found += chunk
                if len(found) > cap:
                    raise _TooBig
    except (TimeoutError, web.RequestPayloadError, ConnectionError) as error:
        raise OSError("it came too slowly, or ended early") from error
    return bytes(found)
