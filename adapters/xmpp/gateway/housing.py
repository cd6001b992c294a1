"""A chat gets its room before its first event: while that is being made only that chat waits.

The component protocol has no acknowledgements, so what can't be housed is given back to who wrote it: nobody believes to have
said what is lost. Rooms are what strangers could make us make without end, so beginnings are capped.
"""

import asyncio
from collections.abc import Callable, Sequence

from msgspec import Struct, field

from adapters.xmpp.caps import HOUR, MOST_GUESTS, Cap, Caps
from adapters.xmpp.gateway.refusing import BUSY, UNKNOWN
from adapters.xmpp.ids import place_of
from adapters.xmpp.rooms.house import House
from bridge.contract.errors import Rejected, Unavailable
from bridge.model.events import Event
from bridge.model.ids import ChannelId
from bridge.model.people import Identity

PATIENCE_SECONDS = 60.0
"""How long a chat may wait for its room."""
RETRY_SECONDS = 5.0
ROOMS_AT_ONCE = 4
MOST_CHATS = 200
"""That wait for rooms."""
MOST_WAITING = 100
"""Stanzas of one chat that wait for its room."""


class Arrival(Struct, kw_only=True):
    """What one stanza brought. `then`: done once it is on disk; `refuse(condition, words)`: it never will be."""

    events: Sequence[Event]
    then: Callable[[], None]
    refuse: Callable[[str, str], None]


class _Chat(Struct):
    peer: Identity
    arrivals: list[Arrival] = field(default_factory=list)


class Housing:
    def __init__(self, house: House) -> None:
        self._house = house
        self._housed: set[ChannelId] = set()
        self._waiting: dict[ChannelId, _Chat] = {}
        self._new: list[ChannelId] = []
        self._wanted = asyncio.Event()
        self._beginnings = Caps(house.tools.clock.monotonic, HOUR, each=20, host=200, all=1000)
        self._guests = Cap(house.tools.clock.monotonic, MOST_GUESTS, HOUR)

    def __contains__(self, channel: ChannelId) -> bool:
        """Whether it has its room."""
        return channel in self._housed

    def opened(self, channels: Sequence[ChannelId]) -> None:
        """They are linked, so they have their rooms."""
        self._housed.update(channels)

    def closed(self, channel: ChannelId) -> None:
        """Its room is gone: what comes next asks for one again."""
        self._housed.discard(channel)

    def put(self, channel: ChannelId, peer: Identity, arrival: Arrival) -> None:
        """Never blocks."""
        if channel in self._housed:
            self._house.put(*arrival.events, then=arrival.then)
            return
        chat = self._waiting.get(channel)
        if chat is None:
            if len(self._waiting) >= MOST_CHATS or not self._begins(channel, peer):
                self._house.odd("too many new chats")
                arrival.refuse(BUSY, "Too many new chats: please try again later.")
                return
            chat = self._waiting[channel] = _Chat(peer)
            self._new.append(channel)
            self._wanted.set()
        if len(chat.arrivals) >= MOST_WAITING:
            arrival.refuse(BUSY, "This chat is not open yet: please wait a moment.")
            return
        chat.arrivals.append(arrival)

    def _begins(self, channel: ChannelId, peer: Identity) -> bool:
        """Who is flooded is asked first, so that it costs nobody else's beginnings."""
        return self._guests.take(place_of(channel.id).user) and self._beginnings.take(peer.id.id)

    async def run(self) -> None:
        """Makes rooms, until cancelled."""
        turns = asyncio.Semaphore(ROOMS_AT_ONCE)
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    await self._wanted.wait()
                    self._wanted.clear()
                    new, self._new = self._new, []
                    for channel in new:
                        group.create_task(self._make(channel, turns))
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Nobody makes rooms any more."""
        waiting, self._waiting, self._new = self._waiting, {}, []
        for chat in waiting.values():
            self._give_back(chat, BUSY, "The bridge was stopped before it could take this message.")

    async def _make(self, channel: ChannelId, turns: asyncio.Semaphore) -> None:
        clock = self._house.tools.clock
        until = clock.monotonic() + PATIENCE_SECONDS
        while (chat := self._waiting.get(channel)) is not None:
            try:
                async with turns:
                    await self._house.tools.linking.direct(channel, peer=chat.peer)
            except Rejected:
                self._refused(channel, UNKNOWN, "Nobody has that address.")
                return
            except Unavailable as error:
                self._house.tools.metrics.count("xmpp_room_unavailable")
                self._house.tools.log.warning("%s has no room yet: %s", channel, error.reason)
                if clock.monotonic() >= until:
                    self._refused(channel, BUSY, "The other side can't be reached now: please try again later.")
                    return
                await clock.sleep(RETRY_SECONDS)
                continue
            self._made(channel)

    def _made(self, channel: ChannelId) -> None:
        self._housed.add(channel)
        chat = self._waiting.pop(channel, None)
        for arrival in chat.arrivals if chat is not None else ():
            self._house.put(*arrival.events, then=arrival.then)

    def _refused(self, channel: ChannelId, condition: str, words: str) -> None:
        chat = self._waiting.pop(channel, None)
        if chat is not None:
            self._give_back(chat, condition, words)

    @staticmethod
    def _give_back(chat: _Chat, condition: str, words: str) -> None:
        for arrival in chat.arrivals:
            arrival.refuse(condition, words)
