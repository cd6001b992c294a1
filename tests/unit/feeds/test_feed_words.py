"""The words: health, refresh, lists in and out; each sees what is theirs."""

import pytest
from msgspec.structs import replace

from adapters.feeds.adapter import Feeds
from adapters.feeds.config import FeedsConfig
from adapters.feeds.opml import read_opml
from bridge.contract.adapter import Commands, Examines, Listens
from bridge.contract.delivery import Delivery
from bridge.contract.errors import Rejected
from bridge.contract.features import Feature, Level
from bridge.contract.places import Searches
from bridge.model.ids import ChannelId
from bridge.testing.suite import make_delivery
from tests.unit.feeds.kit import ADMIN, ALICE, NET, Site, World, rss

LIST = '<opml version="2.0"><body><outline text="One" xmlUrl="{}"/><outline text="Two" xmlUrl="{}"/></body></opml>'


async def test_health_says_how_each_feed_does(world: World, site: Site) -> None:
    good, bad = site.put("/good", rss("a")), site.url("/bad")
    async with world.running(good, bad):
        answer = await world.word("health")
        assert "2 feeds, 1 in trouble" in answer.text
        rows = {row[0]: row for row in answer.rows}
        assert rows[good][1:5] == ("Blog", "0 s ago", rows[good][3], "well")
        assert rows[good][3].startswith("in 5 min")
        assert "404" in rows[bad][4]
        assert rows[bad][2] == "never"
        assert (await world.word("health", feed=["goo"])).rows == (rows[good],)


async def test_others_feeds_are_not_shown(world: World, site: Site) -> None:
    mine, other = site.put("/mine", rss("a")), site.put("/other", rss("b"))
    async with world.running(mine, other):
        world.linking.channels = [ChannelId(NET, mine)]
        assert [row[0] for row in (await world.word("health", ALICE)).rows] == [mine]
        assert [row[0] for row in (await world.word("health", ADMIN)).rows] == sorted([mine, other])
        assert other not in (await world.word("opml-export", ALICE)).text
        before = site.hits("/other")
        await world.word("refresh", ALICE)
        assert site.hits("/other") == before
        assert (await world.word("refresh", ALICE, feed="other")).failed


async def test_refresh_looks_at_once_but_not_where_a_host_rests(world: World, site: Site) -> None:
    url = site.put("/feed", rss("a"))
    async with world.running(url):
        site.put("/feed", rss("b", "a"))
        await world.word("refresh")
        assert world.said == ["a", "b"]
        site.put("/feed", status=429, Retry_After="600")
        await world.word("refresh")
        hits = site.hits("/feed")
        await world.word("refresh")
        assert site.hits("/feed") == hits


async def test_a_list_comes_in_whole_and_goes_out_again(world: World, site: Site) -> None:
    one, two = site.put("/1", rss("a")), site.put("/2", rss("b"))
    async with world.running():
        written = LIST.format(one, two)
        answer = await world.word("opml-import", list=written)
        assert not answer.failed
        assert [channel.id for channel in world.linking.channels] == [one, two]
        await world.open(one, two, "bob@example.org")
        listed = read_opml((await world.word("opml-export")).text.encode())
        assert [outline.url for outline in listed] == ["acct:bob@example.org", one, two]
        assert listed[1].title == "Blog"


async def test_what_is_no_list_is_refused(world: World, site: Site) -> None:
    async with world.running():
        assert (await world.word("opml-import", list=site.put("/feed", rss("a")))).failed
        assert (await world.word("opml-import", list="hello there")).failed
        with pytest.raises(OSError):
            await world.word("opml-import", list="<html>")
        assert (await world.word("opml-export")).failed
        assert world.linking.channels == []


async def test_a_feed_cannot_be_written_to_and_says_so(world: World, site: Site) -> None:
    url = site.put("/feed", rss("a"))
    async with world.running(url) as adapter:
        channel = ChannelId(NET, url)
        assert adapter.features(channel).level(Feature.TEXT) is Level.REFUSED
        delivery: Delivery = make_delivery(adapter, channel, "hello")
        with pytest.raises(Rejected, match="read"):
            await adapter.deliver(delivery)


async def test_it_does_what_it_says_it_can(world: World) -> None:
    async with world.running() as adapter:
        for protocol in (Commands, Listens, Searches, Examines):
            assert isinstance(adapter, protocol)
        assert "300 s" in await Feeds.examine(FeedsConfig())


@pytest.mark.parametrize(
    "wrong",
    [
        {"interval": 0.0},
        {"interval": 90_000.0},
        {"slow_interval": 10.0},
        {"per_host": 0},
        {"at_once": 41},
        {"pages": -1},
        {"lease": 1.0},
        {"contact": "a\nb"},
    ],
)
def test_settings_out_of_reason_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        replace(FeedsConfig(), **wrong)
