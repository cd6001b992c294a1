"""Who comes and goes in a room: presences that our listener gets, to events. The people it is given are kept true."""

from datetime import datetime

from adapters.xmpp.ids import Place, made_id, resource_of
from adapters.xmpp.rooms.people import People, Person
from adapters.xmpp.stanza.here import Here, Kind
from bridge.model.events import Body, Event, Membership, Message, Move, Style, Text
from bridge.model.ids import EventKey, IdentityId, NetworkName
from bridge.model.people import Identity, Profile

BANNED, KICKED, RENAMED, FAILED = 301, 307, 303, 333
_DONE = {Move.BAN: "banned", Move.KICK: "kicked"}


class Moves:
    """Of one room. `show`: comings, goings and new nicks are events; kicks and bans always are.

    `reach`: what befalls one of ours here befalls them on Matrix. Else it is only said there.
    """

    def __init__(self, network: NetworkName, place: Place, people: People, *, show: bool, reach: bool) -> None:
        self._network, self._place, self._people, self._show, self._reach = network, place, people, show, reach

    def heard(self, here: Here, *, live: bool, made: str, now: datetime) -> tuple[Event, ...]:
        """Not `live`: who was there when we came is no news. `made` names the stanza, which has no id of its own."""
        if here.kind is Kind.AVAILABLE:
            person, new = self._people.here(here)
            if not (new and live and self._show) or person.occupant.author is not None:
                return ()
            return self._events(person, person.who, Move.JOIN, None, "", made, now)
        if here.kind is not Kind.UNAVAILABLE:
            return ()
        nick, muc = resource_of(here.sender), here.muc
        codes, item = (muc.codes, muc.item) if muc is not None else (frozenset(), None)
        if RENAMED in codes and item is not None and item.nick:
            person_renamed = self._people.renamed(nick, item.nick)
            if person_renamed is None or not (live and self._show) or person_renamed.occupant.author is not None:
                return ()
            return self._events(person_renamed, person_renamed.who, Move.RENAME, None, "", made, now)
        gone = self._people.gone(nick)
        if gone is None or not live:
            return ()
        move = Move.BAN if BANNED in codes else Move.KICK if KICKED in codes and FAILED not in codes else Move.LEAVE
        if move is Move.LEAVE and (not self._show or gone.occupant.author is not None):
            return ()
        by = self._actor(item.actor) if item is not None and item.actor else None
        reason = (item.reason if item is not None else "") or (here.status if move is Move.LEAVE else "")
        who = gone.occupant.author or gone.who
        return self._events(gone, who, move, by, reason, made, now)

    def told(self, words: str, made: str, now: datetime) -> Event:
        """Words of ours to who reads here."""
        return Event(
            key=EventKey(self._network, made_id(self._place.jid, self._place.jid, made)),
            channel=self._place.channel(self._network),
            author=self._room(),
            happened_at=now,
            body=Message(text=Text(plain=words), style=Style.NOTICE),
        )

    def _actor(self, nick: str) -> Identity | None:
        person = self._people.of(nick)
        return None if person is None else person.occupant.author or person.who

    def _events(
        self, person: Person, who: Identity, move: Move, by: Identity | None, reason: str, made: str, now: datetime
    ) -> tuple[Event, ...]:
        room, said = self._place.jid, reason[:200]
        body: Body = Membership(who=who, move=move, by=by, reason=said or None)
        if person.occupant.author is not None and not self._reach:
            names = person.who.name, _DONE[move], f" by {by.name}" if by is not None else "", f": {said}" if said else ""
            body, by = Message(text=Text(plain="{} was {} there{}{}".format(*names)), style=Style.NOTICE), None
        return (
            Event(
                key=EventKey(self._network, made_id(room, person.who.id.id, made)),
                channel=self._place.channel(self._network),
                author=by or (self._room() if person.occupant.author is not None else who),
                happened_at=now,
                body=body,
            ),
        )

    def _room(self) -> Identity:
        """Who did it to one of ours is not said: the room did."""
        room = self._place.jid
        return Identity(id=IdentityId(self._network, room), profile=Profile(name=room.partition("@")[0]), bot=True)
