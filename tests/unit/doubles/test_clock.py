import asyncio

from tests.doubles.clock import START, FakeClock


async def test_sleepers_wake_in_order_of_their_time_and_see_it() -> None:
    clock = FakeClock()
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, *naps: float) -> None:
        for nap in naps:
            await clock.sleep(nap)
            woken.append((name, clock.monotonic() - 1000))

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper("late", 5))
        group.create_task(sleeper("often", 2, 2, 2))
        await clock.advance(4)
        assert woken == [("often", 2), ("often", 4)]
        await clock.advance(2)
    assert woken == [("often", 2), ("often", 4), ("late", 5), ("often", 6)]
    assert (clock.now() - START).total_seconds() == 6


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = FakeClock()
    task = asyncio.ensure_future(clock.sleep(1))
    await asyncio.sleep(0)
    assert clock.sleepers == 1
    task.cancel()
    await clock.advance(2)
    assert clock.sleepers == 0


async def test_a_shift_wakes_whoever_became_due() -> None:
    clock = FakeClock()
    task = asyncio.ensure_future(clock.sleep(10))
    await asyncio.sleep(0)
    clock.shift(3600)
    await task
    assert clock.monotonic() == 4600
