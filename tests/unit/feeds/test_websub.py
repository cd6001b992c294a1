"""Hubs: asked, confirmed, believed only with a signature, renewed, refused, given up; and a slow poll behind each."""

import asyncio
import io

import pytest
from aiohttp import web
from msgspec.structs import replace

from bridge.model.ids import ChannelId
from bridge.testing.doubles import until
from tests.unit.feeds.hub import Hub
from tests.unit.feeds.kit import NET, Site, World, rss
from tests.unit.feeds.test_polling import INTERVAL, PERIOD, Failing

DAY = 86_400
RARE = 6 * 3600.0
"""An interval for tests of days."""


async def test_a_subscription_is_asked_for_with_all_it_needs(world: World, hub: Hub) -> None:
    url = hub.feed("a")
    async with world.running(url):
        asked = hub.last
        assert asked["hub.mode"] == "subscribe"
        assert asked["hub.topic"] == url
        assert asked["hub.callback"].startswith(f"{world.public}/websub/")
        assert len(asked["hub.callback"].rpartition("/")[2]) >= 32
        assert 32 <= len(asked["hub.secret"]) < 200
        assert asked["hub.lease_seconds"] == "864000"


async def test_each_subscription_has_a_callback_and_a_secret_of_its_own(world: World, hub: Hub) -> None:
    async with world.running(hub.feed("a", path="/1"), hub.feed("b", path="/2")):
        one, other = hub.asked
        assert one["hub.callback"] != other["hub.callback"]
        assert one["hub.secret"] != other["hub.secret"]


async def test_without_a_public_address_there_is_only_polling(world: World, hub: Hub) -> None:
    world.public = None
    async with world.running(hub.feed("a")):
        assert hub.asked == []


async def test_the_operator_may_turn_it_off(world: World, hub: Hub) -> None:
    world.config = replace(world.config, websub=False)
    async with world.running(hub.feed("a")):
        assert hub.asked == []


async def test_link_headers_count_before_the_document(world: World, site: Site, hub: Hub) -> None:
    head = "<atom:link rel='hub' href='/other'/><atom:link rel='self' href='http://127.0.0.1:1/wrong'/>"
    links = f'</hub>; rel="hub", <{site.url("/right")}>; title="a, b"; rel=self'
    url = site.put("/feed", rss("a", head=head), Link=links)
    async with world.running(url):
        assert hub.last["hub.topic"] == site.url("/right")


async def test_several_link_headers_are_read_as_one(world: World, site: Site, hub: Hub) -> None:
    async def answered(request: web.Request) -> web.Response:
        answer = web.Response(body=rss("a"))
        answer.headers.add("Link", f"<{site.url('/right')}>; rel=self")
        answer.headers.add("Link", "</hub>; rel=hub")
        return answer

    async with world.running(site.answer("/feed", answered)):
        assert hub.last["hub.topic"] == site.url("/right")


async def test_only_what_was_asked_for_is_confirmed(world: World, hub: Hub) -> None:
    url = hub.feed("a")
    async with world.running(url):
        assert (await hub.verify(topic="http://127.0.0.1:1/other"))[0] == 404
        assert (await hub.verify("unsubscribe"))[0] == 404
        assert (await hub.verify("nonsense"))[0] == 404
        assert (await hub.verify(challenge=""))[0] == 404
        assert (await hub.call("GET", f"{world.public}/websub/guessed"))[0] == 404
        assert await hub.verify() == (200, "c&%<>1")
        assert (await hub.verify())[0] == 404, "nobody asked twice"


async def test_a_push_is_in_the_ledger_when_it_is_answered(world: World, hub: Hub) -> None:
    async with world.running(hub.feed("a")):
        await hub.verify()
        assert await hub.push(rss("b")) // 100 == 2
        assert world.said == ["a", "b"]
        hub.feed("b", "a")
        await world.later(PERIOD)
        assert world.said == ["a", "b"], "pushed and polled, it is one"


async def test_no_push_is_answered_before_it_is_committed(world: World, hub: Hub) -> None:
    async with world.running(hub.feed("a")):
        await hub.verify()
        world.inlet.shut()
        push = asyncio.ensure_future(hub.push(rss("b")))
        await until(lambda: len(world.inlet.offered) == 2)
        for _ in range(50):
            await asyncio.sleep(0)
        assert not push.done()
        world.inlet.unshut()
        assert await push == 202


async def test_a_push_that_cannot_be_stored_is_asked_for_again(world: World, hub: Hub) -> None:
    async with world.running(hub.feed("a")):
        await hub.verify()
        with Failing(world):
            assert await hub.push(rss("b")) == 503
        assert await hub.push(rss("b")) == 202
        assert world.said == ["a", "b"]


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
async def test_every_method_of_signing_is_known(world: World, hub: Hub, method: str) -> None:
    async with world.running(hub.feed("a")):
        await hub.verify()
        await hub.push(rss("b"), method=method)
        assert world.said == ["a", "b"]


