"""The ping: every way it fails has words of its own, and only what can mend itself is asked again."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bridge.matrix.ping import Pinger
from bridge.matrix.server import AppserviceApi, Listener, application
from tests.doubles.clock import FakeClock
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.matrix.incoming.surroundings import World
from tests.unit.matrix.incoming.test_server import Lookups, Questions


class Place:
    def __init__(self, hs: FakeHomeserver, session: aiohttp.ClientSession, bridge: str) -> None:
        self.hs, self.session, self.bridge = hs, session, bridge

    def pinger(self, *, url: str | None = None, token: str = "as-token", id: str = "unabridged") -> Pinger:
        return Pinger(self.session, url or self.hs.url, token, id, ours=self.bridge)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    api = AppserviceApi("hs-token", World().receiver.take, Questions(), Lookups())
    listener = Listener(application(api.routes()), "127.0.0.1:0")
    await listener.start()
    url = f"http://{listener.address}"
    async with FakeHomeserver(appservice_url=url) as hs, aiohttp.ClientSession() as session:
        yield Place(hs, session, url)
    await listener.stop()


async def test_a_homeserver_that_reaches_us_says_so(place: Place) -> None:
    found = await place.pinger().ping("t")
    assert found.reached and found.milliseconds is not None


async def test_a_homeserver_that_is_down_is_said_to_be(place: Place) -> None:
    found = await place.pinger(url="http://127.0.0.1:1").ping("t")
    assert not found.reached and not found.hopeless
    assert "http://127.0.0.1:1 cannot be reached" in found.words


@pytest.mark.parametrize(
    ("token", "id", "words"),
    [("wrong", "unabridged", "does not know our as_token"), ("as-token", "other", "does not know us as 'other'")],
)
async def test_a_registration_that_differs_is_said_and_not_asked_again(place: Place, token: str, id: str, words: str) -> None:
    found = await place.pinger(token=token, id=id).run(FakeClock(), lambda found: None)
    assert found.hopeless and words in found.words
    assert token not in found.words or token == "as-token"


async def test_a_wrong_hs_token_is_told_from_a_bridge_that_is_down(place: Place) -> None:
    place.hs.push.hs_token = "wrong"
    found = await place.pinger().ping("t")
    assert found.hopeless and "refuses the homeserver's hs_token" in found.words
    place.hs.push.url = "http://127.0.0.1:1"
    found = await place.pinger().ping("t")
    assert not found.hopeless and "cannot connect to us" in found.words


async def test_something_else_at_our_address_is_told(place: Place) -> None:
    place.hs.push.url = f"{place.bridge}/prefix"
    assert "something that is not this bridge" in (await place.pinger().ping("t")).words


async def test_a_registration_without_url_is_told(place: Place) -> None:
    place.hs.push.url = None
    found = await place.pinger().ping("t")
    assert found.hopeless and "names no url" in found.words


async def test_a_proxy_without_homeserver_is_told(place: Place) -> None:
    found = await place.pinger(url=f"{place.bridge}").ping("t")
    assert not found.reached and found.hopeless and "too old" in found.words


async def test_it_is_asked_again_until_it_is_well(place: Place) -> None:
    clock = FakeClock()
    for status in (500, 502):
        place.hs.faults.status(status, "ping")
    async with asyncio.TaskGroup() as group:
        run = group.create_task(place.pinger().run(clock, lambda found: None))
        for _ in range(2):
            while not clock.sleepers:
                await asyncio.sleep(0)
            await clock.advance(2)
    assert run.result().reached
    assert place.hs.calls["ping"] == 3
