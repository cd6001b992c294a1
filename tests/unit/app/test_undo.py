"""`undo`: the newest of one's messages of a room is taken back, wherever it went, and it is said where it stays."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.fantasy.world import Kind
from bridge.testing.doubles import until
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.test_timeline import TIMELINE, enter
from tests.unit.app.town import ADMIN, ALICE, Bridge, a_bridge, lobby, passing, says
from tests.unit.delivery.stage import background


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        for name in ("alice", "bob", "admin"):
            server.user(name)
        yield server


async def undo(hs: FakeHomeserver, room: str, expected: str, user: str = ALICE) -> None:
    before = sum(1 for event in hs.messages(room) if event["sender"] == hs.bot)
    hs.say(user, room, "!undo")
    await until(lambda: sum(1 for event in hs.messages(room) if event["sender"] == hs.bot) > before)
    answer = [event for event in hs.messages(room) if event["sender"] == hs.bot][before]
    assert expected in answer["content"]["body"]


def is_gone(hs: FakeHomeserver, room: str, event: str) -> bool:
    return not hs.world.room(room).by_id[event]["content"]


async def test_what_still_waits_never_leaves_and_is_gone_here(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon", portals=(TIMELINE,)) as bridge:
        room = await enter(bridge, hs)
        post = hs.say(ALICE, room, "oh no")
        await bridge.counts(pending=1)
        await undo(hs, room, "“oh no” never left for local/home@me.")
        assert is_gone(hs, room, post)
        async with background(lambda: passing(bridge.clock)):
            hs.say(ALICE, room, "better")
            await bridge.heard("better")
        assert [line.text for line in bridge.world.lines] == ["better"]


async def test_what_has_left_is_deleted_there_and_the_one_before_comes_next(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        room = await chatting(bridge, hs)
        for words in ("first", "second"):
            hs.say(ADMIN, room, words)
            await bridge.heard(words)
        await bridge.counts(done=2)
        await undo(hs, room, "“second” is being deleted in local/#lobby", ADMIN)
        await until(lambda: not any("second" in line for line in bridge.world.sees("#lobby")))
        await undo(hs, room, "“first” is being deleted in local/#lobby", ADMIN)
        await until(lambda: bridge.world.sees("#lobby") == [])
        await undo(hs, room, "Nothing that you said here", ADMIN)
        await hs.push.settled()
        assert len([frame for frame in bridge.world.frames if frame.kind is Kind.DELETE]) == 2, "each once"


async def test_nobody_takes_back_what_another_said(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        room = await chatting(bridge, hs)
        hs.join(ALICE, room)
        said = hs.say(ADMIN, room, "mine")
        await bridge.heard("mine")
        await undo(hs, room, "Nothing that you said here")
        assert not is_gone(hs, room, said)


async def test_what_somebody_on_the_network_said_is_not_undone(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        room = await chatting(bridge, hs)
        bridge.world.say("#lobby", "bob", "hello")
        await hs.wait_for(room, says("hello"))
        await undo(hs, room, "Nothing that you said here", ADMIN)


async def chatting(bridge: Bridge, hs: FakeHomeserver) -> str:
    await bridge.linked()
    room = await bridge.room()
    hs.join(ADMIN, room)
    return room
