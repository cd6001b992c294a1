"""The bot answers whoever speaks to it, and nobody else."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.testing.doubles import until
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.town import ALICE, a_bridge, lobby, says

BOB = "@bob:localhost"


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        yield server


async def with_bot(hs: FakeHomeserver, *people: str) -> str:
    """A room with the bot and these people."""
    room = hs.make_room(ALICE, invite=[hs.bot])
    await until(lambda: (hs.state(room, "m.room.member", hs.bot) or {}).get("membership") == "join")
    for user in people:
        hs.join(user, room)
    return room


def answers(hs: FakeHomeserver, room: str) -> list[dict[str, Any]]:
    return [event for event in hs.messages(room) if event["sender"] == hs.bot]


async def test_alone_with_one_person_all_is_meant_for_the_bot(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs):
        room = await with_bot(hs)
        asked = hs.say(ALICE, room, "version")
        answer = await hs.wait_for(room, says("unabridged "))
        assert answer["content"]["m.relates_to"] == {"m.in_reply_to": {"event_id": asked}}
        assert answer["content"]["msgtype"] == "m.notice"
        hs.say(ALICE, room, "versoin")
        await hs.wait_for(room, says('There is no word "versoin"'))


async def test_among_several_it_answers_when_it_is_called_and_is_silent_otherwise(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs):
        room = await with_bot(hs, BOB)
        hs.say(ALICE, room, "version")
        hs.say(BOB, room, "help")
        called = hs.say(BOB, room, "unabridged: version")
        await until(lambda: answers(hs, room))
        assert [answer["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] for answer in answers(hs, room)] == [called]
        assert hs.calls["joined_members"] == 1


async def test_in_a_portal_words_are_answered_and_talk_is_carried(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        await bridge.linked()
        room = await bridge.room()
        hs.join(ALICE, room)
        hs.say(ALICE, room, "!version")
        hs.say(ALICE, room, "version of what?")
        await hs.wait_for(room, says("unabridged "))
        await bridge.heard("version of what?")
        assert len(answers(hs, room)) == 1
        assert not any("!version" in line.text for line in bridge.world.lines)


async def test_an_answer_goes_out_once_however_often_it_is_tried(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs) as bridge:
        room = await with_bot(hs)
        hs.faults.drop_after("send")
        hs.say(ALICE, room, "version")
        await until(lambda: answers(hs, room))
        await bridge.clock.advance(10)
        await bridge.counts(chores=0, quarantined_chores=0)
        assert len(answers(hs, room)) == 1
