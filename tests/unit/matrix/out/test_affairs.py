"""The hub's own affairs, from the homeserver's own events: each may be done twice, and nobody is left wondering."""

import asyncio
from typing import Any

import msgspec
import pytest

from bridge.contract.errors import Unavailable
from bridge.ledger.rows import Chore
from bridge.matrix.business import STATUS
from bridge.model.events import Membership, Move
from bridge.model.portals import Portal
from tests.unit.matrix.out.rig import CAROL, Rig, carol


async def run(rig: Rig, kind: str, raw: Any) -> None:
    chore = Chore(id=raw["event_id"], kind=kind, payload=msgspec.json.encode(raw), room=raw["room_id"])
    await rig.affairs.tasks()[kind](chore)


def said(rig: Rig, room: str) -> list[str]:
    return [event["content"]["body"] for event in rig.hs.messages(room) if event["content"].get("msgtype") == "m.notice"]


async def portal(rig: Rig, room: str) -> Portal:
    return await rig.memory.add_portal(room=room)


async def test_the_bot_comes_where_it_is_invited_by_somebody_who_may(rig: Rig) -> None:
    room = rig.hs.make_room("@alice:localhost", public=False, invite=[rig.hs.bot])
    await run(rig, "invite", rig.last(room))
    await run(rig, "invite", rig.last(room) | {"content": {}, "state_key": rig.hs.bot, "sender": "@alice:localhost"})
    assert rig.hs.bot in rig.hs.world.room(room).joined


async def test_the_bot_declines_strangers_with_words(rig: Rig) -> None:
    room = rig.hs.make_room("@mallory:example.org", public=False, invite=[rig.hs.bot])
    invite = rig.last(room)
    await run(rig, "invite", invite)
    await run(rig, "invite", invite)
    assert "may not invite" in (rig.hs.state(room, "m.room.member", rig.hs.bot) or {})["reason"]


async def test_a_direct_chat_with_a_puppet_is_declined_politely_and_once(rig: Rig) -> None:
    await rig.puppets.ensure(carol())
    room = rig.hs.make_room("@alice:localhost", public=False, invite=[CAROL], is_direct=True)
    invite = rig.last(room)
    await run(rig, "invite", invite)
    await run(rig, "invite", invite)
    assert len(said(rig, room)) == 1 and "not possible yet" in said(rig, room)[0]
    assert CAROL not in rig.hs.world.room(room).joined


async def test_a_puppet_invited_to_its_own_portal_comes(rig: Rig) -> None:
    room = await rig.room(public=False)
    await portal(rig, room)
    await rig.puppets.ensure(carol())
    rig.hs.move("@alice:localhost", room, CAROL, "invite")
    await run(rig, "invite", rig.last(room))
    assert CAROL in rig.hs.world.room(room).joined


async def test_a_puppets_kick_is_an_event_for_its_network_and_remembered(rig: Rig) -> None:
    room = await rig.room()
    await portal(rig, room)
    await rig.outlet.deliver(rig.delivery(room, "hello"))
    rig.hs.move("@alice:localhost", room, CAROL, "leave", reason="rude")
    await run(rig, "member", rig.last(room))
    (event,) = rig.accepted
    assert isinstance(event.body, Membership)
    assert (event.body.who.id, event.body.move, event.body.reason) == (carol().id, Move.KICK, "rude")
    assert event.author.name == "alice" and event.key.id == rig.last(room)["event_id"]
    assert not await rig.puppets.joined(CAROL, room)


async def test_the_bots_removal_is_shown_by_status_and_its_return_ends_it(rig: Rig) -> None:
    room = await rig.room()
    rig.hs.move("@alice:localhost", room, rig.hs.bot, "leave")
    await run(rig, "member", rig.last(room))
    assert rig.memory.kept[STATUS, room] == "the bot was removed by @alice:localhost"
    rig.hs.move("@alice:localhost", room, rig.hs.bot, "invite")
    await run(rig, "invite", rig.last(room))
    assert rig.memory.kept[STATUS, room] == ""


async def test_rights_that_go_missing_are_named_once(rig: Rig) -> None:
    room = await rig.room()
    rig.hs.set_state("@alice:localhost", room, "m.room.power_levels", {"users": {rig.hs.bot: 50}})
    await run(rig, "power", rig.last(room))
    assert said(rig, room) == []
    rig.hs.set_state("@alice:localhost", room, "m.room.power_levels", {"users": {rig.hs.bot: 50}, "ban": 60})
    change = rig.last(room)
    await run(rig, "power", change)
    await run(rig, "power", change)
    assert said(rig, room) == ["The bridge lacks rights it needs here: the bot may not ban (bans on other networks)."]


