"""part: what was taken for the same post stands alone again."""

from collections.abc import Sequence
from typing import Protocol

from bridge.commands.line import Arguments
from bridge.commands.linking import one
from bridge.commands.office import Office, Refused
from bridge.commands.render import counted
from bridge.commands.watching import key_of, may_see
from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.model.ids import HUB, EventKey


class Parting(Protocol):
    """What this word needs of the running bridge."""

    async def part(self, key: EventKey) -> Sequence[EventKey]:
        """Takes the merged event of this key, or all that was merged into the event of this key, for their own; which.

        They are planned as their own, and are never merged with that event again.
        """
        ...


def parting_words(office: Office, parting: Parting) -> tuple[Word, ...]:
    return (_part(office, parting),)


def _part(office: Office, parting: Parting) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        key = _meant(asker, arguments)
        trace = await office.trace(key)
        if trace is None or not await may_see(office, asker, trace):
            raise Refused(f"Nothing is known of {key.id}.")
        merged = [one.key for one in trace.mergers if not one.parted]
        if not merged:
            raise Refused("Nothing was taken for that post: it stands for itself alone.")
        parted = await parting.part(key if key in merged else trace.key)
        text = f"{counted(len(parted), 'post')} parted from {trace.key}, and never taken for it again: "
        return Answer(text=text + ", ".join(map(str, parted)) + ".", data=[str(key) for key in parted], failed=not parted)

    argument = Argument(
        name="event",
        summary='a Matrix event id, or "network/id"; in a room, the message that you answer with this word',
        required=False,
    )
    return Word(
        name="part",
        summary="tells posts apart that were wrongly taken for one and the same",
        run=run,
        arguments=(argument,),
    )


def _meant(asker: Asker, arguments: Arguments) -> EventKey:
    if "event" in arguments:
        return key_of(one(arguments, "event"))
    if asker.answers is None:
        raise Refused('Which post? Answer it with this word, or name its event id ("$…", or "network/id").')
    return EventKey(HUB, asker.answers)
