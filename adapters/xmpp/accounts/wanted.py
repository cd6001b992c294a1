"""Which rooms an account's owner wants to be in: as its bookmarks say, each with a room on the hub."""

import asyncio
from collections.abc import Iterable
from xml.etree.ElementTree import Element

from msgspec.structs import replace

from adapters.xmpp.accounts.bookmarks import Bookmark, Bookmarks
from adapters.xmpp.accounts.joined import Joined
from adapters.xmpp.accounts.services import LOST
from adapters.xmpp.ids import Kind, Place, occupant
from adapters.xmpp.wire.client import Client
from bridge.contract.errors import DeliveryError, LedgerUnavailable
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import ChannelId, IdentityId, NetworkName
from bridge.model.people import Identity, Profile

AT_ONCE = 30
"""Rooms made by themselves in one session: who has more bookmarks enters the rest by the word."""


class Wanted:
    """Of one account, over all its connections. A room of the bookmarks is entered by being linked, and left by being parted."""

    def __init__(self, network: NetworkName, login: str, me: str, joined: Joined, tools: Toolbox) -> None:
        self._network, self._login, self._me, self._joined, self._tools = network, login, me, joined, tools
        self.bookmarks = Bookmarks()
        self._changed: dict[str, None] = {}
        self._news = asyncio.Event()
        self._made = 0

    def channel(self, room: str) -> ChannelId:
        return Place(Kind.JOINED, room, self._login).channel(self._network)

    def place(self, room: str, name: str = "") -> Identity:
        """The room as somebody who is there."""
        return Identity(id=IdentityId(self._network, room), profile=Profile(name=name or room.partition("@")[0]), bot=True)

    def occupant(self, room: str, nick: str) -> Identity:
        """Who has that nick."""
        found = self._joined.rooms.wanted.get(room)
        known = None if found is None else found.people.occupant(nick)
        if known is not None:
            return known.who
        return Identity(id=IdentityId(self._network, occupant(room, nick)), profile=Profile(name=nick))

    def is_linked(self, room: str) -> bool:
        return self._tools.linking.is_linked(self.channel(room))

    async def read(self, client: Client) -> None:
        """A new session. Raises `Unavailable`; a server that does not answer has no bookmarks."""
        try:
            await self.bookmarks.read(client)
        except TimeoutError:
            self._tools.log.info("the bookmarks of %s can't be read now", self._me)
        self._made = 0
        self._look(one.room for one in self.bookmarks.all())

    def published(self, element: Element) -> None:
        """A `<message/>` may tell what another client of the account did to its bookmarks."""
        self._look(self.bookmarks.published(element, self._me))

    def _look(self, rooms: Iterable[str]) -> None:
        for room in rooms:
            bookmark = self.bookmarks.get(room)
            if bookmark is not None:
                self._joined.owner.passwords[room] = bookmark.password
                self.name(room, bookmark.nick)
            self._changed[room] = None
        self._news.set()

    def name(self, room: str, nick: str) -> None:
        """What its owner is called there; empty: as the account is."""
        self._joined.owner.nicks[room] = nick
        if (found := self._joined.rooms.wanted.get(room)) is not None:
            found.cast.seat(found.me.jid, self._joined.owner.listener(room))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._changed:
                room = next(iter(self._changed))
                del self._changed[room]
                try:
                    await self._settle(room)
                except (DeliveryError, LedgerUnavailable) as error:
                    self._tools.log.warning("the room %s is not as the bookmarks say: %s", room, error)

    async def _settle(self, room: str) -> None:
        bookmark = self.bookmarks.get(room)
        entered, linked = bookmark is not None and bookmark.entered, self.is_linked(room)
        if linked and not entered:
            await self._tools.linking.part(self.channel(room))
        elif entered and not linked:
            self._made += 1
            if self._made <= AT_ONCE:
                await self.link(room, bookmark.name if bookmark is not None else "")
            elif self._made == AT_ONCE + 1:
                self._tools.log.warning(
                    "%s has more than %d bookmarks: the rest is entered by the word `join`", self._me, AT_ONCE
                )

    async def link(self, room: str, name: str) -> None:
        """A room on the hub, where there is none yet. Raises `Unavailable`, `Rejected`."""
        place = self.place(room, name)
        await self._tools.linking.direct(self.channel(room), login=self._login, peer=place, group=True)

    # by the owner's word

    async def keep(self, client: Client, room: str, *, name: str, nick: str) -> str | None:
        """It is bookmarked, to be entered whenever there is a connection. Why not, in words, where the server doesn't."""
        known = self.bookmarks.get(room) or Bookmark(room=room)
        wanted = replace(known, name=known.name or name, nick=nick or known.nick, entered=True)
        if wanted == known:
            return None
        try:
            await self.bookmarks.put(client, wanted)
        except (DeliveryError, *LOST) as error:
            return str(error) or "the server did not answer"
        return None

    async def drop(self, client: Client, room: str) -> None:
        """Raises what asking raises."""
        await self.bookmarks.remove(client, room)
        if self.is_linked(room):
            await self._tools.linking.part(self.channel(room))
