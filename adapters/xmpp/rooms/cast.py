"""Our occupants of one room: each author who speaks there, and one that only listens.

A nick that somebody has is taken with a number behind it, and given back for the right one as soon as that is free. Presences of
others come to every one of us; only the listener's are read (`Participant.sees` tells in a microsecond that one is not about us).
"""

from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

from adapters.xmpp.ids import resource_of
from adapters.xmpp.outbound import presence
from adapters.xmpp.rooms.deeds import entering
from adapters.xmpp.rooms.nicks import Nicks
from adapters.xmpp.rooms.participant import Participant, State
from adapters.xmpp.rooms.refusals import CONFLICT, Refused, gone, joining
from adapters.xmpp.rooms.voices import Voices
from adapters.xmpp.stanza.here import Here, Kind
from adapters.xmpp.stanza.parts import Muc
from bridge.contract.errors import Unavailable

ANSWER_SECONDS = 20.0
"""How long a join may take."""
TRIES = 6
"""Nicks that one of us tries one after the other."""
SELF = 110
RENAMED = 303


class Cast:
    """`taken(nick)`: whether somebody else is known to have it. `changed()` is called when one of us came in, or is out."""

    def __init__(
        self,
        room: str,
        *,
        write: Callable[[Element], None],
        taken: Callable[[str], bool],
        changed: Callable[[], None],
        monotonic: Callable[[], float],
        voices: Voices,
    ) -> None:
        self._room = room
        self._write, self._changed, self._monotonic = write, changed, monotonic
        self._voices = voices
        self._all: dict[str, Participant] = {}
        self.nicks = Nicks(room, taken)
        self._dismissed: set[str] = set()

    # who

    def __iter__(self) -> Iterator[Participant]:
        return iter(self._all.values())

    def of(self, jid: str) -> Participant | None:
        return self._all.get(jid)

    def silent(self, seconds: float) -> list[Participant]:
        """Who is in, and said nothing for so long."""
        now = self._monotonic()
        return [one for one in self._all.values() if one.state is State.IN and now - one.spoke_at > seconds]

    def seat(self, jid: str, wanted: str) -> Participant:
        """The one of that address, in the room or not. Where their name is another now, they are asked to be renamed."""
        wanted = self.nicks.spelled(wanted)
        found = self._all.get(jid)
        if found is None:
            found = self._all[jid] = Participant(jid, wanted, self._monotonic())
        elif found.wanted != wanted:
            found.wanted = wanted
            if found.state is State.IN:
                self._rename(found)
        return found

    # joining and leaving

    def enter(self, one: Participant, *, since: str | None = None) -> None:
        """Ask to come in. `since`: what was said from then on is wanted again (a time, XEP-0045 §7.2.14); None: nothing is."""
        if one.state is State.OUT:
            one.tries = 0
        one.state, one.refused, one.asked_at, one.lost = State.JOINING, None, self._monotonic(), False
        self.nicks.hold(one, self.nicks.best(one))
        try:
            password = self._voices.password(self._room)
            to, caps = f"{self._room}/{one.nick}", self._voices.caps()
            self._write(entering(to, caps, sender=one.jid, password=password, since=since))
        except Unavailable as error:
            self.out(one, Refused(error.reason))
            raise

    def leave(self, one: Participant) -> None:
        """Out at once, whatever the room says to it."""
        if one.state is not State.OUT:
            self.out(one, None)
            self._write(presence(f"{self._room}/{one.nick}", Kind.UNAVAILABLE, sender=one.jid))

    def out(self, one: Participant, refused: Refused | None) -> None:
        one.state, one.refused, one.refused_at = State.OUT, refused, self._monotonic()
        self.nicks.release(one)
        self._changed()

    def forget_all(self, refused: Refused, *, lost: bool) -> None:
        """The connection (`lost`), or the whole room, is gone."""
        for one in self._all.values():
            if one.state is not State.OUT:
                one.lost = lost and one.state is State.IN
                self.out(one, refused)

    def stray(self, jid: str) -> None:
        """The room sends somebody of ours what is said, and we thought them out: in they are where we lost them with a
        connection, and out they go where we don't know them (they were in before the bridge was started)."""
        one = self._all.get(jid)
        if one is not None and one.lost and self.nicks.asking(one.nick) is None:
            one.lost, one.state, one.refused = False, State.IN, None
            self.nicks.hold(one, one.nick)
            self._changed()
        elif one is None and jid not in self._dismissed:
            self._dismissed.add(jid)
            self._write(presence(f"{self._room}/?", Kind.UNAVAILABLE, sender=jid))

    def drop(self, one: Participant) -> None:
        """Nobody expects to hear from it again."""
        if one.state is State.OUT:
            self._all.pop(one.jid, None)

    # what the room says about one of us

    def hear(self, one: Participant, here: Here) -> None:
        nick, muc = resource_of(here.sender), here.muc or Muc()
        codes, item = muc.codes, muc.item
        if here.kind is Kind.ERROR:
            self._refused(one, here)
        elif here.kind is Kind.UNAVAILABLE and RENAMED in codes:
            if nick == one.nick and item is not None and item.nick:
                self.nicks.hold(one, item.nick)
        elif here.kind is Kind.UNAVAILABLE and one.state is State.IN and nick == one.nick:
            listens, person = one.jid == self._voices.me, self._voices.person is not None
            self.out(one, gone(muc, listens=listens, person=person))
        elif here.kind is Kind.AVAILABLE and (nick == one.nick or SELF in codes):
            came = one.state is State.JOINING
            self.nicks.hold(one, nick)  # a room may spell a nick in its own way (status 210)
            one.state, one.refused, one.tries = State.IN, None, 0
            if came:
                self._changed()

    def freed(self, nick: str) -> None:
        """Nobody has that nick any more: who waits for it takes it."""
        for one in self._all.values():
            if one.wanted == nick != one.nick and one.state is State.IN:
                self._rename(one)
                return

    def tick(self) -> None:
        now = self._monotonic()
        for one in [one for one in self._all.values() if one.state is State.JOINING and now - one.asked_at > ANSWER_SECONDS]:
            self.out(one, Refused("the room gave no answer"))

    # inside

    def _refused(self, one: Participant, here: Here) -> None:
        condition = here.fault.condition if here.fault is not None else ""
        if one.state is not State.JOINING:
            return  # a new nick was refused: it stays who it is, until that one is free
        if condition == CONFLICT and one.tries + 1 < TRIES:
            one.tries += 1
            self.enter(one)
            return
        words = here.fault.text if here.fault is not None else ""
        if condition == CONFLICT:
            self.out(one, Refused("somebody else has the nick, and the next five too"))
        else:
            self.out(one, joining(condition, words))

    def _rename(self, one: Participant) -> None:
        """Asked for; until the room says yes the old one counts."""
        if self.nicks.free(one.wanted, one):
            self._write(presence(f"{self._room}/{one.wanted}", sender=one.jid))
