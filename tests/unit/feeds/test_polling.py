"""Looks at feeds: polite, remembered, and nobody's trouble but the feed's own."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web
from msgspec.structs import replace

from bridge.contract.errors import LedgerUnavailable
from bridge.model.events import Edit, Event, Origin
from bridge.model.ids import ChannelId
from bridge.testing.doubles import until
from tests.doubles.clock import START
from tests.unit.feeds.kit import NET, Site, World, rss

INTERVAL = 300
PERIOD = 1.1 * INTERVAL
"""With all the jitter there may be."""


async def test_the_first_look_brings_the_newest_three_as_history(world: World, site: Site) -> None:
    url = site.put("/feed", rss("e", "d", "c", "b", "a"))
    async with world.running(url):
        assert world.said == ["c", "d", "e"]
        assert {event.origin for event in world.events} == {Origin.HISTORY}


async def test_what_comes_later_is_live_and_comes_once(world: World, site: Site) -> None:
    url = site.put("/feed", rss("a"))
    async with world.running(url):
        site.put("/feed", rss("b", "a"))
        await world.later(PERIOD)
        await world.later(PERIOD)
        assert world.said == ["a", "b"]
        assert world.events[-1].origin is Origin.LIVE


async def test_a_look_says_who_we_are_and_gives_back_what_was_given_byte_for_byte(world: World, site: Site) -> None:
    etag, modified = 'W/"a,  b"é', "Sun, 22 Nov 2026 19:16:01 +0000"
    url = site.put("/feed", rss("a"), ETag=etag, Last_Modified=modified)
    async with world.running(url):
        first = site.last("/feed").headers
        assert "If-None-Match" not in first and "If-Modified-Since" not in first
        assert "+https://bridge.example/about" in first["User-Agent"]
        site.put("/feed", status=304)
        await world.later(PERIOD)
        second = site.last("/feed").headers
        assert (second["If-None-Match"], second["If-Modified-Since"]) == (etag, modified)
        assert world.parser.parsed == 1


async def test_the_validators_are_known_after_a_restart(world: World, site: Site) -> None:
    url = site.put("/feed", rss("a"), ETag='"x"')
    async with world.running(url):
        pass
    async with world.running(url):
        await world.later(10)
        assert site.last("/feed").headers["If-None-Match"] == '"x"'


async def test_the_same_document_is_not_read_twice(world: World, site: Site) -> None:
    url = site.put("/feed", rss("a"))
    async with world.running(url):
        await world.later(PERIOD)
        await world.later(PERIOD)
        assert site.hits("/feed") == 3
        assert world.parser.parsed == 1


async def test_an_edit_that_was_held_back_is_told_though_the_document_stays(world: World, site: Site) -> None:
    url = site.put("/feed", rss("a"), ETag='"1"')
    async with world.running(url):
        for words in ("a1", "a2"):
            site.put("/feed", rss("a").replace(b"<description>a<", f"<description>{words}<".encode()), ETag='"2"')
            await world.word("refresh")
        assert [event.body.message.text.plain for event in world.events if isinstance(event.body, Edit)] == ["a1"]
        await world.later(PERIOD)
        await world.later(PERIOD)
        assert "If-None-Match" not in site.requests[3].headers
        assert [event.body.message.text.plain for event in world.events if isinstance(event.body, Edit)] == ["a1", "a2"]


@pytest.mark.parametrize(
    ("headers", "head", "wait"),
    [
        ({}, "", INTERVAL),
        ({"Cache-Control": "public, max-age=3600"}, "", 3600),
        ({"Cache-Control": "max-age=3600", "Age": "1800"}, "", 1800),
        ({"Cache-Control": "max-age=10"}, "", INTERVAL),
        ({"Expires": format_datetime(START + timedelta(hours=2)), "Date": format_datetime(START)}, "", 7200),
        ({}, "<ttl>120</ttl>", 7200),
        ({"Cache-Control": "max-age=31536000"}, "", 86_400),
    ],
)
async def test_it_is_asked_no_sooner_than_it_wishes(
    world: World, site: Site, headers: dict[str, str], head: str, wait: float
) -> None:
    url = site.put_with("/feed", rss("a", head=head), headers)
    async with world.running(url):
        await world.later(wait - 1)
        assert site.hits("/feed") == 1
        await world.later(wait * 0.1 + 2)
        assert site.hits("/feed") == 2


async def test_a_long_wait_outlasts_a_restart(world: World, site: Site) -> None:
    url = site.put("/feed", rss("a"), Cache_Control="max-age=7200")
    async with world.running(url):
        pass
    async with world.running(url):
        await world.later(7000)
        assert site.hits("/feed") == 1
        await world.later(1000)
        assert site.hits("/feed") == 2


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("written", ["seconds", "date"])
async def test_a_host_that_wants_to_be_left_alone_is_with_all_its_feeds(
    world: World, site: Site, status: int, written: str
) -> None:
    after = "7200" if written == "seconds" else format_datetime(START + timedelta(seconds=7200 + PERIOD))
    one, other = site.put("/one", rss("a")), site.put("/other", rss("b"))
    world.config = replace(world.config, per_host=1)
    async with world.running(one, other):
        for path in ("/one", "/other"):
            site.put(path, status=status, Retry_After=after)
        await world.later(PERIOD)
        assert site.hits("/one") + site.hits("/other") == 3
        await world.later(6500)
        assert site.hits("/one") + site.hits("/other") == 3
        site.put("/one", rss("c", "a"))
        site.put("/other", rss("d", "b"))
        await world.later(2000)
        assert sorted(world.said) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("status", [404, 500, 403, 204])
async def test_failures_back_off_to_a_day_and_it_is_never_given_up(world: World, site: Site, status: int) -> None:
    url = site.put("/feed", rss("a"))
    async with world.running(url):
        site.put("/feed", status=status)
        for hours in (1, 23, 48, 24 * 7):
            await world.later(hours * 3600)
        assert 10 < site.hits("/feed") < 25
        before = site.hits("/feed")
        await world.later(1.1 * 86_400)
        assert site.hits("/feed") == before + 1
        site.put("/feed", rss("b", "a", at=START + timedelta(days=11)))
        await world.later(1.1 * 86_400)
        assert world.said == ["a", "b"]
        before = site.hits("/feed")
        await world.later(2 * PERIOD)
        assert site.hits("/feed") >= before + 1  # back at its interval


async def test_gone_is_gone_and_says_so_over_restarts_until_somebody_looks(world: World, site: Site) -> None:
    url = site.put("/feed", rss("a"))
    async with world.running(url):
        site.put("/feed", status=410)
        await world.later(PERIOD)
        (info,) = await world.open(url)
        assert info.error is not None and "410" in info.error
    async with world.running(url):
        await world.later(3 * 86_400)
        assert site.hits("/feed") == 2
        (info,) = await world.open(url)
        assert info.error is not None
        site.put("/feed", rss("b", "a"))
        await world.word("refresh")
        assert world.said == ["a", "b"]
        assert (await world.open(url))[0].error is None


async def test_a_move_is_believed_after_two_days_that_agree(world: World, site: Site) -> None:
    url = site.put("/old", status=301, Location="/new")
    site.put("/new", rss("a"))
    async with world.running(url):
        await world.later(PERIOD)
        assert site.hits("/old") == 2  # twice on one day: perhaps somebody's mistake
    async with world.running(url):
        await world.later(86_400)
        old = site.hits("/old")
        await world.later(2 * PERIOD)
        assert site.hits("/old") == old
        assert site.hits("/new") > old
        assert world.said == ["a"]
        assert {event.channel for event in world.events} == {ChannelId(NET, url)}


@pytest.mark.parametrize("status", [302, 303, 307])
async def test_a_detour_is_followed_and_not_remembered(world: World, site: Site, status: int) -> None:
    url = site.put("/old", status=status, Location="/new")
    site.put("/new", rss("a"))
    async with world.running(url):
        for _ in range(4):
            await world.later(86_400)
        assert world.said == ["a"]
        assert site.hits("/old") == site.hits("/new")


async def test_what_moved_to_where_there_is_nothing_is_looked_for_where_it_was(world: World, site: Site) -> None:
    url = site.put("/old", status=308, Location="/new")
    site.put("/new", rss("a"))
    async with world.running(url):
        await world.later(86_400)
        site.put("/new", status=410)
        site.put("/old", rss("b", "a"))
        await world.later(4 * PERIOD)
        assert world.said == ["a", "b"]


async def test_endless_redirects_end(world: World, site: Site) -> None:
    url = site.put("/a", status=302, Location="/b")
    site.put("/b", status=302, Location="/a")
    async with world.running(url):
        assert site.hits("/a") + site.hits("/b") == 6
        assert "redirects" in (await world.word("health")).rows[0][4]


@pytest.mark.parametrize("target", ["http://10.0.0.1/feed", "http://[::1]/feed", "http://169.254.169.254/latest", "ftp://x/y"])
async def test_a_redirect_to_where_nobody_may_look_is_refused(world: World, site: Site, target: str) -> None:
    url = site.put("/feed", status=301, Location=target)
    async with world.running(url):
        assert (await world.word("health")).rows[0][4] != "well"
        assert world.said == []


async def test_a_body_that_never_ends_is_left_and_nobody_waits(world: World, site: Site) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(200):
            await answer.write(b"<" * 1_000_000)
        return answer

    bad, good = site.answer("/endless", endless), site.put("/good", rss("fine"))
    async with world.running(bad, good):
        assert world.said == ["fine"]
        assert world.counted("feeds_failures") == 1


async def test_a_slow_host_keeps_no_other_waiting(world: World, site: Site) -> None:
    stuck = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        await stuck.wait()
        return web.Response(body=rss("late"))

    slow_ones = [site.answer(f"/slow{number}", slow) for number in range(30)]
    async with Site.running() as other:
        good = other.put("/good", rss("fine"))
        async with world.running():
            opening = asyncio.ensure_future(world.open(*slow_ones, good))
            await until(lambda: other.hits("/good"))
            assert sum(site.hits(f"/slow{number}") for number in range(30)) == world.config.per_host
            await world.clock.advance(20)  # the first round doesn't wait for ever
            await until(lambda: world.said == ["fine"])
            stuck.set()
            await opening


async def test_one_host_gets_few_requests_at_a_time(world: World, site: Site) -> None:
    most = now = 0

    async def counted(request: web.Request) -> web.StreamResponse:
        nonlocal most, now
        now += 1
        most = max(most, now)
        for _ in range(20):
            await asyncio.sleep(0)
        now -= 1
        return web.Response(body=rss(request.path))

    async with world.running(*(site.answer(f"/{number}", counted) for number in range(20))):
        assert most == 2
        assert len(world.said) == 20


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>down for maintenance</body></html>",
        b"",
        b"\x00\xff" * 100,
        b"<rss><channel>" + b"<a>" * 200_000,
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><feed>&b;</feed>',
    ],
)
async def test_what_is_no_feed_is_told_counted_and_asked_again(world: World, site: Site, body: bytes) -> None:
    url, good = site.put("/feed", body), site.put("/good", rss("neighbour"))
    async with world.running(url, good):
        assert "neighbour" in world.said
        bad = next(row for row in (await world.word("health")).rows if row[0] == url)
        if world.counted("feeds_unreadable"):
            assert bad[4] != "well"
        site.put("/feed", rss("a"))
        await world.later(PERIOD)
        assert sorted(world.said) == ["a", "neighbour"]


async def test_pages_are_read_back_to_what_is_known(world: World, site: Site) -> None:
    def page(name: str, *titles: str) -> bytes:
        return rss(*titles, head=f"<atom:link rel='next' href='/{name}'/>")

    url = site.put("/feed", page("2", "a"))
    async with world.running(url):
        site.put("/feed", page("2", "g", "f"))
        site.put("/2", page("3", "e", "d"))
        site.put("/3", page("4", "c", "b", "a"))
        site.put("/4", page("5", "never"))
        await world.later(PERIOD)
        assert sorted(world.said) == ["a", "b", "c", "d", "e", "f", "g"]
        assert site.hits("/4") == 0


async def test_pages_of_other_sites_and_without_end_are_not_read(world: World, site: Site) -> None:
    url = site.put("/feed", rss("a"))
    async with Site.running() as other:
        elsewhere = other.put("/x", rss("stranger"))
        async with world.running(url):
            site.put("/feed", rss("b", head=f"<atom:link rel='next' href='{elsewhere}'/>"))
            await world.later(PERIOD)
            assert other.requests == []
            assert world.said == ["a", "b"]
            site.put("/feed", rss("c", head="<atom:link rel='next' href='/feed'/>"))
            await world.later(PERIOD)
            assert site.hits("/feed") <= 3 + world.config.pages


async def test_what_came_while_the_bridge_was_away_comes_in_order_of_time_over_all_feeds(world: World, site: Site) -> None:
    urls = [site.put(f"/{name}", rss(f"{name}0", at=START)) for name in "abc"]
    async with world.running(*urls):
        pass
    world.clock.shift(7200)
    later = START + timedelta(hours=1)
    for place, name in enumerate("abc"):
        titles = [f"{name}{number}" for number in (3, 2, 1)]
        site.put(f"/{name}", rss(*titles, f"{name}0", at=later - timedelta(seconds=place), spread=10))
    world.inlet.events.clear()
    async with world.running(*urls):
        await world.later(20)
        assert world.said == ["c1", "b1", "a1", "c2", "b2", "a2", "c3", "b3", "a3"]


class Failing:
    """Makes an inlet's ledger unavailable."""

    def __init__(self, world: World) -> None:
        self._world, self._accept = world, world.inlet.accept
        self.tries = 0

    def __enter__(self) -> "Failing":
        async def fail(*events: Event, cursor: object = None) -> None:
            self.tries += 1
            raise LedgerUnavailable("the disk is full")

        self._world.inlet.accept = fail  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        self._world.inlet.accept = self._accept  # type: ignore[method-assign]


