"""One run of the bridge: everything put together, started in order, stopped in order."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from bridge.app.keys import read_or_make
from bridge.app.plant import Plant, build
from bridge.config.adapters_found import found
from bridge.config.places import Places, places_of
from bridge.config.settings import Settings
from bridge.contract.errors import BridgeError
from bridge.ledger.ledger import Ledger
from bridge.matrix.api import make_session
from bridge.matrix.registration import tokens
from bridge.ops.clock import SystemClock
from bridge.ops.http import GuardedHttp

GRACE = 5.0
"""Seconds that deliveries in flight have to be proven when the bridge stops."""


async def run(settings: Settings, *, config_path: Path) -> int:
    """Runs until SIGTERM or SIGINT; returns the exit status. What can't work is said on standard error in plain words."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    places = places_of(settings, config_path)
    log = logging.getLogger("unabridged")
    try:
        async with AsyncExitStack() as stack:
            plant = await _built(settings, places, stack, log)
            await stack.enter_async_context(running(plant))
            log.info("running")
            await stopped.wait()
            log.info("stopping")
    except (BridgeError, OSError) as error:
        print(f"unabridged: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


async def _built(settings: Settings, places: Places, stack: AsyncExitStack, log: logging.Logger) -> Plant:
    clock = SystemClock()
    key = read_or_make(places.key_file)
    ledger = await Ledger.connect(places.database, clock=clock, key=key, progress=log.info)
    stack.push_async_callback(ledger.close)
    http = GuardedHttp(settings.bridge.allow_addresses)
    stack.push_async_callback(http.close)
    session = await stack.enter_async_context(make_session())
    held = tokens(places.registration, os.environ)
    return await build(settings, held, places, ledger, session, http, clock, found(), key)


@asynccontextmanager
async def running(plant: Plant) -> AsyncIterator[None]:
    """A bridge at work inside the block: what takes starts before what gives, and stops the other way round.

    Nothing is taken that could not be stored. Raises `OSError` where an address to listen on cannot be had.
    """
    await plant.control.start()
    try:
        for listener in plant.listeners:
            await listener.start()
        async with asyncio.TaskGroup() as group:
            carrying = [
                group.create_task(work)
                for work in (
                    plant.courier.run(),
                    plant.chores.run(),
                    plant.signals.run(),
                    plant.pulse.run(),
                    plant.calming.marks.run(),
                    plant.hub.puppets.run(),
                    plant.hub.badges.run(),
                    plant.retention.run(),
                    plant.networks.follow(),
                    plant.caretaker.run(),
                    plant.recovery.run(),
                    plant.reception.run(),
                )
            ]
            linking = group.create_task(plant.linkage.run())
            networks = [group.create_task(supervisor.run()) for supervisor in plant.networks.supervisors.values()]
            try:
                yield
            finally:
                await _close_doors(plant)
                await plant.intake.drain()
                with suppress(TimeoutError):  # a ledger that stays dead must not keep us from stopping
                    async with asyncio.timeout(2 * GRACE):
                        await plant.courier.stop(GRACE)
                for task in (linking, *networks, *carrying):
                    task.cancel()
    finally:
        await _close_doors(plant)
        await plant.control.close()


async def _close_doors(plant: Plant) -> None:
    for listener in plant.listeners:
        await listener.stop()
