"""From a reader to the ledger: in order, without holding the reader for each commit, and nothing lost on the way.

What arrives while a commit runs is handed in with the next: a stream commits as often as the disk can, a single line at once.
Where the ledger cannot take more, reading stops: pressure lands on the network, where it belongs.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile

from bridge.contract.adapter import Cursor, Inlet
from bridge.contract.errors import LedgerUnavailable
from bridge.contract.toolbox import Toolbox
from bridge.model.events import Event

PAUSE_AT = 2000
"""Waiting events at which reading stops; it goes on below a quarter of that."""
MAX_BATCH = 500
RETRY_SECONDS = 1.0
LAST_SECONDS = 5.0
"""How long an ended connection may take to hand in its rest, when the bridge is being stopped."""


class Pipeline:
    """`pause` and `resume` stop and start the reader; each may be called more often than needed. `name` begins its metrics."""

    def __init__(self, inlet: Inlet, tools: Toolbox, *, name: str, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._inlet = inlet
        self._tools = tools
        self._name = name
        self._pause, self._resume = pause, resume
        self._waiting: list[Event | Cursor | Callable[[], None]] = []
        self._arrived = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._holds = 0
        self._free = asyncio.Event()
        self._free.set()
        self.paused = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """No event is handed in meanwhile; what stands before the first is."""
        self._holds += 1
        self._free.clear()
        try:
            yield
        finally:
            self._holds -= 1
            if not self._holds:
                self._free.set()

    def put(self, events: Sequence[Event], then: Callable[[], None] | None = None) -> None:
        """Never blocks; the events are handed in in this order. `then` is called once they are on disk: it must not raise."""
        if not events and then is None:
            return
        self._waiting.extend(events)
        if then is not None:
            self._waiting.append(then)
        self._wake()
        if len(self._waiting) >= PAUSE_AT and not self.paused:
            self._stop_reading()

    def put_cursor(self, cursor: Cursor) -> None:
        """Never stored before the events that were put before it. Of those of one scope that wait together, the last is."""
        self._waiting.append(cursor)
        self._wake()

    async def run(self) -> None:
        """Hand in until cancelled."""
        while True:
            await self._arrived.wait()
            await self._hand_in()

    async def finish(self) -> None:
        """Returns once everything is handed in, by `run`."""
        await self._empty.wait()

    async def rescue(self) -> None:
        """After `run` was cancelled: hand the rest in, if the ledger takes it soon."""
        try:
            async with asyncio.timeout(LAST_SECONDS):
                await self._hand_in()
        except TimeoutError:
            self._tools.log.error("stopped with %d events that the ledger did not take", len(self._waiting))

    def _wake(self) -> None:
        self._empty.clear()
        self._arrived.set()

    async def _hand_in(self) -> None:
        while self._waiting:
            batch = self._next()
            if not batch:
                await self._free.wait()
                continue
            try:
                await self._accept(batch)
            except LedgerUnavailable as error:
                self._stop_reading()
                self._tools.metrics.count(f"{self._name}_ledger_unavailable")
                self._tools.log.warning("the ledger takes nothing now, reading stops: %s", error)
                await self._tools.clock.sleep(RETRY_SECONDS)
                continue
            del self._waiting[: len(batch)]
            for one in batch:
                if callable(one):
                    one()
            if self.paused and len(self._waiting) < PAUSE_AT // 4:
                self.paused = False
                self._resume()
        self._arrived.clear()
        self._empty.set()

    def _next(self) -> list[Event | Cursor | Callable[[], None]]:
        batch = self._waiting[:MAX_BATCH]
        return batch if self._free.is_set() else list(takewhile(lambda one: not isinstance(one, Event), batch))

    async def _accept(self, batch: Sequence[Event | Cursor | Callable[[], None]]) -> None:
        """One commit where the batch has one cursor or none. Said again after a failure it changes nothing."""
        events = [one for one in batch if isinstance(one, Event)]
        cursors = {one.scope: one for one in batch if isinstance(one, Cursor)}
        first = cursors.pop(next(iter(cursors))) if cursors else None
        if events or first is not None:
            await self._inlet.accept(*events, cursor=first)
        for cursor in cursors.values():
            await self._inlet.accept(cursor=cursor)

    def _stop_reading(self) -> None:
        self.paused = True
        self._pause()
