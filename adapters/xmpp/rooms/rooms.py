"""The door to all rooms: what comes over the link to the room it is for, and what is delivered to the one who says it there."""

import asyncio
from contextlib import AbstractContextManager, suppress
from xml.etree.ElementTree import Element

from adapters.common.pipeline import Pipeline
from adapters.xmpp.faults import contained
from adapters.xmpp.ids import place_of
from adapters.xmpp.manifest import room_features
from adapters.xmpp.outbound import chat_state
from adapters.xmpp.rooms.house import House, Wire
from adapters.xmpp.rooms.mending import Mending
from adapters.xmpp.rooms.participant import State
from adapters.xmpp.rooms.room import Room
from adapters.xmpp.rooms.saying import Saying, Shelves
from adapters.xmpp.rooms.services import Services
from adapters.xmpp.stanza import ns
from adapters.xmpp.stanza.parts import Bad, Fault
from adapters.xmpp.stanza.said import read_message
from adapters.xmpp.wire.component import NOT_CONNECTED
from bridge.contract.adapter import ChannelInfo
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import Rejected, Unavailable
from bridge.contract.features import Features
from bridge.model.ids import ChannelId
from bridge.model.signals import Moderators, Signal, Typing

AT_ONCE = 50
"""Rooms that are entered at a time: each is a few round trips and as many presences as it has people."""
RETRY_SECONDS = 5.0
_READ_BY_ONE = {"message": ("groupchat",), "presence": ("", "unavailable")}
"""Of which types our listener is sent one, too."""


