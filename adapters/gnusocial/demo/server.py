"""The stand-in as a server: one site, over real HTTP. Two of them on one machine are two sites that federate."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from adapters.gnusocial.demo.api.call import moved
from adapters.gnusocial.demo.api.door import Door
from adapters.gnusocial.demo.faults import Faults
from adapters.gnusocial.demo.oauth import Doorkeeper
from adapters.gnusocial.demo.ostatus.discovery import Discovery
from adapters.gnusocial.demo.ostatus.federation import Federation
from adapters.gnusocial.demo.pictures import plain
from adapters.gnusocial.demo.script import Script
from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import ApiError, Profile, Settings

_REMEMBERED = 10_000
_LARGEST = 64 * 1024 * 1024
_STANDARD_FACE = plain(96, 96, (129, 140, 143))


class SiteServer:
    """Implements `bridge.contract.adapter.Demonstration`. Nothing is kept after `stop`."""

    def __init__(self, host: str) -> None:
        """Use `start`."""
        self.host = host
        self.port = 0
        self.faults = Faults()
        self.requests: deque[tuple[str, str]] = deque(maxlen=_REMEMBERED)
        """Method, and path with query, of what came in last."""
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def start(
        cls,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        now: Callable[[], datetime] | None = None,
        address: str | None = None,
        first: int = 1,
        **settings: Any,
    ) -> "SiteServer":
        """Listen; port 0 takes a free one. `settings` are those of `Settings`, `address` is what the site calls itself in the
        ids that it mints (default: host and port). Raises `OSError` where the port is taken.
        """
        server = cls(host)
        app = web.Application(client_max_size=_LARGEST, middlewares=[server._watch])
        server._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        server._build(app, Site(host, Settings(**settings), now or (lambda: datetime.now(UTC)), first))
        await server._runner.setup()
        listener = web.TCPSite(server._runner, host, port)
        await listener.start()
        server.port = server._runner.addresses[0][1]
        server._settle(address or f"{host}:{server.port}")
        server._tasks.append(asyncio.create_task(server.federation.postman.run()))
        return server

    def _build(self, app: web.Application, site: Site) -> None:
        self.site = site
        self.federation = Federation(self.site)
        self.keeper = Doorkeeper(self.site)
        door, discovery = Door(self.site, self.federation, self.keeper), Discovery(self.site)
        ways = app.router
        for step in ("request_token", "access_token"):
            ways.add_route("*", f"/api/oauth/{step}", door.oauth)
        ways.add_route("*", "/api/oauth/authorize", door.authorize)
        ways.add_route("*", "/api/{path:.*}", door.serve)
        ways.add_get("/.well-known/host-meta", discovery.host_meta)
        ways.add_get("/.well-known/host-meta.json", discovery.host_meta_json)
        ways.add_get("/.well-known/webfinger", discovery.webfinger)
        ways.add_get("/.well-known/nodeinfo", discovery.nodeinfo)
        ways.add_post("/main/push/hub", self._hub)
        ways.add_get(r"/main/push/callback/{id:\d+}", self._verified)
        ways.add_post(r"/main/push/callback/{id:\d+}", self._pushed)
        ways.add_post(r"/main/salmon/user/{id:\d+}", self._slapped)
        ways.add_get(r"/file/{name}", self._file)
        ways.add_get(r"/attachment/{id:\d+}", self._attachment)
        ways.add_get(r"/avatar/{name}", self._face)
        ways.add_get(r"/theme/neo-gnu/{name}.png", self._standard_face)
        ways.add_get(r"/notice/{id:\d+}", discovery.notice)
        ways.add_get(r"/user/{id:\d+}", discovery.user)
        ways.add_get(r"/{nick:[a-z0-9]+}", discovery.profile)

    def _settle(self, host: str) -> None:
        self.site.host, self.site.base = host, f"http://{host}"

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    def play(self, script: Script) -> None:
        """Has its people post, from now until the end or `stop`."""
        self._tasks.append(asyncio.create_task(script.run(self.site)))

    async def settled(self) -> None:
        """Until all letters to other sites are sent."""
        await self.federation.postman.settled()

    async def stop(self) -> None:
        """Close everything: no socket, no task stays."""
        self.faults.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    # what strangers call

    @web.middleware
    async def _watch(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.requests.append((request.method, request.path_qs))
        return await self.faults.serve(request, handler)

    async def _hub(self, request: web.Request) -> web.Response:
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        try:
            self.federation.hub.ask(form)
        except ApiError as error:
            return _refuse(error)
        return web.Response(status=202)

    async def _verified(self, request: web.Request) -> web.Response:
        try:
            return web.Response(text=self.federation.verified(self._stranger(request), request.query))
        except ApiError as error:
            return _refuse(error)

    async def _pushed(self, request: web.Request) -> web.Response:
        try:
            self.federation.pushed(self._stranger(request), await request.read(), request.headers.get("X-Hub-Signature", ""))
        except ApiError as error:
            return _refuse(error)
        return web.Response()

    async def _slapped(self, request: web.Request) -> web.Response:
        owner = self.site.people.get(int(request.match_info["id"]))
        try:
            if owner is None or not owner.local:
                raise ApiError(404, "No such user.")
            await self.federation.slapped(owner, await request.read())
        except ApiError as error:
            return _refuse(error)
        return web.Response()

    def _stranger(self, request: web.Request) -> Profile:
        found = self.site.people.get(int(request.match_info["id"]))
        if found is None or found.local:
            raise ApiError(404, "Unknown feed.")
        return found

    # pictures and files

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        file = next((one for one in self.site.files.values() if one.name == name), None)
        return web.Response(status=404) if file is None else web.Response(body=file.data, content_type=file.type)

    async def _attachment(self, request: web.Request) -> web.StreamResponse:
        file = self.site.files.get(int(request.match_info["id"]))
        return web.Response(status=404) if file is None else moved(file.url)

    async def _face(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        for one in self.site.people.values():
            if one.picture is not None and name.startswith(f"{one.id}-"):
                return web.Response(body=one.picture.data, content_type="image/png")
        return web.Response(status=404)

    async def _standard_face(self, _: web.Request) -> web.Response:
        return web.Response(body=_STANDARD_FACE, content_type="image/png")


def _refuse(error: ApiError) -> web.Response:
    return web.Response(text=error.words, status=error.status)
