"""What an account has written through us, so that a reader never hands it in as news.

A post stands in its author's own timeline before the server's answer has reached us, and before the ledger knows its name. So
a reader asks about each post of the account's own: OURS is a copy of what a room has said (the ledger knows it, or will at once);
WAIT means that a write is on its way or in doubt, or that we have just started and an earlier run's may be: look again later;
NEWS was written elsewhere.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import Enum, auto

from bridge.contract.toolbox import Clock

REMEMBERED = 5_000
"""Names of own writes that are kept."""
DOUBT_SECONDS = 600.0
"""How long a write in doubt holds back the account's own posts: what can't be settled by then won't be."""
START_SECONDS = 20.0
"""After a start: time for the courier to look for what an earlier run may have written."""
RECENT = timedelta(minutes=30)
"""What is older is no write in doubt."""


class Verdict(Enum):
    OURS = auto()
    WAIT = auto()
    NEWS = auto()


class Echoes:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began: float | None = None
        self._wrote: OrderedDict[str, str] = OrderedDict()
        self._writing = 0
        self._doubts: dict[str, float] = {}

    @contextmanager
    def writing(self) -> Iterator[None]:
        """While a write is under way."""
        self._writing += 1
        try:
            yield
        finally:
            self._writing -= 1

    def begin(self) -> float:
        """Reading begins: from now on `START_SECONDS` count. Without it they do from the first `judge`. When that was."""
        if self._began is None:
            self._began = self._clock.monotonic()
        return self._began

    def doubt(self, delivery: str) -> None:
        """A write may have happened; until `wrote` or `settle` says more."""
        self._doubts[delivery] = self._clock.monotonic()

    def doubted_at(self, delivery: str) -> float | None:
        """When a write was last put in doubt, by the monotonic clock."""
        return self._doubts.get(delivery)

    def settle(self, delivery: str) -> None:
        """It surely has not happened."""
        self._doubts.pop(delivery, None)

    def wrote(self, delivery: str, ids: Sequence[str]) -> None:
        """A delivery's copy has these names."""
        self.settle(delivery)
        for id in ids:
            self._wrote[id] = delivery
            self._wrote.move_to_end(id)
        while len(self._wrote) > REMEMBERED:
            self._wrote.popitem(last=False)

    def writer(self, *ids: str) -> str | None:
        """The delivery of which something is the copy, by any of its names."""
        return next((self._wrote[id] for id in ids if id in self._wrote), None)

    def judge(self, ids: Sequence[str], at: datetime | None) -> Verdict:
        """Of a post by the account itself: its names (key and aliases), and when it was posted."""
        if self.writer(*ids) is not None:
            return Verdict.OURS
        now, began = self._clock.monotonic(), self.begin()
        if at is not None and self._clock.now() - at > RECENT:
            return Verdict.NEWS
        self._doubts = {delivery: at for delivery, at in self._doubts.items() if now - at < DOUBT_SECONDS}
        if self._writing or self._doubts or now - began < START_SECONDS:
            return Verdict.WAIT
        return Verdict.NEWS
