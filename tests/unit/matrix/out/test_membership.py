"""Comings and goings: lazy by default, full up to a cap, moderation only with the power for it."""

import pytest

from bridge.contract.errors import Rejected
from bridge.model.events import Membership, Move
from bridge.model.ids import HUB, IdentityId
from bridge.model.people import Identity
from tests.unit.matrix.out.rig import CAROL, Rig, carol, with_name

ALICE = Identity(id=IdentityId(HUB, "@alice:localhost"))


def moves(move: Move, who: Identity | None = None, **more: str) -> Membership:
    return Membership(who=who or carol(), move=move, by=carol("Op", id="op"), **more)  # type: ignore[arg-type]


def member(rig: Rig, room: str, user: str = CAROL) -> str | None:
    content = rig.hs.state(room, "m.room.member", user)
    return content["membership"] if content else None


async def test_who_only_listens_costs_nothing_by_default(rig: Rig) -> None:
    room = await rig.room()
    before = rig.hs.calls.total()
    await rig.outlet.deliver(rig.delivery(room, moves(Move.JOIN)))
    await rig.outlet.deliver(rig.delivery(room, moves(Move.LEAVE)))
    assert rig.hs.calls.total() == before


async def test_full_membership_stops_at_its_cap(rig: Rig) -> None:
    room = await rig.room()
    rig.member_cap = 2
    for id in ("a", "b", "c"):
        await rig.outlet.deliver(rig.delivery(room, moves(Move.JOIN, carol(id=id))))
    assert [member(rig, room, f"@_local_{id}:localhost") for id in ("a", "b", "c")] == ["join", "join", None]


async def test_who_leaves_over_there_leaves_here_and_again_changes_nothing(rig: Rig) -> None:
    room = await rig.room()
    await rig.outlet.deliver(rig.delivery(room, "hello"))
    leave = rig.delivery(room, moves(Move.LEAVE, reason="bye"))
    await rig.outlet.deliver(leave)
    assert member(rig, room) == "leave"
    before = rig.hs.calls.total()
    await rig.outlet.deliver(leave)
    assert rig.hs.calls.total() == before
    await rig.outlet.deliver(rig.delivery(room, "back"))
    assert member(rig, room) == "join"


@pytest.mark.parametrize(("move", "level", "after", "by_bot"), [
    (Move.KICK, 0, "leave", False),
    (Move.KICK, 50, "leave", True),
    (Move.BAN, 0, "leave", False),
    (Move.BAN, 50, "ban", True),
])  # fmt: skip
async def test_a_kick_over_there_removes_the_puppet_with_whatever_power_there_is(
    rig: Rig, move: Move, level: int, after: str, by_bot: bool
) -> None:
    room = await rig.room()
    rig.hs.set_state("@alice:localhost", room, "m.room.power_levels", {"users": {rig.hs.bot: level}})
    await rig.outlet.deliver(rig.delivery(room, "hello"))
    await rig.outlet.deliver(rig.delivery(room, moves(move, reason="rude")))
    assert member(rig, room) == after
    assert (rig.last(room)["sender"] == rig.hs.bot) is by_bot


async def test_a_ban_and_its_end_are_carried(rig: Rig) -> None:
    room = await rig.room()
    rig.hs.set_state("@alice:localhost", room, "m.room.power_levels", {"users": {rig.hs.bot: 50}})
    await rig.outlet.deliver(rig.delivery(room, moves(Move.BAN)))
    await rig.outlet.deliver(rig.delivery(room, moves(Move.UNBAN)))
    await rig.outlet.deliver(rig.delivery(room, "back"))
    assert rig.last(room)["sender"] == CAROL


async def test_a_matrix_person_is_not_kicked_by_another_networks_word_alone(rig: Rig) -> None:
    room = await rig.room()
    rig.hs.join("@bob:localhost", room)
    bob = Identity(id=IdentityId(HUB, "@bob:localhost"))
    with pytest.raises(Rejected, match="does not let the bot kick"):
        await rig.outlet.deliver(rig.delivery(room, moves(Move.KICK, bob)))
    rig.hs.set_state("@alice:localhost", room, "m.room.power_levels", {"users": {rig.hs.bot: 50}})
    await rig.outlet.deliver(rig.delivery(room, moves(Move.KICK, bob)))
    assert member(rig, room, "@bob:localhost") == "leave"


@pytest.mark.parametrize("move", [Move.KICK, Move.BAN])
async def test_who_moderates_the_room_is_removed_by_nobody_of_another_network(rig: Rig, move: Move) -> None:
    """Else whoever runs a channel that is linked could take the room from its own people."""
    room = await rig.room()
    rig.hs.join("@bob:localhost", room)
    rig.hs.set_state("@alice:localhost", room, "m.room.power_levels", {"users": {rig.hs.bot: 100, "@bob:localhost": 50}})
    with pytest.raises(Rejected, match="moderates the room"):
        await rig.outlet.deliver(rig.delivery(room, moves(move, Identity(id=IdentityId(HUB, "@bob:localhost")))))
    assert member(rig, room, "@bob:localhost") == "join"


async def test_a_matrix_person_joining_elsewhere_is_nothing_to_do_here(rig: Rig) -> None:
    room = await rig.room()
    before = rig.hs.calls.total()
    await rig.outlet.deliver(rig.delivery(room, moves(Move.JOIN, ALICE)))
    assert rig.hs.calls.total() == before


async def test_a_nick_change_renames_the_same_puppet(rig: Rig) -> None:
    room = await rig.room()
    await rig.outlet.deliver(rig.delivery(room, "hello"))
    await rig.outlet.deliver(rig.delivery(room, moves(Move.RENAME, with_name(carol(), "carol_away"))))
    assert (rig.hs.state(room, "m.room.member", CAROL) or {})["displayname"] == "carol_away (local)"
