"""Who is quick: what was shown in a room is answered before the homeserver has answered us, or before that is on disk."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from adapters.fantasy.world import Kind, Line
from bridge.model.ids import EventKey
from bridge.testing.doubles import until
from tests.doubles.clock import FakeClock
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.town import ADMIN, ALICE, LOCAL, Bridge, a_bridge, lobby, passing, says, settled
from tests.unit.delivery.stage import background


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        yield server


async def shown(bridge: Bridge, hs: FakeHomeserver, *texts: str) -> tuple[str, list[Line], list[str]]:
    """The room, what bob said and what it is called in the room; the homeserver has it, and has not said so."""
    await bridge.linked()
    room = await bridge.room()
    hs.join(ALICE, room)
    bridge.world.say("#lobby", "bob", "hello")
    await hs.wait_for(room, says("hello"))
    await settled(bridge)
    hs.faults.late("send")
    lines = [bridge.world.say("#lobby", "bob", text) for text in texts]
    return room, lines, [(await hs.wait_for(room, says(text)))["event_id"] for text in texts]


def annotates(event: str, key: str) -> dict[str, Any]:
    return {"m.relates_to": {"rel_type": "m.annotation", "event_id": event, "key": key}}


def answers(event: str, text: str) -> dict[str, Any]:
    return {"msgtype": "m.text", "body": text, "m.relates_to": {"m.in_reply_to": {"event_id": event}}}


def reacted(bridge: Bridge, line: Line) -> bool:
    return any(one.kind is Kind.REACT and one.target == line.id for one in bridge.world.lines)


@pytest.mark.parametrize("batch", [100, 1], ids=["in one transaction", "in one each"])
async def test_what_is_quick_finds_what_it_is_about(tmp_path: Path, hs: FakeHomeserver, batch: int) -> None:
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        hs.push.batch = batch
        room, [line], [event] = await shown(bridge, hs, "who is there?")
        hs.say(ALICE, room, annotates(event, "👋"), kind="m.reaction")
        hs.say(ALICE, room, answers(event, "it is me"))
        await hs.push.settled()
        hs.faults.release()
        await bridge.heard("it is me")
        await until(lambda: reacted(bridge, line))
        reply = next(one for one in bridge.world.lines if "it is me" in one.text)
        assert reply.target == line.id
        await settled(bridge)
    assert sum(says("who is there?")(one) for one in hs.messages(room)) == 1


async def test_a_bridge_that_never_got_its_answer_knows_what_people_speak_of(tmp_path: Path, hs: FakeHomeserver) -> None:
    """The homeserver pushed it, we took that, and then the power failed."""
    clock = FakeClock()
    async with background(partial(passing, clock)), a_bridge(tmp_path, hs, portals=(lobby(),), clock=clock) as bridge:
        room, [line], [event] = await shown(bridge, hs, "who is there?")
        await hs.push.settled()
    hs.say(ALICE, room, annotates(event, "👋"), kind="m.reaction")
    hs.faults.status(503, "messages", times=3)  # so that what is in doubt can't be looked for before
    async with (
        background(partial(passing, clock)),
        a_bridge(tmp_path, hs, portals=(lobby(),), world=bridge.world, clock=clock) as again,
    ):
        await until(lambda: reacted(again, line))


async def test_links_die_with_a_message_that_is_deleted_at_once(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        room, [line], [event] = await shown(bridge, hs, "what I should not have said")
        hs.join(ADMIN, room)
        hs.world.redact(ADMIN, hs.world.room(room), event, None)
        await hs.push.settled()
        assert await bridge.ledger.link_revoked(EventKey(LOCAL, line.id))
        hs.faults.release()
        await until(lambda: not any(line.text in text for text in bridge.world.sees("#lobby")))


async def test_the_first_of_two_reactions_does_not_stand_for_both(tmp_path: Path, hs: FakeHomeserver) -> None:
    clock = FakeClock()
    async with background(partial(passing, clock)), a_bridge(tmp_path, hs, portals=(lobby(),), clock=clock) as bridge:
        await bridge.linked()
        room = await bridge.room()
        hello = bridge.world.say("#lobby", "bob", "hello")
        await hs.wait_for(room, says("hello"))
        await settled(bridge)
        hs.faults.late("send")
        bridge.world.react(hello, "carol", "👍", "🎉")
        first = await hs.wait_for(room, lambda event: event["type"] == "m.reaction")
        hs.say(hs.bot, room, answers(first["event_id"], "pushed behind it"))
        await hs.push.settled()
        hs.faults.drop_before("send", times=2)  # the HTTP client tries once more by itself
        hs.faults.release()
        keys = {"👍", "🎉"} - {first["content"]["m.relates_to"]["key"]}
        await hs.wait_for(room, lambda event: event["type"] == "m.reaction" and event["content"]["m.relates_to"]["key"] in keys)
        await settled(bridge)
    assert sum(event["type"] == "m.reaction" for event in hs.events(room)) == 2
