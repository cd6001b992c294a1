"""Who moderates is shown on both sides of a whole bridge, from the first moment and as it changes."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.plays.hall import DEN, LOBBY, Hall, hall
from tests.unit.app.town import ALICE, says


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Hall]:
    async with hall(tmp_path) as there:
        yield there


def level(there: Hall, name: str) -> int | None:
    """Of a puppet, as the room's state has it."""
    users = (there.hs.state(there.rooms[LOBBY], "m.room.power_levels") or {}).get("users", {})
    return next((level for user, level in users.items() if there.hs.world.users.get(user, {}).get("displayname") == name), None)


async def passing(there: Hall, condition: Callable[[], bool]) -> None:
    for _ in range(200):
        if condition():
            return
        await there.clock.advance(1)
        await there.goes_on()
    raise AssertionError("it never came about")


async def test_a_moderator_over_there_has_a_level_here_for_as_long(there: Hall) -> None:
    there.muc().rank("bob", "moderator")
    await passing(there, lambda: level(there, "bob (jabber)") == 50)
    assert level(there, "eve (jabber)") is None
    there.muc().rank("bob", "participant")
    await passing(there, lambda: level(there, "bob (jabber)") is None)


async def test_a_moderator_here_has_the_role_over_there_for_as_long(there: Hall) -> None:
    muc, room = there.muc(), there.rooms[LOBBY]
    muc.occupants["unabridged"].affiliation = "admin"
    muc.rank("unabridged", "moderator")
    content = there.hs.state(room, "m.room.power_levels") or {}
    strong, weak = ({**content, "users": {**content["users"], ALICE: level}} for level in (100, 0))
    there.hs.set_state(there.hs.bot, room, "m.room.power_levels", strong)
    there.hs.set_state(ALICE, room, "m.room.power_levels", {**strong, "invite": 10})
    await passing(there, lambda: muc.occupants["alice"].role == "moderator")
    there.hs.set_state(ALICE, room, "m.room.power_levels", weak)
    await passing(there, lambda: muc.occupants["alice"].role == "participant")


async def test_the_level_opens_no_door(there: Hall) -> None:
    """What a moderator over there may do in the Matrix room is what anybody from there may, with the level as without."""
    room, muc = there.rooms[LOBBY], there.muc()
    muc.rank("bob", "moderator")
    await passing(there, lambda: level(there, "bob (jabber)") == 50)
    content = there.hs.state(room, "m.room.power_levels") or {}
    there.hs.set_state(there.hs.bot, room, "m.room.power_levels", {**content, "users": {**content["users"], ALICE: 50}})
    puppet = next(user for user, level in content["users"].items() if level == 50)
    for word in (f"!unlink jabber/{LOBBY}", f"!link jabber/{DEN}", "!status"):
        muc.say("bob", word)
        there.hs.say(puppet, room, word)
    await there.goes_on()
    there.muc(DEN).say("eve", "only in the den")
    await there.goes_on()
    assert ("eve (jabber)", "only in the den") in there.shown(DEN)
    assert ("eve (jabber)", "only in the den") not in there.shown(), "a word of theirs is no word to the bot"
    assert there.hs.bot not in [one["sender"] for one in there.hs.messages(room)], "nor answered"
    muc.leave("alice", {"307"}, reason="out", actor="bob")
    muc.say("bob", "alice is out")
    await there.hs.wait_for(room, says("alice is out"))
    assert ALICE in there.hs.world.room(room).joined, "who moderates here is removed by nobody of another network"
