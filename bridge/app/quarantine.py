"""What could not be digested: events without a plan, and business of the hub's own that never worked."""

from collections.abc import Callable, Sequence

from bridge.commands.quarantine import Held
from bridge.contract.plan import Plan
from bridge.contract.toolbox import Clock
from bridge.delivery.courier import Courier
from bridge.ledger.ledger import Ledger
from bridge.model.ids import EventKey, NetworkName

_EVENT = "event"


class Quarantine:
    """`bridge.commands.quarantine.Quarantine` over the ledger. `chores_waiting`: called when a chore is due again."""

    def __init__(self, ledger: Ledger, plan: Plan, courier: Courier, clock: Clock, chores_waiting: Callable[[], None]) -> None:
        self._ledger = ledger
        self._plan = plan
        self._courier = courier
        self._clock = clock
        self._chores_waiting = chores_waiting

    async def held(self, limit: int) -> Sequence[Held]:
        events = [
            Held(id=str(one.key), what=_EVENT, where=str(one.channel), reason=_last_line(one.reason), at=one.at)
            for one in await self._ledger.quarantined(limit)
        ]
        chores = [
            Held(id=chore.id, what=chore.kind, where=chore.room, reason=_last_line(reason))
            for chore, reason in await self._ledger.quarantined_chores(limit)
        ]
        return [*events, *chores][:limit]

    async def release(self, held: Held) -> None:
        if held.what == _EVENT:
            network, _, id = held.id.partition("/")
            released = await self._ledger.release(EventKey(NetworkName(network), id), self._plan)
            self._courier.offer(released.entries)
        else:
            await self._ledger.chore_failed(held.id, held.reason, self._clock.now())
            self._chores_waiting()


def _last_line(reason: str) -> str:
    """Of a traceback, what it says in the end."""
    return reason.strip().rpartition("\n")[2][:300]
