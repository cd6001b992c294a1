"""The hub's own business: done after commit, in order within a room, again until it is done or given up."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

from bridge.contract.errors import LedgerUnavailable, Rejected, Unavailable, Uncertain
from bridge.contract.resting import rest
from bridge.contract.toolbox import Clock, Metrics
from bridge.delivery.backoff import Backoff
from bridge.delivery.ports import ChoreBook
from bridge.ledger.rows import Chore

MOST_ATTEMPTS = 8
"""Then it is put aside with a report: about four minutes of trying. An outage of the other side does not count."""
MOST_ROOMS = 16
"""Worked on at a time."""
PAGE = 500
LOOK_AGAIN = 60.0
"""Seconds after which the ledger is asked even though nobody said that something is due."""


class ChoreWorker:
    """Takes due chores; `kinds` says what to do for each kind. `wake` when new ones were committed."""

    def __init__(
        self,
        book: ChoreBook,
        kinds: Mapping[str, Callable[[Chore], Awaitable[None]]],
        *,
        clock: Clock,
        source: random.Random,
        metrics: Metrics,
        log: logging.Logger,
    ) -> None:
        self._book = book
        self._kinds = kinds
        self._clock = clock
        self._random = source
        self._metrics = metrics
        self._log = log
        self._woken = asyncio.Event()
        self._busy: set[str] = set()
        self._next_due: float | None = None

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        patience = Backoff(self._random, cap=15.0)
        async with asyncio.TaskGroup() as group:
            while True:
                self._woken.clear()
                try:
                    due = await self._book.due_chores(PAGE)
                except LedgerUnavailable:
                    await self._clock.sleep(patience.next())
                    continue
                patience.reset()
                for room, chores in self._by_room(due).items():
                    if room not in self._busy and len(self._busy) < MOST_ROOMS:
                        self._busy.add(room)
                        group.create_task(self._work(room, chores))
                await rest(self._clock, self._woken, self._pause())

    @staticmethod
    def _by_room(chores: Sequence[Chore]) -> dict[str, list[Chore]]:
        """In order. Chores without a room wait for no other: each has a place of its own."""
        rooms: dict[str, list[Chore]] = {}
        for chore in chores:
            rooms.setdefault(chore.room or f"chore {chore.id}", []).append(chore)
        return rooms

    def _pause(self) -> float:
        if self._next_due is None:
            return LOOK_AGAIN
        wait = self._next_due - self._clock.monotonic()
        if wait <= 0:
            self._next_due = None
            return LOOK_AGAIN if not self._busy else 1.0
        return min(wait, LOOK_AGAIN)

    async def _work(self, room: str, chores: Sequence[Chore]) -> None:
        try:
            for chore in chores:
                if not await self._do(chore):
                    break
        finally:
            self._busy.discard(room)
            self._woken.set()

    async def _do(self, chore: Chore) -> bool:
        """Whether the room may go on with the next."""
        todo = self._kinds.get(chore.kind)
        try:
            if todo is None:
                self._log.error("chore %s is of the unknown kind %r", chore.id, chore.kind)
                return await self._give_up(chore, f"unknown kind {chore.kind!r}")
            await todo(chore)
            await self._book.chore_done(chore.id)
        except LedgerUnavailable:
            self._look_in(5.0)
            return False
        except Unavailable as error:
            return await self._later(chore, error.reason, asked=error.retry_after, counts=False)
        except Uncertain as error:
            return await self._later(chore, error.reason, asked=None, counts=True)
        except Rejected as error:
            return await self._give_up(chore, error.reason)
        except Exception as error:  # noqa: BLE001 — recorded with the chore: tried again, then put aside
            self._log.exception("chore %s (%s) failed", chore.id, chore.kind)
            return await self._later(chore, f"{type(error).__name__}: {error}", asked=None, counts=True)
        self._metrics.count("chores_done", kind=chore.kind)
        return True

    async def _later(self, chore: Chore, reason: str, *, asked: float | None, counts: bool) -> bool:
        if counts and chore.attempts + 1 >= MOST_ATTEMPTS:
            return await self._give_up(chore, reason)
        backoff = Backoff(self._random)
        backoff.failures = chore.attempts
        wait = backoff.next(asked)
        self._metrics.count("chores_put_off", kind=chore.kind)
        await self._record(chore, reason, wait)
        self._look_in(wait)
        return False

    async def _give_up(self, chore: Chore, reason: str) -> bool:
        self._metrics.count("chores_quarantined", kind=chore.kind)
        await self._record(chore, reason, None)
        return True

    async def _record(self, chore: Chore, reason: str, wait: float | None) -> None:
        due_at = None if wait is None else self._clock.now() + timedelta(seconds=wait)
        try:
            await self._book.chore_failed(chore.id, reason, due_at)
        except LedgerUnavailable:
            self._metrics.count("ledger_unavailable", where="chores")

    def _look_in(self, seconds: float) -> None:
        at = self._clock.monotonic() + seconds
        self._next_due = at if self._next_due is None else min(self._next_due, at)
