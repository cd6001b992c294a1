"""The pretend network passes the suite that every adapter passes."""

from collections.abc import AsyncIterator, Collection, Sequence

import pytest

from adapters.fantasy.adapter import Fantasy
from adapters.fantasy.config import FantasyConfig
from adapters.fantasy.world import World
from bridge.contract.adapter import Adapter, Inlet
from bridge.contract.errors import DeliveryError, Rejected, Unavailable, Uncertain
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import ChannelId, NetworkName
from bridge.testing import AdapterContract, Rig

ACCOUNT = FantasyConfig().account


class FantasyRig:
    network = NetworkName("dream")
    channel = ChannelId(network, "#lobby")
    people: Sequence[str] = (
        "bob",
        "Bob",
        "bob:example.org",
        "b/o@b",
        "\u202ebob",
        "名前",
        "o'; DROP TABLE",
        " ",
        "=5f",
        "x" * 300,
    )
    outcomes: Collection[type[DeliveryError]] = (Unavailable, Uncertain, Rejected)

    def __init__(self) -> None:
        self.world = World()

    def build(self, inlet: Inlet, tools: Toolbox) -> Adapter:
        return Fantasy(self.network, FantasyConfig(), inlet, tools, world=self.world)

    async def say(self, who: str, text: str) -> None:
        self.world.say(self.channel.id, who, text)

    async def again(self) -> bool:
        return True

    def heard(self) -> Sequence[str]:
        return [line.text for line in self.world.lines if line.author == ACCOUNT and line.kind == "say"]

    def acked(self) -> int | None:
        return self.world.acknowledged.get((ACCOUNT, self.channel.id), 0)

    async def cut(self) -> None:
        self.world.cut()

    async def provoke(self, outcome: type[DeliveryError]) -> None:
        if outcome is Unavailable:
            self.world.busy.append(1.0)
        elif outcome is Uncertain:
            self.world.lose_answers = 1
        else:
            self.world.refuse.append("you are banned")

    def connections(self) -> int:
        return len(self.world.sessions)


class TestFantasy(AdapterContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[Rig]:
        yield FantasyRig()