async def test_an_encrypted_room_is_told_at_once_and_then_hourly(rig: Rig) -> None:
    room = await rig.room()
    rig.hs.set_state("@alice:localhost", room, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    await run(rig, "encryption", rig.last(room))
    assert len(said(rig, room)) == 1 and rig.memory.kept[STATUS, room] == "encrypted"
    for _ in range(3):
        rig.hs.say("@alice:localhost", room, {"algorithm": "m.megolm.v1.aes-sha2"}, kind="m.room.encrypted")
        await run(rig, "encryption", rig.last(room))
    assert len(said(rig, room)) == 1
    rig.clock.shift(3601)
    rig.hs.say("@alice:localhost", room, {"algorithm": "m.megolm.v1.aes-sha2"}, kind="m.room.encrypted")
    await run(rig, "encryption", rig.last(room))
    assert len(said(rig, room)) == 2


async def test_another_bridge_in_the_room_is_pointed_out_once_and_our_own_never(rig: Rig) -> None:
    room = await rig.room()
    other = {"bridgebot": "@other:localhost", "channel": {"id": "x"}}
    for content in (other, other | {"channel": {"id": "y"}}, other | {"bridgebot": rig.hs.bot}, {}, {"bridgebot": 7}):
        rig.hs.set_state("@alice:localhost", room, "m.bridge", content, "key")
        await run(rig, "bridge", rig.last(room))
    assert len(said(rig, room)) == 1 and "@other:localhost" in said(rig, room)[0]


async def test_an_honest_upgrade_is_followed_with_its_links(rig: Rig) -> None:
    room = await rig.room()
    before = await portal(rig, room)
    new = rig.hs.upgrade("@alice:localhost", room)
    tombstone = next(event for event in rig.hs.events(room) if event["type"] == "m.room.tombstone")
    await run(rig, "tombstone", tombstone)
    await run(rig, "tombstone", tombstone)
    (after,) = rig.memory.rooms
    assert (after.id, after.room) == (before.id, new) and rig.changes == 1


async def test_a_tombstone_that_leads_into_a_strangers_room_is_not_followed(rig: Rig) -> None:
    room = await rig.room()
    await portal(rig, room)
    trap = rig.hs.make_room("@mallory:localhost")
    rig.hs.set_state("@alice:localhost", room, "m.room.tombstone", {"replacement_room": trap, "body": "moved"})
    await run(rig, "tombstone", rig.last(room))
    assert rig.memory.rooms[0].room == room and "does not name this one" in said(rig, room)[0]
    assert rig.hs.bot not in rig.hs.world.room(trap).joined


@pytest.mark.parametrize("content", [{}, {"replacement_room": 7}, {"replacement_room": "#alias:localhost"}])
async def test_a_tombstone_that_leads_nowhere_moves_nothing(rig: Rig, content: Any) -> None:
    room = await rig.room()
    await portal(rig, room)
    rig.hs.set_state("@alice:localhost", room, "m.room.tombstone", content)
    await run(rig, "tombstone", rig.last(room))
    assert rig.memory.rooms[0].room == room and len(said(rig, room)) == 1


async def test_a_tombstone_of_somebody_without_the_power_is_not_followed(rig: Rig) -> None:
    room = await rig.room()
    await portal(rig, room)
    forged = {
        "event_id": "$forged",
        "room_id": room,
        "type": "m.room.tombstone",
        "sender": "@mallory:localhost",
        "content": {"replacement_room": "!x"},
    }
    await run(rig, "tombstone", forged)
    assert rig.memory.rooms[0].room == room and "had not the power" in said(rig, room)[0]


async def test_a_new_room_that_cannot_be_entered_says_whom_to_invite(rig: Rig) -> None:
    room = await rig.room()
    await portal(rig, room)
    closed = rig.hs.make_room("@alice:localhost", public=False)
    rig.hs.set_state("@alice:localhost", room, "m.room.tombstone", {"replacement_room": closed})
    await run(rig, "tombstone", rig.last(room))
    assert rig.memory.rooms[0].room == room and "invite @unabridged:localhost" in said(rig, room)[0]


async def test_a_chore_whose_homeserver_is_down_is_left_for_later(rig: Rig) -> None:
    room = await rig.room()
    rig.hs.set_state("@alice:localhost", room, "m.room.power_levels", {"users": {}})
    change = rig.last(room)
    rig.hs.faults.status(503, "state")
    with pytest.raises(Unavailable):
        await run(rig, "power", change)
    await asyncio.gather(run(rig, "power", change))
    assert len(said(rig, room)) == 1
