"""What people see. One scene for each thing that bridges get wrong."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.testing import until
from tests.plays.scene import Scene, spoken


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    yield Scene(tmp_path)


async def test_three_places_hear_one_another(scene: Scene) -> None:
    async with scene.up():
        await scene.alice.says("hello")
        await scene.dream.hears("Alice: hello")
        await scene.sleep.hears("Alice: hello")
        scene.dream.says("bob", "hi alice")
        await scene.room.shows("bob: hi alice")
        await until(lambda: len(scene.sleep.world.sees("#lobby")) == 2)
        assert scene.sleep.world.sees("#lobby")[1].endswith(": hi alice")
        assert len(scene.dream.world.sees("#lobby")) == 2


async def test_a_dead_homeserver_does_not_stop_two_networks_from_talking(scene: Scene) -> None:
    async with scene.up():
        scene.room.down = True
        for n in range(30):
            scene.dream.says("bob", f"line {n}")
        await until(lambda: len(spoken(scene.sleep.world)) == 30)
        assert scene.room.shown == {}
        scene.room.down = False
        await scene.clock.advance(400)
        await until(lambda: "line 29" in "".join(scene.room.shown.values()))
    lines = "\n".join(scene.room.shown.values()).replace("bob: ", "").split("\n")
    assert lines == [f"line {n}" for n in range(30)]
    assert scene.room.sends < 5


async def test_a_network_away_for_a_while_misses_nothing(scene: Scene) -> None:
    async with scene.up():
        scene.dream.world.down = True
        scene.dream.world.cut()
        for n in range(20):
            await scene.alice.says(f"line {n}")
        await scene.sleep.hears(*(f"Alice: line {n}" for n in range(20)))
        scene.dream.world.down = False
        await scene.clock.advance(600)
        await scene.dream.hears(*(f"Alice: line {n}" for n in range(20)))


async def test_killed_in_mid_conversation_nothing_is_lost_or_doubled(scene: Scene) -> None:
    async with scene.up(planned=False):
        for n in range(50):
            await scene.alice.says(f"line {n}")
    async with scene.up():
        await scene.dream.hears(*(f"Alice: line {n}" for n in range(50)))
        await scene.sleep.hears(*(f"Alice: line {n}" for n in range(50)))


async def test_lines_said_while_the_bridge_was_dead_arrive(scene: Scene) -> None:
    async with scene.up():
        scene.dream.says("bob", "before")
        await scene.room.shows("bob: before")
    scene.dream.says("bob", "meanwhile")
    async with scene.up():
        await scene.room.shows("bob: before", "bob: meanwhile")


async def test_a_lost_answer_doubles_nothing(scene: Scene) -> None:
    async with scene.up():
        scene.dream.world.lose_answers = 1
        await scene.alice.says("once")
        await scene.alice.says("and on")
        await until(lambda: not scene.dream.world.lose_answers)
        await scene.clock.advance(60)
        await scene.dream.hears("Alice: once", "Alice: and on")
        scene.room.lose_answers = 1
        scene.dream.says("bob", "me too")
        await scene.room.shows("bob: me too")
    assert len([line for line in scene.room.shown.values() if "me too" in line]) == 1


async def test_who_is_refused_is_told_in_the_room(scene: Scene) -> None:
    async with scene.up():
        scene.dream.world.refuse.append("you are banned")
        await scene.alice.says("anybody?")
        await until(lambda: scene.room.shown)
        (notice,) = scene.room.shown.values()
        assert "Alice" in notice
        assert "you are banned" in notice
        await scene.sleep.hears("Alice: anybody?")


async def test_an_edit_finds_every_copy_and_a_redaction_too(scene: Scene) -> None:
    async with scene.up():
        said = await scene.alice.says("helo")
        await scene.alice.edits(said, "hello")
        await scene.dream.hears("Alice: hello")
        await scene.sleep.hears("Alice: hello")
        await scene.alice.takes_back(said)
        await scene.dream.hears()
        await scene.sleep.hears()


async def test_editing_one_of_many_joined_lines_changes_that_line(scene: Scene) -> None:
    async with scene.up():
        scene.room.down = True
        lines = [scene.dream.says("bob", f"line {n}") for n in range(4)]
        await until(lambda: len(spoken(scene.sleep.world)) == 4)
        scene.room.down = False
        await scene.clock.advance(400)
        await until(lambda: "line 3" in "".join(scene.room.shown.values()))
        scene.dream.world.edit(lines[2], "line two")
        await until(lambda: "line two" in "".join(scene.room.shown.values()))
        assert "\n".join(scene.room.shown.values()).replace("bob: ", "").split("\n") == ["line 0", "line 1", "line two", "line 3"]


async def test_the_bridge_does_not_hear_itself(scene: Scene) -> None:
    async with scene.up():
        await scene.alice.says("echo?")
        await scene.dream.hears("Alice: echo?")
        scene.dream.says("bob", "no")
        await scene.room.shows("bob: no")
        assert scene.dream.world.sees("#lobby") == ["Alice: echo?", "bob: no"]
