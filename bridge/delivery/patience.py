"""The outbox as the courier sees it: a ledger that cannot write makes it wait, never forget."""

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from bridge.contract.errors import LedgerUnavailable
from bridge.contract.plan import Draft
from bridge.contract.toolbox import Clock, Metrics
from bridge.delivery.backoff import Backoff
from bridge.delivery.ports import Outbox
from bridge.ledger.rows import Batch, Copy, Entry, Settled
from bridge.model.events import Body, Event, Message
from bridge.model.ids import ChannelId, EventKey

_T = TypeVar("_T")

LONGEST = 15.0
"""Seconds between two tries: a full disk is noticed soon after it has room again."""


class PatientOutbox:
    """Every verb of `Outbox`, tried until the ledger takes it. All of them may be repeated: what failed stored nothing."""

    def __init__(self, outbox: Outbox, clock: Clock, source: random.Random, metrics: Metrics) -> None:
        self._outbox = outbox
        self._clock = clock
        self._random = source
        self._metrics = metrics

    async def _insist(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        backoff = Backoff(self._random, first=0.2, cap=LONGEST)
        while True:
            try:
                return await attempt()
            except LedgerUnavailable:
                self._metrics.count("ledger_unavailable", where="courier")
                await self._clock.sleep(backoff.next())

    async def lanes(self) -> list[ChannelId]:
        return await self._insist(self._outbox.lanes)

    async def undone(self, lane: ChannelId, after: int, limit: int) -> list[Entry]:
        return await self._insist(lambda: self._outbox.undone(lane, after, limit))

    async def lease(self, ids: Sequence[str]) -> frozenset[str]:
        return await self._insist(lambda: self._outbox.lease(ids))

    async def settle(self, settled: Sequence[Settled], drafts: Sequence[Draft] = ()) -> list[Entry]:
        return await self._insist(lambda: self._outbox.settle(settled, drafts))

    async def entry(self, id: str) -> Entry | None:
        return await self._insist(lambda: self._outbox.entry(id))

    async def event(self, key: EventKey) -> Event | None:
        return await self._insist(lambda: self._outbox.event(key))

    async def copies(self, event: EventKey, channel: ChannelId) -> list[Copy]:
        return await self._insist(lambda: self._outbox.copies(event, channel))

    async def make_batch(self, batch: Batch) -> None:
        await self._insist(lambda: self._outbox.make_batch(batch))

    async def part_batch(self, id: str) -> None:
        await self._insist(lambda: self._outbox.part_batch(id))

    async def batch(self, id: str) -> Batch | None:
        return await self._insist(lambda: self._outbox.batch(id))

    async def change_batch(self, id: str, bodies: Sequence[Body | None]) -> None:
        await self._insist(lambda: self._outbox.change_batch(id, bodies))

    async def reword(self, id: str, message: Message) -> None:
        await self._insist(lambda: self._outbox.reword(id, message))

    async def fact(self, scope: str, name: str) -> str | None:
        return await self._insist(lambda: self._outbox.fact(scope, name))

    async def save_fact(self, scope: str, name: str, value: str | None) -> None:
        await self._insist(lambda: self._outbox.save_fact(scope, name, value))
