"""The door to Matrix people one to one: each has an address through the component, and a chat with whoever writes to it."""

import asyncio
from functools import partial
from xml.etree.ElementTree import Element

from msgspec.structs import replace

from adapters.common.pipeline import Pipeline
from adapters.xmpp.accounts.features import direct_features
from adapters.xmpp.accounts.services import Services as AccountServices
from adapters.xmpp.gateway.book import Book
from adapters.xmpp.gateway.chats import Chats
from adapters.xmpp.gateway.errands import Errands
from adapters.xmpp.gateway.faces import Faces
from adapters.xmpp.gateway.housing import Housing
from adapters.xmpp.gateway.presences import Presences
from adapters.xmpp.gateway.replies import Replies
from adapters.xmpp.gateway.sending import Sending
from adapters.xmpp.gateway.services import Services
from adapters.xmpp.gateway.subscriptions import Subscriptions
from adapters.xmpp.ids import Place, identity_of, place_of, puppet_jid
from adapters.xmpp.outbound import chat_state, displayed
from adapters.xmpp.rooms.house import House
from adapters.xmpp.rooms.voices import RESOURCE
from adapters.xmpp.wire.component import Link
from adapters.xmpp.wire.shelf import Sender, Shelf
from bridge.contract.adapter import ChannelInfo
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import DeliveryError, Rejected, Uncertain
from bridge.contract.features import Features, VoiceKind
from bridge.model.ids import HUB, ChannelId, IdentityId
from bridge.model.signals import Presence, ReadMark, Signal, Typing


class Gateway:
    """`adapters.xmpp.parts.OnComponent` for channels of kind GATEWAY, and for whatever else comes to our addresses."""

    def __init__(self, house: House, shelf: Shelf) -> None:
        config, tools = house.config, house.tools
        self._house, self._shelf = house, shelf
        self._errands, self._faces, self._book = Errands(house), Faces(tools), Book(self._house, self._shown_otherwise)
        replies = Replies(self._house, self._errands)
        self._housing, self._sending = Housing(self._house), Sending(self._house, shelf)
        self._chats = Chats(self._house, self._housing, self._sending, replies, self._book.known_as)
        self._presences = Presences(self._book, self._faces, self._errands, replies)
        self.subscriptions = Subscriptions(self._house, self._book, self._presences, replies, self._chats.say)
        self._services = Services(self._house, self._faces, self._errands, invite=self._invite, forget=self._forget)
        self._features = replace(direct_features(AccountServices(), config.stanza_bytes), voice=VoiceKind.PUPPET)

    # life

    def attach(self, link: Link, pipeline: Pipeline) -> None:
        self._house.attach(link, pipeline)

    def detach(self, reason: str) -> None:
        self._housing.abandon()
        self._presences.lost(told=self._house.link is not None and self._house.link.up)
        self._errands.drop()
        self._house.detach()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for part in (self._housing, self.subscriptions, self._errands):
                group.create_task(part.run())
            group.create_task(self._book.pictures.run(Sender(self._house.linked(), self._house.voices.me)))

    def tick(self) -> None:
        """Nothing here waits for time."""

    # channels

    async def open(self, *channels: ChannelId) -> list[ChannelInfo]:
        self._housing.opened(channels)
        self.subscriptions.opened([place_of(channel.id) for channel in channels])
        return [ChannelInfo(channel=channel, name=self._chats.peer(place_of(channel.id)).name) for channel in channels]

    async def close(self, *channels: ChannelId) -> None:
        for channel in channels:
            self._housing.closed(channel)

    def features(self, channel: ChannelId) -> Features:
        return self._shelf.shown(self._features)

    # what goes

    async def deliver(self, delivery: Delivery) -> Receipt:
        return await self._sending.deliver(delivery, self._asked(delivery))

    def _asked(self, delivery: Delivery) -> Place:
        """Raises `Rejected`."""
        place = place_of(delivery.channel.id)
        if delivery.author.id != IdentityId(HUB, place.user):
            raise Rejected(f"only {place.user} writes in this chat")
        if identity_of(puppet_jid(delivery.author.id, self._house.host), self._house.host) is None:
            raise Rejected("your Matrix ID is too long to be an address there: nobody could answer you")
        return place

    async def find(self, delivery: Delivery) -> Receipt | None:
        """Nobody keeps for us what was said one to one; a receipt may still come, while there is a connection."""
        self._house.linked()
        raise Uncertain("nobody can be asked whether it arrived")

    async def send_signal(self, signal: Signal) -> None:
        """Typing and what was read, of the chat's own Matrix user; and whether a Matrix user is there."""
        if isinstance(signal, Presence) and signal.who.network == HUB:
            self._presences.changed(signal.who.id, signal.availability, signal.status)
        if not isinstance(signal, Typing | ReadMark) or self._house.link is None:
            return
        place = place_of(signal.channel.id)
        if signal.who != IdentityId(HUB, place.user):
            return
        me = f"{puppet_jid(signal.who, self._house.host)}/{RESOURCE}"
        try:
            if isinstance(signal, Typing):
                self._house.write(chat_state(place.jid, typing=signal.active, room=False, sender=me))
            elif (id := self._chats.marks.called(signal.event.id)) is not None:
                self._house.write(displayed(place.jid, id, sender=me))
        except DeliveryError as error:
            self._house.tools.log.debug("a signal was not sent: %s", error.reason)

    # what comes

    def message(self, element: Element) -> bool:
        self._chats.message(element)
        return True

    def presence(self, element: Element) -> bool:
        self.subscriptions.presence(element)
        return True

    def query(self, element: Element) -> bool:
        return self._services.query(element)

    def _shown_otherwise(self, place: Place) -> None:
        self._chats.shown_otherwise(place)

    def _invite(self, place: Place) -> None:
        said = f"{place.jid} would like to chat with you: what you write here goes to them."
        self._chats.say(place, said, f"invites {self._house.tools.clock.now():%Y-%m-%d}")

    def _forget(self, peer: str) -> None:
        self._errands.do(partial(self.subscriptions.forget, peer))
