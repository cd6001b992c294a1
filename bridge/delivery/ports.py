"""What delivery needs of the floors around it, as narrow as it needs it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from bridge.contract.adapter import Cursor
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.features import Features
from bridge.contract.plan import Draft, Plan
from bridge.ledger.rows import Accepted, Batch, Chore, Copy, Entry, Settled
from bridge.model.events import Body, Event, Message
from bridge.model.ids import ChannelId, EventKey, NetworkName


class Outlet(Protocol):
    """Where deliveries of one network go: every `Adapter` is one, and so is the hub's."""

    async def deliver(self, delivery: Delivery) -> Receipt: ...

    def features(self, channel: ChannelId) -> Features: ...


class Inbox(Protocol):
    """What intake needs of the ledger. Every verb returns after commit and raises `LedgerUnavailable` otherwise."""

    async def accept(
        self,
        network: NetworkName,
        events: Sequence[Event],
        plan: Plan,
        *,
        cursor: Cursor | None = None,
        chores: Sequence[Chore] = (),
        lease: Callable[[ChannelId], int] | None = None,
    ) -> Accepted: ...

    async def cursor(self, network: NetworkName, scope: str) -> Cursor | None: ...


class Outbox(Protocol):
    """What the courier needs of the ledger."""

    async def lanes(self) -> list[ChannelId]: ...

    async def undone(self, lane: ChannelId, after: int, limit: int) -> list[Entry]: ...

    async def lease(self, ids: Sequence[str]) -> frozenset[str]: ...

    async def settle(self, settled: Sequence[Settled], drafts: Sequence[Draft] = ()) -> list[Entry]: ...

    async def entry(self, id: str) -> Entry | None: ...

    async def event(self, key: EventKey) -> Event | None: ...

    async def copies(self, event: EventKey, channel: ChannelId) -> list[Copy]: ...

    async def make_batch(self, batch: Batch) -> None: ...

    async def part_batch(self, id: str) -> None: ...

    async def batch(self, id: str) -> Batch | None: ...

    async def change_batch(self, id: str, bodies: Sequence[Body | None]) -> None: ...

    async def reword(self, id: str, message: Message) -> None: ...

    async def fact(self, scope: str, name: str) -> str | None: ...

    async def save_fact(self, scope: str, name: str, value: str | None) -> None: ...


class ChoreBook(Protocol):
    """What the chore worker needs of the ledger."""

    async def due_chores(self, limit: int) -> list[Chore]: ...

    async def chore_done(self, id: str) -> None: ...

    async def chore_failed(self, id: str, reason: str, due_at: datetime | None) -> None: ...
