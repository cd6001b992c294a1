"""When one room is to be looked after."""

import math

from adapters.xmpp.rooms.house import House

RETRY_FIRST, RETRY_CAP = 15.0, 1800.0
"""Seconds until a room that threw us out is entered again; doubled each time."""
QUIET_SECONDS = 300.0
"""Silence of a room after which we ask whether we are still in it."""


class Timers:
    def __init__(self, house: House) -> None:
        self._monotonic, self._random = house.tools.clock.monotonic, house.tools.random
        self.heard_at = self._in_since = self._monotonic()
        self._due_at: float | None = None
        self._tries = 0

    @property
    def due(self) -> bool:
        """What was put off is due."""
        return self._due_at is not None and self._monotonic() >= self._due_at

    @property
    def put_off(self) -> bool:
        """There is a time for it, which is not now."""
        return self._due_at is not None and not self.due

    @property
    def idle(self) -> bool:
        """Nothing is to be done, now or later."""
        return self._due_at is None

    @property
    def quiet(self) -> bool:
        return self.idle and self._monotonic() - self.heard_at > QUIET_SECONDS

    def heard(self) -> None:
        """Something came from the room, or we have just asked it."""
        self.heard_at = self._monotonic()

    def came_in(self) -> None:
        self.heard_at = self._in_since = self._monotonic()

    def later(self) -> None:
        """It would not have us: later each time, unless we were in for long."""
        if self._monotonic() - self._in_since > RETRY_CAP:
            self._tries = 0
        delay = min(RETRY_CAP, RETRY_FIRST * 2.0 ** min(self._tries, 20))
        self._tries += 1
        self.after(delay * self._random.uniform(0.5, 1.0))

    def after(self, seconds: float) -> None:
        self._due_at = self._monotonic() + seconds

    def never(self) -> None:
        """Put off until it is asked for."""
        self._due_at = math.inf

    def clear(self) -> None:
        """Nothing is put off."""
        self._due_at = None
