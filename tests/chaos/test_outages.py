"""A server goes away while the other side talks on: everything arrives when it is back, in order."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.conftest import Force
from tests.chaos.stage import CHANNEL, alice_streams, stage
from tests.chaos.tally import Verdict, heard, judge
from tests.servers.clients import IrcClient
from tests.servers.daemons import Inspircd
from tests.servers.wire import Wire

pytestmark = pytest.mark.servers
LINES = 200
Note = Callable[[str, Verdict], None]


def away(force: Force) -> float:
    """Seconds; how long it lasts is what is played."""
    return 20.0 if force.full else 3.0


async def test_the_irc_server_is_away_while_matrix_talks(tmp_path: Path, synapse_python: Path, force: Force, note: Note) -> None:
    ircd = Inspircd(tmp_path / "ircd")
    await ircd.start()
    try:
        # the bridge is let in only when somebody is there to hear it
        async with Wire(ircd.host, ircd.port) as wire, stage(tmp_path, synapse_python, ircd, bridged=wire) as scene:
            await wire.cut()
            await ircd.stop()
            numbers = list(range(LINES))
            await asyncio.gather(alice_streams(scene, numbers), asyncio.sleep(away(force)))
            await ircd.start()
            async with IrcClient(ircd.host, ircd.port, "carol") as carol:
                await carol.join(CHANNEL)
                await wire.mend()
                tally = heard(carol, CHANNEL)
                await carol.until(lambda: tally.has(set(numbers)), 120)
                verdict = judge(scene.in_room.among(set(numbers)), tally)
                note("away", verdict)
                assert verdict.clean, verdict
                assert not verdict.repeats, "what was never written needs no mark"
    finally:
        await ircd.stop()


async def test_synapse_is_away_while_irc_talks(
    tmp_path: Path, synapse_python: Path, inspircd: Inspircd, force: Force, note: Note
) -> None:
    async with stage(tmp_path, synapse_python, inspircd) as scene:
        await scene.synapse.stop()
        numbers = list(range(LINES))
        for number in numbers:
            scene.bob.say(CHANNEL, f"line {number}")
            await asyncio.sleep(away(force) / LINES)
        await scene.synapse.start()
        await scene.alice.until(lambda: scene.in_room.has(set(numbers)), 120)
        await scene.both_hear()
        verdict = judge(numbers, scene.in_room)
        note("away", verdict)
        assert verdict.clean, verdict
        assert not verdict.repeats
