"""A room on another server: that one falls, freezes or is cut off in the middle of a talk, and nothing is lost or doubled."""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from bridge.contract.delivery import Delivery, Receipt
from bridge.model.ids import ChannelId
from bridge.testing import until
from tests.servers.in_rooms import Bridge, bridged
from tests.servers.neighbours import Far, Pair, pair
from tests.servers.xmpp_client import XmppClient
from tests.unit.xmpp.rooms.scene import ALICE, CAROL, NET, delivery

pytestmark = [pytest.mark.servers, pytest.mark.asyncio(loop_scope="module")]

LINES = 300
ROOM = ChannelId(NET, f"tea@{Far.muc}")
PATIENCE = 150.0


@pytest_asyncio.fixture(loop_scope="module")
async def two() -> AsyncIterator[Pair]:
    with tempfile.TemporaryDirectory(prefix="unabridged-") as folder:
        async with pair(Path(folder)) as servers:
            yield servers


async def falls(servers: Pair) -> None:
    await servers.far.crash()
    await servers.far.start()


async def freezes(servers: Pair) -> None:
    pid = servers.far.child.pid or 0
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(8)  # how long it lasts is what is played
    finally:
        os.kill(pid, signal.SIGCONT)


async def is_cut_off(servers: Pair) -> None:
    await servers.way.cut()
    await asyncio.sleep(8)  # as above
    await servers.way.mend()


@pytest.mark.parametrize("blow", [falls, freezes, is_cut_off], ids=lambda blow: blow.__name__)
async def test_a_far_server_in_trouble_costs_no_word(two: Pair, blow: Callable[[Pair], Awaitable[None]]) -> None:
    async with XmppClient(two.far, "juliet") as juliet:
        await juliet.join(ROOM.id)
        await juliet.configure(ROOM.id, persistentroom="1", enablearchiving="1")
        async with bridged(two.near, ROOM) as bridge:
            lane = [delivery(f"out {number}", ALICE if number % 2 else CAROL, channel=ROOM) for number in range(LINES)]
            flying = asyncio.ensure_future(carries(bridge, lane))
            heard = asyncio.ensure_future(says(juliet))
            await until(lambda: len(bridge.said()) > LINES // 4)
            await blow(two)
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(flying, heard)
            kept = [said.body for said, _ in await juliet.archive(ROOM.id)]
            out = [body for body in kept if body.startswith("out ")]
            assert sorted(set(out)) == sorted(f"out {number}" for number in range(LINES)), "lost"
            assert len(out) == LINES, "doubled"
            assert out == [f"out {number}" for number in range(LINES)], "out of order"
            said = [body for body in kept if body.startswith("in ")]
            async with asyncio.timeout(PATIENCE):
                await until(lambda: len(bridge.said()) >= len(said))
            assert bridge.said() == said


async def carries(bridge: Bridge, lane: list[Delivery]) -> list[Receipt]:
    return [await bridge.carry(sent) for sent in lane]


async def says(juliet: XmppClient) -> None:
    """Each line is in the room before the next; where her server was away, she says again what its archive lacks."""
    for number in range(LINES):
        line = f"in {number}"
        while line not in [said.body for said in juliet.heard[-50:]]:
            if juliet.connected:
                juliet.say(ROOM.id, line)
                await juliet.until(lambda line=line: line in [one.body for one in juliet.heard[-50:]] or not juliet.connected, 60)  # type: ignore[misc]
            elif not await comes_back(juliet):
                await asyncio.sleep(0.1)  # until the far server takes connections again
            elif line in [said.body for said, _ in await juliet.archive(ROOM.id)]:
                break


async def comes_back(juliet: XmppClient) -> bool:
    try:
        await juliet.reconnect()
    except TimeoutError:
        return False
    return True
