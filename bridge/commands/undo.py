"""undo: takes back what one said last in a room, wherever it was carried."""

from typing import Protocol

from msgspec import Struct

from bridge.commands.line import Arguments
from bridge.commands.linking import room_meant
from bridge.commands.office import Office, Refused
from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.model.ids import ChannelId
from bridge.model.permissions import Permission


class Undone(Struct, frozen=True, kw_only=True):
    """What became of it: nothing had left yet, deleted in `asked`, still there in `stays`."""

    words: str
    """Its first words."""
    withdrawn: tuple[ChannelId, ...] = ()
    asked: tuple[ChannelId, ...] = ()
    stays: tuple[ChannelId, ...] = ()
    shown: bool = False
    """It could not be deleted in the room itself."""


class Undoing(Protocol):
    """What this word needs of the running bridge."""

    async def undo(self, user: str, room_id: str, event: str | None) -> Undone | None:
        """Takes back that message of the user, or their newest that was carried elsewhere. None: there is none.

        Raises `Refused`.
        """
        ...


def undo_words(office: Office, undoing: Undoing) -> tuple[Word, ...]:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        room_id = await room_meant(office, asker, arguments)
        if not asker.user.startswith("@"):
            raise Refused("Whose? Say it with --as @user:domain.")
        undone = await undoing.undo(asker.user, room_id, asker.answers)
        if undone is None:
            raise Refused("Nothing that you said here in the last day was carried elsewhere.")
        places = {"withdrawn": undone.withdrawn, "asked": undone.asked, "stays": undone.stays}
        data = {name: [*map(str, channels)] for name, channels in places.items()}
        return Answer(text=_told(undone), data=data)

    return (
        Word(
            name="undo",
            summary="takes back what you said last here; in a room, what you answer with it",
            run=run,
            arguments=(Argument(name="room", summary="an alias or a room id; this room unless said", required=False),),
            permission=Permission.RELAY,
        ),
    )


def _told(undone: Undone) -> str:
    said = []
    if undone.withdrawn:
        said.append(f"never left for {_listed(undone.withdrawn)}")
    if undone.asked:
        said.append(f"is being deleted in {_listed(undone.asked)}")
    if undone.stays:
        said.append(f"stays in {_listed(undone.stays)}, where nothing can be deleted")
    more = " Please delete it here yourself: I may not." if undone.shown else ""
    return f"“{undone.words}” {' and '.join(said)}.{more}"


def _listed(channels: tuple[ChannelId, ...]) -> str:
    return ", ".join(map(str, channels))
