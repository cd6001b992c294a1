"""Who sees whom, one to one (RFC 6121 §3 and §4, from the side of a server): asked for, answered in the room, and kept.

A component is the server of its addresses: it answers probes, keeps what was agreed, and asks who is there when it comes back.
Presences are dealt with one after the other, since each may have to wait for the ledger; what is too much is dropped and counted.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol
from xml.etree.ElementTree import Element

from adapters.xmpp.caps import HOUR, Caps
from adapters.xmpp.faults import contained
from adapters.xmpp.gateway.book import Book
from adapters.xmpp.gateway.contacts import Contact, words
from adapters.xmpp.gateway.presences import Presences
from adapters.xmpp.gateway.replies import Replies
from adapters.xmpp.ids import Kind as Where
from adapters.xmpp.ids import Place, identity_of
from adapters.xmpp.outbound import presence
from adapters.xmpp.rooms.house import House
from adapters.xmpp.stanza.here import Here, Kind, read_presence
from adapters.xmpp.stanza.parts import Bad
from bridge.contract.errors import DeliveryError, LedgerUnavailable
from bridge.model.ids import HUB

MOST_WAITING = 5000


class Says(Protocol):
    def __call__(self, place: Place, words: str, what: str, refused: Callable[[], None]) -> None:
        """`what` tells it from all else that is said there; `refused` is called where the chat can have no room."""
        ...


class Subscriptions:
    """`say` says something in a chat."""

    def __init__(self, house: House, book: Book, presences: Presences, replies: Replies, say: Says) -> None:
        self._house, self._book, self._presences, self._replies, self._say = house, book, presences, replies, say
        self._waiting: deque[Here | Place] = deque()
        self._arrived = asyncio.Event()
        self._asks = Caps(house.tools.clock.monotonic, HOUR, each=10, host=50, all=300)

    # life

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                with contained(self._house.tools, self._house.network, "a presence"):
                    await self._deal(self._waiting.popleft())

    async def _deal(self, one: Here | Place) -> None:
        try:
            await (self._presences.greet(one) if isinstance(one, Place) else self._meet(one))
        except (DeliveryError, LedgerUnavailable) as error:
            self._house.odd("presence not answered")
            self._house.tools.log.info("a presence was not dealt with: %s", error)

    def opened(self, places: Iterable[Place]) -> None:
        """Chats that we look after: who sees whom there is told again."""
        self._waiting.extend(places)
        self._arrived.set()

    # what comes

    def presence(self, element: Element) -> None:
        here = read_presence(element)
        if isinstance(here, Bad):
            self._house.odd(here.why)
        elif here.kind is Kind.ERROR or here.joins or here.muc is not None or "@" not in here.sender:
            self._house.odd("presence astray")
        elif len(self._waiting) >= MOST_WAITING:
            self._house.odd("presence flood")
        else:
            self._waiting.append(here)
            self._arrived.set()

    async def _meet(self, here: Here) -> None:
        peer = here.sender.partition("/")[0]
        if here.to.partition("/")[0] == self._house.host:
            self._door(peer, here.kind)
            return
        who = identity_of(here.to, self._house.host)
        if who is None or who.network != HUB:
            if here.kind in (Kind.SUBSCRIBE, Kind.PROBE):
                self._replies.write(presence(peer, Kind.UNSUBSCRIBED, sender=here.to.partition("/")[0]))
            return
        place = Place(Where.GATEWAY, peer, user=who.id)
        contact = await self._book.contact(place)
        match here.kind:
            case Kind.AVAILABLE | Kind.UNAVAILABLE:
                if contact.seen:
                    self._book.meet(place, contact, here)
            case Kind.PROBE:
                await self._probed(place, contact)
            case Kind.SUBSCRIBE:
                await self._asked(place, contact, here)
            case Kind.UNSUBSCRIBE:
                await self._left(place, contact)
            case Kind.SUBSCRIBED | Kind.UNSUBSCRIBED:
                self._told(place, contact, allowed=here.kind is Kind.SUBSCRIBED)

    def _door(self, peer: str, kind: Kind) -> None:
        """The component itself is there for everybody (XEP-0100 §4.1), and remembers nobody."""
        if kind is Kind.SUBSCRIBE:
            self._replies.write(presence(peer, Kind.SUBSCRIBED, sender=self._house.host))
        if kind in (Kind.SUBSCRIBE, Kind.PROBE):
            self._replies.write(presence(peer, sender=self._house.host))

    async def _probed(self, place: Place, contact: Contact) -> None:
        if contact.sees:
            self._presences.show(place)
        else:
            self._replies.write(presence(place.jid, Kind.UNSUBSCRIBED, sender=self._book.bare(place)))

    async def _asked(self, place: Place, contact: Contact, here: Here) -> None:
        if contact.nick is None and here.nick:
            contact.nick = words(here.nick)
        if contact.sees or contact.seen or contact.asking:  # agreed before, or both want it
            await self._allow(place, contact)
        elif not self._asks.take(place.jid):
            self._house.odd("asks without end")
        else:  # who asks again may have been forgotten by a crash before anybody was told; told twice in a day is told once
            contact.asked = True
            self._book.save(place, contact)
            said = f", saying: {words(here.status)}" if here.status.strip() else ""
            answer = f"Answer to the bot: `accept {place.jid}` or `deny {place.jid}`."
            self._say(
                place,
                f"{place.jid} asks to see when you are there{said}. {answer}",
                f"asks {self._house.tools.clock.now():%Y-%m-%d}",
                lambda: self._turned_away(place),
            )

    def _turned_away(self, place: Place) -> None:
        """There is nobody of that address, or nobody who may have chats."""
        self._book.save(place, Contact())
        self._replies.write(presence(place.jid, Kind.UNSUBSCRIBED, sender=self._book.bare(place)))

    async def forget(self, peer: str) -> None:
        """Somebody there wants nothing of ours to be agreed with them any more."""
        for place, contact in self._book.all():
            if place.jid == peer:
                contact.seen, contact.asking = False, False
                self._replies.write(presence(peer, Kind.UNSUBSCRIBE, sender=self._book.bare(place)))
                await self._left(place, contact)

    async def _left(self, place: Place, contact: Contact) -> None:
        was, contact.sees, contact.asked = contact.sees, False, False
        if was:
            self._replies.write(presence(place.jid, Kind.UNAVAILABLE, sender=self._book.full(place)))
        self._replies.write(presence(place.jid, Kind.UNSUBSCRIBED, sender=self._book.bare(place)))
        self._book.save(place, contact)

    def _told(self, place: Place, contact: Contact, *, allowed: bool) -> None:
        """Their answer; what nobody asked for changes nothing."""
        was = (contact.seen, contact.asking)
        if not any(was):
            return
        contact.seen, contact.asking = allowed, False
        if not allowed:
            contact.devices.clear()
            self._book.signal(place, contact)
        if was != (contact.seen, contact.asking):
            self._book.save(place, contact)
            can = "lets you see" if allowed else "does not let you see"
            today = self._house.tools.clock.now().isoformat()
            self._say(place, f"{place.jid} {can} when they are there.", f"{can} {today}", lambda: None)

    # what Matrix people want

    async def agreed(self, place: Place) -> bool:
        """Whether anything is, or was asked for, in a chat. Raises `LedgerUnavailable`."""
        return bool((await self._book.contact(place)).kept)

    async def accept(self, place: Place) -> str:
        """Words for who said so. Raises `Unavailable`."""
        contact = await self._book.contact(place)
        if not contact.asked:
            return f"{place.jid} has not asked."
        await self._allow(place, contact)
        if not contact.seen:
            self._ask(place, contact)
        return f"{place.jid} sees when you are there."

    async def deny(self, place: Place) -> str:
        contact = await self._book.contact(place)
        await self._left(place, contact)
        return f"{place.jid} does not see when you are there."

    async def subscribe(self, place: Place) -> str:
        contact = await self._book.contact(place)
        if contact.asked:
            return await self.accept(place)
        if contact.seen:
            return f"You see already when {place.jid} is there."
        self._ask(place, contact)
        return f"{place.jid} has been asked."

    async def unsubscribe(self, place: Place) -> str:
        contact = await self._book.contact(place)
        contact.seen, contact.asking = False, False
        contact.devices.clear()
        self._book.signal(place, contact)
        self._house.write(presence(place.jid, Kind.UNSUBSCRIBE, sender=self._book.bare(place)))
        await self._left(place, contact)
        return f"You and {place.jid} don't see each other any more."

    # all the same

    def _ask(self, place: Place, contact: Contact) -> None:
        contact.asking = True
        self._book.save(place, contact)
        self._house.write(presence(place.jid, Kind.SUBSCRIBE, sender=self._book.bare(place)))

    async def _allow(self, place: Place, contact: Contact) -> None:
        contact.sees, contact.asked = True, False
        self._book.save(place, contact)
        self._house.write(presence(place.jid, Kind.SUBSCRIBED, sender=self._book.bare(place)))
        self._presences.show(place)
