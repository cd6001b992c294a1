"""Whether people of the hub are there, for the networks that want to know: the latest truth, and no more often than is needed."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from bridge.contract.resting import rest
from bridge.contract.toolbox import Clock, Metrics
from bridge.model.ids import IdentityId
from bridge.model.signals import Presence

EVERY_SECONDS = 10.0
"""Who comes and goes more often than this is told of once in so long."""
MOST = 10_000
"""People that are remembered; who was told of longest ago is forgotten first, and told of again when they change."""


class Presences:
    """A homeserver repeats itself (whenever somebody does anything), and people flicker: neither is passed on."""

    def __init__(self, clock: Clock, metrics: Metrics, show: Callable[[Presence], None]) -> None:
        self._clock, self._metrics, self._show = clock, metrics, show
        self._shown: OrderedDict[IdentityId, tuple[Presence, float]] = OrderedDict()
        self._late: OrderedDict[IdentityId, Presence] = OrderedDict()
        self._woken = asyncio.Event()

    def note(self, presence: Presence) -> None:
        """Never blocks. Shown at once where nothing was lately."""
        who = presence.who
        shown, at = self._shown.get(who, (None, 0.0))
        if shown == presence:
            self._late.pop(who, None)
        elif shown is None or self._clock.monotonic() - at >= EVERY_SECONDS:
            self._pass_on(presence)
        else:
            self._late[who] = presence
            self._metrics.count("signals_held")
            self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._woken.clear()
            now = self._clock.monotonic()
            due = {who: self._shown[who][1] + EVERY_SECONDS for who in self._late}
            for who, at in due.items():
                if at <= now:
                    self._pass_on(self._late[who])
            waiting = [at - now for at in due.values() if at > now]
            await rest(self._clock, self._woken, min(waiting, default=None))

    def _pass_on(self, presence: Presence) -> None:
        self._late.pop(presence.who, None)
        self._shown[presence.who] = presence, self._clock.monotonic()
        self._shown.move_to_end(presence.who)
        if len(self._shown) > MOST:
            gone, _ = self._shown.popitem(last=False)
            self._late.pop(gone, None)
        self._show(presence)
