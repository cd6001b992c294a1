"""What has to wait for others: a few at a time, the rest in their turn, and not without end."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from bridge.contract.errors import BridgeError
from bridge.contract.toolbox import Toolbox

AT_ONCE = 8
MOST = 500

Errand: TypeAlias = Callable[[], Awaitable[None]]


class Errands:
    def __init__(self, tools: Toolbox) -> None:
        self._tools = tools
        self._waiting: deque[Errand] = deque()
        self._wanted = asyncio.Event()

    def do(self, errand: Errand) -> bool:
        """False where there is too much to do already."""
        if len(self._waiting) >= MOST:
            self._tools.metrics.count("xmpp_errands_refused")
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
            try:
                await errand()
            except (BridgeError, OSError) as error:
                self._tools.metrics.count("xmpp_errands_failed")
                self._tools.log.info("an answer could not be had: %s", error)
