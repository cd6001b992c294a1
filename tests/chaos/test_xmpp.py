"""`kill -9` of the bridge, Prosody and Synapse while a room is streamed through, each way. What counts is the room's archive.

The room is linked through the component, or alice is in it with an account of hers.

Not part of `make test`: asked for by `--kills` above its default, as `make chaos` does.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bridge.ops.remote import ask
from tests.chaos.blows import BLOWS, Blow, Kept, Note, Struck, rest, speaks, times
from tests.chaos.conftest import Force
from tests.chaos.tally import judge, seen
from tests.chaos.test_xmpp_direct import Chat, chat
from tests.servers.daemons import Inspircd
from tests.servers.square import ROOM, Square, square
from tests.servers.xmpp import Prosody

pytestmark = [pytest.mark.servers, BLOWS]

LINES = 500
PATIENCE = 120.0


@asynccontextmanager
async def joined(folder: Path, python: Path, ircd: Inspircd) -> AsyncIterator[Chat]:
    """alice is in it with romeo's account."""
    async with chat(folder, python, account=True) as place:
        await place.juliet.join(ROOM)
        await place.juliet.configure(ROOM, persistentroom="1")
        await asyncio.to_thread(ask, place.bridge.folder / "unabridged.sock", "join", {"room": ROOM}, place.alice.user)
        place.room = await place.alice.enter(f"@_jabber_{ROOM.replace('@', '=40')}:localhost")
        yield place


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


WHOSE = {"linked": stage, "own": joined}


@pytest.mark.parametrize("whose", WHOSE)
async def test_from_matrix_to_xmpp(
    tmp_path: Path, synapse_python: Path, inspircd: Inspircd, kills: int, force: Force, note: Note, blow: Blow, whose: str
) -> None:
    async with WHOSE[whose](tmp_path, synapse_python, inspircd) as place:
        in_room, kept = seen(place.alice, place.room), Kept(place.juliet, ROOM)
        for turn in range(times(blow, kills)):
            await rest(place, turn)
            await both_hear(place)
            numbers = list(range(turn * LINES, (turn + 1) * LINES))
            struck = Struck(blow, force.chance, LINES)
            await asyncio.gather(speaks(place.alice, place.room, numbers, struck), struck.strike(place))
            await place.alice.until(lambda numbers=numbers: in_room.has(set(numbers)))  # type: ignore[misc]
            await both_hear(place)
            sent = list(dict.fromkeys(in_room.among(set(numbers))))
            verdict = judge(sent, await kept.read())
            note(blow.__name__, verdict)
            assert verdict.clean, f"turn {turn}, seed {force.seed}: {verdict}"


@pytest.mark.parametrize("whose", WHOSE)
async def test_from_xmpp_to_matrix(
    tmp_path: Path, synapse_python: Path, inspircd: Inspircd, kills: int, force: Force, note: Note, blow: Blow, whose: str
) -> None:
    async with WHOSE[whose](tmp_path, synapse_python, inspircd) as place:
        in_room, kept = seen(place.alice, place.room), Kept(place.juliet, ROOM)
        for turn in range(times(blow, kills)):
            await rest(place, turn)
            await both_hear(place)
            numbers = list(range(turn * LINES, (turn + 1) * LINES))
            struck = Struck(blow, force.chance, LINES)
            await asyncio.gather(juliet_streams(place, kept, numbers, struck), struck.strike(place))
            await both_hear(place)
            said = await kept.read()
            assert said.has(set(numbers)), "what the room does not have was never said"
            verdict = judge(list(dict.fromkeys(said.among(set(numbers)))), in_room)
            note(blow.__name__, verdict)
            assert verdict.clean, f"turn {turn}, seed {force.seed}: {verdict}"
            assert not verdict.repeats, "a homeserver can be asked: nothing is ever sent there twice"


async def juliet_streams(place: Square | Chat, kept: Kept, numbers: list[int], struck: Struck) -> None:
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
            if (await kept.read()).has({number}):
                break
            id = juliet.say(ROOM, f"line {number}")
        struck.sent(number - numbers[0])


async def both_hear(place: Square | Chat) -> None:
    """The link carries both ways again; what was said before has gone before."""
    if not place.juliet.connected:
        await place.juliet.reconnect()
    mark = place.mark()
    await place.alice.say(place.room, f"{mark} out")
    await place.juliet.hears(f"{mark} out", PATIENCE)
    place.juliet.say(ROOM, f"{mark} in")
    await place.alice.sees_text(place.room, f"{mark} in", PATIENCE)
