"""What a lane does about deliveries that did not end in a receipt."""

from collections.abc import Callable
from datetime import timedelta

from bridge.contract.delivery import Receipt
from bridge.contract.errors import Rejected, Unavailable, Uncertain
from bridge.delivery.backlog import Backlog, Item
from bridge.delivery.batches import part
from bridge.delivery.desk import Desk
from bridge.ledger.rows import Settled, State
from bridge.model.ids import EventKey, NetworkName

BUG = "an internal error; it has been reported"
EXPIRED = "it could not be delivered in time"


class Setbacks:
    """Of one lane: failures not yet settled, and how long to rest after them.

    `aloft` is the lane's: entries in flight, or back and not yet committed, with their events.
    """

    def __init__(self, network: NetworkName, desk: Desk, backlog: Backlog, aloft: dict[str, EventKey]) -> None:
        self.open: list[tuple[Item, Exception]] = []
        """While there are any, nothing is written."""
        self.rest_until: float | None = None
        """A monotonic time."""
        self._network = network
        self._desk = desk
        self._backlog = backlog
        self._aloft = aloft
        self._backoff = desk.backoff()

    def note(self, item: Item, error: Exception) -> None:
        self.open.append((item, error))

    def success(self) -> None:
        self._backoff.reset()

    def hurry(self) -> None:
        """What was put off is due now."""
        self.rest_until = None
        self._backoff.reset()

    async def mend(self, landed: Callable[[Item, Receipt], None], settled: Callable[[str], None]) -> None:
        """All that was in flight is back: settle what failed, in order, and put back what is to be tried again.

        `landed` is told of those proved meanwhile, `settled` of each that is committed for good.
        """
        desk = self._desk
        later: list[Settled] = []
        again: list[Item] = []
        for item, error in sorted(self.open, key=lambda setback: setback[0].seq):
            if (receipt := desk.proofs.get(item.delivery.id)) is not None:
                landed(item, receipt)
            elif isinstance(error, Unavailable | Uncertain):
                later += self._put_off(item, error) if isinstance(error, Unavailable) else self._doubt(item, error)
                again.append(item)
            elif len(item.entries) > 1:
                desk.metrics.count("batches_parted", network=self._network)
                again += await part(desk.outbox, item)
            elif isinstance(error, Rejected):
                await self.bury(item, error.reason, "rejected", settled)
            else:
                await self.bury(item, BUG, "bug", settled)
        if later:
            await desk.settler.settle(later, self._down)
        for item in again:
            self.put_back(item)
        self.open.clear()

    async def bury(self, item: Item, reason: str, code: str, settled: Callable[[str], None]) -> None:
        """To the dead letters, the authors told."""
        desk = self._desk
        desk.metrics.count("deliveries_dead", len(item.entries), network=self._network, reason=code)
        drafts = [draft for entry in item.entries for draft in await desk.notices.about(entry.delivery, reason)]
        desk.proofs.expect(item.delivery.id, tuple(entry.delivery.id for entry in item.entries))
        dead = [Settled(id=entry.delivery.id, state=State.DEAD, reason=reason) for entry in item.entries]
        await desk.settler.settle(dead, settled, drafts)

    async def give_back(self) -> None:
        """Before a planned end: what was leased but never written is not in doubt."""
        items = [item for item in self._backlog.items if item.leased and not item.unsure and not item.repeat]
        ids = [entry.delivery.id for item in items for entry in item.entries]
        if ids:
            await self._desk.settler.settle([Settled(id=id, state=State.PENDING) for id in ids], self._down)

    def put_back(self, item: Item) -> None:
        """It waits in its place again."""
        for entry in item.entries:
            self._down(entry.delivery.id)
        self._backlog.put_back(item)

    def _put_off(self, item: Item, error: Unavailable) -> list[Settled]:
        desk = self._desk
        unclear = item.unsure or item.repeat
        item.leased = unclear
        now = desk.clock.monotonic()
        if self.rest_until is None or error.retry_after is not None:
            self.rest_until = max(self.rest_until or now, now + self._backoff.next(error.retry_after))
        due_at = desk.clock.now() + timedelta(seconds=self.rest_until - now)
        desk.metrics.count("deliveries_put_off", network=self._network)
        state = State.UNCERTAIN if unclear else State.PENDING
        return [Settled(id=entry.delivery.id, state=state, reason=error.reason, due_at=due_at) for entry in item.entries]

    def _doubt(self, item: Item, error: Uncertain) -> list[Settled]:
        item.unsure = True
        self._desk.metrics.count("deliveries_uncertain", network=self._network)
        return [Settled(id=entry.delivery.id, state=State.UNCERTAIN, reason=error.reason) for entry in item.entries]

    def _down(self, id: str) -> None:
        self._aloft.pop(id, None)
