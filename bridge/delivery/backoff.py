"""How long to wait before trying again."""

import random


class Backoff:
    """Doubling waits with jitter, in seconds.

    The n-th wait lies in the upper half of `first * 2**n`, capped: enough spread that a thousand lanes do not come
    back in one moment, never so little that a struggling network is hammered. A network that names a time is obeyed
    instead, with a little jitter on top and never below it, up to a day.
    """

    LONGEST_ASKED = 86_400.0
    SHORTEST = 0.05
    """A network that asks for no pause at all still does not get a busy loop."""

    def __init__(self, source: random.Random, *, first: float = 1.0, cap: float = 300.0) -> None:
        self._random = source
        self._first = first
        self._cap = cap
        self.failures = 0

    def next(self, asked: float | None = None) -> float:
        """The wait after one more failure; `asked` is what the other side named."""
        reach = min(self._cap, self._first * 2.0 ** min(self.failures, 32))
        self.failures += 1
        if asked is None:
            return reach * (0.5 + self._random.random() / 2)
        return min(max(asked, self.SHORTEST), self.LONGEST_ASKED) * (1.0 + self._random.random() / 10)

    def reset(self) -> None:
        self.failures = 0
