"""Speaking for people: only with the operator's leave, only their own, only where they are."""

from collections.abc import AsyncIterator

import pytest

from bridge.model.ids import HUB, IdentityId
from bridge.model.people import Identity, Profile
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.matrix.out.rig import CAROL, Rig, carol

TOKEN = "second-token"


@pytest.fixture
async def double() -> AsyncIterator[Rig]:
    async with FakeHomeserver(double_puppet_token=TOKEN) as hs, Rig(hs, double_token=TOKEN) as rig:
        yield rig


async def test_what_i_write_elsewhere_appears_as_me(double: Rig) -> None:
    room = await double.room()
    await double.doubles.claim(carol().id, "@alice:localhost")
    await double.outlet.deliver(double.delivery(room, "from my phone"))
    assert double.last(room)["sender"] == "@alice:localhost" and CAROL not in double.hs.world.users


async def test_a_person_that_includes_a_matrix_user_is_that_user(double: Rig) -> None:
    room = await double.room()
    double.memory.persons[carol().id] = IdentityId(HUB, "@alice:localhost")
    await double.outlet.deliver(double.delivery(room, "from my phone"))
    assert double.last(room)["sender"] == "@alice:localhost"


async def test_nobody_is_brought_into_a_room_by_it(double: Rig) -> None:
    room = double.hs.make_room("@bob:localhost", invite=[double.hs.bot])
    await double.api.join(room)
    double.hs.user("alice")
    await double.doubles.claim(carol().id, "@alice:localhost")
    await double.outlet.deliver(double.delivery(room, "hello"))
    assert double.last(room)["sender"] == CAROL
    assert double.hs.state(room, "m.room.member", "@alice:localhost") is None


async def test_once_they_join_they_speak_as_themselves(double: Rig) -> None:
    room = double.hs.make_room("@bob:localhost", invite=[double.hs.bot])
    await double.api.join(room)
    await double.doubles.claim(carol().id, "@alice:localhost")
    await double.outlet.deliver(double.delivery(room, "one"))
    double.hs.join("@alice:localhost", room)
    await double.people.know(double.last(room))
    await double.outlet.deliver(double.delivery(room, "two"))
    assert double.last(room)["sender"] == "@alice:localhost"


async def test_one_who_left_unseen_is_heard_through_the_puppet(double: Rig) -> None:
    room = double.hs.make_room("@bob:localhost", invite=[double.hs.bot])
    await double.api.join(room)
    double.hs.join("@alice:localhost", room)
    await double.doubles.claim(carol().id, "@alice:localhost")
    await double.outlet.deliver(double.delivery(room, "one"))
    double.hs.leave("@alice:localhost", room)
    await double.outlet.deliver(double.delivery(room, "two"))
    assert [event["sender"] for event in double.hs.messages(room)] == ["@alice:localhost", CAROL]


async def test_people_of_other_homeservers_are_never_spoken_for(double: Rig) -> None:
    await double.doubles.claim(carol().id, "@alice:example.org")
    assert await double.doubles.speaker(carol().id, await double.room()) is None


async def test_a_claim_taken_back_counts_at_once(double: Rig) -> None:
    room = await double.room()
    await double.doubles.claim(carol().id, "@alice:localhost")
    assert await double.doubles.speaker(carol().id, room) == "@alice:localhost"
    await double.doubles.claim(carol().id, "")
    assert await double.doubles.speaker(carol().id, room) is None


async def test_a_matrix_person_in_another_room_of_theirs_is_themself(double: Rig) -> None:
    room = await double.room()
    alice = Identity(id=IdentityId(HUB, "@alice:localhost"), profile=Profile(name="Alice"))
    await double.outlet.deliver(double.delivery(room, "hello", author=alice))
    assert double.last(room)["sender"] == "@alice:localhost" and double.last(room)["content"]["body"] == "hello"


async def test_without_the_second_token_nothing_is_even_asked(rig: Rig) -> None:
    await rig.doubles.claim(carol().id, "@alice:localhost")
    before = rig.hs.calls.total()
    assert await rig.doubles.speaker(carol().id, "!room") is None
    assert rig.hs.calls.total() == before
