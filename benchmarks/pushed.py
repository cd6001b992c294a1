"""A post pushed by a hub: from the hub's call to the room, through the bridge as its operator runs it."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web

from benchmarks.latency import Times
from benchmarks.scene import registration
from tests.doubles.homeserver import FakeHomeserver
from tests.servers.bridge import BridgeProcess
from tests.servers.daemons import free_port

POSTS = 100
WARM = 10
"""Posts before those that count."""
PACE = 0.1
"""Seconds between two."""
PATIENCE = 60.0
ROOM = "#pushed:localhost"


class Press:
    """One feed and its hub."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.base = ""
        self.callback = self._secret = ""

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Press"]:
        app = web.Application()
        app.router.add_get("/feed", self._feed)
        app.router.add_post("/hub", self._asked)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield self
        await runner.cleanup()

    async def _feed(self, _: web.Request) -> web.Response:
        return web.Response(text=self._document("before"))

    async def _asked(self, request: web.Request) -> web.Response:
        form = {name: values[0] for name, values in parse_qs((await request.read()).decode()).items()}
        query = {"hub.mode": "subscribe", "hub.topic": form["hub.topic"], "hub.challenge": "c", "hub.lease_seconds": "86400"}
        async with self._session.get(form["hub.callback"], params=query) as answer:
            if answer.status == 200:
                self.callback, self._secret = form["hub.callback"], form["hub.secret"]
        return web.Response(status=202)

    def _document(self, words: str) -> str:
        links = f"<atom:link rel='self' href='{self.base}/feed'/><atom:link rel='hub' href='{self.base}/hub'/>"
        date = f"<pubDate>{format_datetime(datetime.now(UTC))}</pubDate>"
        item = f"<guid isPermaLink='false'>{words}</guid><description>{words}</description>{date}"
        channel = f"<channel><title>Feed</title>{links}<item>{item}</item></channel>"
        return f"<rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom'>{channel}</rss>"

    async def push(self, words: str) -> None:
        body = self._document(words).encode()
        signature = hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature": f"sha256={signature}", "Content-Type": "application/rss+xml"}
        async with self._session.post(self.callback, data=body, headers=headers) as answer:
            answer.raise_for_status()


async def measure(folder: Path) -> Times:
    port = free_port()
    async with (
        FakeHomeserver(appservice_url=f"http://127.0.0.1:{port}") as hs,
        aiohttp.ClientSession() as session,
        Press(session).open() as press,
    ):
        bridge = BridgeProcess(folder, homeserver=hs.url, port=port, more='allow_addresses = ["127.0.0.0/8"]')
        bridge.write(
            f'[networks.blog]\nadapter = "feeds"\n[[portals]]\nroom = "{ROOM}"\nkind = "timeline"\n'
            f'timeline = {{ burst = 0 }}\nlinks = ["blog/{press.base}/feed"]\n'
        )
        (folder / "registration.yaml").write_text(json.dumps(registration(hs, bridge.url, "blog")))
        came: dict[str, float] = {}

        def on_event(room: object, event: dict[str, Any]) -> None:
            if event["type"] == "m.room.message":
                came.setdefault(str(event["content"]["body"]).partition("\n")[0], time.perf_counter())

        hs.world.listeners.append(on_event)
        try:
            await bridge.start()
            async with asyncio.timeout(PATIENCE):
                while not (press.callback and "before" in came):
                    await asyncio.sleep(PACE)
            return await _pushed(press, came)
        finally:
            await bridge.stop()


async def _pushed(press: Press, came: dict[str, float]) -> Times:
    """Milliseconds from each call to its post in the room."""
    called: dict[str, float] = {}
    for number in range(WARM + POSTS):
        words = f"post{number}"
        called[words] = time.perf_counter()
        await press.push(words)
        await asyncio.sleep(PACE)
    async with asyncio.timeout(PATIENCE):
        while not called.keys() <= came.keys():
            await asyncio.sleep(PACE)
    took = sorted((came[words] - at) * 1000 for words, at in list(called.items())[WARM:])
    return Times(p50=took[len(took) // 2], p99=took[int(len(took) * 0.99)])
