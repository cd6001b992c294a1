"""Two bridges in one room: what both carry must not go round for ever, and what only one carries must not be lost."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.fantasy.world import World
from bridge.model.ids import NetworkName
from bridge.testing.doubles import until
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.town import ALICE, Bridge, a_bridge, another_bridge, lobby, says, settled

FAR = NetworkName("far")


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver(namespace="_local_.*") as server:
        yield server


def said(hs: FakeHomeserver, room: str, text: str) -> int:
    return sum(says(text)(event) for event in hs.messages(room))


def open_room(hs: FakeHomeserver) -> str:
    """Where every bridge may say that it is there."""
    return hs.make_room(ALICE, alias="#lobby:localhost", power_level_content_override={"state_default": 0})


async def know_each_other(hs: FakeHomeserver, room: str, *bridges: Bridge) -> None:
    """Each has said in the room's state what it carries, and has heard the other's word."""
    await until(lambda: sum(event["type"] == "m.bridge" for event in hs.events(room)) == len(bridges))
    for bridge in bridges:
        await bridge.warned(room)


async def test_in_one_room_and_one_channel_they_do_not_repeat_each_other(tmp_path: Path, hs: FakeHomeserver) -> None:
    room, world = open_room(hs), World()
    async with (
        a_bridge(tmp_path / "near", hs, portals=(lobby(),), world=world) as near,
        another_bridge(tmp_path / "far", hs, FAR, world, (lobby(network=FAR),)) as far,
    ):
        await near.linked()
        await far.linked()
        await know_each_other(hs, room, near, far)
        world.say("#lobby", "bob", "from the channel")
        hs.say(ALICE, room, "from the room")
        world.say("#lobby", "bob", "the end")
        await until(lambda: said(hs, room, "the end") >= 2)
        await settled(near, far)
    assert said(hs, room, "from the channel") == 2, "each bridge's own puppet says it once"
    assert sum("from the channel" in line.text for line in world.lines) == 1
    assert sum("from the room" in line.text for line in world.lines) == 2, "each bridge carries it once"
    assert said(hs, room, "from the room") == 3, "the person, and each bridge's puppet of the other's account"


async def test_of_another_channel_each_carries_what_the_other_brings(tmp_path: Path, hs: FakeHomeserver) -> None:
    room, world = open_room(hs), World()
    async with (
        a_bridge(tmp_path / "near", hs, portals=(lobby("#here"),), world=world) as near,
        another_bridge(tmp_path / "far", hs, FAR, world, (lobby("#there", network=FAR),)) as far,
    ):
        await near.linked()
        await far.linked()
        await know_each_other(hs, room, near, far)
        world.say("#here", "bob", "hello there")
        await until(lambda: any("hello there" in line for line in world.sees("#there")))
        await settled(near, far)
    assert said(hs, room, "hello there") == 1
    others = [line for line in world.sees("#here") if "Another bridge is in this room" not in line]
    assert others == ["bob: hello there"], "who of them was there first is warned of the other, and carries the other's warning"


async def test_a_bridge_that_was_in_the_room_first_is_known_all_the_same(tmp_path: Path, hs: FakeHomeserver) -> None:
    room = open_room(hs)
    content = {"bridgebot": "@theirs:localhost", "protocol": {"id": "fantasy"}, "channel": {"id": "#lobby"}}
    hs.set_state(ALICE, room, "m.bridge", content, key="theirs://lobby")
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        await bridge.linked()
        await until(lambda: any(event["type"] == "m.bridge" and event["sender"] == hs.bot for event in hs.events(room)))
        hs.join("@_theirs_bob:localhost", room)
        hs.say("@_theirs_bob:localhost", room, "an echo")
        hs.say(ALICE, room, "no echo")
        await bridge.heard("no echo")
    assert bridge.world.sees("#lobby") == ["alice: no echo"]
