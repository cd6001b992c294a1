"""Holes and short pages: whatever came while nobody looked is handed in, all of it, once."""

import itertools
import random
from datetime import timedelta

import pytest

from adapters.gnusocial.reading.marks import GAPS_CAP, SEEN_CAP, Gap, Mark, Marks, marks_in
from adapters.gnusocial.reading.timeline import PAGE, PAGES
from bridge.model.events import Origin
from tests.doubles.clock import START
from tests.unit.gnusocial.kit import NET, Told
from tests.unit.gnusocial.reading.wall import Desk, Wall

HOME = "statuses/home_timeline.json"


async def met(wall: Wall, **more: object) -> Desk:
    """A desk that has read the wall once."""
    desk = Desk(wall)
    async with desk.running():
        pass
    desk.inlet.events.clear()
    desk.inlet.offered.clear()
    wall.http.asked.clear()
    return desk


async def test_nothing_new_costs_one_conditional_request() -> None:
    wall = Wall()
    wall.post("old", at=START - timedelta(minutes=5))
    desk = Desk(wall)
    async with desk.running():
        wall.http.asked.clear()
        await desk.round()
    (asked,) = wall.asked(HOME)
    assert asked.headers["if-none-match"]
    assert not wall.asked("statuses/home_timeline.as")


async def test_a_post_of_the_same_second_as_the_last_page_is_not_hidden_by_its_tag() -> None:
    wall = Wall()
    wall.post("first")
    desk = Desk(wall)
    async with desk.running():
        wall.post("same second")
        await desk.round()
    assert desk.texts() == ["first", "same second"]


@pytest.mark.parametrize("count", [PAGE - 1, PAGE, PAGE + 1, 3 * PAGE, PAGE * PAGES])
async def test_a_burst_longer_than_a_page_is_whole_and_in_order(count: int) -> None:
    wall = Wall()
    wall.post("before")
    desk = await met(wall)
    expected = [f"post {number}" for number in range(count)]
    for words in expected:
        wall.clock.shift(1)
        wall.post(words)
    desk.begin()
    async with desk.running():
        await desk.round()
    assert desk.texts() == expected


async def test_a_short_page_is_not_the_end() -> None:
    wall = Wall()
    wall.post("before")
    desk = await met(wall)
    ids = [wall.post(f"post {number}") for number in range(3 * PAGE)]
    wall.hidden = set(ids[20 : 3 * PAGE - 2])
    desk.begin()
    async with desk.running():
        pass
    assert desk.texts() == [f"post {number}" for number in [*range(20), 3 * PAGE - 2, 3 * PAGE - 1]]


async def test_what_is_too_much_for_one_round_is_read_in_the_next_as_history() -> None:
    wall = Wall()
    wall.post("before")
    desk = await met(wall)
    expected = [f"post {number}" for number in range(3 * PAGE * PAGES)]
    for words in expected:
        wall.post(words)
    desk.begin()
    async with desk.running():
        assert 0 < len(desk.inlet.events) < len(expected)
        assert desk.metrics.counts["gnusocial_gaps"] == 1
        for _ in range(4):
            await desk.round()
    assert sorted(desk.texts()) == sorted(expected)
    by_text = {text: event.origin for text, event in zip(desk.texts(), desk.inlet.events, strict=True)}
    assert by_text[expected[-1]] is Origin.LIVE
    assert by_text[expected[0]] is Origin.HISTORY


async def test_a_gap_survives_whatever_ends_the_reader() -> None:
    wall = Wall()
    wall.post("before")
    desk = await met(wall)
    expected = [f"post {number}" for number in range(2 * PAGE * PAGES)]
    for words in expected:
        wall.post(words)
    for _ in range(4):
        wall.post(f"more {len(expected)}")
        expected.append(f"more {len(expected)}")
        desk.begin()
        async with desk.running():
            pass
    assert sorted(desk.texts()) == sorted(expected)


async def test_a_second_gap_does_not_lose_the_first() -> None:
    wall = Wall()
    wall.post("before")
    desk = await met(wall)
    expected = []
    for burst in range(3):
        for number in range(2 * PAGE * PAGES):
            wall.post(f"{burst}/{number}")
            expected.append(f"{burst}/{number}")
        desk.begin()
        async with desk.running():
            pass
    desk.begin()
    async with desk.running():
        for _ in range(6):
            await desk.round()
    assert sorted(desk.texts()) == sorted(expected)


