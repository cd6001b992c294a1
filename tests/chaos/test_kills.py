"""Blows in the middle of a stream, each way: nothing that was taken is lost, order stays, what may be there twice says so.

The moment of each blow is chosen by chance, and not repeated.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.chaos.conftest import Force
from tests.chaos.stage import (
    CHANNEL,
    Moment,
    Stage,
    alice_streams,
    crash_database,
    freeze_irc_server,
    kill_both,
    kill_bridge,
    kill_homeserver,
    stage,
)
from tests.chaos.tally import Verdict, judge
from tests.servers.daemons import Inspircd, Postgres

pytestmark = pytest.mark.servers

GRACE, GRACE_UNHEARD = 0.050, 2.0
"""Seconds before the kill by which a line must have reached the bridge to be safe; and where the bridge says it has not."""
PATIENCE = 120.0

Blow = Callable[[Stage], Awaitable[None]]
Note = Callable[[str, Verdict], None]


@pytest.fixture(params=["sqlite", "postgres"])
async def postgres(request: pytest.FixtureRequest) -> AsyncIterator[Postgres | None]:
    """A server of its own, since it is struck as well; None: the ledger is a file."""
    if request.param == "sqlite":
        yield None
        return
    async with Postgres.running() as server:
        yield server


def blows(force: Force, *, postgres: bool) -> list[Blow]:
    """What strikes, in any order."""
    others = 2 if force.full else 1
    if postgres:
        chosen: list[Blow] = [*[kill_bridge] * (force.kills if force.full else 1), *[crash_database] * others]
    else:
        chosen = [*[kill_bridge] * force.kills, *[kill_homeserver, kill_both, freeze_irc_server] * others]
    force.chance.shuffle(chosen)
    return chosen


async def test_from_matrix(
    tmp_path: Path, synapse_python: Path, inspircd: Inspircd, postgres: Postgres | None, force: Force, note: Note
) -> None:
    async with stage(tmp_path, synapse_python, inspircd, postgres=postgres) as scene:
        for turn, blow in enumerate(blows(force, postgres=postgres is not None)):
            numbers = list(range(turn * force.lines, (turn + 1) * force.lines))
            moment = Moment(force.chance, force.lines, scene.bob, scene.in_channel.count)
            await asyncio.gather(alice_streams(scene, numbers, moment.sent), _struck(scene, moment, blow))
            sent = list(dict.fromkeys(scene.in_room.among(set(numbers))))
            await _all_came(scene.bob.until, lambda sent=sent: scene.in_channel.has(set(sent)))  # type: ignore[misc]
            await scene.both_hear()
            verdict = judge(sent, scene.in_channel)
            note(blow.__name__, verdict)
            assert verdict.clean, f"{blow.__name__} in turn {turn}, seed {force.seed}: {verdict}"


async def test_from_irc(
    tmp_path: Path, synapse_python: Path, inspircd: Inspircd, postgres: Postgres | None, force: Force, note: Note
) -> None:
    async with stage(tmp_path, synapse_python, inspircd, postgres=postgres) as scene:
        for turn, blow in enumerate(blows(force, postgres=postgres is not None)):
            numbers = range(turn * force.lines, (turn + 1) * force.lines)
            missable = await _bob_streams(scene, numbers, blow, force)
            safe = set(numbers) - missable
            await _all_came(scene.alice.until, lambda safe=safe: scene.in_room.has(safe))  # type: ignore[misc]
            await scene.both_hear()
            verdict = judge(numbers, scene.in_room, missable=missable)
            note(blow.__name__, verdict)
            assert verdict.clean, f"{blow.__name__} in turn {turn}, seed {force.seed}: {verdict}"
            assert not verdict.repeats, "a homeserver can be asked: nothing is ever sent there twice"


async def _struck(scene: Stage, moment: Moment, blow: Blow) -> None:
    await moment.comes()
    await blow(scene)


async def _all_came(until: Callable[[Callable[[], bool], float], Awaitable[None]], came: Callable[[], bool]) -> None:
    """Waits for what must come; what is missing then is told by the verdict."""
    with suppress(TimeoutError):
        await until(came, PATIENCE)


async def _bob_streams(scene: Stage, numbers: range, blow: Blow, force: Force) -> frozenset[int]:
    """Returns the lines that nobody can have heard: said just before the bridge was killed, or before it was back.

    IRC acknowledges nothing, and how far behind the bridge is hangs on the machine: it is asked just before it is killed.
    """
    moment = Moment(force.chance, len(numbers), scene.alice, scene.in_room.count)
    sent: dict[int, float] = {}
    before = await scene.bridge.accepted("local")

    async def stream() -> None:
        for number in numbers:
            scene.bob.say(CHANNEL, f"line {number}")
            sent[number] = time.monotonic()
            await scene.bob.round_trip()
            moment.sent(number)

    async def strike() -> tuple[int, float, float]:
        await moment.comes()
        heard = await scene.bridge.accepted("local") - before
        began = time.monotonic()
        await blow(scene)
        return numbers[0] + heard, began, time.monotonic()

    _, (unheard, began, over) = await asyncio.gather(stream(), strike())
    if blow not in (kill_bridge, kill_both):
        return frozenset()
    graces = {number: GRACE if number < unheard else GRACE_UNHEARD for number in sent}
    return frozenset(number for number, when in sent.items() if began - graces[number] <= when <= over)
