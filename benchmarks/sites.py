"""Five hundred hosts with feeds, in one process: every address in 127.0.0.0/8 is one. Run as `python -m benchmarks.sites PORT`.

Each look at a feed finds it as it was, or, one time in twenty, with a new entry.
"""

import random
import sys
from datetime import UTC, datetime
from email.utils import format_datetime

from aiohttp import web

NEWS = 0.05
KEPT = 15
"""Entries of a feed that has so many."""
WORDS = "what a feed says in one entry, at some length, as blogs do, and then a little more of it, " * 4


class Sites:
    def __init__(self) -> None:
        self._random = random.Random(1)
        self._entries: dict[str, list[str]] = {}
        self._made: dict[str, int] = {}
        self.looks = self.unconditional = self.news = 0

    async def feed(self, request: web.Request) -> web.Response:
        name = f"{request.host}{request.path}"
        self.looks += 1
        conditional = "If-None-Match" in request.headers
        self.unconditional += not conditional
        if conditional and self._random.random() < NEWS:
            self._add(name)
        etag = f'"{self._made.get(name, 0)}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304)
        return web.Response(body=self._document(name), headers={"ETag": etag, "Content-Type": "application/rss+xml"})

    def _add(self, name: str) -> None:
        self.news += 1
        number = self._made[name] = self._made.get(name, 0) + 1
        entries = self._entries.setdefault(name, [])
        entries.insert(
            0,
            f"<item><guid>http://{name}/{number}</guid><link>http://{name}/{number}</link><title>Entry {number}</title>"
            f"<description>&lt;p&gt;{WORDS}&lt;/p&gt;</description><pubDate>{format_datetime(datetime.now(UTC))}</pubDate></item>",
        )
        del entries[KEPT:]

    def _document(self, name: str) -> bytes:
        items = "".join(self._entries.get(name, ()))
        return f"<rss version='2.0'><channel><title>{name}</title><link>http://{name}</link>{items}</channel></rss>".encode()

    async def count(self, request: web.Request) -> web.Response:
        return web.json_response({"looks": self.looks, "unconditional": self.unconditional, "news": self.news})


def main() -> None:
    sites = Sites()
    app = web.Application()
    app.router.add_get("/count", sites.count)
    app.router.add_get("/{tail:.*}", sites.feed)
    print("ready", flush=True)
    web.run_app(app, host="0.0.0.0", port=int(sys.argv[1]), access_log=None, print=None)


if __name__ == "__main__":
    main()
