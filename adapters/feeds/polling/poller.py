"""When which feed is looked at: one heap for all of them, so that ten thousand cost no more than the looks themselves."""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable, Iterable

from adapters.feeds.config import DAY, FeedsConfig
from adapters.feeds.feed import Feed
from adapters.feeds.polling.gates import Gates
from adapters.feeds.polling.manners import JITTER
from adapters.feeds.polling.round import Round
from bridge.contract.errors import LedgerUnavailable
from bridge.contract.resting import rest
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import NetworkName

HOLD_SECONDS = 10.0
"""Nothing is asked for so long when the ledger can't write."""
AT_ONCE = 50
"""So many feeds are looked at as soon as they are followed, or the bridge is started."""
SPREAD = 50.0
"""Where there are more: how many in a second, on the average."""
_TURN = 500
"""Feeds that are lined up in one turn of the loop."""
_LONGEST = 3600.0

Look = Callable[[Feed, Callable[[], None]], Awaitable[float | None]]
"""Looks at a feed and says in how many seconds to look again; None: never. Calls the second when the feed's host is done with.

Raises `LedgerUnavailable`.
"""


class Poller:
    """`host_of` says by which host a feed is lined up."""

    def __init__(
        self,
        network: NetworkName,
        config: FeedsConfig,
        tools: Toolbox,
        gates: Gates,
        round: Round,
        host_of: Callable[[Feed], str],
    ) -> None:
        self._network, self._interval = network, config.interval
        self._clock, self._random, self._metrics, self._log = tools.clock, tools.random, tools.metrics, tools.log
        self._gates = gates
        self._round = round
        self._host_of = host_of
        self._heap: list[tuple[float, int, Feed]] = []
        self._order = itertools.count()
        self._woken = asyncio.Event()
        self._awaited: set[Feed] = set()
        """Of the first round, those that have not answered yet."""
        self._held_until: float | None = None
        self._begun = False

    # what others say

    def add(self, feeds: Iterable[Feed]) -> None:
        """They are looked at from now on: at once, spread where they are many; later, where their hosts asked for that."""
        fresh = list(feeds)
        now, wall = self._clock.monotonic(), self._clock.now().timestamp()
        spread = min(self._interval, max(len(fresh) - AT_ONCE, 0) / SPREAD)
        for feed in fresh:
            rest = min(feed.state.rest_until - wall, DAY)
            wait = rest if rest > 0 else self._random.random() * spread
            self._at(feed, now + wait)
            if rest <= 0 and not self._begun:
                self._awaited.add(feed)
        if not self._begun and fresh:
            self._begun = True
            self._round.begin(now)

    def drop(self, feed: Feed) -> None:
        """It is looked at no more."""
        feed.closed = True
        self._answered(feed)

    def wake(self, feed: Feed) -> None:
        """It is looked at as soon as its host may be asked."""
        if feed.busy:
            feed.woken = True
        else:
            self._at(feed, self._clock.monotonic())

    # work

    async def run(self, look: Look) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._woken.clear()
                    now = self._clock.monotonic()
                    self._line_up(now)
                    if not self._is_held(now):
                        while (found := self._gates.next()) is not None:
                            group.create_task(self._one(*found, look))
                    self._tend_round(group, now)
                    await rest(self._clock, self._woken, self._pause(now))
        finally:
            self._begun = False
            self._round.abandon()

    def _line_up(self, now: float) -> None:
        for _ in range(_TURN):
            if not self._heap or self._heap[0][0] > now:
                return
            due, _, feed = heapq.heappop(self._heap)
            if feed.closed or feed.busy or feed.due != due:
                continue  # planned anew since
            host = self._host_of(feed)
            until = self._gates.rests_until(host, now)
            if until is not None:
                self._answered(feed)
                self._at(feed, until + self._random.random() * min(60.0, self._interval))
                continue
            feed.busy = True
            self._gates.line_up(host, feed)

    async def _one(self, host: str, feed: Feed, look: Look) -> None:
        wait: float | None = self._interval  # also after a bug: no feed is forgotten

        def done_with_host() -> None:
            self._gates.leave(host, feed)
            self._answered(feed)

        try:
            wait = await look(feed, done_with_host) if not feed.closed else None
        except LedgerUnavailable as error:
            wait = HOLD_SECONDS
            self._hold(error)
        finally:
            done_with_host()
            feed.busy, woken, feed.woken = False, feed.woken, False
            self._woken.set()
            if wait is not None:
                wait = 0.0 if woken else wait * (1 + self._random.random() * JITTER)
                self._at(feed, self._clock.monotonic() + wait)

    def _at(self, feed: Feed, due: float) -> None:
        if feed.closed:
            return
        feed.due = due
        heapq.heappush(self._heap, (due, next(self._order), feed))
        self._woken.set()

    # what holds things up

    def _hold(self, error: LedgerUnavailable) -> None:
        if self._held_until is None:
            self._log.warning("nothing is fetched for now: %s", error)
        self._metrics.count("feeds_ledger_unavailable", network=self._network)
        self._held_until = self._clock.monotonic() + HOLD_SECONDS

    def _is_held(self, now: float) -> bool:
        if self._held_until is not None and self._held_until <= now:
            self._held_until = None
        return self._held_until is not None

    def _answered(self, feed: Feed) -> None:
        if feed in self._awaited:
            self._awaited.discard(feed)
            self._woken.set()

    def _tend_round(self, group: asyncio.TaskGroup, now: float) -> None:
        ends = self._round.ends
        if ends is not None and self._begun and (now >= ends or not self._awaited):
            self._awaited.clear()
            group.create_task(self._round.end())
        elif self._round.full:
            group.create_task(self._round.end(over=False))

    def _pause(self, now: float) -> float:
        times = [now + _LONGEST]
        if self._heap:
            times.append(self._heap[0][0])
        times += [time for time in (self._round.ends, self._held_until) if time is not None]
        return max(min(times) - now, 0.0)
