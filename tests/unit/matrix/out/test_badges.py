"""Who moderates over there is shown by a level that opens no door, and is taken back when it ends."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bridge.contract.errors import LedgerUnavailable, Rejected
from bridge.matrix.badges import AGAIN_SECONDS, GATHER_SECONDS, LEVEL, MOST
from bridge.model.events import Membership, Move
from bridge.model.ids import HUB, ChannelId, IdentityId
from bridge.model.people import Identity
from bridge.model.signals import Moderators
from bridge.testing import until
from tests.unit.matrix.out.rig import CAROL, LOCAL, Rig, carol

TEA, DEN = ChannelId(LOCAL, "#tea"), ChannelId(LOCAL, "#den")
_numbers = itertools.count()
DAVE = "@_local_dave:localhost"


@asynccontextmanager
async def showing(rig: Rig) -> AsyncIterator[None]:
    task = asyncio.create_task(rig.badges.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def moderated(rig: Rig, level: int = 100, **users: int) -> str:
    """A room with the bot in it, linked with both channels."""
    room = await rig.room()
    named = {f"@{name}:localhost": one for name, one in users.items()}
    power = {"users": {"@op:localhost": 100, rig.hs.bot: level, **named}, "ban": 60}
    rig.hs.set_state("@alice:localhost", room, "m.room.power_levels", power)
    rig.linked[room] = [TEA, DEN]
    return room


async def tell(rig: Rig, room: str, *ids: str, of: ChannelId = TEA) -> None:
    who = tuple(IdentityId(LOCAL, id) for id in ids)
    await rig.outlet.send_signal(Moderators(channel=ChannelId(HUB, room), of=of, who=who))


async def settled(rig: Rig) -> None:
    """What is due was done: something that was told in the round behind it is."""
    await rig.clock.advance(GATHER_SECONDS)
    mark = f"mark{next(_numbers)}"
    other, channel = await moderated(rig), ChannelId(LOCAL, f"#{mark}")
    rig.linked[other] = [channel]
    await tell(rig, other, mark, of=channel)
    async with asyncio.timeout(10):
        while f"@_local_{mark}:localhost" not in levels(rig, other):
            await rig.clock.advance(GATHER_SECONDS)


def levels(rig: Rig, room: str) -> dict[str, int]:
    """Of puppets."""
    content: dict[str, Any] = rig.hs.state(room, "m.room.power_levels") or {}
    return {user: level for user, level in content["users"].items() if user.startswith("@_local_")}


def writes(rig: Rig, room: str) -> int:
    return sum(event["type"] == "m.room.power_levels" and event["sender"] == rig.hs.bot for event in rig.hs.events(room))


async def test_it_comes_and_goes_in_one_event_for_many(rig: Rig) -> None:
    room = await moderated(rig)
    async with showing(rig):
        await tell(rig, room, "carol")
        await tell(rig, room, "carol", "dave")
        await settled(rig)
        assert (levels(rig, room), writes(rig, room)) == ({CAROL: LEVEL, DAVE: LEVEL}, 1)
        await tell(rig, room, "carol", "dave")
        await settled(rig)
        assert writes(rig, room) == 1, "what is so already is not written again"
        await tell(rig, room, "carol")
        await settled(rig)
    assert levels(rig, room) == {CAROL: LEVEL}
    content = rig.hs.state(room, "m.room.power_levels") or {}
    assert content["ban"] == 60 and content["users"]["@op:localhost"] == 100, "all else stays"


async def test_two_channels_of_a_room_do_not_take_each_other_s(rig: Rig) -> None:
    room = await moderated(rig)
    async with showing(rig):
        await tell(rig, room, "carol", "dave")
        await tell(rig, room, "dave", of=DEN)
        await settled(rig)
        await tell(rig, room)
        await settled(rig)
        assert levels(rig, room) == {DAVE: LEVEL}
        rig.linked[room] = [TEA]
        rig.badges.relinked()
        await settled(rig)
    assert levels(rig, room) == {}, "who moderates a channel that is linked no more moderates nothing here"


async def test_what_somebody_set_by_hand_stays(rig: Rig) -> None:
    room = await moderated(rig, _local_carol=75)
    async with showing(rig):
        await tell(rig, room, "carol", "dave")
        await settled(rig)
        content = rig.hs.state(room, "m.room.power_levels") or {}
        rig.hs.set_state("@alice:localhost", room, "m.room.power_levels", {**content, "users": {**content["users"], DAVE: 30}})
        await tell(rig, room, "carol", "dave", "eve")
        await tell(rig, room)
        await settled(rig)
    assert levels(rig, room) == {CAROL: 75, DAVE: 30}


async def test_what_was_given_is_known_over_a_start(rig: Rig) -> None:
    room = await moderated(rig)
    async with showing(rig):
        await tell(rig, room, "carol", "dave")
        await settled(rig)
    async with rig.restarted() as again:
        again.linked = rig.linked
        async with showing(again):
            await settled(again)
            assert set(levels(again, room)) == {CAROL, DAVE}, "a network that has not spoken yet took nobody's"
            await tell(again, room, "dave")
            await settled(again)
            assert levels(again, room) == {DAVE: LEVEL}


@pytest.mark.parametrize("level", [0, LEVEL])
async def test_without_the_power_nothing_is_tried(rig: Rig, level: int) -> None:
    """What has the bot's own level the bot could never take back."""
    room = await moderated(rig, level)
    async with showing(rig):
        await tell(rig, room, "carol")
        await settled(rig)
    assert (levels(rig, room), writes(rig, room)) == ({}, 0)