@pytest.mark.parametrize(
    "signature",
    ["", "sha256=", "sha256=00", "md5=900150983cd24fb0d6963f7d28e17f72", "sha256", "=", "sha1=é", "sha256=" + "0" * 64, "none="],
)
async def test_a_forged_push_is_answered_like_a_true_one_and_dropped(world: World, hub: Hub, signature: str) -> None:
    async with world.running(hub.feed("a")):
        await hub.verify()
        assert await hub.push(rss("forged"), signature=signature) == 202
        assert world.said == ["a"]
        assert world.counted("feeds_callbacks:push_forged") == 1


async def test_a_push_for_nobody_is_not_even_read(world: World, hub: Hub) -> None:
    async with world.running(hub.feed("a")):
        assert (await hub.call("POST", f"{world.public}/websub/guessed", data=b"x" * 100))[0] == 404


async def test_a_push_that_is_too_big_is_refused(world: World, hub: Hub) -> None:
    async with world.running(hub.feed("a")):
        await hub.verify()
        big = io.BytesIO(b"x" * (5 * 1024 * 1024 + 1))
        status, _ = await hub.call("POST", hub.last["hub.callback"], data=big)
        assert status == 413
        assert world.said == ["a"]


@pytest.mark.parametrize("body", [b"<html>", b"\x00", b"<rss><channel>" + b"<a>" * 100_000])
async def test_a_push_that_is_no_feed_is_counted_and_the_next_is_read(world: World, hub: Hub, body: bytes) -> None:
    async with world.running(hub.feed("a")):
        await hub.verify()
        assert await hub.push(body) == 202
        await hub.push(rss("b"))
        assert world.said == ["a", "b"]


async def test_a_push_that_only_says_that_there_is_something_makes_us_look(world: World, hub: Hub) -> None:
    async with world.running(hub.feed("a")):
        await hub.verify()
        hub.feed("b", "a")
        await hub.push(b"")
        await until(lambda: world.said == ["a", "b"])


async def test_a_hub_that_does_its_work_makes_polling_slow_and_one_that_misses_something_fast_again(
    world: World, site: Site, hub: Hub
) -> None:
    hub.feed("a")
    async with world.running(site.url("/feed")):
        await hub.verify()
        await world.later(PERIOD)
        assert site.hits("/feed") == 2, "until it pushed something it is polled as ever"
        hub.feed("b", "a")
        await hub.push(rss("b", at=world.clock.now()))
        await world.later(PERIOD)
        looks = site.hits("/feed")
        await world.later(4 * 3600)
        assert site.hits("/feed") == looks
        hub.feed("missed", "b", "a")
        await world.later(7 * 3600)
        assert world.said == ["a", "b", "missed"]
        assert world.counted("feeds_hub_missed") == 1
        looks = site.hits("/feed")
        await world.later(4 * PERIOD)
        assert site.hits("/feed") >= looks + 4 - 1
        row = (await world.word("health")).rows[0]
        assert "1 pushed, 1 missed" in row[5]


async def test_what_is_younger_than_its_push_is_not_missed(world: World, hub: Hub) -> None:
    hub.feed("a")
    async with world.running(hub.site.url("/feed")):
        await hub.verify()
        await world.later(INTERVAL / 2)
        hub.feed("b", "a")
        await world.word("refresh")
        assert world.said == ["a", "b"]
        assert world.counted("feeds_hub_missed") == 0


async def test_a_subscription_is_renewed_before_it_ends_and_keeps_its_name(world: World, hub: Hub) -> None:
    world.config = replace(world.config, interval=RARE)
    async with world.running(hub.feed("a")):
        await hub.verify()
        first = hub.last
        await world.later(7 * DAY)
        assert len(hub.asked) == 1
        await world.later(2.5 * DAY)
        assert len(hub.asked) >= 2
        assert (hub.last["hub.callback"], hub.last["hub.secret"]) == (first["hub.callback"], first["hub.secret"])
        assert (await hub.verify())[0] == 200


async def test_a_lease_is_capped(world: World, hub: Hub) -> None:
    world.config = replace(world.config, interval=RARE)
    async with world.running(hub.feed("a")):
        await hub.verify(lease_seconds=str(10**9))
        await world.later(9.5 * DAY)
        assert len(hub.asked) >= 2


@pytest.mark.parametrize("lease", ["", "x", "-5", "1e3", "٣", "9" * 40])
async def test_a_lease_that_is_no_number_is_ours(world: World, hub: Hub, lease: str) -> None:
    world.config = replace(world.config, interval=RARE)
    async with world.running(hub.feed("a")):
        assert (await hub.verify(lease_seconds=lease))[0] == 200
        await world.later(7 * DAY)
        assert len(hub.asked) == 1


