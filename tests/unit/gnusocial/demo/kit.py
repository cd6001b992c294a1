"""Sites for one test each, and somebody who asks them."""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

import aiohttp

from adapters.gnusocial.demo.server import SiteServer

PASSWORD = "s3cret"
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Watch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Answer:
    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def data(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Client:
    """Asks a site's API; as `nick`, where one is given."""

    def __init__(self, server: SiteServer) -> None:
        self.server = server
        self._session = aiohttp.ClientSession()

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._session.close()

    async def get(self, path: str, nick: str | None = None, *, headers: Mapping[str, str] | None = None) -> Answer:
        return await self._ask("GET", path, nick, None, headers)

    async def post(
        self, path: str, nick: str | None = None, *, headers: Mapping[str, str] | None = None, data: Any = None, **form: Any
    ) -> Answer:
        return await self._ask("POST", path, nick, data or {key: str(value) for key, value in form.items()}, headers)

    async def _ask(self, method: str, path: str, nick: str | None, data: Any, headers: Mapping[str, str] | None) -> Answer:
        url = f"{self.server.url}{path}" if path.startswith("/") else f"{self.server.url}/api/{path}"
        given = {**basic(nick), **(headers or {})}
        async with self._session.request(method, url, data=data, headers=given, allow_redirects=False) as answer:
            return Answer(answer.status, answer.headers, await answer.read())


def basic(nick: str | None, password: str = PASSWORD) -> dict[str, str]:
    if nick is None:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(f'{nick}:{password}'.encode()).decode()}"}


@asynccontextmanager
async def site(*nicks: str, watch: Watch | None = None, real: bool = False, **settings: Any) -> AsyncIterator[Client]:
    """A site with these people, who all follow each other. `real`: its clock is."""
    server = await SiteServer.start(now=None if real else (watch or Watch()).now, **settings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        for nick in nicks:
            server.site.add_user(nick, PASSWORD)
        client = await stack.enter_async_context(Client(server))
        for nick in nicks:
            for other in nicks:
                if nick != other:
                    await client.post("friendships/create.json", nick, screen_name=other)
        yield client


def texts(answer: Answer) -> list[str]:
    return [one["text"] for one in answer.data]
