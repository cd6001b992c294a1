"""The feeds adapter passes the half of the suite that concerns what comes in, on a site over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import pytest
from aiohttp import web
from msgspec.structs import replace

from adapters.feeds.adapter import Feeds
from adapters.feeds.config import FeedsConfig
from bridge.contract.adapter import Adapter, Inlet
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import ChannelId, NetworkName
from bridge.ops.http import GuardedHttp
from bridge.testing import InwardContract, InwardRig, until


class FeedsRig:
    """A feed that is asked as soon as somebody said something; what was said stays in it."""

    network = NetworkName("blog")
    people: Sequence[str] = ("bob", "Bob", "b@ob", "b|ob", "名前", "o'; DROP TABLE", "x" * 150)

    def __init__(self) -> None:
        self.http = GuardedHttp(["127.0.0.0/8"])
        self.entries: list[str] = []
        self.asked = 0
        self.spoken = asyncio.Event()
        self.adapter: Feeds | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/feed", self._feed)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.channel = ChannelId(self.network, f"http://127.0.0.1:{self.runner.addresses[0][1]}/feed")

    async def stop(self) -> None:
        await self.http.close()
        await self.runner.cleanup()

    async def _feed(self, request: web.Request) -> web.Response:
        await self.spoken.wait()
        self.asked += 1
        items = "".join(reversed(self.entries))
        answer = web.Response(text=f"<rss version='2.0'><channel><title>Blog</title>{items}</channel></rss>")
        answer.force_close()
        return answer

    def build(self, inlet: Inlet, tools: Toolbox) -> Adapter:
        self.adapter = Feeds(self.network, FeedsConfig(), inlet, replace(tools, http=self.http))
        if not self.entries:
            self.spoken.clear()  # the first look waits for the first words
        return self.adapter

    async def say(self, who: str, text: str) -> None:
        assert self.adapter is not None
        number = len(self.entries)
        self.entries.append(
            f"<item><guid isPermaLink='false'>{number}</guid><author>{escape(who)}</author>"
            f"<description>{escape(text)}</description><pubDate>{datetime.now(UTC):%a, %d %b %Y %H:%M:%S} +0000</pubDate></item>"
        )
        asked = self.asked
        if not self.spoken.is_set():
            self.spoken.set()
        else:
            feed = next(iter(self.adapter._shelf))
            await self.adapter.refresh(feed)
        await until(lambda: self.asked > asked)

    async def again(self) -> bool:
        return True

    def acked(self) -> int | None:
        return None


class TestFeeds(InwardContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[InwardRig]:
        rig = FeedsRig()
        await rig.start()
        try:
            yield rig
        finally:
            await rig.stop()
