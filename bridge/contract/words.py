"""The bot's words: offered alike in the room, in the terminal and over the API."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

from bridge.contract.logins import Question
from bridge.model.permissions import Permission


class Argument(Struct, frozen=True, kw_only=True):
    name: str
    summary: str
    required: bool = True
    many: bool = False
    """Takes all that is left."""
    default: str | None = None
    file: bool = False
    """In the terminal the name of a file whose text is meant; in a room the text itself."""


class Asker(Struct, frozen=True, kw_only=True):
    """For whom a word runs, and where it was said. `room` is None in the terminal."""

    user: str
    permission: Permission
    room: str | None = None
    room_power: int | None = None
    """The asker's power level in `room`; None outside a room."""
    direct: bool = False
    """Nobody but the asker and the bot is in `room`: what is said there nobody else reads."""
    answers: str | None = None
    """The id of the event in `room` that the word was said in answer to."""


class Answer(Struct, frozen=True, kw_only=True):
    """One answer, three faces: a line, a table for people, `data` for `--json`."""

    text: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    data: Any = None
    failed: bool = False
    asks: Question | None = None
    """The answer is a question: what the asker says next in this talk answers it. `talk` names the talk for the terminal."""
    talk: str | None = None


Runs: TypeAlias = Callable[[Asker, Mapping[str, str | Sequence[str]]], Awaitable[Answer]]


class Word(Struct, frozen=True, kw_only=True):
    name: str
    summary: str
    run: Runs
    arguments: tuple[Argument, ...] = ()
    permission: Permission = Permission.USER
    room_power: int | None = None
    """Said in a room, the asker also needs this power level there."""
