"""The adapter of the pretend network. Read this one first: every other has the same shape."""

from typing import ClassVar

from adapters.fantasy.config import FantasyConfig
from adapters.fantasy.inbound import to_event
from adapters.fantasy.manifest import FEATURES, MANIFEST
from adapters.fantasy.outbound import to_frame
from adapters.fantasy.world import Line, Session, World
from bridge.contract.adapter import ChannelInfo, Inlet, NetworkState, Phase
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import Disconnected, Rejected, Unavailable, Uncertain
from bridge.contract.features import Evidence, Features, Manifest
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import ChannelId, NetworkName


class Fantasy:
    """`world` is the network itself; without one, each adapter has a small world of its own."""

    manifest: ClassVar[Manifest] = MANIFEST

    def __init__(
        self, network: NetworkName, config: FantasyConfig, inlet: Inlet, tools: Toolbox, world: World | None = None
    ) -> None:
        self.world = world or World()
        self._network = network
        self._account = config.account
        self._inlet = inlet
        self._clock = tools.clock
        self._session: Session | None = None

    async def run(self) -> None:
        """See `Adapter.run`. A line is acknowledged once it is in the ledger, and not before."""
        try:
            session = self._session = self.world.enter(self._account)
        except ConnectionError as error:
            raise Disconnected(str(error)) from error
        self._inlet.report(NetworkState(network=self._network, phase=Phase.CONNECTED))
        try:
            while True:
                line = await session.next()
                await self._hear(line)
                session.acknowledge(line)
        except ConnectionError as error:
            raise Disconnected(str(error)) from error
        finally:
            self._session = None
            session.close()

    async def _hear(self, line: Line) -> None:
        if line.author != self._account:
            await self._inlet.accept(to_event(line, self._network, self._clock.now()))
        elif line.label is not None:
            self._inlet.proved(line.label, Receipt(evidence=Evidence.ECHOED, ids=(line.id,)))

    async def open(self, *channels: ChannelId) -> list[ChannelInfo]:
        session = self._session
        if session is None:
            raise Disconnected("not connected")
        return [self._join(session, channel) for channel in channels]

    def _join(self, session: Session, channel: ChannelId) -> ChannelInfo:
        try:
            session.join(channel.id)
        except PermissionError as error:
            return ChannelInfo(channel=channel, error=str(error))
        return ChannelInfo(channel=channel, name=channel.id, topic=self.world.topics.get(channel.id))

    async def close(self, *channels: ChannelId) -> None:
        if self._session is not None:
            for channel in channels:
                self._session.leave(channel.id)

    async def deliver(self, delivery: Delivery) -> Receipt:
        frame = to_frame(delivery)
        if self._session is None:
            raise Unavailable("not connected")
        try:
            written = self._session.write(frame)
        except ConnectionError as error:
            raise Unavailable(str(error)) from error
        try:
            answer = await written
        except ConnectionError as error:
            raise Uncertain("the connection ended before the answer") from error
        if answer.busy is not None:
            raise Unavailable("the world is busy", retry_after=answer.busy)
        if answer.refused is not None:
            raise Rejected(answer.refused)
        return Receipt(evidence=Evidence.ASSIGNED, ids=(answer.id,))

    async def find(self, delivery: Delivery) -> Receipt | None:
        """See `Reconciles`. The world shows us the labels of our own lines."""
        if self._session is None:
            raise Unavailable("not connected")
        for line in reversed(self.world.lines):
            if line.label == delivery.id:
                return Receipt(evidence=Evidence.ASSIGNED, ids=(line.id,))
        return None

    def features(self, channel: ChannelId) -> Features:
        return FEATURES
