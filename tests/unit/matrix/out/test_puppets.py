"""Puppets are made once, named honestly, remembered, and never cost a request that memory could have saved."""

import asyncio

import pytest

from bridge.contract.errors import Rejected, Unavailable
from bridge.matrix.api import Refusal
from bridge.model.ids import HUB, IdentityId
from tests.unit.matrix.out.rig import CAROL, LOCAL, Rig, carol, with_name


async def test_a_first_message_registers_names_and_joins_before_it_is_said(rig: Rig) -> None:
    room = await rig.room()
    await rig.outlet.deliver(rig.delivery(room, "hello"))
    assert rig.last(room)["sender"] == CAROL
    assert rig.hs.state(room, "m.room.member", CAROL) == {"membership": "join", "displayname": "Carol (local)"}


async def test_a_known_puppets_message_is_one_request(rig: Rig) -> None:
    room = await rig.room()
    await rig.outlet.deliver(rig.delivery(room, "one"))
    before = rig.hs.calls.total()
    await rig.outlet.deliver(rig.delivery(room, "two"))
    assert rig.hs.calls.total() == before + 1


async def test_after_a_restart_a_known_puppets_first_message_is_one_request(rig: Rig) -> None:
    room = await rig.room()
    await rig.outlet.deliver(rig.delivery(room, "one"))
    async with rig.restarted() as again:
        before = rig.hs.calls.total()
        await again.outlet.deliver(again.delivery(room, "two"))
    assert rig.hs.calls.total() == before + 1


async def test_twenty_first_messages_at_once_register_and_join_once(rig: Rig) -> None:
    room = await rig.room()
    await asyncio.gather(*(rig.outlet.deliver(rig.delivery(room, str(number))) for number in range(20)))
    assert rig.hs.calls["register"] == 1
    assert rig.hs.calls["join"] == 2  # the bot and the puppet


async def test_a_puppet_from_before_the_ledger_is_taken_over(rig: Rig) -> None:
    await rig.api.register("_local_carol")
    assert await rig.puppets.ensure(carol()) == CAROL


async def test_a_new_name_is_shown_and_an_unknown_one_changes_nothing(rig: Rig) -> None:
    await rig.puppets.ensure(carol())
    await rig.puppets.ensure(with_name(carol(), "Caroline"))
    assert rig.hs.world.users[CAROL]["displayname"] == "Caroline (local)"
    await rig.puppets.ensure(carol(name=None))
    assert rig.hs.world.users[CAROL]["displayname"] == "Caroline (local)"


@pytest.mark.parametrize("name", ["x" * 300, "a\nb\u202e", "{network} {name}", "\u200b"])
async def test_no_name_can_push_out_its_networks_mark(rig: Rig, name: str) -> None:
    await rig.puppets.ensure(carol(name=name))
    shown = rig.hs.world.users[CAROL]["displayname"]
    assert shown.endswith(" (local)") and shown.isprintable() and len(shown) < 100


async def test_a_failed_registration_sends_nothing_and_is_tried_again(rig: Rig) -> None:
    room = await rig.room()
    delivery = rig.delivery(room, "hello")
    rig.hs.faults.status(500, "register")
    with pytest.raises(Unavailable):
        await rig.outlet.deliver(delivery)
    assert rig.hs.messages(room) == []
    await rig.outlet.deliver(delivery)
    assert len(rig.hs.messages(room)) == 1


async def test_a_closed_room_lets_the_puppet_in_by_the_bots_invitation(rig: Rig) -> None:
    room = await rig.room(public=False)
    await rig.outlet.deliver(rig.delivery(room, "hello"))
    assert rig.last(room)["sender"] == CAROL


async def test_a_banned_puppet_is_told_so_in_words(rig: Rig) -> None:
    room = await rig.room()
    rig.hs.move("@alice:localhost", room, CAROL, "ban")
    with pytest.raises(Rejected, match="banned"):
        await rig.outlet.deliver(rig.delivery(room, "hello"))


async def test_a_ban_is_recognised_by_whatever_code_the_homeserver_gives_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    room = await rig.room()
    rig.hs.move("@alice:localhost", room, CAROL, "ban")

    async def synapse(room: str, *, user: str | None = None, via: object = ()) -> str:
        raise Refusal(403, "M_BAD_STATE", "Cannot join user who was banned")

    monkeypatch.setattr(rig.api, "join", synapse)
    with pytest.raises(Rejected, match="is banned from the room"):
        await rig.outlet.deliver(rig.delivery(room, "hello"))


async def test_a_puppet_thrown_out_behind_our_back_comes_back_when_it_speaks(rig: Rig) -> None:
    room = await rig.room()
    await rig.outlet.deliver(rig.delivery(room, "one"))
    rig.hs.move("@alice:localhost", room, CAROL, "leave")
    await rig.outlet.deliver(rig.delivery(room, "two"))
    assert [event["content"]["body"] for event in rig.hs.messages(room)] == ["one", "two"]


async def test_a_homeserver_that_forgot_the_puppet_gets_it_again(rig: Rig) -> None:
    room = await rig.room()
    await rig.outlet.deliver(rig.delivery(room, "one"))
    del rig.hs.world.users[CAROL]
    await rig.outlet.deliver(rig.delivery(room, "two"))
    assert rig.last(room)["content"]["body"] == "two"


async def test_a_picture_holds_up_no_message_and_comes_after(rig: Rig) -> None:
    room = await rig.room()
    rig.shelf.sources["https://example.org/c.png"] = b"picture"
    await rig.outlet.deliver(rig.delivery(room, "hello", author=carol(avatar="https://example.org/c.png")))
    assert rig.shelf.put_in == [] and len(rig.hs.messages(room)) == 1
    worker = asyncio.create_task(rig.puppets.run())
    await rig.hs.wait_for(room, lambda event: event["content"].get("avatar_url") == "mxc://localhost/shelf1")
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker


async def test_a_picture_that_is_gone_harms_nobody(rig: Rig) -> None:
    room = await rig.room()
    rig.shelf.sources["https://example.org/d.png"] = b"picture"
    await rig.outlet.deliver(rig.delivery(room, "hello", author=carol(avatar="https://example.org/gone.png")))
    await rig.outlet.deliver(rig.delivery(room, "hello", author=carol(id="dan", avatar="https://example.org/d.png")))
    worker = asyncio.create_task(rig.puppets.run())
    await rig.hs.wait_for(room, lambda event: event["content"].get("avatar_url") == "mxc://localhost/shelf1")
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker


async def test_people_declared_one_are_shown_as_the_first_of_them(rig: Rig) -> None:
    other = IdentityId(LOCAL, "carol2")
    rig.memory.persons[other] = carol().id
    rig.memory.identities[carol().id] = carol()
    assert await rig.puppets.ensure(carol(name="Second", id="carol2")) == CAROL
    assert rig.hs.world.users[CAROL]["displayname"] == "Carol (local)"


async def test_a_puppet_can_be_read_back_even_where_its_id_had_to_be_hashed(rig: Rig) -> None:
    long = carol(id="x" * 400)
    user = await rig.puppets.ensure(long)
    assert len(user) <= 255
    identity = await rig.puppets.identity_of(user)
    assert identity is not None and identity.id == long.id
    assert await rig.puppets.identity_of("@alice:localhost") is None
    assert rig.puppets.user_of(IdentityId(HUB, "@alice:localhost")) == "@alice:localhost"
