"""A world for each test."""

from collections.abc import AsyncIterator

import pytest

from adapters.feeds.config import FeedsConfig
from bridge.testing.doubles import RecordingInlet
from tests.doubles.clock import FakeClock
from tests.unit.feeds.kit import CountingHttp, Site, World


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site.running() as site:
        yield site


@pytest.fixture
async def world(site: Site) -> AsyncIterator[World]:
    http = CountingHttp()
    yield World(site, http, FakeClock(), RecordingInlet(), FeedsConfig(contact="https://bridge.example/about"))
    await http.inner.close()
