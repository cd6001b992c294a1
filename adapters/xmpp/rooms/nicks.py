"""Which nick each of us has in one room, or asked for. Pure.

A nick that somebody has is taken with a number behind it.
"""

from collections.abc import Callable, Iterator

from adapters.xmpp.ids import prep, resource_of
from adapters.xmpp.rooms.participant import Participant, State
from bridge.text.escape import strip_controls
from bridge.text.plain import cut

NICK_LENGTH = 60
"""Graphemes of a nick before anything is added."""
NAMELESS = "someone"


class Nicks:
    """`taken(nick)`: whether somebody who is none of us is known to have it."""

    def __init__(self, room: str, taken: Callable[[str], bool]) -> None:
        self._room, self._taken = room, taken
        self._held: dict[str, Participant] = {}

    def spelled(self, name: str) -> str:
        """A nick as rooms spell it, of a name that people chose."""
        plain = " ".join(strip_controls(name).replace("\n", " ").split())
        try:
            return resource_of(prep(f"{self._room}/{cut(plain, NICK_LENGTH)}")) or NAMELESS
        except ValueError:
            return NAMELESS

    def asking(self, nick: str) -> Participant | None:
        """Which of us has that nick, or asked for it."""
        return self._held.get(nick)

    def holder(self, nick: str) -> Participant | None:
        """Which of us has it."""
        found = self._held.get(nick)
        return found if found is not None and found.state is State.IN else None

    def free(self, nick: str, one: Participant) -> bool:
        return self._held.get(nick, one) is one and not self._taken(nick)

    def best(self, one: Participant) -> str:
        """The first that nobody has, of those it did not try yet."""
        names = _candidates(one.wanted)
        for _ in range(one.tries):
            next(names)
        return next((nick for nick in names if self.free(nick, one)), one.wanted)

    def hold(self, one: Participant, nick: str) -> None:
        self.release(one)
        one.nick = nick
        self._held[nick] = one

    def release(self, one: Participant) -> None:
        if self._held.get(one.nick) is one:
            del self._held[one.nick]


def _candidates(wanted: str) -> Iterator[str]:
    return iter((wanted, *(f"{wanted} ({number})" for number in range(2, 100))))
