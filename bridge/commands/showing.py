"""show: posts that came in a digest, brought into the room one by one."""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from bridge.commands.calming import ROOM, Calming
from bridge.commands.line import Arguments
from bridge.commands.linking import many, one
from bridge.commands.office import Refused
from bridge.commands.render import counted
from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.model.ids import ChannelId

_RANGE = re.compile(r"#?(\d{1,9})(?:[-–]#?(\d{1,9}))?,?\Z")


class Digests(Protocol):
    async def numbered(self, room: ChannelId) -> Mapping[int, str]:
        """Deliveries that digests of a room list, by number."""
        ...

    async def show(self, ids: Sequence[str]) -> int:
        """Brings them into the room; how many that were not there already."""
        ...


def showing_words(calming: Calming, digests: Digests) -> tuple[Word, ...]:
    return (_show(calming, digests),)


def _show(calming: Calming, digests: Digests) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        room = one(arguments, "room") if "room" in arguments else None
        portal = await calming.room(asker, room, change=False)
        known = await digests.numbered(portal.channel)
        if not known:
            raise Refused("Nothing in this room came in a digest.")
        wanted = list(known) if many(arguments, "what") == ("all",) else meant(many(arguments, "what"))
        there = [number for number in wanted if number in known]
        if not there:
            raise Refused(f"No digest here lists that; there are {min(known)} to {max(known)}.")
        shown = await digests.show([known[number] for number in there])
        left = len(wanted) - shown
        missing = f" {counted(left, 'post')} came already, or can't be had any more." if left else ""
        return Answer(text=f"{counted(shown, 'post')} on the way.{missing}", data={"shown": shown}, failed=not shown)

    return Word(
        name="show",
        summary="brings posts of a digest here: show 3, show 5-8, show all",
        run=run,
        arguments=(Argument(name="what", summary='numbers as the digest has them, or "all"', many=True), ROOM),
    )


def meant(said: Sequence[str]) -> list[int]:
    """`3 5-8` as numbers. Pure. Raises `Refused`."""
    numbers: dict[int, None] = {}
    for token in ",".join(said).split(","):
        found = _RANGE.match(token.strip()) if token.strip() else None
        if token.strip() and found is None:
            raise Refused(f'{token.strip()[:40]!r} is no number of a post: say 3, 5-8 or "all".')
        if found is None:
            continue
        first, last = int(found[1]), int(found[2] or found[1])
        if not first <= last < first + 1_000:
            raise Refused("At most 1000 at once, the smaller number first.")
        numbers |= dict.fromkeys(range(first, last + 1))
    if not numbers:
        raise Refused('Which? Say numbers as the digest has them, or "all".')
    return list(numbers)
