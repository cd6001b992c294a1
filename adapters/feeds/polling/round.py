"""The first look at all feeds after a start: what they bring is put in order of time before it is handed in.

After an hour away fifty feeds have news; feed by feed they would stand in the room in the order of the answers. So until the
first round is over (every feed that was due has answered, or `SECONDS` have passed, or `MOST` events wait), events wait for
each other here. Nothing is at risk: what was not handed in is fetched again after a kill.
"""

import asyncio
import heapq
from collections.abc import Iterator
from datetime import datetime

from bridge.contract.adapter import Cursor, Inlet
from bridge.contract.errors import LedgerUnavailable
from bridge.model.events import Event

SECONDS = 15.0
MOST = 2000


class _Share:
    """What one feed hands in."""

    __slots__ = ("cursor", "done", "events")

    def __init__(self, events: tuple[Event, ...], cursor: Cursor, done: asyncio.Future[None]) -> None:
        self.events, self.cursor, self.done = events, cursor, done

    def in_time(self, place: int) -> Iterator[tuple[datetime, int, int, "_Share"]]:
        """Its events in their own order, each at the time of the latest so far."""
        latest = self.events[0].happened_at
        for number, event in enumerate(self.events):
            latest = max(latest, event.happened_at)
            yield latest, place, number, self


class Round:
    """Everything that feeds bring goes through here; after the first round straight on."""

    def __init__(self, inlet: Inlet) -> None:
        self._inlet = inlet
        self._ends: float | None = None
        self._shares: list[_Share] = []

    def begin(self, now: float) -> None:
        self._ends = now + SECONDS

    @property
    def ends(self) -> float | None:
        """When it is over at the latest, by the monotonic clock; None: it is over."""
        return self._ends

    @property
    def full(self) -> bool:
        return sum(len(share.events) for share in self._shares) >= MOST

    async def hand_in(self, events: tuple[Event, ...], cursor: Cursor) -> None:
        """Returns once events and cursor are committed. Raises `LedgerUnavailable`."""
        if self._ends is None or not events:
            await self._inlet.accept(*events, cursor=cursor)
            return
        share = _Share(events, cursor, asyncio.get_running_loop().create_future())
        self._shares.append(share)
        await share.done

    async def end(self, *, over: bool = True) -> None:
        """Hands in all that waits, in order. `over` False: only to make room. Never raises: each who waits is told."""
        if over:
            self._ends = None
        shares, self._shares = self._shares, []
        ordered = heapq.merge(*(share.in_time(place) for place, share in enumerate(shares)))
        run: list[Event] = []
        try:
            for _, _, number, share in ordered:
                run.append(share.events[number])
                if number == len(share.events) - 1:
                    await self._inlet.accept(*run, cursor=share.cursor)
                    run = []
                    _tell(share, None)
        except LedgerUnavailable as error:
            for share in shares:
                _tell(share, error)
        finally:
            for share in shares:
                if not share.done.done():
                    share.done.cancel()

    def abandon(self) -> None:
        """Nobody waits any more: what is here is fetched again."""
        self._ends, self._shares = None, []


def _tell(share: _Share, error: LedgerUnavailable | None) -> None:
    if share.done.done():
        return
    if error is None:
        share.done.set_result(None)
    else:
        share.done.set_exception(LedgerUnavailable(str(error)))
