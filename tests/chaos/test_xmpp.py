"""`kill -9` of the bridge and of Prosody while a room is streamed through, each way. What counts is the room's archive.

Not part of `make test`: asked for by `--kills` above its default, as `make chaos` does.
"""

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.chaos.conftest import Force
from tests.chaos.tally import Tally, Verdict, judge, seen
from tests.servers.daemons import Inspircd
from tests.servers.square import ROOM, Square, square
from tests.servers.xmpp import Prosody

pytestmark = pytest.mark.servers

LINES = 500
PATIENCE = 120.0
ASKED = 3
"""From so many kills on; fewer is what `make test` gives."""
Note = Callable[[str, Verdict], None]
Blow = Callable[[Square], Awaitable[None]]


async def kill_bridge(place: Square) -> None:
    await place.bridge.kill()
    await place.bridge.start()


async def kill_prosody(place: Square) -> None:
    assert isinstance(place.xmpp, Prosody)
    await place.xmpp.crash()
    await place.xmpp.start()


def blows(force: Force) -> list[Blow]:
    if force.kills < ASKED:
        pytest.skip("part of `make chaos`")
    chosen = [kill_bridge, kill_prosody] * force.kills
    force.chance.shuffle(chosen)
    return chosen


@asynccontextmanager
async def stage(folder: Path, python: Path, ircd: Inspircd) -> AsyncIterator[Square]:
    with tempfile.TemporaryDirectory(prefix="unabridged-") as own:
        server = Prosody(Path(own) / "xmpp")
        await server.start()
        try:
            async with square(folder, python, ircd, server) as place:
                yield place
        finally:
            await server.stop()


class Struck:
    """A blow at a moment that chance chooses, by what was sent."""

    def __init__(self, blow: Blow, chance: random.Random) -> None:
        self._at = chance.randrange(LINES // 10, LINES - LINES // 10)
        self._blow = blow
        self._reached = asyncio.Event()
        self.over = asyncio.Event()

    def sent(self, count: int) -> None:
        if count >= self._at:
            self._reached.set()

    async def strike(self, place: Square) -> None:
        await self._reached.wait()
        await self._blow(place)
        self.over.set()


async def test_from_matrix_to_xmpp(tmp_path: Path, synapse_python: Path, inspircd: Inspircd, force: Force, note: Note) -> None:
    chosen = blows(force)
    async with stage(tmp_path, synapse_python, inspircd) as place:
        in_room = seen(place.alice, place.room)
        for turn, blow in enumerate(chosen):
            numbers = list(range(turn * LINES, (turn + 1) * LINES))
            struck = Struck(blow, force.chance)

            async def speak(numbers: list[int] = numbers, struck: Struck = struck) -> None:
                waiting = iter(numbers)

                async def client() -> None:
                    for number in waiting:
                        await place.alice.say_at_last(place.room, f"line {number}")
                        struck.sent(number - numbers[0])

                await asyncio.gather(*(client() for _ in range(4)))

            await asyncio.gather(speak(), struck.strike(place))
            await place.alice.until(lambda numbers=numbers: in_room.has(set(numbers)))  # type: ignore[misc]
            await both_hear(place)
            sent = list(dict.fromkeys(in_room.among(set(numbers))))
            verdict = judge(sent, await archived(place))
            note(blow.__name__, verdict)
            assert verdict.clean, f"{blow.__name__} in turn {turn}, seed {force.seed}: {verdict}"


async def test_from_xmpp_to_matrix(tmp_path: Path, synapse_python: Path, inspircd: Inspircd, force: Force, note: Note) -> None:
    chosen = blows(force)
    async with stage(tmp_path, synapse_python, inspircd) as place:
        in_room = seen(place.alice, place.room)
        for turn, blow in enumerate(chosen):
            numbers = list(range(turn * LINES, (turn + 1) * LINES))
            struck = Struck(blow, force.chance)
            await asyncio.gather(juliet_streams(place, numbers, struck), struck.strike(place))
            await both_hear(place)
            kept = await archived(place)
            assert kept.has(set(numbers)), "what the room does not have was never said"
            verdict = judge(list(dict.fromkeys(kept.among(set(numbers)))), in_room)
            note(blow.__name__, verdict)
            assert verdict.clean, f"{blow.__name__} in turn {turn}, seed {force.seed}: {verdict}"
            assert not verdict.repeats, "a homeserver can be asked: nothing is ever sent there twice"


async def juliet_streams(place: Square, numbers: list[int], struck: Struck) -> None:
    """She sees each line in the room before the next; after her server was away she says again only what its archive lacks."""
    juliet = place.juliet
    for number in numbers:
        id = juliet.say(ROOM, f"line {number}")
        while not any(said.id == id for said in juliet.heard[-50:]):
            await juliet.until(lambda id=id: any(said.id == id for said in juliet.heard[-50:]) or not juliet.connected)  # type: ignore[misc]
            if juliet.connected:
                continue
            await struck.over.wait()
            await juliet.reconnect()
            if (await archived(place)).has({number}):
                break
            id = juliet.say(ROOM, f"line {number}")
        struck.sent(number - numbers[0])


async def archived(place: Square) -> Tally[str]:
    return Tally([said.body for said, _ in await place.juliet.archive(ROOM)], str)


async def both_hear(place: Square) -> None:
    """The link carries both ways again; what was said before has gone before."""
    if not place.juliet.connected:
        await place.juliet.reconnect()
    mark = place.mark()
    await place.alice.say(place.room, f"{mark} out")
    await place.juliet.hears(f"{mark} out", PATIENCE)
    place.juliet.say(ROOM, f"{mark} in")
    await place.alice.sees_text(place.room, f"{mark} in", PATIENCE)