async def test_a_refusal_ends_it_for_a_week(world: World, hub: Hub) -> None:
    world.config = replace(world.config, interval=RARE)
    async with world.running(hub.feed("a")):
        assert (await hub.verify("denied", topic="http://127.0.0.1:1/other", reason="x"))[0] == 404
        assert (await hub.verify("denied", reason="not\nyou"))[0] == 200
        assert (await hub.verify())[0] == 404
        assert "it refuses: not you" in (await world.word("health")).rows[0][5]
        await world.later(6 * DAY)
        assert len(hub.asked) == 1
        await world.later(2 * DAY)
        assert len(hub.asked) > 1


async def test_a_hub_that_fails_is_asked_again_less_and_less(world: World, hub: Hub) -> None:
    hub.status = 500
    async with world.running(hub.feed("a")):
        assert "it answers 500" in (await world.word("health")).rows[0][5]
        await world.later(DAY)
        assert 3 <= len(hub.asked) <= 7
        hub.status = 202
        await world.later(DAY)
        assert (await hub.verify())[0] == 200


async def test_a_hub_that_moved_is_followed_with_the_same_request(world: World, site: Site, hub: Hub) -> None:
    async def moved(request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "/hub2"})

    url = hub.feed("a")
    site.answer("/hub", moved)
    site.put("/hub2", status=202)
    async with world.running(url):
        assert b"hub.mode=subscribe" in site.last("/hub2").body


@pytest.mark.parametrize("target", ["http://10.0.0.1/hub", "http://[fd00::1]/hub", "gopher://x/"])
async def test_a_hub_where_nobody_may_look_is_not_called(world: World, site: Site, target: str) -> None:
    url = site.put("/feed", rss("a", head=f"<atom:link rel='hub' href='{target}'/>"))
    world.public = "http://127.0.0.1:1/net/blog"
    async with world.running(url):
        assert world.said == ["a"]


async def test_a_subscription_outlasts_a_restart(world: World, hub: Hub) -> None:
    url = hub.feed("a")
    async with world.running(url):
        await hub.verify()
    async with world.running(url):
        assert await hub.push(rss("b")) == 202
        assert world.said == ["a", "b"]
        await world.later(PERIOD)
        assert len(hub.asked) == 1


async def test_before_the_feeds_are_known_again_hubs_are_asked_to_come_later(world: World, hub: Hub) -> None:
    async with world.running(hub.feed("a")):
        await hub.verify()
    async with world.running() as adapter:
        assert await hub.push(rss("b")) == 503
        await adapter.open(ChannelId(NET, hub.site.url("/feed")))
        assert await hub.push(rss("b")) == 202


async def test_a_kill_during_a_push_loses_and_doubles_nothing(world: World, hub: Hub) -> None:
    url = hub.feed("a")
    async with world.running(url):
        await hub.verify()
        world.inlet.shut()
        push = asyncio.ensure_future(hub.push(rss("b")))
        await until(lambda: len(world.inlet.offered) == 2)
        push.cancel()
        await asyncio.wait([push])
    world.inlet.unshut()
    async with world.running(url):
        assert await hub.push(rss("b")) == 202
        assert world.said == ["a", "b"]


async def test_who_is_unfollowed_is_told_to_the_hub_and_its_question_answered(world: World, hub: Hub) -> None:
    url = hub.feed("a")
    async with world.running(url) as adapter:
        await hub.verify()
        await adapter.close(ChannelId(NET, url))
        await until(lambda: hub.last["hub.mode"] == "unsubscribe")
        assert await hub.verify("unsubscribe") == (200, "c&%<>1")
        assert (await hub.call("POST", hub.last["hub.callback"], data=b"x"))[0] == 404
        assert (await hub.verify())[0] == 404


async def test_another_hub_is_asked_where_the_feed_has_another(world: World, site: Site, hub: Hub) -> None:
    url = hub.feed("a")
    async with world.running(url):
        await hub.verify()
        site.put("/new", status=202)
        site.put("/feed", rss("b", "a", head="<atom:link rel='hub' href='/new'/>"))
        await world.later(PERIOD)
        assert site.hits("/new") == 1


async def test_secrets_are_nowhere_to_be_seen(world: World, hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "test.feeds")
    hub.status = 400
    async with world.running(hub.feed("a")) as adapter:
        secret = hub.last["hub.secret"]
        token = hub.last["hub.callback"].rpartition("/")[2]
        (feed,) = adapter._shelf
        answer = await world.word("health")
        for text in (repr(feed.state), repr(feed.state.subscription), caplog.text, repr(answer)):
            assert secret not in text
            assert token not in text