async def test_nothing_is_lost_and_nothing_hammered_while_the_ledger_cannot_write(world: World, site: Site) -> None:
    urls = [site.put(f"/{number}", rss(f"a{number}")) for number in range(10)]
    async with world.running(*urls):
        for number in range(10):
            site.put(f"/{number}", rss(f"b{number}", f"a{number}"))
        hits = len(site.requests)
        with Failing(world) as failing:
            await world.clock.advance(PERIOD)
            await until(lambda: failing.tries)
            await world.settled()
            assert len(site.requests) <= hits + 10
        await world.later(PERIOD)
        await world.later(PERIOD)
        assert sorted(world.said) == sorted([f"{name}{number}" for name in "ab" for number in range(10)])


async def test_a_kill_before_the_commit_brings_it_again_and_after_it_not(world: World, site: Site) -> None:
    url = site.put("/feed", rss("a"), ETag='"1"')
    async with world.running(url):
        site.put("/feed", rss("b", "a"), ETag='"2"')
        world.inlet.shut()
        await world.clock.advance(PERIOD)
        await until(lambda: len(world.inlet.offered) == 2)
    assert world.said == ["a"]
    world.inlet.unshut()
    async with world.running(url):
        await world.later(10)
        assert world.said == ["a", "b"]
    world.inlet.offered.clear()
    async with world.running(url):
        await world.later(PERIOD)
        assert world.inlet.offered == []


