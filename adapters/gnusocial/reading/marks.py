"""How far each timeline of a login has been read: what is kept, committed together with the events it speaks of. Pure.

A server numbers what reaches it, so a higher number came later, whatever its date. But a timeline may show an item late
(a transaction that took longer), and one is held back while it is unsure who wrote it. So besides the newest number the last ones
seen are kept: what is on a page, among them by number and not one of them, is new. Stretches that were too long to be read in one
round are kept as gaps and read in the next.
"""

from collections.abc import Iterable

import msgspec
from msgspec import Struct
from msgspec.structs import replace

SEEN_CAP = 120
"""Numbers kept of one timeline: more than a page."""
GAPS_CAP = 8


class Gap(Struct, frozen=True, array_like=True):
    """Not yet read: below one number, down to (and without) another."""

    below: int
    above: int


class Mark(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of one timeline. Numbers as the server writes them, the last seen first."""

    seen: tuple[str, ...] = ()
    newest: int = 0
    """Everything up to here has been handed in, but for `held` and `gaps`."""
    first: int = 0
    """What stood there before we came: up to here nothing was handed in."""
    held: tuple[str, ...] = ()
    """To be looked at again, wherever they stand."""
    gaps: tuple[Gap, ...] = ()
    """The newest first."""
    closed: int | None = None
    """When it was closed, in seconds since 1970."""

    @property
    def floor(self) -> int:
        """What is not above this is older than anything that is remembered."""
        return min((found for found in map(rank, self.seen) if found is not None), default=self.newest)

    def is_new(self, number: str) -> bool:
        """Whether something on a timeline's first page was not there before."""
        place = rank(number)
        if number in self.held:
            return True
        return number not in self.seen and (place is None or place > self.floor)

    def reached(self, numbers: Iterable[str]) -> bool:
        """Whether these go down to where we were."""
        return any(number in self.seen if (place := rank(number)) is None else place <= self.newest for number in numbers)

    def after(self, numbers: Iterable[str], *, held: Iterable[str] = (), gaps: tuple[Gap, ...] | None = None) -> "Mark":
        """With these read. The mark is as long as ever."""
        waiting = tuple(dict.fromkeys(held))
        both = dict.fromkeys(number for number in (*numbers, *self.seen) if number not in waiting)
        ordered = sorted(both, key=lambda number: rank(number) or 0, reverse=True)
        places = [place for number in both if (place := rank(number)) is not None]
        kept = self.gaps if gaps is None else _joined(gaps)
        return replace(
            self, seen=tuple(ordered[:SEEN_CAP]), newest=max((self.newest, *places)), held=waiting, gaps=kept, closed=None
        )


class Marks(Struct, frozen=True, kw_only=True):
    """Of all timelines of a login, by channel id. Numbers mean something on one server only."""

    host: str
    timelines: dict[str, Mark] = {}

    def write(self) -> str:
        return msgspec.json.encode(self).decode()


def marks_in(written: str | None, host: str) -> Marks:
    """What was kept; nothing where it was of another server, or can't be read."""
    if written is not None:
        try:
            found = msgspec.json.decode(written, type=Marks)
        except (msgspec.DecodeError, UnicodeError):
            found = Marks(host="")
        if found.host == host:
            return found
    return Marks(host=host)


def rank(number: str) -> int | None:
    """A number's place in the order of arrival; None where this server's numbers tell nothing of it."""
    return int(number) if number.isascii() and number.isdigit() else None


def _joined(gaps: tuple[Gap, ...]) -> tuple[Gap, ...]:
    """Of too many the oldest become one: what between them was read is read again, and known."""
    if len(gaps) <= GAPS_CAP:
        return gaps
    ordered = sorted(gaps, key=lambda gap: gap.below, reverse=True)
    return (*ordered[: GAPS_CAP - 1], Gap(ordered[GAPS_CAP - 1].below, min(gap.above for gap in ordered)))
