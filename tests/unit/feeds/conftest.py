"""A world for each test."""

from collections.abc import AsyncIterator

import pytest

from adapters.feeds.config import FeedsConfig
from bridge.ops.http import GuardedHttp
from bridge.testing.doubles import RecordingInlet
from tests.doubles.clock import FakeClock
from tests.unit.feeds.kit import Site, World


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site.running() as site:
        yield site


@pytest.fixture
async def world(site: Site) -> AsyncIterator[World]:
    http = GuardedHttp(["127.0.0.0/8"])
    yield World(site, http, FakeClock(), RecordingInlet(), FeedsConfig(contact="https://bridge.example/about"))
    await http.close()
