"""quarantine, release: what could not be digested is kept with its reason, shown, and tried again when the cause is gone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from bridge.commands.line import Arguments
from bridge.commands.linking import many, one
from bridge.commands.office import Refused
from bridge.commands.render import counted
from bridge.commands.watching import LIMIT, number, when
from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.model.permissions import Permission


class Held(Struct, frozen=True, kw_only=True):
    """Something that could not be digested, and is kept until somebody looks."""

    id: str
    what: str
    """"event", or the kind of the hub's own business."""
    where: str
    """A room or a channel."""
    reason: str
    at: datetime | None = None


class Quarantine(Protocol):
    """What these words need of the running bridge."""

    async def held(self, limit: int) -> Sequence[Held]:
        """What was set aside, oldest first."""
        ...

    async def release(self, held: Held) -> None:
        """Tries it again; where that fails too it is held again, with the newer reason."""
        ...


def quarantine_words(quarantine: Quarantine) -> tuple[Word, ...]:
    return (_quarantine(quarantine), _release(quarantine))


def _quarantine(quarantine: Quarantine) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        held = await quarantine.held(number(one(arguments, "limit")))
        return Answer(
            text="" if held else "Nothing is set aside.",
            columns=("id", "what", "where", "since", "reason"),
            rows=tuple((one.id, one.what, one.where, when(one.at), one.reason) for one in held),
            data=held,
        )

    return Word(
        name="quarantine",
        summary="what could not be read or done and was set aside, with the reason",
        run=run,
        arguments=(LIMIT,),
        permission=Permission.ADMIN,
    )


def _release(quarantine: Quarantine) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        ids = many(arguments, "id")
        if not ids:
            raise Refused('Name what to release (see "quarantine"), or say "all".')
        known = await quarantine.held(10_000)
        unknown = set(ids) - {held.id for held in known} - {"all"}
        if unknown:
            raise Refused(f"Nothing of that id is set aside: {', '.join(sorted(unknown))}.")
        chosen = [held for held in known if "all" in ids or held.id in ids]
        for held in chosen:
            await quarantine.release(held)
        return Answer(
            text=f"{counted(len(chosen), 'thing')} tried again; what fails once more is back in quarantine.", data=chosen
        )

    argument = Argument(name="id", summary='from "quarantine"; or "all"', required=False, many=True)
    return Word(
        name="release",
        summary="tries again what was set aside",
        run=run,
        arguments=(argument,),
        permission=Permission.ADMIN,
    )
