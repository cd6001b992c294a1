"""One timeline of a server, looked at again and again: what is new on it, page by page, none left out.

How such servers page (recorded): `max_id` includes the item itself; a page may be shorter than asked for, even much, while older
items exist; `since_id` gives the newest after it, not the next. So the newest page is asked for (with the ETag of the last, which
mostly ends it there), and where it doesn't reach what is known, the pages below it are, until one does, or is empty even when
a long one was asked for. What is left after `PAGES` is a gap, read in the next rounds.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from adapters.gnusocial.ids import number
from adapters.gnusocial.reading.faces import statuses_in
from adapters.gnusocial.reading.marks import Gap, Mark, rank
from adapters.gnusocial.wire.answers import Answer, Revoked
from adapters.gnusocial.wire.client import Client, Refused
from adapters.gnusocial.wire.statuses import posted_at
from bridge.contract.errors import Unavailable
from bridge.contract.toolbox import Toolbox

PAGE = 40
LONG_PAGE = 200
"""The most that these servers give at once."""
PAGES = 5
"""Of one timeline in one round."""
RECENT_PAGES = 2
"""What is further back than these is told as history."""
FACE_SECONDS = 24 * 3600.0
"""How long a server that has no activities is not asked for them again."""
FACE_TRIES = 3
"""In a row, after which a page is read without its activities."""
_SAME_SECOND = timedelta(seconds=2)


class Route(Struct, frozen=True):
    """Where a timeline is: a path without its ending, and what to add to it. `activities`: it has the other face, too."""

    path: str
    params: tuple[tuple[str, str], ...] = ()
    activities: bool = True


class Sheet(Struct, frozen=True):
    """A page as it came, both faces."""

    data: Sequence[Any]
    activities: Any = None
    old: bool = False


class Catch(Struct, frozen=True, kw_only=True):
    """What one look brought. `new`: the numbers among it that were not there before; `mark`: as it was."""

    sheets: tuple[Sheet, ...] = ()
    new: frozenset[str] = frozenset()
    mark: Mark | None = None
    gaps: tuple[Gap, ...] = ()
    etag: str | None = None

    @property
    def numbers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(id for sheet in self.sheets for id in _numbers(sheet.data)))


class Timeline:
    """`client` speaks for the account. Every method raises as it does."""

    def __init__(self, route: Route, client: Client, tools: Toolbox) -> None:
        self.route = route
        self._client = client
        self._tools = tools
        self._etag: str | None = None
        self._looked = False
        self._faceless_until = 0.0
        self._face_failures = 0

    def done(self, catch: Catch) -> None:
        """What it brought is safe: from now on only what changes after it matters."""
        self._etag, self._looked = catch.etag, True

    async def look(self, mark: Mark | None) -> Catch | None:
        """What is new since the mark; with None the first page, all of it new. None: nothing changed."""
        waiting = mark is not None and bool(mark.held)
        answer = await self._page(PAGE, etag=None if waiting else self._etag)
        if not answer.fresh and not (mark is not None and mark.gaps):
            return None
        statuses = _items(answer) if answer.fresh else []
        numbers = _numbers(statuses)
        etag = self._etag if not answer.fresh else self._lasting(answer, statuses)
        if mark is None:
            sheet = await self._sheet(statuses, PAGE)
            return Catch(sheets=(sheet,), new=frozenset(numbers), etag=etag)
        new = {id for id in numbers if mark.is_new(id)}
        sheets = [await self._sheet(statuses, PAGE)] if new else [] if self._looked else [Sheet(statuses)]
        sheets += [sheet for id in mark.held if id not in numbers for sheet in await self._one(id)]
        gaps = list(mark.gaps)
        lowest = min((place for place in map(rank, numbers) if place is not None), default=None)
        if new and lowest is not None and not mark.reached(numbers):
            gaps.insert(0, Gap(lowest, mark.newest))
        spans = tuple(gaps)
        if gaps:
            older, left = await self._down(gaps[0], fresh=len(gaps) > len(mark.gaps))
            sheets += older
            gaps[0:1] = left
        new |= {id for sheet in sheets for id in _numbers(sheet.data) if id in mark.held or _is_unseen(id, mark, spans)}
        return Catch(sheets=tuple(sheets), new=frozenset(new), mark=mark, gaps=tuple(gaps), etag=etag)

    async def _down(self, gap: Gap, *, fresh: bool) -> tuple[list[Sheet], list[Gap]]:
        """The pages in a gap, and what of it is left. `fresh`: it begins below the newest page."""
        below = gap.below
        sheets: list[Sheet] = []
        for page in range(1, PAGES):
            statuses, found = await self._within(below, gap.above)
            if not found:
                return sheets, []
            sheets.append(await self._sheet(statuses, len(statuses), old=not fresh or page >= RECENT_PAGES))
            below = min(found)
            if any(place <= gap.above for place in _places(statuses)):
                return sheets, []
        return sheets, [Gap(below, gap.above)]

    async def _within(self, below: int, above: int) -> tuple[list[Any], list[int]]:
        """A page below a number, and the numbers on it that lie in between."""
        for count in (PAGE, LONG_PAGE):
            statuses = _items(await self._page(count, max_id=below - 1))
            places = _places(statuses)
            found = [place for place in places if above < place < below]
            # a page can come back empty because all on it was filtered out: ask for a longer one before believing it
            if found or any(place <= above for place in places):
                return statuses, found
        return [], []

    async def _one(self, id: str) -> list[Sheet]:
        """A single post that has left the first page while it was held back."""
        if not self.route.activities:
            return []
        try:
            answer = await self._client.get(f"statuses/show/{id}")
        except Refused:
            return []
        return [Sheet([answer.data])]

    async def _page(self, count: int, *, etag: str | None = None, max_id: int | None = None) -> Answer:
        return await self._client.get(self.route.path, etag=etag, count=count, max_id=max_id, **dict(self.route.params))

    async def _sheet(self, statuses: list[Any], count: int, *, old: bool = False) -> Sheet:
        return Sheet(statuses, await self._activities(statuses, count), old)

    async def _activities(self, statuses: list[Any], count: int) -> Any:
        """The other face of a page that is known by its first item; None where there is none to be had."""
        now = self._tools.clock.monotonic()
        numbers = _numbers(statuses)
        if not self.route.activities or not numbers or now < self._faceless_until:
            return None
        top = max((place for place in map(rank, numbers) if place is not None), default=None)
        params = dict(self.route.params)
        try:
            answer = await self._client.get(self.route.path, face="as", count=max(count, len(numbers)), max_id=top, **params)
        except Refused:
            self._faceless_until = now + FACE_SECONDS
            return None
        except Revoked:
            raise
        except Unavailable as error:
            self._face_failures += 1
            if error.retry_after is not None or self._face_failures < FACE_TRIES:
                raise
            self._tools.metrics.count("gnusocial_faces_missing")
            return None
        self._face_failures = 0
        return answer.data

    def _lasting(self, answer: Answer, statuses: list[Any]) -> str | None:
        """The tag is made of times in seconds: one of this very second may soon stand for another page."""
        newest = max((at for status in statuses if (at := _time(status)) is not None), default=None)
        now = answer.at or self._tools.clock.now()
        return None if newest is not None and newest > now - _SAME_SECOND else answer.etag


def _is_unseen(id: str, mark: Mark, spans: tuple[Gap, ...]) -> bool:
    place = rank(id)
    return id not in mark.seen and place is not None and any(gap.above < place < gap.below for gap in spans)


def _items(answer: Answer) -> list[Any]:
    found = statuses_in(answer.data)
    if found is None:
        raise Unavailable("the server answered with something else than a timeline")
    return found


def _numbers(data: Sequence[Any]) -> list[str]:
    return [id for one in data if isinstance(one, dict) and (id := number(one.get("id"))) is not None]


def _places(data: Sequence[Any]) -> list[int]:
    return [place for place in map(rank, _numbers(data)) if place is not None]


def _time(status: Any) -> datetime | None:
    return posted_at(status.get("created_at")) if isinstance(status, dict) else None
