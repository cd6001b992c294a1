"""The XMPP adapter: rooms and Matrix people through the component, and people's own accounts, over all their connections."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from typing import ClassVar
from xml.etree.ElementTree import Element

from adapters.common.pipeline import Pipeline
from adapters.xmpp.accounts.crew import Crew
from adapters.xmpp.accounts.login import Dialogue
from adapters.xmpp.accounts.words import Words
from adapters.xmpp.config import XmppConfig
from adapters.xmpp.examine import examine
from adapters.xmpp.gateway.gateway import Gateway
from adapters.xmpp.gateway.words import ChatWords
from adapters.xmpp.ids import Kind, place_of
from adapters.xmpp.manifest import MANIFEST
from adapters.xmpp.parts import OnComponent, Part
from adapters.xmpp.rooms.rooms import Rooms
from adapters.xmpp.wire.component import Link
from adapters.xmpp.wire.shelf import Shelf
from adapters.xmpp.wire.skim import IsCopy, never
from bridge.contract.adapter import ChannelInfo, Inlet, NetworkState, Phase
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import Disconnected, Rejected
from bridge.contract.features import Features, Manifest
from bridge.contract.logins import LoggedIn, Question
from bridge.contract.toolbox import Toolbox
from bridge.contract.words import Word
from bridge.model.ids import ChannelId, IdentityId, NetworkName
from bridge.model.people import Profile
from bridge.model.signals import ReadMark, Signal, Typing

TICK_SECONDS = 1.0
NOT_HERE = "this network has nothing of that kind: its settings name no component"


class Xmpp:
    """`bridge.contract.adapter.Adapter`; also Signals, Reconciles, Describes, LogsIn, Commands, Examines."""

    manifest: ClassVar[Manifest] = MANIFEST
    examine = staticmethod(examine)

    def __init__(self, network: NetworkName, config: XmppConfig, inlet: Inlet, tools: Toolbox) -> None:
        self._network, self._config, self._inlet, self._tools = network, config, inlet, tools
        self._shelf = Shelf(config, tools)
        on_component: dict[Kind, OnComponent] = {}
        self._is_copy: IsCopy = never
        gateway: Gateway | None = None
        if config.component is not None:
            on_component[Kind.ROOM] = rooms = Rooms(network, config, inlet, tools, self._shelf)
            self._is_copy = rooms.is_copy
            on_component[Kind.GATEWAY] = gateway = Gateway(network, config, inlet, tools, self._shelf)
        self._on_component = tuple(on_component.values())
        """What comes over the link is offered to them in this order."""
        self._crew = Crew(network, config, inlet, tools)
        self._words = Words(network, self._crew.account, tools).all()
        if gateway is not None:
            self._words = ChatWords(gateway.subscriptions, self._words, tools).all()
        self._parts: Mapping[Kind, Part] = {**on_component, Kind.DIRECT: self._crew, Kind.JOINED: self._crew}

    # life

    async def run(self) -> None:
        """Connected once the component is, and of each account it is known whether it can be."""
        self._inlet.report(NetworkState(network=self._network, phase=Phase.CONNECTING))
        missing = {"accounts", "component"} if self._config.component is not None else {"accounts"}

        def ready(half: str) -> None:
            missing.discard(half)
            if not missing:
                self._inlet.report(NetworkState(network=self._network, phase=Phase.CONNECTED))

        halves = [self._crew.run(lambda: ready("accounts"))]
        if self._config.component is not None:
            halves.append(self._live(lambda: ready("component")))
        try:
            async with asyncio.TaskGroup() as group:
                for half in halves:
                    group.create_task(half)
        except* Disconnected as ended:
            raise _first(ended) from None

    async def _live(self, ready: Callable[[], None]) -> None:
        """One connection of the component, to its end. Raises `Disconnected`."""
        link = Link(self._config, self._tools, self, is_copy=self._is_copy)
        pipeline = Pipeline(self._inlet, self._tools, name="xmpp", pause=link.pause, resume=link.resume)
        try:
            await link.connect()
            async with asyncio.TaskGroup() as tasks:
                for part in self._on_component:
                    part.attach(link, pipeline)
                jobs = (pipeline.run(), self._tick(link), self._shelf.learn(link), *(part.run() for part in self._on_component))
                working = [tasks.create_task(one) for one in jobs]
                ready()
                end = await asyncio.shield(link.over)  # whoever cancels us doesn't end it: the goodbye does
                self._detach(end.reason)
                await pipeline.finish()
                for one in working:
                    one.cancel()
        finally:
            self._detach("the bridge is stopping")
            await link.close()
            await pipeline.rescue()
        raise end

    def _detach(self, reason: str) -> None:
        """Idempotent."""
        for part in self._on_component:
            part.detach(reason)

    async def _tick(self, link: Link) -> None:
        while True:
            await self._tools.clock.sleep(TICK_SECONDS)
            link.tick()
            for part in self._on_component:
                part.tick()

    # channels

    async def open(self, *channels: ChannelId) -> list[ChannelInfo]:
        by_part: dict[Kind | None, list[ChannelId]] = {}
        for channel in channels:
            by_part.setdefault(self._kind(channel), []).append(channel)
        infos = [ChannelInfo(channel=channel, error=NOT_HERE) for channel in by_part.pop(None, [])]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._parts[kind].open(*mine)) for kind, mine in by_part.items() if kind is not None]
        return infos + [info for task in tasks for info in task.result()]

    async def close(self, *channels: ChannelId) -> None:
        for channel in channels:
            kind = self._kind(channel)
            if kind is not None:
                await self._parts[kind].close(channel)

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
        if isinstance(signal, Typing | ReadMark):
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

    # what comes over the component's link

    def message(self, element: Element) -> None:
        if not any(part.message(element) for part in self._on_component):
            self._tools.metrics.count("xmpp_odd_stanzas", kind="for nobody")

    def presence(self, element: Element) -> None:
        if not any(part.presence(element) for part in self._on_component):
            self._tools.metrics.count("xmpp_odd_stanzas", kind="for nobody")

    def query(self, element: Element) -> bool:
        return any(part.query(element) for part in self._on_component)


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
