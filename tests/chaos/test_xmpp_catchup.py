"""`kill -9` of the bridge while it reads, out of an archive, what was said while it was away.

Not part of `make test`: asked for by `--kills` above its default, as `make chaos` does.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.chaos.blows import Blow, Kept, Note, kill_bridge, kill_homeserver
from tests.chaos.conftest import Force
from tests.chaos.tally import Tally, judge, seen
from tests.chaos.test_xmpp import both_hear, stage
from tests.chaos.test_xmpp_direct import LINES, PATIENCE, PUPPET_OF, ROMEO, chat
from tests.servers.bridge import BridgeProcess
from tests.servers.clients import Event, MatrixClient
from tests.servers.daemons import Inspircd
from tests.servers.square import ROOM
from tests.servers.xmpp_client import XmppClient

WORDS = 5
"""Lines with which somebody begins a chat."""

pytestmark = [pytest.mark.servers]


async def test_a_room_read_out_of_its_archive(
    tmp_path: Path, synapse_python: Path, inspircd: Inspircd, kills: int, force: Force, note: Note
) -> None:
    async with stage(tmp_path, synapse_python, inspircd) as place:
        in_room, kept = seen(place.alice, place.room), Kept(place.juliet, ROOM)
        for turn in range(kills):
            await both_hear(place)
            numbers = list(range(turn * LINES, (turn + 1) * LINES))
            await place.bridge.stop()
            await says_all(place.juliet, lambda number: place.juliet.say(ROOM, f"line {number}"), kept, numbers)
            await killed_in_between(place.bridge, place.alice, in_room, numbers, force.chance)
            await both_hear(place)
            verdict = judge(numbers, in_room)
            note("kill_bridge", verdict)
            assert verdict.clean and not verdict.repeats, f"turn {turn}, seed {force.seed}: {verdict}"


async def test_an_account_read_out_of_its_archive(
    tmp_path: Path, synapse_python: Path, force: Force, kills: int, note: Note
) -> None:
    async with chat(tmp_path, synapse_python, account=True) as place, XmppClient(place.xmpp, "romeo") as phone:
        in_room, kept = seen(place.alice, place.room), Kept(phone, ROMEO)
        for turn in range(kills):
            await place.both_hear()
            numbers = list(range(turn * LINES, (turn + 1) * LINES))
            await place.bridge.stop()
            await says_all(place.juliet, lambda number: place.say(f"line {number}"), kept, numbers)
            await killed_in_between(place.bridge, place.alice, in_room, numbers, force.chance)
            await place.both_hear()
            verdict = judge(numbers, in_room)
            note("kill_bridge", verdict)
            assert verdict.clean and not verdict.repeats, f"turn {turn}, seed {force.seed}: {verdict}"


@pytest.mark.parametrize("blow", [kill_bridge, kill_homeserver], ids=lambda blow: blow.__name__)
async def test_new_chats_get_one_room_each_with_all_their_words(
    tmp_path: Path, synapse_python: Path, force: Force, kills: int, note: Note, blow: Blow
) -> None:
    """Four people begin to write to an account, and it strikes while their rooms are being made."""
    names = [f"nurse{number}" for number in range(kills * 4)]
    async with chat(tmp_path, synapse_python, account=True, others=names) as place:
        for turn in range(kills):
            await place.both_hear()
            async with AsyncExitStack() as stack:
                mine = names[turn * 4 : turn * 4 + 4]
                nurses = [await stack.enter_async_context(XmppClient(place.xmpp, name)) for name in mine]
                for number in range(WORDS):
                    for nurse in nurses:
                        nurse.say(ROMEO, f"line {number}", kind="chat")
                shown, doors = force.chance.randrange(5), [PUPPET_OF.format(name) for name in mine]
                await place.alice.until(lambda: sum(who in doors for who in place.alice.invitations.values()) >= shown)  # noqa: B023
                await blow(place)
                for nurse, door in zip(nurses, doors, strict=True):
                    room = await place.alice.enter(door, PATIENCE)
                    nurse.say(ROMEO, "the end", kind="chat")
                    await place.alice.sees_text(room, "the end", PATIENCE)
                    verdict = judge(range(WORDS), seen(place.alice, room))
                    note(blow.__name__, verdict)
                    assert verdict.clean and not verdict.repeats, f"turn {turn}, seed {force.seed}: {verdict}"
                made = [who for who in place.alice.invitations.values() if who in doors]
                assert len(made) == len(doors), f"turn {turn}, seed {force.seed}: {made}"


async def says_all(juliet: XmppClient, say: Callable[[int], object], kept: Kept, numbers: list[int]) -> None:
    """Returns once the archive has all of it."""
    for number in numbers:
        say(number)
    async with asyncio.timeout(PATIENCE):
        while not (await kept.read()).has(set(numbers)):
            pass


async def killed_in_between(
    bridge: BridgeProcess, alice: MatrixClient, in_room: Tally[Event], numbers: list[int], chance: random.Random
) -> None:
    """It is started, killed once so many lines have come as chance says, and started again."""
    enough = in_room.count() + chance.randrange(len(numbers) - len(numbers) // 10)
    await bridge.start()
    await alice.until(lambda: in_room.count() >= enough)
    await bridge.kill()
    await bridge.start()
