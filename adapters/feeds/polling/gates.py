"""Who may be asked now: few requests to one host, so many over all, and hosts that want to be left alone are. Pure state.

Hosts take turns, so one with a thousand feeds keeps no other waiting; and hosts that were slow or away when last asked share a
quarter of the places, so that however many of them there are, the others go on.
"""

from collections import deque

from adapters.feeds.feed import Feed


class Gates:
    """Feeds wait here from when they are due until there is a place for them. Times by the monotonic clock."""

    def __init__(self, *, per_host: int, at_once: int) -> None:
        self._per_host = per_host
        self._places = at_once
        self._slow_places = max(1, at_once // 4)
        self._waiting: dict[str, deque[Feed]] = {}
        self._under_way: dict[str, int] = {}
        self._taken = 0
        self._taken_by_slow = 0
        self._slow: set[str] = set()
        self._was_slow: dict[Feed, bool] = {}
        self._rests: dict[str, float] = {}

    def line_up(self, host: str, feed: Feed) -> None:
        self._waiting.setdefault(host, deque()).append(feed)

    def rest(self, host: str, until: float) -> None:
        """The host asked for it."""
        self._rests[host] = max(until, self._rests.get(host, 0.0))

    def rests_until(self, host: str, now: float) -> float | None:
        """None: it may be asked."""
        until = self._rests.get(host)
        if until is None:
            return None
        if until <= now:
            del self._rests[host]
            return None
        return until

    def mark(self, host: str, *, slow: bool) -> None:
        """How the host answered last."""
        if slow:
            self._slow.add(host)
        else:
            self._slow.discard(host)

    def next(self) -> tuple[str, Feed] | None:
        """The next that may be asked: it has a place until `leave`. None: all must wait."""
        for host in list(self._waiting):
            if self._taken >= self._places:
                return None
            slow = host in self._slow
            full = self._under_way.get(host, 0) >= (1 if slow else self._per_host)
            if full or (slow and self._taken_by_slow >= self._slow_places):
                continue
            queue = self._waiting.pop(host)
            feed = queue.popleft()
            if queue:
                self._waiting[host] = queue  # to the end
            self._enter(host, feed, slow)
            return host, feed
        return None

    def _enter(self, host: str, feed: Feed, slow: bool) -> None:
        self._under_way[host] = self._under_way.get(host, 0) + 1
        self._taken += 1
        self._taken_by_slow += slow
        self._was_slow[feed] = slow

    def leave(self, host: str, feed: Feed) -> None:
        """Its place is free. Asked twice, it is so once."""
        slow = self._was_slow.pop(feed, None)
        if slow is None:
            return
        self._taken -= 1
        self._taken_by_slow -= slow
        self._under_way[host] -= 1
        if not self._under_way[host]:
            del self._under_way[host]
