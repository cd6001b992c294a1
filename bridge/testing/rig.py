"""What an adapter's tests must say about its network, so that one suite can prove every adapter."""

from collections.abc import Collection, Sequence
from typing import Protocol

from bridge.contract.adapter import Adapter, Inlet
from bridge.contract.errors import DeliveryError
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import ChannelId, NetworkName


class InwardRig(Protocol):
    """A network that does as it is told, with one channel and some people in it. A fresh one for each test."""

    network: NetworkName
    channel: ChannelId
    people: Sequence[str]
    """Names of different people, at least two, as hostile as the network lets them be."""

    def build(self, inlet: Inlet, tools: Toolbox) -> Adapter:
        """A new adapter with the same settings each time: the second one is the bridge started again."""
        ...

    async def say(self, who: str, text: str) -> None:
        """One of `people`, not the bridge, says something in the channel."""
        ...

    async def again(self) -> bool:
        """Whether the network hands out what was said once more to whoever connects next; if it must be told to, it is."""
        ...

    def acked(self) -> int | None:
        """How many messages the network holds acknowledged by the bridge; None where it knows no such thing."""
        ...


class Rig(InwardRig, Protocol):
    """A network that one can speak to as well."""

    outcomes: Collection[type[DeliveryError]]
    """What `provoke` can provoke."""

    def heard(self) -> Sequence[str]:
        """The texts of the messages that people in the channel got from the bridge, in order: without names and prefixes."""
        ...

    async def cut(self) -> None:
        """End every connection."""
        ...

    async def provoke(self, outcome: type[DeliveryError]) -> None:
        """The next message from the bridge ends so. `Unavailable` and `Uncertain` may end the connection for it."""
        ...

    def connections(self) -> int:
        """How many connections the network sees from the bridge."""
        ...
