"""The XMPP adapter: rooms and Matrix people through the component, and people's own accounts, over all their connections."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from functools import partial
from typing import ClassVar

from adapters.xmpp.accounts.crew import Crew
from adapters.xmpp.accounts.login import Dialogue
from adapters.xmpp.accounts.room_words import RoomWords
from adapters.xmpp.accounts.words import Words
from adapters.xmpp.component import Component
from adapters.xmpp.config import XmppConfig
from adapters.xmpp.examine import examine
from adapters.xmpp.gateway.gateway import Gateway
from adapters.xmpp.gateway.words import ChatWords
from adapters.xmpp.ids import Kind, place_of
from adapters.xmpp.manifest import MANIFEST
from adapters.xmpp.parts import Part
from adapters.xmpp.rooms.house import House
from adapters.xmpp.rooms.rooms import Rooms
from adapters.xmpp.rooms.voices import Puppets
from adapters.xmpp.wire.shelf import Shelf
from bridge.contract.adapter import ChannelInfo, Inlet, NetworkState, Phase
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import Disconnected, Rejected
from bridge.contract.features import Features, Manifest
from bridge.contract.logins import LoggedIn, Question
from bridge.contract.toolbox import Toolbox
from bridge.contract.words import Word
from bridge.model.ids import ChannelId, IdentityId, NetworkName
from bridge.model.people import Profile
from bridge.model.signals import Moderators, ReadMark, Signal, Typing

_SEEN_BY_IT = (Kind.ROOM, Kind.GATEWAY)
"""By the component."""
NOT_HERE = "this network has nothing of that kind: its settings name no component"


class Xmpp:
    """`bridge.contract.adapter.Adapter`; also Signals, Reconciles, Describes, LogsIn, Commands, Examines."""

    manifest: ClassVar[Manifest] = MANIFEST
    examine = staticmethod(examine)

    def __init__(self, network: NetworkName, config: XmppConfig, inlet: Inlet, tools: Toolbox) -> None:
        self._network, self._config, self._inlet, self._tools = network, config, inlet, tools
        self._crew = Crew(network, config, inlet, tools)
        self._words = Words(network, self._crew.account, tools).all() + RoomWords(network, self._crew.account, tools).all()
        self._parts: dict[Kind, Part] = {Kind.DIRECT: self._crew, Kind.JOINED: self._crew}
        self._component: Component | None = None
        if config.component is not None:
            shelf = Shelf(config, tools)
            voices = Puppets(network, config)
            house = partial(House, network, config, inlet, tools, voices, key=config.secret or "")
            rooms, gateway = Rooms(house(), shelf), Gateway(house(), shelf)
            self._parts |= {Kind.ROOM: rooms, Kind.GATEWAY: gateway}
            self._words = ChatWords(gateway.subscriptions, self._words, tools).all()
            self._component = Component(
                network, config, inlet, tools, shelf, (rooms, gateway), is_copy=rooms.is_copy, told=self._report
            )
        self._accounts_known = False

    # life

    async def run(self) -> None:
        """Connected once of the component and of each account it is known whether it can be; each falls for itself."""
        self._inlet.report(NetworkState(network=self._network, phase=Phase.CONNECTING))
        self._accounts_known = False

        def known() -> None:
            self._accounts_known = True
            self._report()

        halves = [self._crew.run(known)]
        if self._component is not None:
            halves.append(self._component.run())
        try:
            async with asyncio.TaskGroup() as group:
                for half in halves:
                    group.create_task(half)
        except* Disconnected as ended:
            raise _first(ended) from None

    def _report(self) -> None:
        component = self._component
        if self._accounts_known and (component is None or component.tried):
            trouble = None if component is None or component.trouble is None else f"the component: {component.trouble}"
            self._inlet.report(NetworkState(network=self._network, phase=Phase.CONNECTED, reason=trouble))

    # channels

    async def open(self, *channels: ChannelId) -> list[ChannelInfo]:
        by_part: dict[Kind | None, list[ChannelId]] = {}
        for channel in channels:
            by_part.setdefault(self._kind(channel), []).append(channel)
        infos = [ChannelInfo(channel=channel, error=NOT_HERE) for channel in by_part.pop(None, [])]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._parts[kind].open(*mine)) for kind, mine in by_part.items() if kind is not None]
            if self._component is not None:
                self._component.opened(*(channel for kind in _SEEN_BY_IT for channel in by_part.get(kind, ())))
        return infos + [info for task in tasks for info in task.result()]

    async def close(self, *channels: ChannelId) -> None:
        for channel in channels:
            kind = self._kind(channel)
            if kind is not None:
                await self._parts[kind].close(channel)
            if self._component is not None:
                self._component.closed(channel)

    def features(self, channel: ChannelId) -> Features:
        kind = self._kind(channel)
        return self.manifest.features if kind is None else self._parts[kind].features(channel)

    def _kind(self, channel: ChannelId) -> Kind | None:
        """None where there is no part for it, or it is no channel at all."""
        try:
            kind = place_of(channel.id).kind
        except ValueError:
            return None
        return kind if kind in self._parts else None

    def _part(self, channel: ChannelId) -> Part:
        kind = self._kind(channel)
        if kind is None:
            raise Rejected(NOT_HERE)
        return self._parts[kind]

    # messages

    async def deliver(self, delivery: Delivery) -> Receipt:
        return await self._part(delivery.channel).deliver(delivery)

    async def find(self, delivery: Delivery) -> Receipt | None:
        return await self._part(delivery.channel).find(delivery)

    async def send_signal(self, signal: Signal) -> None:
        if isinstance(signal, Typing | ReadMark | Moderators):
            kind = self._kind(signal.channel)
            if kind is not None:
                await self._parts[kind].send_signal(signal)
        else:
            for part in self._parts.values():
                await part.send_signal(signal)

    # accounts

    def steps(self, name: str) -> AsyncGenerator[Question | LoggedIn, str]:
        return Dialogue(self._network, self._config, self._tools).steps()

    async def changed(self) -> None:
        self._crew.changed()

    def words(self) -> Sequence[Word]:
        return self._words

    async def profile(self, who: IdentityId) -> Profile:
        return await self._crew.profile(who)


def _first(group: BaseExceptionGroup[Disconnected]) -> Disconnected:
    """Why it ended: what a human must see to counts most."""
    ended = list(_leaves(group))
    return next((one for one in ended if one.fatal), ended[0])


def _leaves(group: BaseExceptionGroup[Disconnected]) -> Iterator[Disconnected]:
    for one in group.exceptions:
        if isinstance(one, Disconnected):
            yield one
        else:
            yield from _leaves(one)
