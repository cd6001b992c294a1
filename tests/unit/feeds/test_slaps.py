"""Salmon: what is pushed is believed only from the one who is followed there, sealed with his own key."""

import io
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from adapters.common.webfinger import MAGIC_KEY
from bridge.model.events import Message
from tests.unit.common.test_salmon import magic, sealed, xml
from tests.unit.feeds.hub import Hub
from tests.unit.feeds.kit import Site, World
from tests.unit.feeds.test_finding import ATOM, UPDATES, WEBFINGER, jrd
from tests.unit.feeds.test_polling import Failing


class Bob:
    """A person on the site, followed by the adapter, who knows where his slaps go."""

    def __init__(self, world: World, site: Site, hub: Hub, key: RSAPrivateKey) -> None:
        self.world, self.site, self.hub, self.key = world, site, hub, key
        self.uri = site.url("/user/1")
        self.where = ""
        site.put("/bob.atom", self.feed())
        self.knows(key)

    def knows(self, *keys: RSAPrivateKey) -> None:
        links = [(MAGIC_KEY, "", f"data:application/magic-public-key,{magic(key)}") for key in keys]
        self.site.put(WEBFINGER, jrd(self.site, (UPDATES, ATOM, self.site.url("/bob.atom")), *links, aliases=(self.uri,)))

    def entry(self, words: str, *, author: str | None = None, age: float = 0.0) -> bytes:
        when = (self.world.clock.now() - timedelta(seconds=age)).isoformat()
        return (
            '<entry xmlns="http://www.w3.org/2005/Atom" xmlns:activity="http://activitystrea.ms/spec/1.0/">'
            f"<id>{self.site.url('/notice/')}{words}</id><title>x</title><content type='text'>{words}</content>"
            f"<activity:verb>http://activitystrea.ms/schema/1.0/post</activity:verb><published>{when}</published>"
            f"<updated>{when}</updated><author><uri>{author or self.uri}</uri><name>bob</name></author></entry>"
        ).encode()

    def feed(self) -> bytes:
        head = f"<id>x</id><title>bob</title><link rel='hub' href='/hub'/><author><uri>{self.uri}</uri><name>bob</name></author>"
        return f'<feed xmlns="http://www.w3.org/2005/Atom">{head}{self.entry("first").decode()}</feed>'.encode()

    async def slap(self, content: bytes, key: RSAPrivateKey | None = None) -> int:
        where = self.hub.last["hub.callback"].replace("/websub/", "/salmon/")
        body = xml(sealed(key or self.key, content))
        status, _ = await self.hub.call("POST", where, data=body, headers={"Content-Type": "application/magic-envelope+xml"})
        return status


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def other_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture
async def bob(world: World, site: Site, hub: Hub, key: RSAPrivateKey) -> AsyncIterator[Bob]:
    bob = Bob(world, site, hub, key)
    async with world.running(f"bob@{site.host}"):
        assert world.said == ["first"]
        yield bob


async def test_a_slap_of_the_one_who_is_followed_is_his_post(world: World, bob: Bob) -> None:
    assert await bob.slap(bob.entry("second")) // 100 == 2
    assert world.said == ["first", "second"]
    assert {event.author.id.id for event in world.events} == {f"bob@{bob.site.host}"}
    assert await bob.slap(bob.entry("second")) // 100 == 2
    assert world.said == ["first", "second"]


async def test_a_slap_sealed_with_another_key_is_dropped(world: World, bob: Bob, other_key: RSAPrivateKey) -> None:
    assert await bob.slap(bob.entry("forged"), other_key) == 202
    assert world.said == ["first"]
    assert world.counted("feeds_callbacks:slap_refused") == 1


async def test_forged_slaps_do_not_make_us_ask_for_the_key_each_time(world: World, bob: Bob, other_key: RSAPrivateKey) -> None:
    before = bob.site.hits(WEBFINGER)
    for _ in range(5):
        await bob.slap(bob.entry("forged"), other_key)
    assert bob.site.hits(WEBFINGER) == before + 1


async def test_a_key_that_was_changed_is_asked_for_again(world: World, bob: Bob, other_key: RSAPrivateKey) -> None:
    await bob.slap(bob.entry("second"))
    bob.knows(other_key)
    await world.later(61)
    await bob.slap(bob.entry("third"), other_key)
    assert world.said == ["first", "second", "third"]


async def test_somebody_elses_slap_is_dropped_though_his_own_key_sealed_it(world: World, bob: Bob) -> None:
    assert await bob.slap(bob.entry("hello", author=bob.site.url("/user/2"))) == 202
    assert world.said == ["first"]


@pytest.mark.parametrize("age", [2 * 86_400, -3600])
async def test_an_old_slap_and_one_from_the_future_are_dropped(world: World, bob: Bob, age: float) -> None:
    assert await bob.slap(bob.entry("old", age=age)) == 202
    assert world.said == ["first"]


@pytest.mark.parametrize("body", [b"", b"<x/>", b"{}", b"\xff", b"<a>" * 10_000])
async def test_what_is_no_slap_is_dropped(world: World, bob: Bob, body: bytes) -> None:
    where = bob.hub.last["hub.callback"].replace("/websub/", "/salmon/")
    status, _ = await bob.hub.call("POST", where, data=body)
    assert status == 202
    assert world.said == ["first"]


async def test_a_slap_for_nobody_and_one_too_big_are_refused(world: World, bob: Bob) -> None:
    assert (await bob.hub.call("POST", f"{world.public}/salmon/guessed", data=b"x"))[0] == 404
    where = bob.hub.last["hub.callback"].replace("/websub/", "/salmon/")
    status, _ = await bob.hub.call("POST", where, data=io.BytesIO(b"x" * (1024 * 1024 + 1)))
    assert status == 413


async def test_a_slap_that_cannot_be_stored_or_proven_now_is_asked_for_again(world: World, bob: Bob) -> None:
    with Failing(world):
        assert await bob.slap(bob.entry("second")) == 503
    assert await bob.slap(bob.entry("second")) == 202
    assert world.said == ["first", "second"]
    assert all(isinstance(event.body, Message) for event in world.events)
