"""Flood control: a token bucket that keeps the order of the calls and holds nobody's thread."""

import asyncio
from collections import deque
from collections.abc import Callable

from bridge.contract.toolbox import Clock


class Bucket:
    """At most `burst` lines at once, then one each `seconds`. Whoever finds the bucket empty waits in line.

    `run()` must be running for waiting lines to leave. With `burst` 0 there is no limit, and nothing ever waits.
    """

    def __init__(self, clock: Clock, *, burst: int, seconds: float) -> None:
        self._clock = clock
        self._burst, self._seconds = burst, seconds
        self._tokens = float(burst)
        self._at = clock.monotonic()
        self._line: deque[Callable[[], None]] = deque()
        self._queued = asyncio.Event()

    @property
    def unlimited(self) -> bool:
        return self._burst == 0

    @property
    def waiting(self) -> int:
        return len(self._line)

    def submit(self, write: Callable[[], None]) -> None:
        """Calls `write` now if there is a token and nobody waits, else later, in order."""
        if self.unlimited or (not self._line and self._take()):
            write()
        else:
            self._line.append(write)
            self._queued.set()

    def charge(self, lines: float) -> None:
        """For a line that cannot wait (PONG, PING): later ones pay for it."""
        if not self.unlimited:
            self._refill()
            self._tokens -= lines

    async def run(self) -> None:
        """Let the line leave at its rate, until cancelled."""
        while True:
            await self._queued.wait()
            while self._line:
                if self._take():
                    self._line.popleft()()
                else:
                    await self._clock.sleep(max(0.001, (1.0 - self._tokens) * self._seconds))
            self._queued.clear()

    def _take(self) -> bool:
        self._refill()
        if self._tokens < 1.0 - 1e-9:
            return False
        self._tokens -= 1.0
        return True

    def _refill(self) -> None:
        now = self._clock.monotonic()
        self._tokens = min(float(self._burst), self._tokens + (now - self._at) / self._seconds)
        self._at = now
