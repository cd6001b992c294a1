"""Rounds over all of a login's timelines: in order, and what troubles one of them is no other's trouble."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from adapters.gnusocial.config import GnuSocialConfig
from adapters.gnusocial.wire.answers import Revoked
from bridge.contract.adapter import Cursor
from bridge.contract.errors import LedgerUnavailable, Unavailable
from bridge.model.events import Boost, Event, Message, Origin, Reactions, Redaction, Style
from bridge.model.ids import ChannelId
from bridge.testing.doubles import until
from tests.unit.gnusocial.kit import HOST, NET, Told, names, status, user
from tests.unit.gnusocial.reading.wall import Desk, Wall

MENTIONS = "statuses/mentions"


@asynccontextmanager
async def begun(wall: Wall, *channels: str, config: GnuSocialConfig | None = None) -> AsyncIterator[Desk]:
    desk = Desk(wall, *channels, config=config)
    async with desk.running():
        desk.inlet.events.clear()
        yield desk


async def test_what_several_timelines_bring_is_sorted_by_when_it_happened() -> None:
    wall = Wall()
    wall.timelines[MENTIONS] = []
    async with begun(wall, "home@me", "mentions@me") as desk:
        at = wall.clock.now()
        wall.post("third", at=at + timedelta(seconds=30))
        wall.post("first", at=at + timedelta(seconds=10), path=MENTIONS)
        wall.post("second", at=at + timedelta(seconds=20))
        await desk.round()
    assert desk.texts() == ["first", "second", "third"]


async def test_one_post_on_two_timelines_is_told_in_both_under_one_name() -> None:
    wall = Wall()
    wall.timelines[MENTIONS] = []
    async with begun(wall, "home@me", "mentions@me") as desk:
        wall.post("hello")
        wall.timelines[MENTIONS] = wall.timelines["statuses/home_timeline"][:1]
        await desk.round()
    assert {event.key.id for event in desk.inlet.offered} == {names(1)[0]}
    assert {event.channel.id for event in desk.inlet.offered} == {"home@me", "mentions@me"}


async def test_a_timeline_that_is_refused_troubles_no_other(caplog: pytest.LogCaptureFixture) -> None:
    wall = Wall()
    async with begun(wall, "group/nobody@me", "home@me") as desk:
        wall.post("hello")
        await desk.round()
        assert desk.texts() == ["hello"]
        assert desk.reader.trouble(ChannelId(NET, "group/nobody@me")) == "not found"
        assert desk.reader.trouble(ChannelId(NET, "home@me")) is None
        asked = len(wall.asked("statusnet/groups/timeline/nobody.json"))
        for _ in range(5):
            await desk.round()
        assert len(wall.asked("statusnet/groups/timeline/nobody.json")) == asked
        wall.post("in the group", path="statusnet/groups/timeline/nobody")
        await desk.round(3600)
        assert desk.texts("group/nobody@me") == ["in the group"]
    assert len([line for line in caplog.messages if "not found" in line]) == 1


async def test_whoever_opens_a_channel_can_wait_for_what_is_wrong_with_it() -> None:
    wall = Wall()
    channel = ChannelId(NET, "group/nobody@me")
    async with begun(wall) as desk:
        desk.reader.open(channel)
        await desk.reader.looked(channel, 15)
        assert desk.reader.trouble(channel) == "not found"
        wall.moods["statusnet/groups/timeline/slow"] = OSError("time-out")
    slow = ChannelId(NET, "group/slow@me")
    desk.reader.open(slow)
    waiting = asyncio.create_task(desk.reader.looked(slow, 15))
    await wall.clock.advance(15)
    await waiting


async def test_a_timeline_that_fails_is_tried_again_less_and_less_often() -> None:
    wall = Wall()
    wall.timelines[MENTIONS] = []
    wall.moods[MENTIONS] = Told({"error": "broken"}, 500)
    async with begun(wall, "mentions@me", "home@me") as desk:
        for _ in range(30):
            await desk.round(60)
        assert 4 < len(wall.asked(f"{MENTIONS}.json")) < 12
        del wall.moods[MENTIONS]
        wall.post("back", path=MENTIONS)
        await desk.round(1000)
        assert desk.texts("mentions@me") == ["back"]


async def test_a_server_whose_direct_messages_are_broken_is_read_all_the_same() -> None:
    wall = Wall()
    wall.moods |= {"direct_messages": Told(None, 500), "direct_messages/sent": Told(None, 500)}
    async with begun(wall) as desk:
        wall.post("hello")
        await desk.round()
    assert desk.texts() == ["hello"]


async def test_a_server_that_is_away_ends_the_reader_after_few_tries() -> None:
    wall = Wall()
    for path in (*wall.timelines, "account/verify_credentials"):
        wall.moods[path] = OSError("nobody there")
    desk = Desk(wall, *(f"tag/t{number}@me" for number in range(9)))
    wall.moods |= {f"statusnet/tags/timeline/t{number}": OSError("nobody there") for number in range(9)}
    with pytest.raises(Unavailable):
        await desk.reader.run()
    assert len(wall.http.asked) <= 4


async def test_a_refused_account_ends_the_reader_and_what_came_before_is_safe() -> None:
    wall = Wall()
    wall.timelines[MENTIONS] = []
    desk = Desk(wall, "home@me", "mentions@me")
    async with desk.running():
        desk.inlet.events.clear()
    wall.post("hello")
    wall.moods[MENTIONS] = Told({"error": "Could not authenticate you."}, 401)
    with pytest.raises(Revoked):
        await desk.begin().run()
    assert desk.texts() == ["hello"]
    wall.moods.clear()
    offered = len(desk.inlet.offered)
    desk.begin()
    async with desk.running():
        pass
    assert len(desk.inlet.offered) == offered


async def test_a_server_that_asks_for_patience_is_obeyed_and_what_came_before_is_safe() -> None:
    wall = Wall()
    wall.timelines[MENTIONS] = []
    wall.moods[MENTIONS] = Told({"error": "slow down"}, 429, headers={"retry-after": "300"})
    desk = Desk(wall, "home@me", "mentions@me")
    wall.post("hello")
    with pytest.raises(Unavailable) as raised:
        await desk.reader.run()
    assert raised.value.retry_after == 300
    assert desk.texts() == ["hello"]


async def test_a_server_that_counts_is_asked_less_often() -> None:
    wall = Wall()
    at = int(wall.clock.now().timestamp())
    limit = {"remaining_hits": 20, "hourly_limit": 150, "reset_time_in_seconds": at + 3600}
    wall.moods["account/rate_limit_status"] = Told(limit)
    async with begun(wall) as desk:
        before = len(wall.http.asked)
        for _ in range(29):
            await desk.round(60)
        assert 0 < len(wall.http.asked) - before <= 9


async def test_a_server_that_only_names_a_limit_is_asked_as_often_as_the_operator_wants() -> None:
    wall = Wall()
    limit = {"remaining_hits": 150, "hourly_limit": 150, "reset_time_in_seconds": 1, "reset_time": "soon"}
    wall.moods["account/rate_limit_status"] = Told(limit)
    async with begun(wall) as desk:
        for _ in range(30):
            await desk.round(60)
        assert 25 < len(wall.asked("statuses/home_timeline.json")) < 40


async def test_a_channel_that_is_opened_is_read_at_once() -> None:
    wall = Wall()
    async with begun(wall) as desk:
        wall.post("tagged", path="statusnet/tags/timeline/cats")
        desk.reader.open(ChannelId(NET, "tag/cats@me"))
        await until(lambda: desk.inlet.events)
        assert desk.texts("tag/cats@me") == ["tagged"]
        desk.reader.close(ChannelId(NET, "tag/cats@me"))
        wall.post("unheard", path="statusnet/tags/timeline/cats")
        await desk.round(200)
    assert desk.texts() == ["tagged"]


async def test_a_channel_closed_for_long_begins_anew_and_one_closed_for_a_moment_goes_on() -> None:
    wall = Wall()
    for number in range(5):
        wall.post(f"old {number}", path="statusnet/tags/timeline/cats")
    channel = ChannelId(NET, "tag/cats@me")
    async with begun(wall, "home@me", channel.id) as desk:
        desk.reader.close(channel)
        wall.post("missed a bit", path="statusnet/tags/timeline/cats")
        wall.post("home")
        await desk.round()
        desk.reader.open(channel)
        await until(lambda: desk.texts(channel.id))
        assert desk.texts(channel.id) == ["missed a bit"]
        desk.reader.close(channel)
        wall.post("home again")
        await desk.round()
        for number in range(9):
            wall.post(f"missed {number}", path="statusnet/tags/timeline/cats")
        wall.clock.shift(8 * 24 * 3600)
        desk.reader.open(channel)
        await until(lambda: len(desk.texts(channel.id)) > 1)
        assert desk.texts(channel.id)[1:] == ["missed 6", "missed 7", "missed 8"]
        assert desk.inlet.events[-1].origin is Origin.HISTORY


async def test_nothing_is_lost_or_doubled_where_the_ledger_stops_at_any_moment() -> None:
    wall = Wall()
    wall.timelines[MENTIONS] = []
    wall.post("old")
    async with begun(wall, "home@me", "mentions@me") as desk:
        pass
    for number in range(120):
        wall.post(f"post {number}", path=MENTIONS if number % 7 == 0 else "statuses/home_timeline")
    accept = desk.inlet.accept
    allowed = 0

    async def failing(*events: Event, cursor: Cursor | None = None) -> None:
        nonlocal allowed
        if allowed <= 0:
            raise LedgerUnavailable("the disk is full")
        allowed -= 1
        await accept(*events, cursor=cursor)

    desk.inlet.accept = failing  # type: ignore[method-assign]
    for commits in range(4):
        allowed = commits
        desk.begin()
        async with desk.running():
            pass
    assert sorted(desk.texts()) == sorted(f"post {number}" for number in range(120))


async def test_favourites_deletions_and_repeats_are_told_as_what_they_mean() -> None:
    wall = Wall()
    async with begun(wall, config=GnuSocialConfig(interval=60, activities=True)) as desk:
        id = wall.post("a post")
        star = wall.post("user3 favorited something", by=3, in_reply_to_status_id=f"{id}")
        wall.timelines["statuses/home_timeline"][0]["uri"] = f"tag:{HOST},2026-01-01:fave:3:note:{id}:2026-01-01T12:00:00+00:00"
        del wall.items[star]
        original = wall.shown[f"{id}"].data
        wall.post("RT @user2 a post", by=4, retweeted_status=original)
        wall.post("user5 started following user2.", by=5)
        wall.timelines["statuses/home_timeline"][0]["uri"] = (
            f"tag:{HOST},2026-01-01:subscription:5:person:2:2026-01-01T12:00:00+00:00"
        )
        gone = wall.post(f"user2 slettet notis {{{{{names(id)[0]}}}}}.")
        wall.timelines["statuses/home_timeline"][0]["uri"] = names(id)[0]
        del wall.items[gone]
        wall.faceless = True
        await desk.round()
    message, reaction, boost, follow, redaction = (event.body for event in desk.inlet.events)
    assert isinstance(message, Message) and message.text.plain == "a post"
    assert isinstance(reaction, Reactions) and reaction.keys == ("⭐",) and reaction.target.key.id == names(id)[0]
    assert isinstance(boost, Boost) and boost.target.key.id == names(id)[0]
    assert isinstance(follow, Message) and follow.style is Style.NOTICE
    assert isinstance(redaction, Redaction) and redaction.target.key.id == names(id)[0]


async def test_a_post_that_turns_out_to_be_deleted_is_taken_back_once() -> None:
    wall = Wall()
    async with begun(wall) as desk:
        id = wall.post("a post")
        await desk.round()
        desk.reader.gone(f"{id}")
        desk.reader.gone("4711")
        await until(lambda: len(desk.inlet.events) == 2)
        await desk.round()
    event = desk.inlet.events[-1]
    assert isinstance(event.body, Redaction) and event.body.target.key.id == names(id)[0]
    assert event.author == desk.inlet.events[0].author
    assert len(desk.inlet.offered) == 2


async def test_an_interval_is_kept_with_some_jitter() -> None:
    wall = Wall()
    async with begun(wall) as desk:
        await desk.round(53)
        assert len(wall.asked("statuses/home_timeline.json")) == 1
        await desk.round(14)
        assert len(wall.asked("statuses/home_timeline.json")) == 2


async def test_a_reader_that_is_cancelled_leaves_no_task() -> None:
    wall = Wall()
    before = asyncio.all_tasks()
    async with begun(wall):
        pass
    assert asyncio.all_tasks() == before


async def test_a_missing_face_is_done_without_and_a_failing_one_waited_for() -> None:
    wall = Wall()
    async with begun(wall) as desk:
        wall.faceless = True
        wall.post("without")
        await desk.round()
        assert desk.texts() == ["without"]
        asked = len(wall.asked("statuses/home_timeline.as"))
        wall.post("still without")
        await desk.round()
        assert len(wall.asked("statuses/home_timeline.as")) == asked
        wall.faceless = False
        wall.moods["statuses/home_timeline.as"] = Told(None, 500)
        await desk.round(25 * 3600)
        wall.post("late")
        await desk.round()
        assert "late" not in desk.texts()
        await desk.round(400)
    assert desk.texts() == ["without", "still without", "late"]


async def test_a_page_that_is_no_timeline_changes_nothing() -> None:
    wall = Wall()
    async with begun(wall) as desk:
        wall.post("hello")
        wall.moods["statuses/home_timeline.json"] = Told({"oops": 1})
        await desk.round()
        assert desk.texts() == []
        wall.moods.clear()
        await desk.round(200)
    assert desk.texts() == ["hello"]


async def test_a_user_is_read_by_number_and_one_the_server_does_not_know_is_told() -> None:
    wall = Wall()
    wall.moods["users/show/bob"] = Told(user(7, "bob"))
    wall.post("by bob", path="statuses/user_timeline/7", by=7)
    wall.timelines |= {"statuses/friends": [], "statuses/followers": []}
    async with begun(wall, f"user/bob@{HOST}@me", "user/eve@far.test@me", "search/cats & dogs@me") as desk:
        trouble = desk.reader.trouble(ChannelId(NET, "user/eve@far.test@me"))
        assert trouble == "gs1.test does not know eve@far.test: subscribe to them first"
        await desk.round()
    assert [one.query["q"] for one in wall.asked("search.json")][:1] == ["cats & dogs"]
    assert desk.inlet.offered[0].channel.id == f"user/bob@{HOST}@me"


def test_the_wall_itself_pages_as_recorded() -> None:
    wall = Wall()
    for number in range(5):
        wall.post(f"{number}")
    page = wall.page("statuses/home_timeline", {"max_id": "3", "count": "2"})
    assert [one["id"] for one in page] == [3, 2] and page[0]["uri"] == status(3, "")["uri"]
