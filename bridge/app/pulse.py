"""Whether the homeserver is there. While it isn't, its lanes rest; once it is back, they go at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bridge.contract.adapter import NetworkState, Phase
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import Rejected, Unavailable, Uncertain
from bridge.contract.features import Features
from bridge.contract.toolbox import Clock
from bridge.matrix.outlet import MatrixOutlet
from bridge.model.ids import HUB, ChannelId
from bridge.model.signals import Moderators, Signal

EVERY = 1.0
"""Seconds between two looks while it is away."""

_log = logging.getLogger("unabridged.matrix")


class Pulse:
    """The Matrix outlet, watched. `look` asks the homeserver something cheap; `down` and `up` are told of every change."""

    def __init__(
        self,
        outlet: MatrixOutlet,
        look: Callable[[], Awaitable[object]],
        clock: Clock,
        *,
        down: Callable[[], None],
        up: Callable[[], None],
    ) -> None:
        self._outlet = outlet
        self._look = look
        self._clock = clock
        self._down, self._up = down, up
        self._suspected = asyncio.Event()
        self._suspected.set()  # until it has answered once nobody knows
        self._seen = False
        self.reason: str | None = None
        """Why it is away, in plain words; None while it is there."""
        self.deaf: str | None = None
        """Why it doesn't reach us, in plain words; None while it does, or nobody knows."""

    @property
    def state(self) -> NetworkState:
        """As other networks have one. What doesn't reach us is connected all the same: what others say gets there."""
        if self.reason is not None:
            return NetworkState(network=HUB, phase=Phase.TRANSIENT, reason=self.reason)
        return NetworkState(network=HUB, phase=Phase.CONNECTED if self._seen else Phase.STARTING, reason=self.deaf)

    async def deliver(self, delivery: Delivery) -> Receipt:
        try:
            return await self._outlet.deliver(delivery)
        except (Unavailable, Uncertain) as error:
            if not (isinstance(error, Unavailable) and error.retry_after is not None):
                self._suspected.set()
            raise

    async def find(self, delivery: Delivery) -> Receipt | None:
        return await self._outlet.find(delivery)

    def features(self, channel: ChannelId) -> Features:
        return self._outlet.features(channel)

    async def send_signal(self, signal: Signal) -> None:
        if self.reason is None or isinstance(signal, Moderators):  # those wait for the homeserver
            await self._outlet.send_signal(signal)

    async def run(self) -> None:
        """Until cancelled. One send that failed proves nothing: only where nothing else answers either do all lanes rest."""
        while True:
            await self._suspected.wait()
            while not await self._answers():
                await self._clock.sleep(EVERY)
            self._suspected.clear()
            if self.reason is not None:
                self.reason = None
                _log.info("the homeserver is back")
                self._up()

    async def _answers(self) -> bool:
        try:
            await self._look()
        except Unavailable as error:
            if self.reason is None:
                _log.warning("the homeserver is away: %s", error.reason)
                self._down()
            self.reason = error.reason
            return False
        except Rejected:
            pass  # whatever it refuses, it is there
        self._seen = True
        return True
