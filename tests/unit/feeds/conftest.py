"""A world for each test."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from adapters.feeds.config import FeedsConfig
from bridge.testing.doubles import RecordingInlet
from tests.doubles.clock import FakeClock
from tests.doubles.web import serving
from tests.unit.feeds.hub import Hub
from tests.unit.feeds.kit import NET, CountingHttp, Site, World


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site.running() as site:
        yield site


@pytest.fixture
async def world(site: Site) -> AsyncIterator[World]:
    http = CountingHttp()
    yield World(site, http, FakeClock(), RecordingInlet(), FeedsConfig(contact="https://bridge.example/about"))
    await http.inner.close()


@pytest.fixture
async def hub(world: World, site: Site) -> AsyncIterator[Hub]:
    """The callbacks are served as `bridge.app` does it: below `/net/<network>/`, whichever adapter runs now."""
    hub = Hub(world, site)

    async def passed_on(request: web.Request) -> web.StreamResponse:
        for method, path, answer in world.adapter.routes():
            if method == request.method and path.startswith(request.match_info["kind"]):
                found = await answer(request)
                assert isinstance(found, web.StreamResponse)
                return found
        return web.Response(status=405)

    app = web.Application()
    app.router.add_route("*", f"/net/{NET}/{{kind}}/{{token}}", passed_on)
    async with serving(app) as url, aiohttp.ClientSession(auto_decompress=False) as hub.door:
        world.public = f"{url}/net/{NET}"
        yield hub