@pytest.mark.parametrize("seed", range(6))
async def test_any_mixture_of_bursts_hidden_items_and_deaths_loses_nothing(seed: int) -> None:
    chance = random.Random(seed)
    wall, expected = Wall(), []
    wall.post("before")
    desk = await met(wall)
    for turn in itertools.count():
        if turn == 12:
            break
        for _ in range(chance.choice([0, 1, 3, 30, 90, 250])):
            id = wall.post(f"post {wall.next}")
            if chance.random() < 0.2:
                wall.hidden.add(id)
            else:
                expected.append(f"post {id}")
        desk.begin()
        async with desk.running():
            if chance.random() < 0.5:
                await desk.round()
    desk.begin()
    async with desk.running():
        for _ in range(15):
            await desk.round()
    assert sorted(desk.texts()) == sorted(expected)


async def test_a_notice_that_shows_up_late_between_others_is_new() -> None:
    wall = Wall()
    wall.post("old")
    desk = Desk(wall)
    async with desk.running():
        late = wall.post("late")
        wall.post("on time")
        wall.hidden.add(late)
        await desk.round()
        wall.hidden.clear()
        wall.post("next")
        await desk.round()
    assert desk.texts() == ["old", "on time", "late", "next"] or desk.texts() == ["old", "on time", "next", "late"]


async def test_following_somebody_brings_none_of_their_old_posts() -> None:
    wall = Wall()
    hidden = [wall.post(f"old {number}") for number in range(5)]
    for number in range(5):
        wall.post(f"mine {number}")
    wall.hidden = set(hidden[1:])
    wall.clock.shift(7200)
    desk = Desk(wall)
    async with desk.running():
        wall.post("new")
        wall.hidden.clear()
        await desk.round()
    assert desk.texts() == ["mine 2", "mine 3", "mine 4", "new"]
    assert desk.metrics.counts["gnusocial_older_posts"] == 4


async def test_what_slides_onto_a_page_when_something_is_deleted_is_not_new() -> None:
    wall = Wall()
    for number in range(3 * PAGE):
        wall.post(f"post {number}")
    desk = await met(wall)
    home = wall.timelines["statuses/home_timeline"]
    del home[3:10]
    desk.begin()
    async with desk.running():
        wall.post("new")
        await desk.round()
    assert desk.texts() == ["new"]


async def test_an_empty_timeline_that_fills_is_live_from_its_first_post() -> None:
    wall = Wall()
    desk = Desk(wall)
    async with desk.running():
        for number in range(PAGE + 5):
            wall.post(f"post {number}")
        await desk.round()
    assert desk.texts() == [f"post {number}" for number in range(PAGE + 5)]
    assert {event.origin for event in desk.inlet.events} == {Origin.LIVE}


async def test_a_server_that_does_not_page_is_not_asked_for_ever() -> None:
    wall = Wall()
    wall.post("before")
    desk = await met(wall)
    for number in range(PAGE + 10):
        wall.post(f"post {number}")
    page = wall.timelines["statuses/home_timeline"][:PAGE]
    wall.moods["statuses/home_timeline.json"] = Told(page)
    desk.begin()
    async with desk.running():
        pass
    assert len(wall.asked(HOME)) <= 4
    assert len(desk.texts()) == PAGE


async def test_a_name_given_to_an_account_elsewhere_begins_anew() -> None:
    wall = Wall()
    wall.post("old")
    desk = Desk(wall)
    desk.inlet.cursors.clear()
    async with desk.running():
        (cursor,) = desk.inlet.cursors.values()
    kept = marks_in(cursor.value, "gs1.test")
    assert kept.timelines and not marks_in(cursor.value, "other.test").timelines
    assert not marks_in("{", "gs1.test").timelines and not marks_in('{"host": 1}', "gs1.test").timelines


def test_a_mark_stays_small_whatever_it_has_seen() -> None:
    mark = Mark()
    for number in range(1000):
        mark = mark.after([f"{number}"], gaps=(*mark.gaps, Gap(number, number - 2)))
    assert len(mark.seen) == SEEN_CAP and len(mark.gaps) == GAPS_CAP
    assert min(gap.above for gap in mark.gaps) == -2
    assert len(Marks(host="x", timelines={str(NET): mark}).write()) < 2000
