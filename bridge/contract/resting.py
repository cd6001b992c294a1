"""Waiting on an event or the clock, whichever comes first."""

import asyncio

from bridge.contract.toolbox import Clock


async def rest(clock: Clock, woken: asyncio.Event, seconds: float | None) -> None:
    """Until `woken` is set or that many seconds have passed; the event is set on return either way. None: no limit."""
    if seconds is None or woken.is_set():
        await woken.wait()
        return
    async with asyncio.TaskGroup() as group:
        alarm = group.create_task(_ring(clock, woken, seconds))
        await woken.wait()
        alarm.cancel()


async def _ring(clock: Clock, woken: asyncio.Event, seconds: float) -> None:
    await clock.sleep(max(seconds, 0.0))
    woken.set()
