"""Who is in a room, as our listener sees it: one entry for each nick.

Whom a nick stands for never changes while they stay: a new nick takes the person along, also where the room has no occupant ids.
Addresses are shown on only where the room shows them to everybody: what it shows to moderators alone stays between it and us.
"""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from adapters.xmpp.ids import Place, occupant, resource_of
from adapters.xmpp.inbound import Occupant
from adapters.xmpp.rooms.facts import Facts
from adapters.xmpp.stanza.here import Here
from bridge.model.ids import IdentityId, NetworkName
from bridge.model.people import Identity, Profile

MOST = 20_000
"""Occupants of one room that we keep; of others we know what their messages say, and don't tell that they came."""

MOST_MODERATORS = 100
"""Of one room that are told of as such: a room can call all of its occupants so."""


class Person(Struct, frozen=True, kw_only=True):
    occupant: Occupant
    jid: str = ""
    """Bare; empty where we are not shown it. Not to be shown on where the room is anonymous."""
    role: str = ""
    affiliation: str = ""

    @property
    def who(self) -> Identity:
        return self.occupant.who


class People:
    """`ours(nick, jid)`: who of ours that is, by the bare address where we are shown it, else by the nick they asked for."""

    def __init__(self, network: NetworkName, place: Place, ours: Callable[[str, str], IdentityId | None]) -> None:
        self._network, self._place, self._ours = network, place, ours
        self.facts = Facts()
        self._by_nick: dict[str, Person] = {}
        self._moderators: dict[str, IdentityId] = {}
        """By nick; none of ours."""
        self._told: tuple[IdentityId, ...] | None = ()
        """As `moderators` last said; None where it is another now."""

    def __len__(self) -> int:
        return len(self._by_nick)

    def of(self, nick: str) -> Person | None:
        return self._by_nick.get(nick)

    def occupant(self, nick: str) -> Occupant | None:
        person = self._by_nick.get(nick)
        return None if person is None else person.occupant

    def nick_of(self, who: IdentityId) -> str | None:
        return next((nick for nick, person in self._by_nick.items() if person.who.id == who), None)

    def taken(self, nick: str) -> bool:
        """Whether somebody who is none of us has that nick."""
        person = self._by_nick.get(nick)
        return person is not None and person.occupant.author is None

    def is_moderator(self, nick: str) -> bool:
        person = self._by_nick.get(nick)
        return person is not None and person.role == "moderator"

    def moderators(self) -> tuple[IdentityId, ...]:
        """Of the others here, those who moderate, as far as they are few; in an order that does not hang on who came first."""
        if self._told is None:
            self._told = tuple(sorted(set(self._moderators.values())))[:MOST_MODERATORS]
        return self._told

    def clear(self) -> None:
        self._by_nick.clear()
        self._moderators.clear()
        self._told = ()

    def here(self, here: Here) -> tuple[Person, bool]:
        """Somebody's presence: who it is, and whether they were not here before, as far as we can tell."""
        nick = resource_of(here.sender)
        item = here.muc.item if here.muc is not None else None
        known = self._by_nick.get(nick)
        jid = item.jid if item is not None else ""
        person = Person(
            occupant=known.occupant if known is not None else self._occupant(nick, here.occupant_id, jid),
            jid=jid,
            role=item.role if item is not None else "",
            affiliation=item.affiliation if item is not None else "",
        )
        kept = known is not None or len(self._by_nick) < MOST
        if kept:
            self._put(nick, person)
        return person, kept and known is None

    def claim(self, nick: str) -> None:
        """One of us has that nick for sure."""
        person = self._by_nick.get(nick)
        if person is not None and person.occupant.author is None:
            self._put(nick, replace(person, occupant=replace(person.occupant, author=self._author(nick, ""))))

    def disown(self, nick: str) -> None:
        """That nick is somebody else's, though one of us asked for it."""
        person = self._by_nick.get(nick)
        if person is not None:
            self._put(nick, replace(person, occupant=replace(person.occupant, author=None)))

    def gone(self, nick: str) -> Person | None:
        self._moderates(nick, None)
        return self._by_nick.pop(nick, None)

    def renamed(self, nick: str, new: str) -> Person | None:
        """They have another nick now, and are who they were."""
        person = self.gone(nick)
        if person is None:
            return None
        who = replace(person.who, profile=replace(person.who.profile, name=new))
        renamed = replace(person, occupant=replace(person.occupant, who=who))
        self._put(new, renamed)
        return renamed

    def _put(self, nick: str, person: Person) -> None:
        self._by_nick[nick] = person
        self._moderates(nick, person.who.id if person.role == "moderator" and person.occupant.author is None else None)

    def _moderates(self, nick: str, who: IdentityId | None) -> None:
        if self._moderators.get(nick) == who:
            return
        self._told = None
        if who is None:
            del self._moderators[nick]
        else:
            self._moderators[nick] = who

    def _occupant(self, nick: str, occupant_id: str | None, jid: str) -> Occupant:
        shown = jid if jid and not self.facts.anonymous else None
        name = occupant(self._place.jid, nick, occupant_id=occupant_id if self.facts.occupant_ids else None, jid=shown)
        who = Identity(id=IdentityId(self._network, name), profile=Profile(name=nick))
        return Occupant(who=who, author=self._author(nick, jid))

    def _author(self, nick: str, jid: str) -> Identity | None:
        ours = self._ours(nick, jid)
        return None if ours is None else Identity(id=ours, profile=Profile(name=nick))
