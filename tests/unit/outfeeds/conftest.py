"""Somebody who subscribes, and the homeserver of the room that they subscribe to."""

from collections.abc import AsyncIterator

import pytest

from tests.doubles.homeserver import FakeHomeserver
from tests.unit.feeds.conftest import hub, site, world
from tests.unit.outfeeds.listening import Listening

__all__ = ["hs", "hub", "listening", "site", "world"]


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        for name in ("alice", "admin"):
            server.user(name)
        yield server


@pytest.fixture
async def listening() -> AsyncIterator[Listening]:
    async with Listening.running() as one:
        yield one
