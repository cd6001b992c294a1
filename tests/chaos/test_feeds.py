"""kill -9 while feeds are polled, and while a hub pushes: every post is in the room, once, and those of one feed in their order.

The moment of each blow is chosen by chance, and not repeated.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web

from benchmarks.scene import registration
from tests.chaos.conftest import Force
from tests.chaos.tally import Verdict
from tests.doubles.homeserver import FakeHomeserver
from tests.servers.bridge import BridgeProcess
from tests.servers.daemons import free_port

pytestmark = pytest.mark.servers

FEEDS = 3
KEPT = 200
"""Entries that a feed holds: more than are written in one test."""
PACE = 0.05
"""Seconds between two entries."""
PATIENCE = 60.0
Note = Callable[[str, Verdict], None]


class Press:
    """Feeds that grow, and a hub that pushes each entry until it is told that it arrived."""

    def __init__(self, *, hub: bool) -> None:
        self.entries: list[list[str]] = [[] for _ in range(FEEDS)]
        self.written: list[str] = []
        self.callbacks: dict[str, tuple[str, str]] = {}
        self.pushed = 0
        self._hub = hub
        self._unsent: list[tuple[str, str]] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Press"]:
        app = web.Application()
        app.router.add_get("/{number}", self._feed)
        app.router.add_post("/hub", self._asked)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession() as self.session:
            yield self
        await runner.cleanup()

    def write(self) -> None:
        number = len(self.written)
        words = f"m{number}"
        self.written.append(words)
        now = f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S} +0000"
        feed = number % FEEDS
        item = f"<item><guid isPermaLink='false'>{words}</guid><description>{words}</description><pubDate>{now}</pubDate></item>"
        self.entries[feed].insert(0, item)
        self._unsent.append((f"{self.base}/{feed}", self._document(feed, [item])))

    def _document(self, feed: int, items: list[str]) -> str:
        links = f"<atom:link rel='self' href='{self.base}/{feed}'/>"
        links += f"<atom:link rel='hub' href='{self.base}/hub'/>" if self._hub else ""
        head = f"<channel><title>Feed {feed}</title>{links}"
        return f"<rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom'>{head}{''.join(items[:KEPT])}</channel></rss>"

    async def _feed(self, request: web.Request) -> web.Response:
        feed = int(request.match_info["number"])
        return web.Response(text=self._document(feed, self.entries[feed]))

    async def _asked(self, request: web.Request) -> web.Response:
        form = {name: values[0] for name, values in parse_qs((await request.read()).decode()).items()}
        query = {"hub.mode": "subscribe", "hub.topic": form["hub.topic"], "hub.challenge": "c", "hub.lease_seconds": "86400"}
        async with self.session.get(form["hub.callback"], params=query) as answer:
            if answer.status == 200:
                self.callbacks[form["hub.topic"]] = (form["hub.callback"], form["hub.secret"])
        return web.Response(status=202)

    async def distribute(self) -> None:
        """Until cancelled, as hubs do: in order, and again where the answer is none of 2xx."""
        while True:
            while self._unsent and self._unsent[0][0] in self.callbacks:
                topic, body = self._unsent[0]
                callback, secret = self.callbacks[topic]
                signature = hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
                headers = {"X-Hub-Signature": f"sha256={signature}", "Content-Type": "application/rss+xml"}
                try:
                    async with self.session.post(callback, data=body.encode(), headers=headers) as answer:
                        if answer.status // 100 != 2:
                            break
                except aiohttp.ClientError:
                    break
                self.pushed += 1
                del self._unsent[0]
            await asyncio.sleep(PACE / 2)


class Stage:
    def __init__(self, folder: Path, hs: FakeHomeserver, port: int, press: Press, *, interval: float) -> None:
        self.press, self.hs = press, hs
        self.bridge = BridgeProcess(folder, homeserver=hs.url, port=port)
        links = ", ".join(f'"blog/{press.base}/{number}"' for number in range(FEEDS))
        self.bridge.write(
            f'[networks.blog]\nadapter = "feeds"\ninterval = {interval}\n'
            f'[[portals]]\nroom = "#feeds:localhost"\nkind = "timeline"\nlinks = [{links}]\ntimeline = {{ burst = 0 }}\n'
        )
        text = self.bridge.config.read_text().replace("[bridge]\n", '[bridge]\nallow_addresses = ["127.0.0.0/8"]\n', 1)
        self.bridge.config.write_text(text)
        (folder / "registration.yaml").write_text(json.dumps(registration(hs, self.bridge.url, "blog")))
        self.shown: list[str] = []
        hs.world.listeners.append(self._on_event)

    def _on_event(self, room: Any, event: dict[str, Any]) -> None:
        if event["type"] == "m.room.message":
            self.shown.append(event["content"]["body"])

    async def all_shown(self) -> None:
        """And no more than `PATIENCE` seconds: what is missing then is told by the verdict."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not set(self.press.written) <= set(self.shown):
                    await asyncio.sleep(PACE)


def judge(stage: Stage) -> Verdict:
    """Of everything that was written: each once, each feed in its order."""
    written, counts = set(stage.press.written), Counter(stage.shown)
    disordered = []
    for feed in range(FEEDS):
        numbers = [int(words[1:]) for words in stage.shown if int(words[1:]) % FEEDS == feed]
        disordered += [one for one, other in itertools.pairwise(numbers) if one > other]
    return Verdict(
        sent=len(written),
        lost=len(written - counts.keys()),
        out_of_place=tuple(disordered),
        unmarked=sum(counts[words] > 1 for words in written),
        repeats=0,
    )


@pytest.mark.parametrize("way", ["polled", "pushed"])
async def test_a_kill_loses_no_post_and_doubles_none(way: str, tmp_path: Path, force: Force, note: Note) -> None:
    port = free_port()
    async with (
        Press(hub=way == "pushed").open() as press,
        FakeHomeserver(appservice_url=f"http://127.0.0.1:{port}") as hs,
    ):
        stage = Stage(tmp_path / "bridge", hs, port, press, interval=1 if way == "polled" else 3600)
        pushing = asyncio.ensure_future(press.distribute())
        try:
            await stage.bridge.start()
            await _settled(stage, way)
            for _ in range(force.kills):
                until = asyncio.get_running_loop().time() + force.chance.uniform(0.2, 2.0)
                while asyncio.get_running_loop().time() < until:
                    press.write()
                    await asyncio.sleep(PACE)
                await stage.bridge.kill()
                press.write()
                await stage.bridge.start()
            await stage.all_shown()
            verdict = judge(stage)
            note(f"kill_bridge, {force.kills} times", verdict)
            assert verdict.clean, f"seed {force.seed}: {verdict}"
            assert way == "polled" or press.pushed > 0
        finally:
            pushing.cancel()
            await stage.bridge.stop()


async def _settled(stage: Stage, way: str) -> None:
    """The empty feeds were read, so that what comes now is new; and the hub is believed."""
    for _ in range(FEEDS):
        stage.press.write()
    await stage.all_shown()
    async with asyncio.timeout(PATIENCE):
        while way == "pushed" and len(stage.press.callbacks) < FEEDS:
            await asyncio.sleep(PACE)
