"""What came of numbered lines: who was shown which, in what order, and what that says of the bridge."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from msgspec import Struct

from tests.servers.clients import Event, IrcClient, MatrixClient

T = TypeVar("T")
_NUMBER = re.compile(r"line (\d+)")
_MARK = "(possible repeat)"


class Tally(Generic[T]):
    """The numbered lines in what one client was shown, in order. Reads on from where it stopped, so asking often is cheap."""

    def __init__(self, shown: Sequence[T], text_of: Callable[[T], str]) -> None:
        """`shown` only grows."""
        self._shown = shown
        self._text_of = text_of
        self._read = 0
        self._numbers: list[int] = []
        self._seen: set[int] = set()
        self._marked: set[int] = set()

    def has(self, wanted: set[int]) -> bool:
        self._catch_up()
        return wanted <= self._seen

    def count(self) -> int:
        """Lines so far, repeats left out."""
        self._catch_up()
        return len(self._seen)

    def among(self, wanted: set[int]) -> list[int]:
        """Those that came of `wanted`, in the order they came, each as often as it came."""
        self._catch_up()
        return [number for number in self._numbers if number in wanted]

    def marked(self, wanted: set[int]) -> set[int]:
        """Those of `wanted` that came marked as a possible repeat."""
        self._catch_up()
        return self._marked & wanted

    def _catch_up(self) -> None:
        for piece in self._shown[self._read :]:
            text = self._text_of(piece)
            found = [int(number) for number in _NUMBER.findall(text)]  # a joined message brings several
            self._numbers += found
            self._seen.update(found)
            if _MARK in text:
                self._marked.update(found)
        self._read = len(self._shown)


def heard(client: IrcClient, channel: str) -> Tally[str]:
    mark = f" PRIVMSG {channel} :"
    return Tally(client.lines, lambda line: line.partition(mark)[2])


def seen(client: MatrixClient, room: str) -> Tally[Event]:
    return Tally(client.timeline.setdefault(room, []), _body)


def _body(event: Event) -> str:
    return str(event["content"].get("body", "")) if event["type"] == "m.room.message" else ""


class Verdict(Struct, frozen=True):
    """Of one stream through one blow."""

    sent: int
    lost: int
    out_of_place: tuple[int, ...]
    """The lines from the first to the last that are not where they should be, as they came."""
    unmarked: int
    """Lines that are there twice, and nothing says so."""
    repeats: int
    """Lines that are there twice, and say that they may be."""

    @property
    def clean(self) -> bool:
        return not (self.lost or self.out_of_place or self.unmarked)


def judge(sent: Sequence[int], tally: Tally[T], *, missable: frozenset[int] = frozenset()) -> Verdict:
    """`sent` in the order in which it should be read; `missable` was said while nobody was there to hear it."""
    wanted = set(sent)
    found = tally.among(wanted)
    firsts = list(dict.fromkeys(found))
    twice = {number for number, times in Counter(found).items() if times > 1}
    marked = tally.marked(wanted)
    came = set(found)
    return Verdict(
        sent=len(sent),
        lost=len(wanted - missable - came),
        out_of_place=_displaced(firsts, [number for number in sent if number in came]),
        unmarked=len(twice - marked),
        repeats=len(twice & marked),
    )


def _displaced(came: list[int], wanted: list[int]) -> tuple[int, ...]:
    wrong = [place for place, (one, other) in enumerate(zip(came, wanted, strict=True)) if one != other]
    return tuple(came[wrong[0] : wrong[-1] + 1]) if wrong else ()
