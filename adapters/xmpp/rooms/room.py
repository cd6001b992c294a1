"""One room: coming in, staying in, and catching up with what was said while we were out.

Our listener goes in first and reads; whoever speaks comes after it. What is said while the archive is being read waits, so that
everything is handed on in the order in which it was said.
"""

import asyncio
from contextlib import suppress
from xml.etree.ElementTree import Element

from adapters.xmpp.faults import BUG
from adapters.xmpp.ids import Kind, Place
from adapters.xmpp.inbound.speech import words_for
from adapters.xmpp.rooms.cast import Cast
from adapters.xmpp.rooms.deeds import facts_request
from adapters.xmpp.rooms.facts import Facts, facts_in
from adapters.xmpp.rooms.house import House
from adapters.xmpp.rooms.moves import Moves
from adapters.xmpp.rooms.outgoing import Outgoing
from adapters.xmpp.rooms.participant import Participant, State
from adapters.xmpp.rooms.past import Past
from adapters.xmpp.rooms.people import People
from adapters.xmpp.rooms.presences import Presences
from adapters.xmpp.rooms.ranks import Ranks
from adapters.xmpp.rooms.reading import Mark, Reading
from adapters.xmpp.rooms.refusals import AWAY, NOT_IN, Refused
from adapters.xmpp.rooms.timers import Timers
from adapters.xmpp.stanza.parts import Fault
from adapters.xmpp.wire.verdicts import Refusal
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import DeliveryError, Unavailable
from bridge.model.ids import IdentityId

BEHIND_SECONDS = 60.0
"""Between two tries to read an archive that failed us."""
MOST_HELD = 1000
"""Messages that wait for the archive to be read; beyond it they go on, out of order, and none is lost."""
_DELAY = "{urn:xmpp:delay}delay"


