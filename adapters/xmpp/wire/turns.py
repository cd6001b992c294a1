"""Whoever speaks somewhere waits for whom is before them there, while files are on their way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """By place. First come, first served; of a place where nobody waits nothing is kept."""

    def __init__(self) -> None:
        self._turns: dict[str, _Turn] = {}

    def __contains__(self, place: str) -> bool:
        """Whether somebody there has, or waits for, their turn."""
        return place in self._turns

    @asynccontextmanager
    async def take(self, place: str) -> AsyncIterator[None]:
        """Queued before the first await."""
        turn = self._turns.setdefault(place, _Turn())
        turn.waiting += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[place]


class _Turn:
    __slots__ = ("lock", "waiting")

    def __init__(self) -> None:
        self.lock, self.waiting = asyncio.Lock(), 0
