"""A clock that moves only when a test says so."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)

TURNS = 20
"""Turns of the loop that woken sleepers get before time moves on: enough for a chain of that many awaits."""


class FakeClock:
    """A `bridge.contract.toolbox.Clock`. `now()` and `monotonic()` move together, and only by `advance` or `shift`."""

    def __init__(self, now: datetime = START) -> None:
        self._start = now
        self._elapsed = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return 1000.0 + self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Until a test has moved the clock that far; zero or less is one turn of the loop."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), woken))
        await woken

    @property
    def sleepers(self) -> int:
        """How many sleep right now."""
        return sum(not woken.done() for _, _, woken in self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Move time forward, stopping at each sleeper on the way, earliest first, then first come first.

        Each woken sleeper runs, at the exact time it asked for, before time moves on: one that sleeps again within
        the span is woken again. Work of threads is not waited for.
        """
        await self._let_run()
        target = self._elapsed + seconds
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, woken = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, due)
            if not woken.done():
                woken.set_result(None)
                await self._let_run()
        self._elapsed = target
        await self._let_run()

    def shift(self, seconds: float) -> None:
        """Move time in one jump, as a suspended machine does; who is due is woken and runs when the loop next turns."""
        self._elapsed += seconds
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)

    async def _let_run(self) -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)
