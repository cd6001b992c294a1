"""Whole bridges: from a fresh folder to words carried, over stops and starts, and two of them beside each other."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from bridge.ledger.rows import State
from tests.doubles.clock import FakeClock
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.town import ALICE, a_bridge, lobby, passing, says, settled, stopped
from tests.unit.delivery.stage import background


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        yield server


async def test_from_an_empty_folder_to_words_carried_both_ways(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        await bridge.linked()
        room = await bridge.room()
        bridge.world.say("#lobby", "bob", "hello from the world")
        event = await hs.wait_for(room, says("hello from the world"))
        assert event["sender"] == "@_local_bob:localhost"
        hs.join(ALICE, room)
        hs.say(ALICE, room, "hello from Matrix")
        await bridge.heard("hello from Matrix")
        assert bridge.world.sees("#lobby")[-1] == "alice: hello from Matrix"


async def test_what_was_said_while_it_was_stopped_arrives_when_it_runs_again(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        await bridge.linked()
        room, world = await bridge.room(), bridge.world
        hs.join(ALICE, room)
    hs.say(ALICE, room, "into the void")
    world.say("#lobby", "bob", "anybody there?")
    async with a_bridge(tmp_path, hs, portals=(lobby(),), world=world) as again:
        await hs.wait_for(room, says("anybody there?"))
        await again.heard("into the void")
        await settled(again)
    assert sum(says("anybody there?")(event) for event in hs.messages(room)) == 1
    assert [line.text for line in world.lines].count("into the void") == 1


async def test_what_was_said_and_taken_back_while_it_was_stopped_is_shown_to_nobody(tmp_path: Path, hs: FakeHomeserver) -> None:
    """The room is looked through first, and there the words are gone already; then they are pushed."""
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        await bridge.linked()
        room, world = await bridge.room(), bridge.world
        hs.join(ALICE, room)
        await settled(bridge)
    hs.redact(ALICE, room, hs.say(ALICE, room, "said too soon"))
    hs.say(ALICE, room, "said later")
    async with a_bridge(tmp_path, hs, portals=(lobby(),), world=world) as again:
        await again.heard("said later")
        await hs.push.settled()
        await settled(again)
    assert world.sees("#lobby")[-1] == "alice: said later"
    assert "said too soon" not in str(world.lines)


async def test_stopped_in_a_stream_it_loses_nothing_and_doubts_nothing(tmp_path: Path, hs: FakeHomeserver) -> None:
    said = [f"line {number}." for number in range(120)]
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        await bridge.linked()
        room, world = await bridge.room(), bridge.world
        hs.join(ALICE, room)
        hs.push.batch = 10
        for text in said:
            hs.say(ALICE, room, text)
        await bridge.heard(said[30])
    async with stopped(tmp_path, hs, portals=(lobby(),)) as between:
        counts = await between.ledger.counts()
        assert (counts[State.LEASED], counts[State.UNCERTAIN]) == (0, 0)
    async with a_bridge(tmp_path, hs, portals=(lobby(),), world=world) as again:
        await again.heard(said[-1])
        await settled(again)
    assert [line.text for line in world.lines if line.text.startswith("line")] == said


async def test_stopped_before_the_network_answered_only_what_was_written_stays_in_doubt(
    tmp_path: Path, hs: FakeHomeserver
) -> None:
    clock = FakeClock()
    said = [f"line {number}." for number in range(40)]
    async with background(partial(passing, clock)), a_bridge(tmp_path, hs, portals=(lobby(),), clock=clock) as bridge:
        await bridge.linked()
        room, world = await bridge.room(), bridge.world
        hs.join(ALICE, room)
        world.slow = True
        for text in said:
            hs.say(ALICE, room, text)
        await hs.push.settled()
        await bridge.heard(said[0])
    async with stopped(tmp_path, hs, portals=(lobby(),)) as between:
        counts = await between.ledger.counts()
        assert counts[State.LEASED] + counts[State.UNCERTAIN] == len(world.frames) < len(said)
    world.slow = False
    async with background(partial(passing, clock)), a_bridge(tmp_path, hs, portals=(lobby(),), world=world, clock=clock) as again:
        await again.heard(said[-1])
        await settled(again)
    assert [line.text for line in world.lines if line.text.startswith("line")] == said
