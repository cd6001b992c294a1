"""What the presences in a room say: of us, where each of us stands; of others, to our listener alone, who comes and goes."""

from xml.etree.ElementTree import Element

from adapters.xmpp.ids import resource_of
from adapters.xmpp.rooms.cast import RENAMED, Cast
from adapters.xmpp.rooms.deeds import instant_room
from adapters.xmpp.rooms.house import House
from adapters.xmpp.rooms.moves import Moves
from adapters.xmpp.rooms.participant import Participant, State
from adapters.xmpp.rooms.people import People
from adapters.xmpp.stanza.here import Here, Kind, read_presence
from adapters.xmpp.stanza.parts import Bad

CREATED = 201


class Presences:
    """Of one room. With two hundred of us in it a presence comes two hundred times: all but one cost a look at an address."""

    def __init__(self, room: str, house: House, cast: Cast, people: People, moves: Moves, me: Participant) -> None:
        self._room, self._house, self._cast, self._people, self._moves, self._me = room, house, cast, people, moves, me

    def take(self, element: Element, *, live: bool) -> None:
        """Of somebody in this room, to one of us. Not `live`: we are only coming in, and who is there was there before."""
        one = self._cast.of(element.get("to", ""))
        if one is None or not (one is self._me or one.sees(element, self._room)):
            return
        here = read_presence(element)
        if isinstance(here, Bad):
            self._house.odd(here.why)
        elif one is not self._me:
            self._of_us(one, here)
        elif here.kind is Kind.ERROR or one.sees(element, self._room):
            self._of_me(here, live=live)
        else:
            made, now = self._house.made(), self._house.tools.clock.now()
            for event in self._moves.heard(here, live=live, made=made, now=now):
                self._house.put(event)
            if here.kind is Kind.UNAVAILABLE:
                self._cast.freed(resource_of(here.sender))

    def _of_us(self, one: Participant, here: Here) -> None:
        """Who has which nick is known for sure now, whatever it looked like to our listener."""
        if here.kind is Kind.ERROR and one.state is State.JOINING:
            self._people.disown(one.nick)
        self._cast.hear(one, here)
        if here.kind is Kind.AVAILABLE and one.state is State.IN:
            self._people.claim(one.nick)

    def _of_me(self, here: Here, *, live: bool) -> None:
        if here.kind is Kind.UNAVAILABLE:
            self._moved(here)
        if here.kind is Kind.AVAILABLE:
            self._people.here(here)
            if here.muc is not None and CREATED in here.muc.codes:
                self._open_new()
        self._cast.hear(self._me, here)
        out = self._me.refused
        if live and out is not None and out.final and self._house.voices.person is not None:
            cure = f" To come in again, say `{self._house.network} join {self._room}` to the bot."
            words = f"You are out: {out.words}.{'' if here.muc is not None and here.muc.destroyed else cure}"
            self._house.put(self._moves.told(words, self._house.made(), self._house.tools.clock.now()))

    def _moved(self, here: Here) -> None:
        """The nick that we had is nobody's now: whoever takes it next is not us."""
        item = here.muc.item if here.muc is not None else None
        if item is not None and item.nick and here.muc is not None and RENAMED in here.muc.codes:
            self._people.renamed(resource_of(here.sender), item.nick)
        else:
            self._people.gone(resource_of(here.sender))

    def _open_new(self) -> None:
        """The room came about by our coming: until it is opened, nobody else can come in. Its answer changes nothing."""
        iq = instant_room(self._room)
        iq.set("from", self._me.jid)
        iq.set("id", self._house.made())
        self._house.write(iq)