async def test_a_channel_of_moderators_makes_no_endless_event(rig: Rig) -> None:
    room = await moderated(rig)
    async with showing(rig):
        await tell(rig, room, *(f"p{number}" for number in range(3 * MOST)))
        await settled(rig)
    assert len(levels(rig, room)) == MOST


async def test_what_could_not_be_kept_is_done_later(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is given that nobody would know to take back."""
    room, save, failures = await moderated(rig), rig.memory.save_fact, list[str]()

    async def full(scope: str, name: str, value: str | None) -> None:
        if not failures:
            failures.append(name)
            raise LedgerUnavailable("the disk is full")
        await save(scope, name, value)

    monkeypatch.setattr(rig.memory, "save_fact", full)
    async with showing(rig):
        await tell(rig, room, "carol")
        await rig.clock.advance(GATHER_SECONDS)
        await until(lambda: failures == [room])
        assert levels(rig, room) == {}
        async with asyncio.timeout(10):
            while not levels(rig, room):
                await rig.clock.advance(AGAIN_SECONDS)
    assert levels(rig, room) == {CAROL: LEVEL}


async def test_the_level_opens_no_door(rig: Rig) -> None:
    """Whoever runs a linked channel says who moderates there: they must not say so what becomes of the room's own people."""
    room = await moderated(rig, bob=60, eve=0)
    for user in ("@bob:localhost", "@eve:localhost"):
        rig.hs.join(user, room)
    async with showing(rig):
        await rig.outlet.deliver(rig.delivery(room, "hello"))
        await tell(rig, room, "carol")
        await settled(rig)
    assert levels(rig, room) == {CAROL: LEVEL}
    kick = Membership(who=Identity(id=IdentityId(HUB, "@bob:localhost")), move=Move.KICK, by=carol())
    with pytest.raises(Rejected, match="moderates the room"):
        await rig.outlet.deliver(rig.delivery(room, kick))
    rig.states.changed(room)
    assert await rig.states.power_of(room, CAROL) == LEVEL, "it is shown"


async def test_a_room_that_is_linked_later_shows_who_moderates_already(rig: Rig) -> None:
    """A network tells of changes, and knows nothing of rooms."""
    room = await moderated(rig)
    later = await moderated(rig)
    rig.linked[later] = []
    async with showing(rig):
        await tell(rig, room, "carol")
        await settled(rig)
        rig.linked[later] = [TEA]
        rig.badges.relinked()
        await settled(rig)
    assert levels(rig, later) == {CAROL: LEVEL}


async def test_a_room_that_is_upgraded_takes_what_was_given_along(rig: Rig) -> None:
    """The new one is made with the levels of the old: whose they are must still be known."""
    old = await moderated(rig)
    async with showing(rig):
        await tell(rig, old, "carol")
        await settled(rig)
        new = await moderated(rig, _local_carol=LEVEL)
        for _ in range(2):
            await rig.badges.moved(old, new)
        del rig.linked[old]
        rig.badges.relinked()
        await tell(rig, new)
        await settled(rig)
        assert (levels(rig, old), levels(rig, new)) == ({CAROL: LEVEL}, {})
    async with rig.restarted() as again:
        assert not {old, new} & set(await again.memory.facts("badges"))


async def test_a_refusal_is_given_up_until_the_levels_change(rig: Rig) -> None:
    """What was not given is not kept as given, and comes once the bot may."""
    room = await moderated(rig, LEVEL)
    async with showing(rig):
        await tell(rig, room, "carol")
        await settled(rig)
        assert levels(rig, room) == {}
        content = rig.hs.state(room, "m.room.power_levels") or {}
        allowed = {**content, "users": {**content["users"], rig.hs.bot: 100}}
        rig.hs.set_state("@alice:localhost", room, "m.room.power_levels", allowed)
        rig.badges.repowered(room)
        await settled(rig)
    assert levels(rig, room) == {CAROL: LEVEL}


async def test_nobody_of_elsewhere_is_shown_above_the_room_s_own_people(rig: Rig) -> None:
    rig.hs.world.room_version = "11"  # else whoever made the room is above every level
    room = await rig.room()
    power = {"users": {"@alice:localhost": LEVEL - 10, rig.hs.bot: 100}}
    rig.hs.set_state("@alice:localhost", room, "m.room.power_levels", power)
    rig.linked[room] = [TEA]
    async with showing(rig):
        await tell(rig, room, "carol")
        await settled(rig)
    assert levels(rig, room) == {}


async def test_people_of_the_hub_get_no_level_by_a_word_from_elsewhere(rig: Rig) -> None:
    room = await moderated(rig)
    async with showing(rig):
        who = (IdentityId(HUB, "@eve:localhost"), IdentityId(LOCAL, "carol"))
        await rig.outlet.send_signal(Moderators(channel=ChannelId(HUB, room), of=TEA, who=who))
        await settled(rig)
    assert set((rig.hs.state(room, "m.room.power_levels") or {})["users"]) == {"@op:localhost", rig.hs.bot, CAROL}
