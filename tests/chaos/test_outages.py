"""A server goes away while the other side talks on: everything arrives when it is back, in order."""

from pathlib import Path

import pytest

from tests.chaos.stage import CHANNEL, numbers, stage
from tests.servers.clients import IrcClient
from tests.servers.daemons import Inspircd
from tests.servers.wire import Wire

pytestmark = pytest.mark.servers
LINES = 200


async def test_matrix_talks_while_the_irc_server_is_away(tmp_path: Path, synapse_python: Path) -> None:
    ircd = Inspircd(tmp_path / "ircd")
    await ircd.start()
    try:
        # the bridge is let in only when somebody is there to hear it
        async with Wire(ircd.host, ircd.port) as wire, stage(tmp_path, synapse_python, ircd, bridged=wire) as scene:
            await wire.cut()
            await ircd.stop()
            for number in range(LINES):
                await scene.alice.say(scene.room, f"line {number}")
            await ircd.start()
            async with IrcClient(ircd.host, ircd.port, "carol") as carol:
                await carol.join(CHANNEL)
                await wire.mend()
                await carol.until(lambda: len(numbers(carol.heard(CHANNEL))) >= LINES, 120)
                assert numbers(carol.heard(CHANNEL)) == list(range(LINES))
    finally:
        await ircd.stop()


async def test_irc_talks_while_synapse_is_away(tmp_path: Path, synapse_python: Path, inspircd: Inspircd) -> None:
    async with stage(tmp_path, synapse_python, inspircd) as scene:
        await scene.synapse.stop()
        for number in range(LINES):
            scene.bob.say(CHANNEL, f"line {number}")
        await scene.bob.drain()
        await scene.synapse.start()

        def arrived() -> list[int]:
            return numbers([event["content"]["body"] for event in scene.alice.messages(scene.room)])

        await scene.alice.until(lambda: len(arrived()) >= LINES, 120)
        assert arrived() == list(range(LINES))