class Rooms:
    """`adapters.xmpp.parts.OnComponent` for channels of kind ROOM."""

    def __init__(self, house: House, shelf: Shelves) -> None:
        self._house, self._shelf = house, shelf
        self._saying = Saying(house, shelf)
        self.wanted: dict[str, Room] = {}
        """By address."""
        self._mending: dict[str, Mending] = {}
        self._services = Services(self.wanted, house.tools.clock.monotonic)
        self._due = asyncio.Event()
        self._features = room_features(
            house.config.stanza_bytes, grants=house.config.grant_moderators and house.voices.person is None
        )

    # life

    def attach(self, link: Wire, pipeline: Pipeline) -> None:
        self._house.attach(link, pipeline)

    def detach(self, reason: str) -> None:
        """Where the link still stands, everybody leaves: a room doesn't notice by itself that a component is gone."""
        up = self._house.link is not None and self._house.link.up
        for room in self.wanted.values():
            if up:
                room.leave()
            room.lost(reason)
        self._house.detach()

    def tick(self) -> None:
        for room in [room for room in self.wanted.values() if not _rests(room)]:
            with _alone(room, self._house):
                room.tick()
        self._services.tick()
        self._look_after()

    def _look_after(self) -> None:
        """Of rooms for which there is something to do."""
        if any(mending.due() for mending in self._mending.values()):
            self._due.set()

    async def run(self) -> None:
        """Comes back into rooms that threw us out, and looks after those that are silent."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._due.wait()
                self._due.clear()
                for mending in [mending for mending in self._mending.values() if mending.due()]:
                    group.create_task(_mend(mending, self._house))

    # channels

    async def open(self, *channels: ChannelId) -> list[ChannelInfo]:
        turns = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._open(channel, turns)) for channel in channels]
        return [task.result() for task in tasks]

    async def _open(self, channel: ChannelId, turns: asyncio.Semaphore) -> ChannelInfo:
        place = place_of(channel.id)
        room = self.wanted.get(place.jid)
        if room is None:
            room = self.wanted[place.jid] = Room(place, self._house)
            self._mending[place.jid] = Mending(room, self._house.look_again, self._services.forgot_us)
        try:
            async with turns:
                if not _rests(room):
                    with _alone(room, self._house, Unavailable):
                        await room.enter()
        except Unavailable as error:
            return ChannelInfo(channel=channel, error=error.reason)
        if not room.open:
            return ChannelInfo(channel=channel, error=room.error.words if room.error is not None else "not in the room")
        name = room.people.facts.name or place.jid.partition("@")[0]  # as clients show a room without a name
        return ChannelInfo(channel=channel, name=name, topic=room.reading.topic, members=len(room.people))

    async def close(self, *channels: ChannelId) -> None:
        for channel in channels:
            jid = place_of(channel.id).jid
            room = self.wanted.pop(jid, None)
            self._mending.pop(jid, None)
            if room is not None and self._house.link is not None:
                room.leave()

    # what comes

    def message(self, element: Element) -> bool:
        sender = element.get("from", "")
        room = self.wanted.get(sender.partition("/")[0])
        if room is None:
            return False
        kind, to = element.get("type"), element.get("to", "")
        if kind == "groupchat" or (kind != "error" and "/" not in sender):
            if to == self._house.voices.me:
                room.message(element)
            elif room.open:  # a copy, and says the same; only to whom it came may be news
                one = room.cast.of(to)
                if one is None or one.state is State.OUT:
                    room.cast.stray(to)
        elif kind == "error":
            self._bounced(room, element, to)
        elif self._house.voices.person is not None:
            return False  # said to them alone, which is a matter of theirs
        elif element.find(f"{{{ns.COMPONENT}}}body") is not None:
            self._turn_away(element)
        return True

    def _bounced(self, room: Room, element: Element, to: str) -> None:
        said = read_message(element)
        if isinstance(said, Bad):
            self._house.odd(said.why)
        elif (delivery := self._house.stamp.read(said.id, room.place.jid)) is not None:
            room.bounced(delivery, to, said.fault or Fault())
            self._look_after()

    def _turn_away(self, element: Element) -> None:
        """Said in private to one of us in a room: it belongs to no room, so its sender is told that nobody got it."""
        answer = Element(ns.qualified(ns.CLIENT, "message"), {"type": "error", "from": element.get("to", "")})
        answer.set("to", element.get("from", ""))
        if "id" in element.attrib:
            answer.set("id", element.attrib["id"])
        error = ns.add(answer, ns.CLIENT, "error", None, type="cancel")
        ns.add(error, ns.STANZA_ERRORS, "feature-not-implemented")
        ns.add(error, ns.STANZA_ERRORS, "text", "Private messages in a room don't reach Matrix: write to their address instead.")
        self._house.write(answer)

    def presence(self, element: Element) -> bool:
        room = self.wanted.get(element.get("from", "").partition("/")[0])
        if room is None:
            return False
        room.presence(element)
        return True

    def is_copy(self, kind: str, to: str, sender: str, type: str) -> bool:
        """Only our listener reads what is said, and who comes and goes; the others only what is about themselves."""
        room, _, nick = sender.partition("/")
        found = self.wanted.get(room)
        if found is None or not nick or to == self._house.voices.me or type not in _READ_BY_ONE[kind]:
            return False
        one = found.cast.of(to)
        return one is not None and one.state is State.IN and (kind == "message" or one.nick != nick)

    def query(self, element: Element) -> bool:
        """Nothing is asked of us here that the gateway does not answer."""
        return False

    # what goes

    async def deliver(self, delivery: Delivery) -> Receipt:
        room = self._ready(delivery.channel)
        return await self._saying.deliver(room, delivery)

    def _ready(self, channel: ChannelId) -> Room:
        room = self.wanted.get(place_of(channel.id).jid)
        if self._house.link is None:
            raise Unavailable(NOT_CONNECTED)
        if room is None:
            raise Unavailable("not in the room yet", retry_after=RETRY_SECONDS)
        if not room.open:
            if room.error is not None and room.error.lasting:
                who = "the bridge is" if self._house.voices.person is None else "you are"
                raise Rejected(f"{who} not in the room: {room.error.words}")
            raise Unavailable(room.error.words if room.error is not None else "not in the room yet", retry_after=RETRY_SECONDS)
        return room

    async def find(self, delivery: Delivery) -> Receipt | None:
        room = self.wanted.get(place_of(delivery.channel.id).jid)
        if room is None:
            raise Unavailable("not in the room yet", retry_after=RETRY_SECONDS)
        return await room.find(delivery)

    async def send_signal(self, signal: Signal) -> None:
        """Typing, of who is in the room already, and who moderates on Matrix."""
        if isinstance(signal, Moderators):
            if (moderated := self.wanted.get(place_of(signal.channel.id).jid)) is not None:
                moderated.ranks.heard(signal)
            return
        if not isinstance(signal, Typing) or self._house.link is None:
            return
        room = self.wanted.get(place_of(signal.channel.id).jid)
        one = room.cast.of(self._house.voices.jid_of(signal.who)) if room is not None and room.open else None
        if room is not None and one is not None and one.state is State.IN:
            self._house.write(chat_state(room.place.jid, typing=signal.active, room=True, sender=one.jid))

    def features(self, channel: ChannelId) -> Features:
        return self._shelf.shown(self._features)


async def _mend(mending: Mending, house: House) -> None:
    with suppress(Unavailable), _alone(mending.room, house, Unavailable):  # then the link is gone, and the reason to be here
        await mending.mend()


def _alone(room: Room, house: House, *passing: type[Exception]) -> AbstractContextManager[None]:
    """A bug of ours within is a state of that room alone, which is begun anew."""
    return contained(house.tools, house.network, f"the room {room.place.jid}", room.fall, passing=passing)


def _rests(room: Room) -> bool:
    """We are out, and it is too early to come in again."""
    return not room.open and room.timers.put_off
