"""What a homeserver leaves lying is noticed by the hole in its counting, over our own restarts too."""

import contextlib

import pytest

from bridge.matrix.transaction import OutOfTurn
from tests.unit.matrix.incoming.surroundings import World, message


def restarted(world: World) -> World:
    """Another run on the same ledger."""
    again = World()
    again.last, again.stored, again.kept = world.last, dict(world.stored), dict(world.kept)
    return again


def texts(world: World) -> list[str]:
    return [event.body.text.plain for event in world.events]  # type: ignore[union-attr]


async def test_a_transaction_left_lying_while_both_were_killed_comes_in_its_place() -> None:
    world = World()
    await world.push(message("1", event_id="$1"), txn="10")
    again = restarted(world)
    with pytest.raises(OutOfTurn):
        await again.push(message("3", event_id="$3"), txn="12")
    assert again.receiver.hole.is_set()
    await again.push(message("2", event_id="$2"), txn="11")
    await again.push(message("3", event_id="$3"), txn="12")
    assert texts(again) == ["2", "3"]
    assert again.receiver.whole


async def test_a_hole_that_held_nothing_for_us_is_asked_for_once() -> None:
    world = World()
    await world.push(message("1", event_id="$1"), txn="10")
    await world.push(txn="11")
    again = restarted(world)
    with pytest.raises(OutOfTurn):
        await again.push(message("2", event_id="$2"), txn="12")
    await again.push(message("2", event_id="$2"), txn="12")
    assert texts(again) == ["2"]


async def test_ids_counted_for_several_appservices_together_are_not_asked_for_again_and_again() -> None:
    world = World()
    asked = 0
    numbers = (number for start in range(1, 400, 5) for number in range(start, start + 4))  # every fifth is another's
    for number in numbers:
        try:
            await world.push(message(str(number), event_id=f"${number}"), txn=str(number))
        except OutOfTurn:
            asked += 1
            await world.push(message(str(number), event_id=f"${number}"), txn=str(number))
    assert asked == 1
    assert len(world.events) == 320


async def test_where_nothing_is_missing_for_long_a_hole_is_asked_for_after_a_false_alarm_too() -> None:
    world = World()
    for number in (1, 2, 3, 4):
        await world.push(txn=str(number))
    for number in (6, 6):
        with contextlib.suppress(OutOfTurn):
            await world.push(txn=str(number))
    for number in range(7, 20):
        await world.push(txn=str(number))
    with pytest.raises(OutOfTurn):
        await world.push(txn="21")


@pytest.mark.parametrize("txn", ["11", "10", "3", "no number", "9" * 30])
async def test_what_shows_no_hole_is_taken_at_once(txn: str) -> None:
    world = World()
    await world.push(message("1", event_id="$1"), txn="10")
    again = restarted(world)
    await again.push(message("2", event_id="$2"), txn=txn)
    assert texts(again) == ["2"]


async def test_the_first_run_asks_for_nothing() -> None:
    world = World()
    await world.push(message("1", event_id="$1"), txn="4711")
    assert texts(world) == ["1"]


async def test_what_was_never_put_into_a_transaction_is_taken_before_what_came_later() -> None:
    world = World()
    world.unpushed = [message("1", event_id="$1"), message("2", event_id="$2")]
    await world.push(message("2", event_id="$2"), message("3", event_id="$3"))
    assert texts(world) == ["1", "2", "3"]
