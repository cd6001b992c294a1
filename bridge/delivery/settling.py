"""Settlements, committed behind the deliveries they belong to: many in one commit, in the order they came."""

import asyncio
from collections.abc import Callable, Sequence

from bridge.contract.errors import LedgerUnavailable
from bridge.contract.plan import Draft
from bridge.delivery.patience import PatientOutbox
from bridge.ledger.rows import Entry, Settled

_Landed = Callable[[str], None]


class Settler:
    """One writer of outcomes for all lanes. While one commit is under way the next group gathers."""

    MOST = 500
    """Settlements in one commit."""
    PATIENT = 32
    """So many that can wait are committed without anybody's hurry."""

    def __init__(self, outbox: PatientOutbox, offer: Callable[[Sequence[Entry]], None]) -> None:
        self._outbox = outbox
        self._offer = offer
        self._queue: list[tuple[Settled, _Landed]] = []
        self._drafts: list[Draft] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._woken = asyncio.Event()
        self._busy = False
        self._ended = False

    def put(self, settled: Settled, landed: _Landed) -> None:
        """Commit soon; `landed` is called with the id after the commit."""
        self._queue.append((settled, landed))
        self._woken.set()

    def put_by(self, settled: Settled, landed: _Landed) -> None:
        """As `put`, but in company: with what anybody puts next, at the `PATIENT`th, or when somebody hurries."""
        self._queue.append((settled, landed))
        if len(self._queue) >= self.PATIENT:
            self._woken.set()

    def hurry(self) -> None:
        """Whoever put something by has nothing to follow it."""
        if self._queue:
            self._woken.set()

    async def settle(self, settled: Sequence[Settled], landed: _Landed, drafts: Sequence[Draft] = ()) -> None:
        """Returns after the commit, which holds everything put before as well."""
        self._queue.extend((one, landed) for one in settled)
        self._drafts.extend(drafts)
        await self.flush()

    async def flush(self) -> None:
        """Returns once all that was put so far is committed. Raises `LedgerUnavailable` where `run` ends before that."""
        if not (self._queue or self._drafts or self._busy):
            return
        if self._ended:
            raise LedgerUnavailable("the bridge is stopping")
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._woken.set()
        await done

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                self._busy = True
                try:
                    await self._commit()
                finally:
                    self._busy = False
        finally:
            self._ended = True
            for done in self._waiting:
                if not done.done():
                    done.set_exception(LedgerUnavailable("the bridge is stopping"))
                    done.exception()  # who waited may have been cancelled with us

    async def _commit(self) -> None:
        """All that is there now; what comes meanwhile has its own hurry, or none."""
        waiting, left = len(self._waiting), len(self._queue)
        while left > 0 or self._drafts:
            left -= self.MOST
            group, self._queue = self._queue[: self.MOST], self._queue[self.MOST :]
            drafts, self._drafts = self._drafts, []
            entries = await self._outbox.settle([settled for settled, _ in group], drafts)
            for settled, landed in group:
                landed(settled.id)
            self._offer(entries)
        done, self._waiting = self._waiting[:waiting], self._waiting[waiting:]
        for one in done:
            if not one.done():
                one.set_result(None)
