"""What is remembered of a feed's entries, so that each comes once, however the feed changes its ids. Pure.

An entry is the one we know if its id is; else if an entry that has gone from the feed had the same link and title; else, where
more than half of a feed is suddenly unknown (it moved, or its software did), if one that has gone had the same title.
"""

from msgspec import Struct
from msgspec.structs import replace

from adapters.feeds.parse.entries import Marks

SPARE = 50
"""Entries remembered beyond twice the most that the feed ever had at once."""
EDIT_DAYS = 14
"""How long after it came an entry's changes are told."""
EDITS_CAP = 20
_EDIT_SECONDS = 300
_EDIT_CAP = 86_400
_MASS = 4
"""Fewer entries than this are no mass."""


class Seen(Struct, frozen=True, array_like=True):
    """One entry, with its marks (`adapters.feeds.parse.entries.Marks`)."""

    id: int
    alike: int
    titled: int
    said: int
    key: str
    """The id of its event; where that is made of the channel and the entry's id, from the `#` on."""
    first: int
    """When we first saw it, in seconds since 1970."""
    author: str = ""
    """The id of its author; empty for the feed itself."""
    shown: bool = True
    """Whether it became an event."""
    revision: int = 0
    edited: int = 0


class Known(Struct, frozen=True, array_like=True):
    """Everything remembered of one feed, newest first. Serialisable by msgspec, as JSON about 150 bytes an entry."""

    seen: tuple[Seen, ...] = ()
    since: int = 0
    """When the feed was first read, in seconds since 1970; 0: never."""
    width: int = 0
    """The most entries it ever had at once."""
    pending: bool = False
    """A change was held back: the document is to be read again even if it stays as it is."""

    def after(self, now: int, present: tuple[Seen, ...], *, pending: bool) -> "Known":
        """With what the feed holds now put first; what was not seen for longest is forgotten."""
        width = max(self.width, len(present))
        ids = {one.id for one in present}
        kept = (*present, *(one for one in self.seen if one.id not in ids))
        return Known(kept[: 2 * width + SPARE], self.since or now, width, pending)


class Matcher:
    """Finds, for the entries of one document, those we know."""

    def __init__(self, known: Known, present: tuple[Marks, ...]) -> None:
        self._by_id = {one.id: one for one in reversed(known.seen)}
        there = {one.id for one in present}
        gone = [one for one in reversed(known.seen) if one.id not in there]
        self._alike = {one.alike: one for one in gone if one.alike}
        unknown = [one for one in present if one.id not in self._by_id and one.alike not in self._alike]
        titles = {one.titled: one for one in gone if one.titled}
        moved = sum(1 for one in unknown if one.titled in titles)
        mass = len(unknown) >= _MASS and 2 * len(unknown) > len(present) and 2 * moved > len(unknown)
        self._titles = titles if mass else {}

    def find(self, mark: Marks) -> Seen | None:
        """The entry under its new id, if it has one. Each that has gone is found once."""
        found = self._by_id.get(mark.id)
        if found is not None:
            return found
        found = self._alike.get(mark.alike) or self._titles.get(mark.titled)
        if found is None:
            return None
        self._alike.pop(found.alike, None)
        self._titles.pop(found.titled, None)
        return replace(found, id=mark.id, alike=mark.alike, titled=mark.titled)


def is_due(seen: Seen, now: int) -> bool:
    """Whether a change may be told now: the first at once, each further one later than the last."""
    pause = min(_EDIT_SECONDS << max(0, seen.revision - 1), _EDIT_CAP)
    return seen.revision == 0 or now - seen.edited >= pause


def is_worth_telling(seen: Seen, now: int) -> bool:
    """Whether its changes are still told at all."""
    return seen.shown and seen.revision < EDITS_CAP and now - seen.first <= EDIT_DAYS * 86_400


def is_mass(changed: int, present: int) -> bool:
    """So many changes at once are the feed's new clothes, not its posts."""
    return changed > _MASS and 2 * changed > present
