"""A subscriber on loopback that answers as it is told, and keeps what it heard."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from msgspec import Struct

from tests.doubles.clock import FakeClock
from tests.doubles.web import serving

TURNS = 200
"""Of the loop, in a second of the clock: sockets and the ledger's threads need some."""


class Heard(Struct):
    path: str
    headers: dict[str, str]
    body: bytes


class Listening:
    """`echoes`: it wishes what it is asked about. `status`: how it answers pushes."""

    def __init__(self) -> None:
        self.echoes = True
        self.wrong = False
        self.status = 200
        self.asked: list[dict[str, str]] = []
        self.pushes: list[Heard] = []
        self.base = ""

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator["Listening"]:
        one = cls()
        app = web.Application(client_max_size=1 << 24)
        app.router.add_get("/{tail:.*}", one._asked)
        app.router.add_post("/{tail:.*}", one._pushed)
        async with serving(app) as one.base:
            yield one

    async def _asked(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        if not self.echoes:
            return web.Response(status=404)
        return web.Response(text="guessed" if self.wrong else request.query["hub.challenge"])

    async def _pushed(self, request: web.Request) -> web.Response:
        self.pushes.append(Heard(request.path, dict(request.headers), await request.read()))
        return web.Response(status=self.status)


async def soon(clock: FakeClock, condition: Callable[[], bool], seconds: int = 60) -> None:
    """Until then, within so many seconds of the clock."""
    for _ in range(seconds):
        for _ in range(TURNS):
            if condition():
                return
            await asyncio.sleep(0)
        await clock.advance(1)
    async with asyncio.timeout(10):  # the clock stands; what is under way may end
        while not condition():
            await asyncio.sleep(0)


async def quiet(clock: FakeClock, seconds: int) -> None:
    """So much time passes."""
    for _ in range(seconds):
        for _ in range(TURNS):
            await asyncio.sleep(0)
        await clock.advance(1)
