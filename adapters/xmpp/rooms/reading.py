"""What is said in one room, as our listener hears it: ours to proofs, everybody else's to events, and how far we have read."""

from collections import OrderedDict
from datetime import UTC, datetime
from hashlib import blake2b
from xml.etree.ElementTree import Element

from msgspec import Struct
from msgspec.structs import replace

from adapters.xmpp.ids import Place, occupant, resource_of
from adapters.xmpp.inbound import Bounced, Invited, Proof, Scene, copy_ids, events
from adapters.xmpp.rooms.cast import Cast
from adapters.xmpp.rooms.house import House
from adapters.xmpp.rooms.outgoing import Outgoing
from adapters.xmpp.rooms.people import People
from adapters.xmpp.stanza.parts import Bad
from adapters.xmpp.stanza.said import Said, read_message
from adapters.xmpp.stanza.wrapped import Archived
from bridge.contract.adapter import Cursor
from bridge.contract.delivery import Receipt
from bridge.contract.features import Evidence
from bridge.model.events import Event, Origin
from bridge.model.ids import IdentityId

REMEMBERED = 5000
"""Own messages of one room whose proof is kept in memory."""


class Mark(Struct, frozen=True):
    """How far a room was read: until when, and the archive's id of the last message (empty: none yet)."""

    at: datetime
    id: str = ""

    def dump(self) -> str:
        return f"{self.at.isoformat()} {self.id}".rstrip()

    @classmethod
    def load(cls, cursor: Cursor | None) -> "Mark | None":
        """None where there is none, or none that we wrote."""
        if cursor is None:
            return None
        at, _, id = cursor.value.partition(" ")
        try:
            return cls(datetime.fromisoformat(at).astimezone(UTC), id)
        except ValueError:
            return None


