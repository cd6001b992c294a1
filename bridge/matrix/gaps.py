"""What the homeserver forgot to push, noticed and asked for.

A homeserver may leave a transaction lying: Synapse (1.163) looks whether we are up before it stores a new transaction, so one
that is made at the very moment its recovery ends is stored as "for the recovery to send" and stays there until the next one.
Three cures, since none alone is enough:

- Transaction ids count up, so the next transaction shows the hole. It is refused once: the homeserver takes that for an outage
  and begins its recovery with the oldest transaction it has, which is the one left lying. Nothing changes its order.
- What it had not yet put into a transaction when it was killed makes no hole, and is never pushed. So before the first event that
  is heard in a room in a run, the room's last messages are looked through: what was missed is taken first, in its place.
- Where nothing follows there is nothing to notice. So after a start the rooms' last messages are looked through, back to when we
  were last there (CS API, `/messages`); what we never heard of is taken as if it had been pushed.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.contract.errors import DeliveryError
from bridge.contract.toolbox import Clock
from bridge.matrix.api import Api
from bridge.matrix.convert.stamp import stamp_of
from bridge.matrix.ports import Memory
from bridge.model.ids import HUB, EventKey

_LINKED = "linked-at"
_OWED = "owed-since"
_SLACK = timedelta(minutes=2)
"""Clocks differ, and the mark of our last being there is up to a minute old."""
_PAGES = 20
_SURE = 3
"""So many ids in a row must have counted up by one before a hole means anything: not every homeserver counts, and some count
for several appservices together. Twice as many after each hole that proved to be none.
"""


class Sequence:
    """The ids of transactions, in the order they come. `last`: the last that an earlier run is known to have taken.

    What lies between that and the first of this run may have been taken too (only what held something is remembered), or have
    been on its way when one of both sides was killed: it is asked for, since taken later it would stand in the wrong place.
    """

    def __init__(self, last: str | None = None) -> None:
        self._last: int | None = None
        self._row = 0
        self._sure = _SURE
        self._refused: int | None = None
        if last is not None and _counted(last):
            self._last, self._row = int(last), _SURE

    def hole_before(self, transaction: str) -> bool:
        """Whether one that must have been before it never came; True at most once for each, so it may come again without."""
        if not _counted(transaction):
            return False
        number = int(transaction)
        hole = self._last is not None and number > self._last + 1
        if hole and self._row >= self._sure and self._refused != number:
            self._refused = number
            return True
        return False

    @property
    def whole(self) -> bool:
        """Whether nothing is being waited for."""
        return self._refused is None or (self._last is not None and self._last >= self._refused)

    def took(self, transaction: str) -> None:
        if not _counted(transaction):
            return
        number = int(transaction)
        follows = number == (self._last or -1) + 1
        if number == self._refused and not follows:
            self._sure *= 2
        self._row = self._row + 1 if follows else 0
        self._last = number


def _counted(transaction: str) -> bool:
    return transaction.isascii() and transaction.isdigit() and len(transaction) < 19


class LookBack:
    """Looks through rooms for what was never pushed. `known` is the ledger's `root`, `is_chore` its `knows_chore`: what was said
    to the bot is no event of the ledger's, and must not be heard again as the answer to a later question. But what was said
    in a room before it was linked was all said to the bot, and belongs to the link now.
    """

    def __init__(
        self,
        api: Api,
        memory: Memory,
        known: Callable[[EventKey], Awaitable[EventKey | None]],
        is_chore: Callable[[str], Awaitable[bool]],
        clock: Clock,
        log: logging.Logger,
    ) -> None:
        self._api = api
        self._memory = memory
        self._known, self._is_chore = known, is_chore
        self._clock = clock
        self._log = log
        self._last_there: tuple[datetime | None] | None = None
        self._owing = True
        self._looked: set[str] = set()
        self._owed: dict[str, datetime] = {}

    async def last_there(self) -> datetime | None:
        """When the bridge was last known to run, before this run; None in its first."""
        if self._last_there is None:
            kept = await self._memory.fact("bridge", "last-there")
            self._last_there = (datetime.fromisoformat(kept) if kept else None,)
        return self._last_there[0]

    async def still_there(self) -> None:
        """Nothing is marked while rooms are still to be looked through: who is killed before that looks back as far again."""
        if await self.last_there() is None or not self._owing:
            await self._memory.save_fact("bridge", "last-there", self._clock.now().isoformat())

    async def looked(self) -> None:
        """Every room was looked through, as far as it could be."""
        self._owing = False
        await self.still_there()

    def again(self) -> None:
        """The homeserver went away while we stayed: every room is to be looked through once more, from now on."""
        self._last_there, self._owing = (self._clock.now(),), True
        self._looked.clear()

    async def linked(self, room: str, since: datetime | None = None) -> None:
        """A room gets links now: what was said in it before is nobody's business elsewhere, unless it was after `since`: that was
        said to us, in a room that the homeserver pushed nothing of while nobody of ours was in it.
        """
        if since is not None:
            self._owed[room] = since
            self._looked.discard(room)
            await self._memory.save_fact(_OWED, room, since.isoformat())
        await self._memory.save_fact(_LINKED, room, (since or self._clock.now()).isoformat())

    async def paid(self, room: str) -> bool:
        """Whether what was said before it was linked need not be looked for any more, because it was, and is committed."""
        if room in self._owed:
            return False
        await self._memory.save_fact(_OWED, room, None)
        return True

    async def first_look(self, room: str) -> list[Mapping[str, Any]]:
        """`missed` since the last run, or since what `linked` was told, once for each room; nothing after that."""
        if room in self._looked:
            return []
        owed = await self._memory.fact(_OWED, room)
        if owed is not None:
            self._owed[room] = datetime.fromisoformat(owed)  # over restarts, too
        since = self._owed.get(room) or await self.last_there()
        found = [] if since is None else await self._unknown(room, since, to_the_bot=room in self._owed)
        if found is None and room in self._owed:
            return []
        self._owed.pop(room, None)
        self._looked.add(room)
        return found or []

    async def missed(self, room: str, since: datetime) -> list[Mapping[str, Any]]:
        """Events of the room since then that the ledger doesn't know, oldest first; none where the room can't be seen."""
        return await self._unknown(room, since) or []

    async def _unknown(self, room: str, since: datetime, *, to_the_bot: bool = False) -> list[Mapping[str, Any]] | None:
        """None where the room can't be seen."""
        linked = await self._memory.fact(_LINKED, room)
        floor = max(since - _SLACK, datetime.fromisoformat(linked)) if linked else since - _SLACK
        found: list[Mapping[str, Any]] = []
        start: str | None = None
        try:
            for _ in range(_PAGES):
                found_here, start = await self._api.messages(room, start=start)
                page = [{**event, "room_id": room} for event in found_here]
                found += [event for event in page if await self._is_new(event, floor, to_the_bot=to_the_bot)]
                if start is None or _is_older(page, floor):
                    break
        except DeliveryError as error:
            self._log.info("the room %s could not be looked through: %s", room, error.reason)
            return None
        return found[::-1]

    async def _is_new(self, event: Mapping[str, Any], floor: datetime, *, to_the_bot: bool) -> bool:
        native = event.get("event_id")
        if not isinstance(native, str) or "state_key" in event or happened(event) < floor:
            return False
        return await self._known(EventKey(HUB, native)) is None and (to_the_bot or not await self._is_chore(native))


def _is_older(page: Iterable[Mapping[str, Any]], floor: datetime) -> bool:
    """Whether the room goes on before that time only. What we brought there may be of any time: it says when it was written."""
    others = [happened(event) for event in page if stamp_of(event).delivery is None]
    return bool(others) and max(others) < floor


def happened(event: Mapping[str, Any]) -> datetime:
    """By the clock of the server that made it; 1970 where it says no time."""
    at = event.get("origin_server_ts")
    sane = isinstance(at, int) and 0 <= at < 2**43
    return datetime.fromtimestamp(int(at or 0) / 1000 if sane else 0, UTC)
