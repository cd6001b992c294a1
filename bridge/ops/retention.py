"""Forgetting what is old enough, in steps so small that no message waits for it.

Done events and deliveries go after `retention_days`, the map of copies after `copies_days`. One step is one short transaction
on the ledger's writer; between two steps whatever else waits there gets its turn.
"""

import logging
from datetime import datetime, timedelta
from typing import Protocol

from bridge.contract.errors import LedgerUnavailable
from bridge.contract.toolbox import Clock, Metrics

EVERY = 3600.0
"""Seconds between two rounds."""
PAUSE = 0.2
"""Seconds between two steps of a round."""
STEP = 500
"""Rows a step may remove."""


class Prunes(Protocol):
    async def prune(self, *, done_before: datetime, copies_before: datetime, limit: int) -> int:
        """Removes at most about `limit` rows; returns how many went, 0 when nothing old is left."""
        ...


class Retention:
    def __init__(
        self, ledger: Prunes, clock: Clock, metrics: Metrics, log: logging.Logger, *, retention_days: float, copies_days: float
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._metrics = metrics
        self._log = log
        self._done = timedelta(days=retention_days)
        self._copies = timedelta(days=max(copies_days, retention_days))

    async def run(self) -> None:
        """A round an hour until cancelled. A ledger that can't write now is asked again in the next round."""
        while True:
            await self._clock.sleep(EVERY)
            try:
                await self.round()
            except LedgerUnavailable as error:
                self._log.warning("nothing was pruned: %s", error)

    async def round(self) -> int:
        """Prunes until nothing old is left; returns how many rows went."""
        now = self._clock.now()
        total = 0
        while True:
            gone = await self._ledger.prune(done_before=now - self._done, copies_before=now - self._copies, limit=STEP)
            if not gone:
                break
            total += gone
            self._metrics.count("pruned_rows", gone)
            await self._clock.sleep(PAUSE)
        if total:
            self._log.info("pruned", extra={"rows": total})
        return total
