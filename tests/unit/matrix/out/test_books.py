"""The small memories: reactions as sets, names of people, power levels, and what keeps them all bounded."""

import asyncio
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config.settings import VoiceSettings
from bridge.matrix.api import Api
from bridge.matrix.doubles import Doubles
from bridge.matrix.people import People
from bridge.matrix.ports import Lru, Memory, Turns
from bridge.matrix.power import missing_rights, read_power
from bridge.matrix.puppets import Puppets
from bridge.matrix.reactions import ReactionBook
from bridge.matrix.state import read_state
from bridge.model.ids import HUB, IdentityId
from tests.unit.matrix.out.notebook import Notebook
from tests.unit.matrix.out.rig import CAROL, LOG, Rig, Shelf, carol
from tests.unit.matrix.out.test_convert_hostile import json, objects

BOT = "@bot:localhost"

ANY = json | objects
REACTION_TYPES = st.sampled_from(["m.reaction", "m.room.redaction"])
STATE_TYPES = st.sampled_from(["m.room.create", "m.room.power_levels", "m.bridge", "m.room.name"])
ODD_REACTIONS = st.fixed_dictionaries(
    {}, optional={"type": REACTION_TYPES, "event_id": json, "sender": json, "content": ANY, "redacts": json}
)
ODD_STATE = st.fixed_dictionaries({}, optional={"type": STATE_TYPES, "state_key": json, "sender": json, "content": ANY})


def reaction(native: str, key: str, sender: str = "@a:b", at: int = 1) -> dict[str, Any]:
    relation = {"rel_type": "m.annotation", "event_id": "$root", "key": key}
    content = {"m.relates_to": relation}
    return {"type": "m.reaction", "event_id": native, "sender": sender, "origin_server_ts": at, "content": content}


def redaction(native: str) -> dict[str, Any]:
    return {"type": "m.room.redaction", "event_id": "$redaction", "sender": "@a:b", "content": {"redacts": native}}


async def test_a_set_grows_and_shrinks_event_by_event_and_repeats_change_nothing() -> None:
    book = ReactionBook(Notebook())
    for _ in range(2):
        first = await book.note(reaction("$1", "👍", at=1))
        assert first is not None and first.others == ()
    second = await book.note(reaction("$2", "🎉", at=2))
    assert second is not None and second.others == ("👍",)
    assert (await book.note(reaction("$3", "👀", sender="@c:d"))) is not None
    for _ in range(2):
        taken = await book.note(redaction("$1"))
        assert taken is not None and (taken.sender, taken.target, taken.others) == ("@a:b", "$root", ("🎉",))


async def test_a_redaction_of_something_else_is_no_reaction() -> None:
    book = ReactionBook(Notebook())
    assert await book.note(redaction("$message")) is None


@given(ODD_REACTIONS)
async def test_odd_reactions_are_noted_without_a_word(raw: dict[str, Any]) -> None:
    await ReactionBook(Notebook()).note(raw)


async def test_people_are_called_as_their_room_calls_them_and_it_is_asked_once(rig: Rig) -> None:
    room = await rig.room()
    rig.hs.say("@alice:localhost", room, "hello")
    before = rig.hs.calls.total()
    for _ in range(3):
        await rig.people.know(rig.last(room))
    assert rig.people.identity_of("@alice:localhost").name == "alice"
    assert rig.hs.calls.total() == before + 1
    async with rig.restarted() as again:
        await again.people.know(rig.last(room))
        assert again.people.identity_of("@alice:localhost").name == "alice"
    assert rig.hs.calls.total() == before + 1


async def test_a_new_name_counts_from_the_event_that_brings_it(rig: Rig) -> None:
    room = await rig.room()
    rig.hs.set_state("@alice:localhost", room, "m.room.topic", {})
    rig.hs.world.set_profile("@alice:localhost", "displayname", "Queen")
    await rig.people.know(rig.last(room))
    assert rig.people.identity_of("@alice:localhost").name == "Queen"


async def test_a_puppet_mentioned_is_the_person_it_stands_for(rig: Rig) -> None:
    room = await rig.room()
    rig.memory.identities[carol().id] = carol()
    rig.hs.say("@alice:localhost", room, {"msgtype": "m.text", "body": "x", "m.mentions": {"user_ids": [CAROL]}})
    await rig.people.know(rig.last(room))
    assert rig.people.identity_of(CAROL) == carol()


async def test_a_name_that_cannot_be_learnt_now_is_learnt_later(rig: Rig) -> None:
    room = await rig.room()
    rig.hs.say("@alice:localhost", room, "hello")
    rig.hs.faults.status(500, "state")
    await rig.people.know(rig.last(room))
    assert rig.people.identity_of("@alice:localhost").id == IdentityId(HUB, "@alice:localhost")
    await rig.people.know(rig.last(room))
    assert rig.people.identity_of("@alice:localhost").name == "alice"


class NoHomeserver:
    """Answers nothing that `People` could learn."""

    bot, doubles = BOT, False

    async def state_content(self, room: str, kind: str, key: str) -> None:
        return None


@given(st.dictionaries(st.sampled_from(["type", "sender", "state_key", "content", "room_id"]), ANY | st.just("m.room.member")))
async def test_learning_from_odd_events_never_raises(raw: dict[str, Any]) -> None:
    api, memory = cast(Api, NoHomeserver()), cast(Memory, Notebook())
    voices = VoiceSettings()
    puppets = Puppets(api, memory, Shelf(), domain="localhost", networks=lambda _: True, voices=lambda _: voices, log=LOG)
    people = People(api, memory, puppets, Doubles(api, memory, domain="localhost"))
    await people.know(raw)
    if isinstance(user := raw.get("state_key"), str) and user:  # of much state it is empty, and nobody's name
        assert people.identity_of(user).name.encode() or not user


@given(json | objects, st.sampled_from(["1", "11", "12", "99", "org.example"]))
def test_power_levels_of_any_shape_can_be_read(content: Any, version: str) -> None:
    power = read_power(content if isinstance(content, dict) else None, ["@a:b"], version)
    missing_rights(power, BOT)


@given(st.lists(ODD_STATE))
def test_room_state_of_any_shape_can_be_read(events: list[dict[str, Any]]) -> None:
    read_state(events, BOT)


@pytest.mark.parametrize(("version", "missing"), [("11", True), ("12", False)])
def test_creators_are_above_every_level_since_version_12(version: str, missing: bool) -> None:
    power = read_power({"ban": 101, "users": {}}, [BOT], version)
    assert ("the bot may not ban (bans on other networks)" in missing_rights(power, BOT)) is missing


def test_levels_written_as_text_count_as_numbers() -> None:
    assert read_power({"users": {"@a:b": "50"}, "kick": "50"}, [], "1").may("@a:b", "kick")


async def test_turns_are_taken_one_at_a_time_and_leave_nothing_behind() -> None:
    turns: Turns[str] = Turns()
    running: list[int] = []

    async def work(number: int) -> None:
        async with turns.of("key"):
            running.append(number)
            assert len(running) == 1
            await asyncio.sleep(0)
            running.remove(number)

    await asyncio.gather(*(work(number) for number in range(10)))
    assert turns._locks == {}


def test_the_least_used_is_forgotten_first() -> None:
    lru: Lru[str, int] = Lru(2)
    lru.put("a", 1)
    lru.put("b", 2)
    assert lru.get("a") == 1
    lru.put("c", 3)
    assert ("a" in lru, "b" in lru, "c" in lru) == (True, False, True)