class Room:
    """`entered` once; from then on the room is wanted until `leave`."""

    def __init__(self, place: Place, house: House) -> None:
        self.place = place
        self.open = False
        """Our listener is in: messages can go there."""
        self.error: Refused | None = None
        config, clock = house.config, house.tools.clock
        self._house, self._monotonic = house, clock.monotonic
        self.people = People(house.network, place, self._author)
        self.cast = Cast(
            place.jid,
            write=house.write,
            taken=self.people.taken,
            changed=self._changed,
            monotonic=self._monotonic,
            voices=house.voices,
        )
        self.me = self.cast.seat(house.voices.me, house.voices.listener(place.jid))
        self.doubted: set[Participant] = set()
        """Who of us may have fallen out."""
        self.timers = Timers(house)
        self.outgoing = Outgoing(
            self.cast,
            write=house.say,
            monotonic=self._monotonic,
            doubt=self.doubted.add,
            deaf=lambda: self.open and self.me in self.doubted,
        )
        self.reading = Reading(place, house, self.cast, self.people, self.outgoing)
        self.past = Past(place.jid, house, self.people, self.reading)
        reach = config.kicks_reach_matrix and place.kind is Kind.ROOM
        moves = Moves(house.network, place, self.people, show=config.show_joins, reach=reach)
        self._presences = Presences(place.jid, house, self.cast, self.people, moves, self.me)
        self.ranks = Ranks(place, house, self.people, self.cast, self.me)
        self._entering = asyncio.Lock()
        self._answer: asyncio.Future[None] | None = None
        self._held: list[Element] | None = None

    # coming in

    async def enter(self) -> None:
        """Returns when we are in and have caught up, or know why not (`error`). Idempotent. Raises `Unavailable`."""
        async with self._entering:
            if self.open:
                return
            self.timers.clear()
            self.people.clear()
            known = await self._look()
            self.people.facts = known or Facts()
            mark = await self.reading.last()
            since = None if self.people.facts.keeps else mark
            if mark is None:
                await self.reading.begin(self._house.tools.clock.now())
            self._held, self.reading.told = [], False
            self._answer = asyncio.get_running_loop().create_future()
            self.cast.enter(self.me, since=None if since is None else since.at.strftime("%Y-%m-%dT%H:%M:%SZ"))
            await self._answer
            try:
                if self.me.state is State.IN:
                    if known is None:  # it may have come about by our coming
                        self.people.facts = await self._look() or Facts()
                    await self._in(mark)
                elif mark is None and self._house.link is not None:  # refused; where the line broke, we may be in all the same
                    self.reading.end()
            finally:
                self._release()

    async def _in(self, mark: Mark | None) -> None:
        self.open, self.error = True, None
        self.past.begin()
        self.reading.behind = False
        self.timers.came_in()
        if mark is not None and self.people.facts.keeps:
            await self.catch_up(mark)

    def _release(self) -> None:
        """What was said meanwhile, behind what was said before."""
        held, self._held = self._held or [], None
        for element in held:
            self._hear(element)

    async def _look(self) -> Facts | None:
        """None where it says nothing about itself."""
        try:
            answer = await self.ask(facts_request(self.place.jid), self.me)
        except (Refusal, TimeoutError):
            return None
        return facts_in(answer)

    async def catch_up(self, mark: Mark | None = None) -> None:
        """With what was said since then, or since what was stored last. Raises `Unavailable`."""
        mark = mark or await self.reading.last()
        if mark is not None and not await self.past.catch_up(mark):
            self.timers.after(BEHIND_SECONDS)

    # leaving, and being thrown out

    def leave(self) -> None:
        """For good."""
        self.open = False
        for one in self.cast:
            if one is not self.me:
                self.cast.leave(one)
        self.cast.leave(self.me)
        self.outgoing.lose("the bridge left the room")

    def lost(self, reason: str) -> None:
        """The connection is gone; the room is still wanted."""
        self.open = False
        self.reading.store()
        self.cast.forget_all(Refused(reason), lost=True)
        self.outgoing.lose(reason)
        self.people.clear()
        self.timers.clear()

    def fall(self) -> None:
        """By a bug of ours: we are out, and begin anew later (see `Mending`)."""
        with suppress(DeliveryError):
            self.leave()
        self.lost(BUG)
        self._held, self.error = None, Refused(BUG)
        self.timers.later()
        self._house.look_again(self.place)

    def _changed(self) -> None:
        """One of us came in, or is out."""
        me = self.me
        if me.state is not State.JOINING and self._answer is not None and not self._answer.done():
            self._answer.set_result(None)
        if me.state is State.OUT and me.refused is not None:
            self.error = me.refused
            if self.open:
                self.open = False
                if me.refused.final:
                    self.timers.never()
                else:
                    self.timers.later()
                self._house.look_again(self.place)
        self.outgoing.pump()

    # what comes

    def presence(self, element: Element) -> None:
        """Of the room or somebody in it, to one of us."""
        if element.get("to") == self.me.jid:
            if self.me.state is State.OUT:
                return
            self.timers.heard()
        self._presences.take(element, live=self.open)

    def message(self, element: Element) -> None:
        """From the room or somebody in it, to our listener.

        A room that didn't notice our going sends on what is said before we have come in again: the archive, or what the room
        repeats, will tell it in its place.
        """
        if self.past.take(element) or self.me.state is not State.IN:
            return
        if self._held is not None and self.people.facts.keeps and self.reading.marked(element) is None:
            self._held.append(element)  # our own prove something, and need not wait
            if len(self._held) > MOST_HELD:
                self._house.tools.log.warning("much is said in %s while its archive is being read", self.place.jid)
                self._release()
        else:
            self._hear(element)

    def _hear(self, element: Element) -> None:
        """What the room repeats to who comes in stands before the topic (XEP-0045 §7.2.13); only there dates count."""
        self.timers.heard()
        self.reading.take(element, history=not self.reading.told and element.find(_DELAY) is not None)

    # what became of it

    def bounced(self, id: str, to: str, fault: Fault) -> None:
        """A message came back: a room that does not know who said it, or can't be reached, may have forgotten our listener."""
        known = self.outgoing.bounced(id, to, fault.condition, words_for(fault), fault.kind)
        if known and self.open and (fault.condition == NOT_IN or fault.condition in AWAY):
            self.doubted.add(self.me)

    async def find(self, delivery: Delivery) -> Receipt | None:
        """As `Reconciles.find`."""
        if not self.open:
            raise Unavailable(self.error.words if self.error is not None else "not in the room yet")
        return await self.past.find(delivery)

    def ask(self, iq: Element, one: Participant) -> "asyncio.Future[Element]":
        """As one of us; see `Link.ask`."""
        iq.set("from", one.jid)
        return self._house.linked().ask(iq)

    # time

    def tick(self) -> None:
        """About once a second."""
        self.cast.tick()
        self.outgoing.tick()
        self.reading.store()
        if self.open:
            self.ranks.tick()
        idle = self._house.config.idle_hours * 3600
        if idle:
            for one in self.cast.silent(idle):
                if one is not self.me:
                    self.cast.leave(one)
                    self.cast.drop(one)

    # who is who

    @property
    def state(self) -> str:
        """In plain words."""
        if self.open:
            return "in"
        return self.error.words if self.error is not None else "not in yet"

    def address(self, who: IdentityId) -> str | None:
        """The full address of somebody in this room."""
        if self._house.voices.is_ours(who):
            one = self.cast.of(self._house.voices.jid_of(who))
            nick = one.nick if one is not None and one.state is State.IN else None
        else:
            nick = self.people.nick_of(who)
        return None if nick is None else f"{self.place.jid}/{nick}"

    def _author(self, nick: str, jid: str) -> IdentityId | None:
        if not jid:
            one = self.cast.nicks.asking(nick)
            jid = one.jid.partition("/")[0] if one is not None else ""
        return self._house.voices.author(jid)
