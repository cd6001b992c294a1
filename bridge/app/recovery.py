"""After a start, and whenever something is missing: hears from the homeserver what it did not push."""

import asyncio
import itertools
import logging
from datetime import datetime

from bridge.app.pulse import Pulse
from bridge.app.switchboard import Switchboard
from bridge.app.watch import Watch
from bridge.contract.errors import LedgerUnavailable
from bridge.contract.toolbox import Clock
from bridge.matrix.gaps import LookBack
from bridge.matrix.ping import Diagnosis, Pinger
from bridge.matrix.receiver import Receiver

LOOKS = (2.0, 8.0, 30.0)
"""Seconds from the homeserver's answer to our ping, and from one look through the rooms to the next: its recovery has ended."""
THERE = 60.0
"""Seconds between two marks of our being there."""
PINGS, BETWEEN = 12, 0.25
"""A ping that comes before the homeserver has noticed its outage does nothing."""
AT_A_TIME = 4
_UNMARKED = "the mark of our being there can't be set"

_log = logging.getLogger("unabridged.matrix.recovery")


class Recovery:
    """`pulse` is told whether the homeserver reaches us."""

    def __init__(
        self,
        receiver: Receiver,
        look_back: LookBack,
        pinger: Pinger,
        switchboard: Switchboard,
        pulse: Pulse,
        clock: Clock,
        *,
        homeserver: str,
    ) -> None:
        self._receiver = receiver
        self._look_back = look_back
        self._pinger = pinger
        self._switchboard = switchboard
        self._pulse = pulse
        self._clock = clock
        self._back = asyncio.Event()
        self._went = clock.now()
        self._outages = 0
        self._watch = Watch(homeserver, clock, gone=self._homeserver_went, back=self._back.set)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            since = await self._look_back.last_there()
        except LedgerUnavailable:
            since = None
        async with asyncio.TaskGroup() as group:
            group.create_task(self._mark())
            group.create_task(self._fill_holes())
            group.create_task(self._hear())
            group.create_task(self._watch.run())
            await self._pinger.run(self._clock, self._pinged)
            if since is not None:
                await self._looks(since)
            while True:
                await self._back.wait()
                self._back.clear()
                await self._looks(self._went)

    async def _looks(self, since: datetime) -> None:
        outages = self._outages
        for pause in LOOKS:
            await self._clock.sleep(pause)
            await self._look(since)
        if outages == self._outages:
            try:
                await self._look_back.looked()
            except LedgerUnavailable:
                _log.warning(_UNMARKED)

    def _homeserver_went(self) -> None:
        self._outages += 1
        self._went = self._clock.now()
        self._look_back.again()

    def _pinged(self, found: Diagnosis) -> None:
        self._pulse.deaf = None if found.reached or self._receiver.heard.is_set() else found.words

    async def _hear(self) -> None:
        """A transaction that came says more than any ping."""
        await self._receiver.heard.wait()
        self._pulse.deaf = None

    async def _mark(self) -> None:
        while True:
            try:
                await self._look_back.still_there()
            except LedgerUnavailable:
                _log.warning(_UNMARKED)
            await self._clock.sleep(THERE)

    async def _fill_holes(self) -> None:
        """A refused transaction waits for the homeserver's own back-off, unless it is pinged."""
        for number in itertools.count():
            await self._receiver.hole.wait()
            self._receiver.hole.clear()
            _log.warning("the homeserver left a transaction lying; asking for it")
            for attempt in range(PINGS):
                await self._clock.sleep(BETWEEN)
                await self._pinger.ping(f"hole-{number}-{attempt}")
                if self._receiver.whole:
                    break

    async def _look(self, since: datetime) -> None:
        gate = asyncio.Semaphore(AT_A_TIME)
        await asyncio.gather(*(self._look_into(portal.room, since, gate) for portal in self._switchboard.portals))

    async def _look_into(self, room: str, since: datetime, gate: asyncio.Semaphore) -> None:
        async with gate:
            try:
                events = await self._look_back.missed(room, since)
                news = await self._receiver.catch_up(events) if events else 0
                if news:
                    _log.warning("%d events of %s were never pushed; taken now", news, room)
            except LedgerUnavailable as error:
                _log.warning("what was missed in %s could not be stored: %s", room, error)
