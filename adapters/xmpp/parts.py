"""What rooms, the gateway and accounts have in common, so that the adapter need not know one from another."""

from typing import Protocol
from xml.etree.ElementTree import Element

from adapters.common.pipeline import Pipeline
from adapters.xmpp.wire.component import Link
from bridge.contract.adapter import ChannelInfo
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.features import Features
from bridge.model.ids import ChannelId
from bridge.model.signals import Signal


class Part(Protocol):
    """Some of a network's channels. The verbs mean what they do in `bridge.contract.adapter`."""

    async def open(self, *channels: ChannelId) -> list[ChannelInfo]: ...

    async def close(self, *channels: ChannelId) -> None: ...

    async def deliver(self, delivery: Delivery) -> Receipt: ...

    async def find(self, delivery: Delivery) -> Receipt | None: ...

    def features(self, channel: ChannelId) -> Features: ...

    async def send_signal(self, signal: Signal) -> None: ...


class OnComponent(Part, Protocol):
    """A part that lives on the component's link. Of what comes over it each stanza is offered to one part after the other."""

    def attach(self, link: Link, pipeline: Pipeline) -> None:
        """A new connection; until `detach`."""
        ...

    def detach(self, reason: str) -> None:
        """The connection is gone: whoever waits is told."""
        ...

    def message(self, element: Element) -> bool:
        """Whether it was for this part."""
        ...

    def presence(self, element: Element) -> bool: ...

    def query(self, element: Element) -> bool:
        """A request to one of our JIDs; True where it is, or will be, answered."""
        ...

    async def run(self) -> None:
        """What takes time, until cancelled: once for each connection, after `attach`."""
        ...

    def tick(self) -> None:
        """About once a second while there is a link."""
        ...
