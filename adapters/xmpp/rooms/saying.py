"""A delivery to a room: who says it there, or who asks the room for it."""

from collections.abc import Awaitable
from typing import Protocol
from xml.etree.ElementTree import Element

from adapters.xmpp.outbound import message_for
from adapters.xmpp.rooms.deeds import membership_request, moderation_request
from adapters.xmpp.rooms.house import House
from adapters.xmpp.rooms.outgoing import NotShown
from adapters.xmpp.rooms.participant import Participant, State
from adapters.xmpp.rooms.refusals import saying
from adapters.xmpp.rooms.room import Room
from adapters.xmpp.wire.turns import Turns
from adapters.xmpp.wire.uploads import has_files
from adapters.xmpp.wire.verdicts import Refusal
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import Rejected, Unavailable, Uncertain
from bridge.contract.features import Evidence, Features
from bridge.model.events import ChannelChange, Membership, Move, Redaction
from bridge.text.plain import one_line

_MORE_POWER = ("forbidden", "not-allowed")
"""Refused is who asked, not what: a ban needs an affiliation, which our listener may have (XEP-0045 §5.2)."""
_DEEDS = frozenset({Move.KICK, Move.BAN, Move.UNBAN})


class Shelves(Protocol):
    """`wire.shelf.Shelf`, or what an account has in its place."""

    async def placed(self, delivery: Delivery, sender: str) -> Delivery: ...

    def shown(self, features: Features) -> Features: ...


class Saying:
    """For all rooms."""

    def __init__(self, house: House, shelf: Shelves) -> None:
        self._house, self._shelf = house, shelf
        self._turns = Turns()

    async def deliver(self, room: Room, delivery: Delivery) -> Receipt:
        """As `Adapter.deliver`; the room is open."""
        body = delivery.body
        if isinstance(body, Membership):
            if body.move in _DEEDS and not self._house.voices.is_ours(body.who.id):
                return await self._ask(room, delivery, membership_request(body, room.place.jid, room.people))
            return self._moved(room, body, delivery.voice.name)
        if isinstance(body, Redaction) and delivery.target is not None and not delivery.target.ours:
            return await self._ask(room, delivery, moderation_request(delivery, body, room.place.jid, room.people))
        if isinstance(body, ChannelChange) and body.topic is not None and one_line(body.topic) == (room.reading.topic or ""):
            return Receipt(evidence=Evidence.ECHOED)  # a room shows nothing where nothing changes
        jid = room.place.jid
        if jid not in self._turns and not has_files(delivery):
            return await self._submit(room, delivery, self._speaker(room, delivery))
        async with self._turns.take(jid):
            placed = await self._shelf.placed(delivery, self._house.voices.jid_of(delivery.author.id))
            if not room.open:
                raise Unavailable("not in the room any more")
            shown = self._submit(room, placed, self._speaker(room, placed))
        return await shown

    def _submit(self, room: Room, delivery: Delivery, one: Participant) -> Awaitable[Receipt]:
        """Written when this returns, or in its turn. Raises what writing raises."""
        repeats = not room.people.facts.keeps  # where there is an archive, what is sent again was looked for in it
        element = message_for(delivery, room.place.jid, sender=one.jid, jid_of=room.address, mark_repeats=repeats)
        element.set("id", self._house.stamp.put(delivery.id, room.place.jid))
        return _seen(room.outgoing.submit(delivery.id, one, element), delivery)

    def _speaker(self, room: Room, delivery: Delivery) -> Participant:
        """Who says it there: its author, or who said what it takes back. Raises `Rejected` for who is barred."""
        author, name = delivery.author, delivery.voice.name
        target = delivery.target
        if isinstance(delivery.body, Redaction) and target is not None and target.author is not None:
            author, name = target.author, target.author.name
        one = room.cast.seat(self._house.voices.jid_of(author.id), self._house.voices.nick(room.place.jid, name))
        barred = one.barred(self._house.tools.clock.monotonic()) if one.state is State.OUT else None
        if barred is not None:
            raise Rejected(barred.words)
        return one

    async def _ask(self, room: Room, delivery: Delivery, request: Element) -> Receipt:
        """By its author where the room lets them, else by our listener: whoever asked for it may do so on Matrix."""
        own = room.cast.of(self._house.voices.jid_of(delivery.author.id))
        may = (one for one in (own, room.me) if one is not None and one.state is State.IN and room.people.is_moderator(one.nick))
        refused: Exception = Rejected("nobody of ours is a moderator of the room, so that can't be done there")
        for asker in may:
            try:
                await room.ask(request, asker)
            except Refusal as refusal:
                refused = saying(refusal.condition, refusal.words, refusal.kind)
                if refusal.condition not in _MORE_POWER:
                    break
            except TimeoutError:
                raise Uncertain("the room gave no answer") from None
            else:
                return Receipt(evidence=Evidence.FENCED)
        raise refused

    def _moved(self, room: Room, body: Membership, name: str) -> Receipt:
        """Of ours somebody came, went or is called otherwise, `name` now: they come when they speak, and go when they went.

        Who comes into the Matrix room anew may try again where they were refused before.
        """
        one = room.cast.of(self._house.voices.jid_of(body.who.id))
        if one is not None and one is not room.me and body.move in (Move.LEAVE, Move.KICK, Move.BAN):
            room.cast.leave(one)
            room.cast.drop(one)
        elif one is not None and body.move is Move.JOIN:
            one.refused = None
        elif one is not None and body.move is Move.RENAME:
            room.cast.seat(one.jid, self._house.voices.nick(room.place.jid, name))
        return Receipt(evidence=Evidence.WRITTEN)


async def _seen(outcome: Awaitable[Receipt], delivery: Delivery) -> Receipt:
    try:
        return await outcome
    except (Rejected, NotShown) as error:
        if isinstance(delivery.body, ChannelChange):
            raise Rejected("the room does not let us change its topic") from error
        raise
