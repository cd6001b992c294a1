"""What the plays on XMPP share: what strikes, and when; who streams, and what an archive has of it."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import pytest

from bridge.demo.synapse import Synapse
from tests.chaos.stage import kill_synapse
from tests.chaos.tally import Tally, Verdict
from tests.servers.bridge import BridgeProcess
from tests.servers.clients import MatrixClient
from tests.servers.xmpp import Prosody, XmppServer
from tests.servers.xmpp_client import XmppClient

Note = Callable[[str, Verdict], None]


class Stage(Protocol):
    """What can be struck."""

    @property
    def bridge(self) -> BridgeProcess: ...
    @property
    def xmpp(self) -> XmppServer: ...
    @property
    def synapse(self) -> Synapse: ...


Blow = Callable[[Stage], Awaitable[None]]


async def kill_bridge(stage: Stage) -> None:
    await stage.bridge.kill()
    await stage.bridge.start()


async def kill_prosody(stage: Stage) -> None:
    assert isinstance(stage.xmpp, Prosody)
    await stage.xmpp.crash()
    await stage.xmpp.start()


async def kill_bridge_twice(stage: Stage) -> None:
    """The second time while it reads what it missed."""
    await kill_bridge(stage)
    await kill_bridge(stage)


async def kill_both(stage: Stage) -> None:
    """The bridge and Prosody at once."""
    assert isinstance(stage.xmpp, Prosody)
    await asyncio.gather(stage.bridge.kill(), stage.xmpp.crash())
    await asyncio.gather(stage.bridge.start(), stage.xmpp.start())


async def kill_homeserver(stage: Stage) -> None:
    await kill_synapse(stage.synapse)
    await stage.synapse.start()


BLOWS = pytest.mark.parametrize(
    "blow", [kill_bridge, kill_prosody, kill_bridge_twice, kill_both, kill_homeserver], ids=lambda blow: blow.__name__
)
_OFTEN = (kill_bridge, kill_prosody)


def times(blow: Blow, kills: int) -> int:
    """How often it strikes in one series, where `--kills` asks for so many."""
    return kills if blow in _OFTEN else max(1, kills // 5)


async def rest(stage: Stage, turn: int) -> None:
    """Between two turns. A server that falls often is tried ever more seldom, but a bridge that starts forgets that."""
    if turn:
        await stage.bridge.stop()
        await stage.bridge.start()


class Struck:
    """One blow, at a moment that chance chooses, by how many of the `lines` were sent."""

    def __init__(self, blow: Blow, chance: random.Random, lines: int) -> None:
        self._at = chance.randrange(lines // 10, lines - lines // 10)
        self._blow = blow
        self._reached = asyncio.Event()
        self.over = asyncio.Event()

    def sent(self, count: int) -> None:
        if count >= self._at:
            self._reached.set()

    async def strike(self, stage: Stage) -> None:
        await self._reached.wait()
        await self._blow(stage)
        self.over.set()


class Kept:
    """What an archive has of the stream. Prosody's takes long to look through, so nothing is asked for twice."""

    def __init__(self, reader: XmppClient, whose: str) -> None:
        self._reader, self._whose = reader, whose
        self._bodies: list[str] = []
        self._tally = Tally(self._bodies, str)
        self._after = ""

    async def read(self) -> Tally[str]:
        """All of it until now."""
        if not self._reader.connected:
            await self._reader.reconnect()
        new = await self._reader.archive(self._whose, self._after)
        self._bodies += [said.body for said, _ in new]
        self._after = new[-1][1] if new else self._after
        return self._tally


async def speaks(alice: MatrixClient, room: str, numbers: Sequence[int], struck: Struck) -> None:
    """Four clients of hers write at once; the order that counts is the room's."""
    waiting = iter(numbers)

    async def client() -> None:
        for number in waiting:
            await alice.say_at_last(room, f"line {number}")
            struck.sent(number - numbers[0])

    await asyncio.gather(*(client() for _ in range(4)))
