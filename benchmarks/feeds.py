"""Ten thousand feeds on five hundred hosts, every five minutes, one look in twenty with news: what it costs the whole bridge."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import aiohttp
from msgspec import Struct

from benchmarks.scene import registration
from bridge.demo.process import Child
from tests.doubles.homeserver import FakeHomeserver
from tests.servers.bridge import BridgeProcess
from tests.servers.daemons import free_port

FEEDS = 10_000
HOSTS = 500
INTERVAL = 300
MEASURED_SECONDS = 120.0
ROOM = "#feeds:localhost"


class Cost(Struct, kw_only=True):
    cores: float
    resident: float
    """MB, the parser's process included."""
    lag_p99: float
    """Milliseconds that the bridge takes to answer `/health` at worst, one time in a hundred."""
    looks: float
    """In a second."""
    news: int
    arrived: int


async def measure(folder: Path, *, feeds: int = FEEDS, hosts: int = HOSTS, seconds: float = MEASURED_SECONDS) -> Cost:
    """Raises `TimeoutError` where the feeds are not all looked at within two intervals."""
    port, sites_port = free_port(), free_port()
    sites = Child("sites", [sys.executable, "-m", "benchmarks.sites", str(sites_port)], folder / "sites.log")
    folder.mkdir(parents=True, exist_ok=True)
    await sites.start()
    await _listening(sites_port)
    async with FakeHomeserver(appservice_url=f"http://127.0.0.1:{port}") as hs, aiohttp.ClientSession() as session:
        bridge = BridgeProcess(folder / "bridge", homeserver=hs.url, port=port)
        bridge.write(_config(feeds, hosts, sites_port))
        text = bridge.config.read_text().replace("[bridge]\n", '[bridge]\nallow_addresses = ["127.0.0.0/8"]\n', 1)
        bridge.config.write_text(text)
        (bridge.folder / "registration.yaml").write_text(json.dumps(registration(hs, bridge.url, "blog")))
        hs.user("admin")
        try:
            await bridge.start()
            await _all_read(session, sites_port, feeds)
            return await _measured(hs, session, bridge, sites_port, seconds)
        finally:
            await bridge.stop()
            await sites.stop()


async def _listening(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return


async def _all_read(session: aiohttp.ClientSession, port: int, feeds: int) -> None:
    """Until every feed was looked at once, and then until the second looks have found their pace."""
    async with asyncio.timeout(2 * INTERVAL):
        while (await _count(session, port))["looks"] < feeds:
            await asyncio.sleep(1)
    await asyncio.sleep(INTERVAL / 3)


async def _measured(hs: FakeHomeserver, session: aiohttp.ClientSession, bridge: BridgeProcess, port: int, seconds: float) -> Cost:
    assert bridge.child.pid is not None
    pids = _family(bridge.child.pid)
    before, cpu, began = await _count(session, port), sum(map(_cpu, pids)), time.perf_counter()
    arrived = 0

    def on_event(room: object, event: dict[str, object]) -> None:
        nonlocal arrived
        arrived += event["type"] == "m.room.message"

    hs.world.listeners.append(on_event)
    lags = []
    while time.perf_counter() - began < seconds:
        asked = time.perf_counter()
        async with session.get(f"{bridge.url}/health") as answer:
            await answer.read()
        lags.append((time.perf_counter() - asked) * 1000)
        await asyncio.sleep(0.02)
    took, after = time.perf_counter() - began, await _count(session, port)
    pids = _family(bridge.child.pid)
    return Cost(
        cores=(sum(map(_cpu, pids)) - cpu) / took,
        resident=sum(map(_resident, pids)),
        lag_p99=sorted(lags)[int(len(lags) * 0.99)],
        looks=(after["looks"] - before["looks"]) / took,
        news=after["news"] - before["news"],
        arrived=arrived,
    )


async def _count(session: aiohttp.ClientSession, port: int) -> dict[str, int]:
    async with session.get(f"http://127.0.0.1:{port}/count") as answer:
        found: dict[str, int] = await answer.json()
        return found


def _config(feeds: int, hosts: int, port: int) -> str:
    links = ", ".join(
        f'"blog/http://127.{1 + number % hosts // 250}.0.{1 + number % hosts % 250}:{port}/{number // hosts}"'
        for number in range(feeds)
    )
    network = f'[networks.blog]\nadapter = "feeds"\ninterval = {INTERVAL}\n'
    room = f'room = "{ROOM}"\nkind = "timeline"\ntimeline = {{ burst = 0 }}\ninvite = ["@admin:localhost"]\n'
    return f"{network}[[portals]]\n{room}links = [{links}]\n"


def _family(pid: int) -> list[int]:
    """The process and its children: the parser is one."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
