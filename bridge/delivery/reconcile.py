"""What became of a delivery that may have been sent.

Three ways, best first. The outlet can look (`Reconciles`): then we know, and send again unmarked where it is not there.
The network shows us our own messages: an echo that names the delivery closes it, so wait for one a little. Otherwise
nobody can tell: send again, marked as a possible repeat, because lost is worse than twice.
"""

import asyncio

from bridge.contract.adapter import Reconciles
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import Rejected, Uncertain
from bridge.contract.features import Evidence
from bridge.contract.resting import rest
from bridge.contract.toolbox import Clock
from bridge.delivery.desk import Proofs
from bridge.delivery.ports import Outlet

ECHO_SECONDS = 5.0
"""How long an echo may take: longer than the slowest round trip that is not an outage, short against a blocked lane."""


async def reconcile(outlet: Outlet, delivery: Delivery, proofs: Proofs, *, woken: asyncio.Event, clock: Clock) -> Receipt | bool:
    """The receipt, where it was sent; else whether the next attempt is a possible repeat.

    `woken` is set when an echo has put a receipt among the proofs. Raises `Unavailable` where the outlet can't look now.
    """
    if (receipt := proofs.get(delivery.id)) is not None:
        return receipt
    if isinstance(outlet, Reconciles):
        try:
            return await outlet.find(delivery) or False
        except (Uncertain, Rejected):
            pass  # it can't tell either
    if outlet.features(delivery.channel).evidence >= Evidence.ECHOED:
        until = clock.monotonic() + ECHO_SECONDS
        while (left := until - clock.monotonic()) > 0:
            woken.clear()
            if (receipt := proofs.get(delivery.id)) is not None:
                return receipt
            await rest(clock, woken, left)
    return proofs.get(delivery.id) or True