class Reading:
    """Of one room. Everything is handed on in the order in which it was said."""

    def __init__(self, place: Place, house: House, cast: Cast, people: People, outgoing: Outgoing) -> None:
        self._place, self._house, self._cast, self._people, self._outgoing = place, house, cast, people, outgoing
        self.topic: str | None = None
        self.told = False
        """The topic was said since we came in: all that follows is live."""
        self.behind = False
        """The archive could not be read: until it can, how far we have read stays where it was."""
        self._proofs: OrderedDict[str, Receipt] = OrderedDict()
        self._mark: Mark | None = None
        self._stored: Mark | None = None

    @property
    def scope(self) -> str:
        return f"room {self._place.id}"

    async def last(self) -> Mark | None:
        """How far we have read, over restarts."""
        return Mark.load(await self._house.inlet.cursor(self.scope))

    def proof(self, delivery: str) -> Receipt | None:
        """Of what was seen in the room since we know it."""
        return self._proofs.get(delivery)

    def take(self, element: Element, kept: Archived | None = None, *, history: bool = False) -> None:
        """One message of type groupchat. `kept`: it comes out of the archive; `history`: the room repeats it to who comes in."""
        house, room = self._house, self._place.jid
        said = read_message(element)
        if isinstance(said, Bad):
            house.odd(said.why)
            return
        scene = self._scene(said, kept, history=history)
        given = kept.id if kept is not None else said.stanza_ids.get(room) if self._people.facts.stanza_ids else None
        ours = self._ours(element, said)
        if ours is not None:
            copy = copy_ids(said, scene, self._name(said, scene))
            self._prove(ours, Receipt(evidence=Evidence.ECHOED, ids=copy, at=scene.at or scene.now))
        elif not (_is_topic(said) and given is None and said.subject == (self.topic or "")):  # it is told whenever we come in
            for heard in events(said, scene):
                if isinstance(heard, Event):
                    house.put(self._of_one(heard))
                elif isinstance(heard, Proof):
                    self._prove(heard.delivery, heard.receipt)
                elif not isinstance(heard, Bounced | Invited):
                    house.inlet.signal(heard)
        if _is_topic(said):
            self.topic, self.told = said.subject, True
        if given is not None:
            self._mark = Mark(min(scene.at or scene.now, scene.now), given)  # a date ahead would pass over what comes before it
        elif not self._people.facts.keeps:
            self._mark = Mark(scene.at or scene.now)

    def marked(self, message: Element) -> str | None:
        """The delivery that a message is which bears our mark."""
        return self._house.stamp.read(message.get("id"), self._place.jid)

    def recognize(self, kept: Archived) -> None:
        """A message out of the archive that was, or will be, read otherwise too: proof, where it is ours."""
        said = read_message(kept.message)
        ours = self.marked(kept.message)
        if ours is not None and not isinstance(said, Bad):
            scene = self._scene(said, kept, history=True)
            self._prove(ours, Receipt(evidence=Evidence.ECHOED, ids=copy_ids(said, scene, self._name(said, scene)), at=scene.at))

    async def begin(self, now: datetime) -> None:
        """Nothing was read of this room before: from now on it is, on disk before anybody can see us there."""
        await self._house.inlet.accept(cursor=Cursor(scope=self.scope, value=Mark(now).dump()))
        self._mark = self._stored = Mark(now)

    def end(self) -> None:
        """The room did not let us in, so what is said there is not for us."""
        self._mark = self._stored = None
        self._house.put_cursor(Cursor(scope=self.scope, value=""))

    def store(self) -> None:
        """How far we have read, behind the events up to there."""
        if self._mark is not None and self._mark != self._stored and not self.behind:
            self._stored = self._mark
            self._house.put_cursor(Cursor(scope=self.scope, value=self._mark.dump()))

    # inside

    def _scene(self, said: Said, kept: Archived | None, *, history: bool) -> Scene:
        house, facts, now = self._house, self._people.facts, self._house.tools.clock.now()
        told = self.topic is None and _is_topic(said)  # the topic that was there before us is the same each time we come
        made = f"topic {blake2b((said.subject or '').encode(), digest_size=12).hexdigest()}" if told else house.made()
        return Scene(
            network=house.network,
            place=self._place,
            me=house.voices.me.partition("/")[0],
            now=now,
            stanza_ids=facts.stanza_ids,
            occupant_ids=facts.occupant_ids,
            origin=Origin.HISTORY if history or kept is not None else Origin.LIVE,
            occupant=self._people.occupant if kept is None and not history else _nobody,
            archive_id=kept.id if kept is not None else None,
            at=kept.at if kept is not None else None if history else now,  # anybody can write a delay into what they say
            made=made,
            dropped=house.odd,
        )

    def _ours(self, element: Element, said: Said) -> str | None:
        """By our mark; a topic, which a room may show without its id, by who has the nick and what they have on the way."""
        ours = self.marked(element)
        if ours is not None or not _is_topic(said):
            return ours
        one = self._cast.nicks.holder(resource_of(said.sender))
        return None if one is None else self._outgoing.topic_by(one, said.subject or "")

    def _name(self, said: Said, scene: Scene) -> IdentityId:
        """Who of ours said it, as the room's people know them."""
        nick = resource_of(said.sender)
        known = scene.occupant(nick)
        if known is not None:
            return known.who.id
        occupant_id = said.occupant_id if scene.occupant_ids else None
        return IdentityId(scene.network, occupant(self._place.jid, nick, occupant_id=occupant_id))

    def _of_one(self, event: Event) -> Event:
        """Where all of us are one person to the network, what they said by other means is theirs."""
        voices = self._house.voices
        mine = None if voices.person is None else self._cast.of(voices.me)
        shown = None if mine is None else self._people.of(mine.nick)
        if voices.person is None or shown is None or shown.who.id != event.author.id:
            return event
        return replace(event, author=voices.person)

    def _prove(self, delivery: str, receipt: Receipt) -> None:
        self._proofs[delivery] = receipt
        if len(self._proofs) > REMEMBERED:
            self._proofs.popitem(last=False)
        if not self._outgoing.seen(delivery, receipt):
            self._house.inlet.proved(delivery, receipt)


def _nobody(nick: str) -> None:
    """What was said then was said by who had the nick then."""


def _is_topic(said: Said) -> bool:
    return said.subject is not None and said.body is None and said.thread is None
