"""A site on loopback that answers as it is told, and an adapter that reads it; the clock stands still unless moved."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from email.utils import format_datetime
from html import escape

import msgspec
from aiohttp import web

from adapters.feeds.adapter import Feeds
from adapters.feeds.config import FeedsConfig
from adapters.feeds.parse.entries import ParsedFeed
from adapters.feeds.parse.read import NoFeed, read_feed
from bridge.contract.adapter import ChannelInfo
from bridge.contract.toolbox import HttpAnswer, MediaStream, Toolbox
from bridge.contract.words import Answer, Asker
from bridge.model.events import Event, Message
from bridge.model.ids import ChannelId, NetworkName
from bridge.model.permissions import Permission
from bridge.ops.http import GuardedHttp
from bridge.testing.doubles import MemoryLinking, RecordingInlet, toolbox, until
from tests.doubles.clock import START, FakeClock
from tests.doubles.web import serving

NET = NetworkName("blog")
ADMIN = Asker(user="terminal", permission=Permission.ADMIN)
ALICE = Asker(user="@alice:example.org", permission=Permission.USER, room="!timeline:example.org")


QUIET = 40
"""Turns of the loop without a request, after which none is to come."""


class InlineParser:
    """The parser without its process, which has tests of its own."""

    def __init__(self) -> None:
        self.parsed = 0

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def parse(self, body: bytes, headers: Mapping[str, str], url: str) -> ParsedFeed:
        self.parsed += 1
        try:
            return read_feed(body, dict(headers), url)
        except NoFeed as refused:
            raise OSError(str(refused)) from None


def rss(*titles: str, at: datetime = START, head: str = "", spread: float = 60) -> bytes:
    """Newest first, a minute apart; what an entry says is its title."""
    items = "".join(
        f"<item><guid isPermaLink='false'>{escape(title)}</guid><description>{escape(title)}</description>"
        f"<pubDate>{format_datetime(at - timedelta(seconds=spread * place))}</pubDate></item>"
        for place, title in enumerate(titles)
    )
    return f"<rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom'><channel><title>Blog</title>{head}{items}</channel></rss>".encode()


class Said(msgspec.Struct):
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site:
    """Paths that answer with what was put there; everything else is 404."""

    def __init__(self) -> None:
        self.requests: list[Said] = []
        self._pages: dict[str, Reply | tuple[int, bytes, dict[str, str]]] = {}
        self.port = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"

    def put(self, path: str, body: bytes | str = b"", *, status: int = 200, **headers: str) -> str:
        """`headers` with `_` for `-`. Returns the address."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.put_with(path, body, named, status=status)

    def put_with(self, path: str, body: bytes | str, headers: dict[str, str], *, status: int = 200) -> str:
        self._pages[path] = (status, body.encode() if isinstance(body, str) else body, headers)
        return self.url(path)

    def answer(self, path: str, reply: Reply) -> str:
        self._pages[path] = reply
        return self.url(path)

    def hits(self, path: str) -> int:
        return sum(1 for one in self.requests if one.path.partition("?")[0] == path)

    def last(self, path: str) -> Said:
        return [one for one in self.requests if one.path.partition("?")[0] == path][-1]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests.append(Said(request.method, str(request.rel_url), dict(request.headers), body))
        found = self._pages.get(request.path)
        if found is None:
            return web.Response(status=404)
        if callable(found):
            return await found(request)
        status, content, headers = found
        return web.Response(status=status, body=content, headers=headers)

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator["Site"]:
        site = cls()
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{tail:.*}", site._serve)
        async with serving(app) as url:
            site.port = int(url.rpartition(":")[2])
            yield site


class CountingHttp:
    """The guarded client, which knows how much is under way."""

    def __init__(self) -> None:
        self.inner = GuardedHttp(["127.0.0.0/8"])
        self.under_way = 0
        self.asked = 0

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: int = 5 * 1024 * 1024,
        timeout: float = 30.0,
        redirects: int = 5,
    ) -> HttpAnswer:
        self.under_way += 1
        self.asked += 1
        try:
            return await self.inner.request(
                method, url, headers=headers, body=body, limit=limit, timeout=timeout, redirects=redirects
            )
        finally:
            self.under_way -= 1

    def stream(self, url: str, *, limit: int, timeout: float = 120.0) -> AbstractAsyncContextManager[MediaStream]:
        raise AssertionError("feeds stream nothing")


class Counters:
    """`Metrics` that are kept."""

    def __init__(self) -> None:
        self.counts: dict[str, float] = {}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        for key in (name, *(f"{name}:{value}" for value in labels.values())):
            self.counts[key] = self.counts.get(key, 0) + amount

    def gauge(self, name: str, value: float, **labels: str) -> None: ...

    def observe(self, name: str, seconds: float, **labels: str) -> None: ...


class World:
    """One adapter, from start to stop; `again` is the bridge started again over the same ledger."""

    def __init__(self, site: Site, http: CountingHttp, clock: FakeClock, inlet: RecordingInlet, config: FeedsConfig) -> None:
        self.site, self.clock, self.inlet, self.config = site, clock, inlet, config
        self.http = http
        self.counters = Counters()
        self.linking = MemoryLinking()
        self.parser = InlineParser()
        self.public: str | None = None

    def tools(self) -> Toolbox:
        return msgspec.structs.replace(
            toolbox(self.clock),
            http=self.http,
            metrics=self.counters,
            log=logging.getLogger("test.feeds"),
            linking=self.linking,
            public_address=self.public,
        )

    @asynccontextmanager
    async def running(self, *channels: str) -> AsyncIterator[Feeds]:
        """Connected, with these channels open; each has been looked at once, where it may be."""
        adapter = Feeds(NET, self.config, self.inlet, self.tools(), parser=self.parser)
        self.adapter = adapter
        self.inlet.states.clear()
        task = asyncio.ensure_future(adapter.run())
        try:
            await until(lambda: self.inlet.connected or task.done())
            if channels:
                await self.open(*channels)
            yield adapter
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and task.exception() is not None:
                raise AssertionError("run() ended with a bug") from task.exception()

    async def open(self, *channels: str) -> list[ChannelInfo]:
        found = await self.adapter.open(*(ChannelId(NET, one) for one in channels))
        self.linking.channels += [info.channel for info in found if info.channel not in self.linking.channels]
        await self.settled()
        return found

    async def settled(self) -> None:
        """Until no request is under way, and none follows."""
        quiet = seen = 0

        def is_quiet() -> bool:
            nonlocal quiet, seen
            quiet = 0 if self.http.under_way or self.http.asked != seen else quiet + 1
            seen = self.http.asked
            return quiet > QUIET

        await until(is_quiet)

    async def later(self, seconds: float) -> None:
        """Time passes, a look at a time."""
        end = self.clock.monotonic() + seconds
        while (now := self.clock.monotonic()) < end:
            dues = [feed.due for feed in self.adapter._shelf if feed.due > now and not feed.state.gone]
            await self.clock.advance(min([end, *dues]) - now)
            await self.settled()

    async def word(self, name: str, asker: Asker = ADMIN, **given: str | Sequence[str]) -> Answer:
        (word,) = [one for one in self.adapter.words() if one.name == name]
        answer = await word.run(asker, given)
        await self.settled()
        return answer

    @property
    def said(self) -> list[str]:
        return [event.body.text.plain for event in self.inlet.events if isinstance(event.body, Message)]

    @property
    def events(self) -> list[Event]:
        return self.inlet.events

    def counted(self, name: str) -> float:
        return self.counters.counts.get(name, 0)
