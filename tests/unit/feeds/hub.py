"""A hub that remembers what it was asked, and the bridge's public door."""

import hashlib
import hmac
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web

from tests.unit.feeds.kit import Site, World, rss


class Hub:
    """A hub on the site, and the bridge's public door, reached as a stranger reaches it."""

    def __init__(self, world: World, site: Site) -> None:
        self.world, self.site = world, site
        self.status = 202
        self.door: aiohttp.ClientSession | None = None
        self.base = ""
        site.answer("/hub", self._asked)
        self.asked: list[dict[str, str]] = []

    async def _asked(self, request: web.Request) -> web.Response:
        form = parse_qs((await request.read()).decode())
        self.asked.append({name: values[0] for name, values in form.items()})
        return web.Response(status=self.status)

    def feed(self, *titles: str, path: str = "/feed") -> str:
        links = f"<atom:link rel='hub' href='/hub'/><atom:link rel='self' href='{self.site.url(path)}'/>"
        return self.site.put(path, rss(*titles, at=self.world.clock.now(), head=links))

    async def call(self, method: str, url: str, **how: object) -> tuple[int, str]:
        assert self.door is not None
        async with self.door.request(method, url, **how) as answer:  # type: ignore[arg-type]
            return answer.status, await answer.text()

    @property
    def last(self) -> dict[str, str]:
        return self.asked[-1]

    async def verify(self, mode: str = "subscribe", **more: str) -> tuple[int, str]:
        asked = self.last
        query = {"hub.mode": mode, "hub.topic": asked["hub.topic"], "hub.challenge": "c&%<>1", "hub.lease_seconds": "864000"}
        query |= {f"hub.{name}": value for name, value in more.items()}
        return await self.call("GET", asked["hub.callback"], params=query)

    async def push(self, body: bytes, *, method: str = "sha256", signature: str | None = None) -> int:
        asked = self.last
        if signature is None:
            signature = f"{method}={hmac.new(asked['hub.secret'].encode(), body, getattr(hashlib, method)).hexdigest()}"
        headers = {"X-Hub-Signature": signature, "Content-Type": "application/rss+xml"}
        status, _ = await self.call("POST", asked["hub.callback"], data=body, headers=headers)
        return status
