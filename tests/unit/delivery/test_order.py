"""What waits in a timeline's room leaves by its time; what belongs together stays together, and nobody holds others up."""

import time
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bridge.contract.delivery import Delivery, Target
from bridge.contract.errors import Unavailable
from bridge.contract.plan import Draft
from bridge.delivery.backlog import MOST, Backlog
from bridge.delivery.order import PATIENCE, overtakes, standing
from bridge.ledger.rows import Entry, State
from bridge.model.events import ChannelChange, Edit, Membership, Move
from bridge.model.ids import HUB
from tests.doubles.clock import START
from tests.unit.delivery.stage import BOB, ROOM, FakeOutlet, Stage, delivery, key, ref, say, turns

pytestmark = pytest.mark.asyncio


def waiting(number: int, minute: float, *, taken: float = 0, about: int | None = None) -> Delivery:
    """Written at a minute before the start of the world, taken `taken` seconds after it."""
    one = delivery(number, channel=ROOM, reply_to=about)
    times = {"happened_at": START - timedelta(minutes=60 - minute), "accepted_at": START + timedelta(seconds=taken)}
    return replace(one, **times)


def leaving(*deliveries: Delivery) -> list[str]:
    """Numbers of deliveries as they leave that were taken in this order."""
    backlog = Backlog(ROOM, unread=False, by_time=lambda channel: True)
    backlog.offer([Entry(seq=seq, delivery=one, state=State.PENDING) for seq, one in enumerate(deliveries, 1)])
    return [item.delivery.id.lstrip("0") for item in backlog.items]


async def test_two_sources_that_were_taken_one_after_the_other_leave_by_their_times() -> None:
    account, feed = [waiting(1, 10), waiting(2, 20), waiting(3, 30)], [waiting(4, 5), waiting(5, 20), waiting(6, 25)]
    assert leaving(*account, *feed) == ["4", "1", "2", "5", "6", "3"]


async def test_an_answer_waits_behind_what_it_answers_whatever_its_clock_says() -> None:
    assert leaving(waiting(1, 30), waiting(2, 10, about=1), waiting(3, 20)) == ["1", "2", "3"]


async def test_changes_of_one_message_stay_in_their_order() -> None:
    """The last edit is the one that counts."""
    edits = [
        replace(waiting(number, minute), body=Edit(target=ref(9), message=say("x")), target=Target(event=key(9)))
        for number, minute in ((1, 30), (2, 10))
    ]
    assert leaving(*edits) == ["1", "2"]


async def test_parts_of_one_message_stay_in_their_order() -> None:
    parts = [replace(waiting(number, 30 - number), event=key("one"), part=number, parts=3) for number in (1, 2, 3)]
    assert leaving(*parts) == ["1", "2", "3"]


async def test_who_comes_and_what_the_room_is_called_stays_where_it_was() -> None:
    moved = replace(waiting(1, 30), body=Membership(who=BOB, move=Move.JOIN))
    named = replace(waiting(2, 10), body=ChannelChange(name="x"))
    assert leaving(moved, named, waiting(3, 5)) == ["1", "2", "3"]


async def test_a_date_in_the_future_is_no_way_to_the_end() -> None:
    tomorrow = replace(waiting(1, 0), happened_at=START + timedelta(days=1))
    assert leaving(tomorrow, waiting(2, 70, taken=60)) == ["1", "2"]


async def test_a_feed_of_old_dates_holds_nobody_up_for_long() -> None:
    late = PATIENCE.total_seconds() + 1
    assert leaving(waiting(1, 30), waiting(2, 1, taken=late)) == ["1", "2"]


async def test_a_whole_page_upside_down_is_put_in_order_at_once() -> None:
    upside_down = [waiting(number, 60 - number / 10, about=1000 + number) for number in range(1, MOST + 1)]
    start = time.perf_counter()
    assert leaving(*upside_down)[0] == str(MOST)
    assert time.perf_counter() - start < 1


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25))
async def test_whatever_waits_nothing_is_lost_and_nothing_leaves_before_what_it_answers(posts: list[tuple[int, int]]) -> None:
    deliveries = [waiting(number, minute, about=about or None) for number, (minute, about) in enumerate(posts, 1)]
    order = leaving(*deliveries)
    assert sorted(order, key=int) == [str(number) for number in range(1, len(posts) + 1)]
    for number, (minute, about) in enumerate(posts, 1):
        if 0 < about < number:
            assert order.index(str(about)) < order.index(str(number))
        for other in range(1, number):
            if posts[other - 1][0] == minute:
                assert order.index(str(other)) < order.index(str(number))


async def test_nothing_overtakes_itself() -> None:
    one = standing(waiting(1, 1))
    assert not overtakes(one, one)


async def test_after_a_night_without_the_homeserver_a_room_gets_its_posts_by_their_times() -> None:
    stage, outlet = Stage(), FakeOutlet()
    stage.courier = stage.new_courier(by_time=lambda channel: channel == ROOM)
    async with stage.running(outlet, network=HUB) as courier:
        courier.pause(HUB)
        await stage.send(*(Draft(delivery=waiting(number, minute)) for number, minute in ((1, 10), (2, 30), (3, 20), (4, 5))))
        courier.resume(HUB)
        await turns()
    assert [one.id.lstrip("0") for one in outlet.got] == ["4", "1", "3", "2"]


async def test_what_failed_and_what_came_meanwhile_are_put_in_order_too() -> None:
    stage, outlet = Stage(), FakeOutlet()
    stage.courier = stage.new_courier(by_time=lambda channel: True)
    outlet.fail(1, Unavailable("busy", retry_after=5))
    async with stage.running(outlet, network=HUB):
        await stage.send(Draft(delivery=waiting(1, 20)))
        await stage.send(Draft(delivery=waiting(2, 10)), Draft(delivery=waiting(3, 30)))
        await stage.clock.advance(10)
        await turns()
    assert [one.id.lstrip("0") for one in outlet.got] == ["2", "1", "3"]


async def test_after_a_restart_what_waits_is_in_order() -> None:
    stage, outlet = Stage(), FakeOutlet()
    stage.ledger.put(*(Draft(delivery=waiting(number, minute)) for number, minute in ((1, 30), (2, 10), (3, 20))))
    stage.courier = stage.new_courier(by_time=lambda channel: True)
    async with stage.running(outlet, network=HUB):
        await turns()
    assert [one.id.lstrip("0") for one in outlet.got] == ["2", "3", "1"]
