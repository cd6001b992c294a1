"""What has to wait for others: a few at a time, the rest in their turn, and not without end."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from adapters.xmpp.faults import contained
from adapters.xmpp.rooms.house import House
from bridge.contract.errors import BridgeError

AT_ONCE = 8
MOST = 500

Errand: TypeAlias = Callable[[], Awaitable[None]]


class Errands:
    """A bug in one of them costs one answer."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._waiting: deque[Errand] = deque()
        self._wanted = asyncio.Event()

    def do(self, errand: Errand) -> bool:
        """False where there is too much to do already."""
        if len(self._waiting) >= MOST:
            self._house.tools.metrics.count("xmpp_errands_refused")
            return False
        self._waiting.append(errand)
        self._wanted.set()
        return True

    def drop(self) -> None:
        """The connection for which they were is gone."""
        self._waiting.clear()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            await self._wanted.wait()
            if not self._waiting:
                self._wanted.clear()
                continue
            errand = self._waiting.popleft()
            with contained(self._house.tools, self._house.network, "an answer"):
                await self._run(errand)

    async def _run(self, errand: Errand) -> None:
        try:
            await errand()
        except (BridgeError, OSError) as error:
            self._house.tools.metrics.count("xmpp_errands_failed")
            self._house.tools.log.info("an answer could not be had: %s", error)
