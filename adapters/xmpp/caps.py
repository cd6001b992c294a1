"""How much strangers may ask of us. Each key fills up again by itself; whoever was silent longest is forgotten first."""

from collections import OrderedDict
from collections.abc import Callable

HOUR = 3600.0
MOST_GUESTS = 30
"""Strangers who begin a chat with one of ours, in an hour: no flood of made-up addresses is a flood of invitations."""
_MOST = 5000
"""Keys that are remembered: who makes up more addresses than these is held by the cap of their host, and by that of all."""


class Cap:
    """`burst` at once, and that many again in `seconds`."""

    def __init__(self, monotonic: Callable[[], float], burst: int, seconds: float) -> None:
        self._monotonic, self._burst, self._rate = monotonic, burst, burst / seconds
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> bool:
        """Whether there is one left for `key`; then it is taken."""
        now = self._monotonic()
        left, at = self._left.get(key, (float(self._burst), now))
        left = min(float(self._burst), left + (now - at) * self._rate)
        taken = left >= 1.0
        self._left[key] = (left - 1.0 if taken else left, now)
        self._left.move_to_end(key)
        if len(self._left) > _MOST:
            self._left.popitem(last=False)
        return taken


class Caps:
    """One cap for each address, one for its host, one for everybody."""

    def __init__(self, monotonic: Callable[[], float], seconds: float, *, each: int, host: int, all: int) -> None:
        self._each = Cap(monotonic, each, seconds)
        self._host = Cap(monotonic, host, seconds)
        self._all = Cap(monotonic, all, seconds)

    def take(self, jid: str) -> bool:
        """`jid`: bare."""
        return self._each.take(jid) and self._host.take(jid.rpartition("@")[2]) and self._all.take("")
