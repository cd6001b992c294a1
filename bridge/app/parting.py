"""What was merged, taken apart: `bridge.commands.parting.Parting` over the ledger."""

from collections.abc import Sequence

from bridge.contract.plan import Plan
from bridge.delivery.courier import Courier
from bridge.ledger.ledger import Ledger
from bridge.model.ids import EventKey


class Parting:
    def __init__(self, ledger: Ledger, plan: Plan, courier: Courier) -> None:
        self._ledger = ledger
        self._plan = plan
        self._courier = courier

    async def part(self, key: EventKey) -> Sequence[EventKey]:
        """See the protocol. What comes of it is on its way when this returns."""
        accepted = await self._ledger.part(key, self._plan)
        self._courier.offer(accepted.entries)
        return accepted.fresh
