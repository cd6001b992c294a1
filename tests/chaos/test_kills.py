"""kill -9 during a stream, each way: nothing that was taken is lost, order stays, and what may be there twice says so."""

import asyncio
import random
import time
from pathlib import Path

import pytest

from tests.chaos.stage import CHANNEL, Stage, firsts, numbers, repeats, stage
from tests.servers.daemons import Inspircd

pytestmark = pytest.mark.servers
STREAM = 500
GRACE = 0.050
"""Seconds before the kill by which a line must have reached the bridge to be safe."""


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, postgres_url: str) -> str | None:
    return postgres_url if request.param == "postgres" else None


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--kills"))


async def test_no_line_from_matrix_is_lost_on_a_kill(
    tmp_path: Path, synapse_python: Path, inspircd: Inspircd, database: str | None, kills: int
) -> None:
    async with stage(tmp_path, synapse_python, inspircd, database) as scene:
        for run in range(kills):
            first = run * STREAM
            await asyncio.gather(_alice_streams(scene, first), _kill_within(scene, first, run))
            wanted = list(range(first, first + STREAM))
            await scene.bob.until(lambda wanted=wanted: set(wanted) <= set(numbers(scene.bob.heard(CHANNEL))), 120)
            heard = scene.bob.heard(CHANNEL)
            found = [number for number in numbers(heard) if number >= first]
            assert firsts(found) == wanted, "out of order"
            twice = {number for number in found if found.count(number) > 1}
            assert twice <= repeats(heard), "sent twice without a mark"


async def _alice_streams(scene: Stage, first: int) -> None:
    for number in range(first, first + STREAM):
        await scene.alice.say(scene.room, f"line {number}")


async def _kill_within(scene: Stage, first: int, seed: int) -> None:
    at = first + random.Random(seed).randrange(50, STREAM - 50)
    await scene.bob.until(lambda: any(number >= at for number in numbers(scene.bob.heard(CHANNEL))), 120)
    await scene.bridge.kill()
    await scene.bridge.start()


async def test_no_line_from_irc_is_lost_or_doubled_on_a_kill(
    tmp_path: Path, synapse_python: Path, inspircd: Inspircd, database: str | None, kills: int
) -> None:
    async with stage(tmp_path, synapse_python, inspircd, database) as scene:
        for run in range(kills):
            first = run * STREAM
            safe, missable = await _bob_streams_and_the_bridge_is_killed(scene, first, run)

            def arrived() -> list[int]:
                return numbers([event["content"]["body"] for event in scene.alice.messages(scene.room)])

            await scene.alice.until(lambda: safe <= set(arrived()), 120)  # noqa: B023 - run within this turn
            found = [number for number in arrived() if number >= first]
            assert len(found) == len(set(found)), "doubled"
            assert found == sorted(found), "out of order"
            assert set(range(first, first + STREAM)) - set(found) <= missable


async def _bob_streams_and_the_bridge_is_killed(scene: Stage, first: int, seed: int) -> tuple[set[int], set[int]]:
    """Returns the lines that must arrive, and those that may be missing: sent while no bridge was there to hear them."""
    at = first + random.Random(seed).randrange(50, STREAM - 50)
    sent: dict[int, float] = {}
    reached = asyncio.Event()

    async def stream() -> None:
        for number in range(first, first + STREAM):
            scene.bob.say(CHANNEL, f"line {number}")
            sent[number] = time.monotonic()
            await scene.bob.drain()
            if number == at:
                reached.set()
            await asyncio.sleep(0.002)

    async def kill() -> tuple[float, float]:
        await reached.wait()
        before = time.monotonic()
        await scene.bridge.kill()
        joins = sum(" JOIN " in line and "unabridged" in line for line in scene.bob.lines)
        await scene.bridge.start()
        await scene.bob.until(lambda: sum(" JOIN " in line and "unabridged" in line for line in scene.bob.lines) > joins)
        return before, time.monotonic()

    _, (killed, back) = await asyncio.gather(stream(), kill())
    missable = {number for number, when in sent.items() if killed - GRACE <= when <= back}
    return set(sent) - missable, missable