async def test_a_feed_that_is_closed_is_left_alone(world: World, site: Site) -> None:
    url = site.put("/feed", rss("a"))
    async with world.running(url) as adapter:
        await adapter.close(ChannelId(NET, url))
        await world.later(10 * PERIOD)
        assert site.hits("/feed") == 1
        await world.open(url)
        assert site.hits("/feed") >= 1
        await world.later(PERIOD)
        assert world.said == ["a"]


async def test_a_cursor_that_nobody_can_read_is_begun_anew(world: World, site: Site) -> None:
    url = site.put("/feed", rss("a"))
    async with world.running(url):
        pass
    scope = ChannelId(NET, url).id
    world.inlet.cursors[scope] = replace(world.inlet.cursors[scope], value='{"v": 1, "state": 7}')
    async with world.running(url):
        await world.later(10)
        assert world.said == ["a"]
        assert world.counted("feeds_forgotten") >= 1


@pytest.mark.parametrize("channel", ["not an address", "ftp://example.org/x", "HTTP://Example.org", "http://u:p@example.org/"])
async def test_what_is_no_feed_is_not_open_and_says_why(world: World, channel: str) -> None:
    async with world.running() as adapter:
        (info,) = await adapter.open(ChannelId(NET, channel))
        assert info.error


def spread(times: Sequence[float]) -> float:
    return max(times) - min(times)


async def test_feeds_that_were_followed_together_do_not_stay_together(world: World, site: Site) -> None:
    urls = [site.put(f"/{number}", rss("a")) for number in range(20)]
    async with world.running(*urls):
        dues = [feed.due for feed in world.adapter._shelf]
        assert spread(dues) > 10
        assert min(dues) >= world.clock.monotonic() + INTERVAL - 1


async def test_many_feeds_are_asked_one_after_the_other_at_first_and_after_a_restart(world: World, site: Site) -> None:
    urls = [site.put(f"/{number}", rss("a")) for number in range(150)]
    for start, name in ((0, None), (150, "Blog")):
        async with world.running():
            infos = await world.adapter.open(*(ChannelId(NET, url) for url in urls))
            assert {info.name for info in infos} == {name}
            await world.later(0.5)
            assert start < len(site.requests) < start + 100
            await world.later(20)
            assert len(site.requests) == start + 150
