"""How fast a server may be asked: as often as the operator wants, seldom enough for what the server counts."""

from datetime import datetime
from typing import Any

from adapters.gnusocial.reading.values import table
from adapters.gnusocial.wire.client import Client, Revoked
from bridge.contract.errors import DeliveryError
from bridge.contract.toolbox import Toolbox

ASK_SECONDS = 1800.0
SHARE = 0.75
"""Of what a server still allows, for reading; the rest is for people who write."""
LEAST_SECONDS = 60.0


class Pace:
    """GNU social names a limit but counts nothing, so the limit is heeded only where what is left of it gets less."""

    def __init__(self, client: Client, tools: Toolbox, interval: float) -> None:
        self._client = client
        self._tools = tools
        self._interval = interval
        self._ask_at = 0.0
        self._left: int | None = None
        self._until = 0.0

    async def learn(self) -> None:
        """Asks the server, now and then. Raises `Revoked` alone."""
        now = self._tools.clock.monotonic()
        if now < self._ask_at:
            return
        self._ask_at = now + ASK_SECONDS
        try:
            answer = await self._client.get("account/rate_limit_status")
        except Revoked:
            raise
        except DeliveryError:
            return
        self._left, seconds = _left(answer.data, answer.at or self._tools.clock.now())
        self._until = now + seconds
        self._ask_at = min(self._ask_at, max(self._until, now + LEAST_SECONDS))

    def pause(self, requests: int) -> float:
        """Seconds until the next round, where a round takes so many requests."""
        pause = self._interval
        rest = self._until - self._tools.clock.monotonic()
        if self._left is not None and rest > 0:
            rounds = SHARE * self._left / max(1, requests)
            pause = max(pause, min(rest, rest / rounds if rounds >= 1 else rest))
        return pause * (0.9 + self._tools.random.random() / 5)


def _left(data: Any, now: datetime) -> tuple[int | None, float]:
    """Requests that are left, where they are counted, and for how many seconds."""
    told = table(data)
    left, most, reset = told.get("remaining_hits"), told.get("hourly_limit"), told.get("reset_time_in_seconds")
    if not (type(left) is int and type(most) is int and type(reset) is int and 0 <= left < most):
        return None, 0.0
    return left, min(3600.0, max(0.0, reset - now.timestamp()))
