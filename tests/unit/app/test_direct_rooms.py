"""Direct chats: one room for each, for two people, however often and from whichever side it is asked for."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.contract.errors import Unavailable
from bridge.contract.logins import Login
from bridge.model.ids import ChannelId, IdentityId
from bridge.model.people import Identity, Profile
from bridge.model.portals import Direction, PortalKind
from bridge.testing.doubles import until
from tests.doubles.clock import FakeClock
from tests.doubles.homeserver import FakeHomeserver
from tests.doubles.salon import Salon
from tests.unit.app.town import ALICE, LOCAL, Bridge, a_bridge, channel, lobby, passing, says
from tests.unit.delivery.stage import background

BOB = Identity(id=IdentityId(LOCAL, "bob"), profile=Profile(name="Bob"))
PUPPET = "@_local_bob:localhost"
CHAT = channel("direct/bob@me")


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        server.user("alice")
        yield server


def salon(bridge: Bridge) -> Salon:
    adapter = bridge.plant.networks.supervisors[LOCAL].adapter
    assert isinstance(adapter, Salon)
    return adapter


async def log_in(bridge: Bridge, name: str = "me", user: str = ALICE) -> None:
    await bridge.plant.logins.save(Login(user=user, network=LOCAL, name=name, identity=IdentityId(LOCAL, "ally")))


async def ask_for(bridge: Bridge, place: ChannelId = CHAT) -> None:
    await salon(bridge).tools.linking.direct(place, login="me", peer=BOB)


async def room_of(bridge: Bridge, place: ChannelId = CHAT) -> str:
    links = [link for link in await bridge.ledger.links() if link.channel == place]
    assert len(links) == 1
    return next(portal.room for portal in await bridge.ledger.portals() if portal.id == links[0].portal)


async def test_a_direct_chat_gets_a_room_for_two_and_words_go_both_ways(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        await log_in(bridge)
        await ask_for(bridge)
        room = await room_of(bridge)
        assert hs.state(room, "m.room.join_rules") == {"join_rule": "invite"}
        member = hs.state(room, "m.room.member", ALICE) or {}
        assert (member["membership"], member["is_direct"]) == ("invite", True)
        assert {PUPPET, hs.bot} == set(hs.world.room(room).joined)
        assert hs.state(room, "io.element.functional_members") == {"service_members": [hs.bot]}, "it is called by Bob alone"
        link = next(link for link in await bridge.ledger.links() if link.channel == CHAT)
        assert (link.direction, link.relay) == (Direction.BOTH, False)
        assert next(p.kind for p in await bridge.ledger.portals() if p.room == room) is PortalKind.CHAT

        await until(lambda: bridge.plant.networks.waiting() == [])
        bridge.world.say(CHAT.id, "bob", "psst")
        assert (await hs.wait_for(room, says("psst")))["sender"] == PUPPET
        hs.join(ALICE, room)
        hs.say(ALICE, room, "what is it?")
        await bridge.heard("what is it?")


async def test_asked_for_many_times_at_once_and_after_a_restart_it_is_one_room(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        await log_in(bridge)
        await asyncio.gather(*(ask_for(bridge) for _ in range(5)))
        room = await room_of(bridge)
    async with a_bridge(tmp_path, hs, adapter="salon") as again:
        await asyncio.gather(ask_for(again), ask_for(again))
        assert await room_of(again) == room
    assert hs.calls["createRoom"] == 1


async def test_a_room_whose_making_was_never_answered_is_found_again(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        await log_in(bridge)
        hs.faults.drop_after("createRoom")
        with pytest.raises(Unavailable):
            await ask_for(bridge)
        made = set(hs.world.rooms)
    async with a_bridge(tmp_path, hs, adapter="salon") as again:
        await ask_for(again)
        assert set(hs.world.rooms) == made
        assert await room_of(again) in made


async def test_a_room_that_was_left_half_made_is_finished(tmp_path: Path) -> None:
    """A homeserver that dies while it makes a room has not invited anybody yet."""
    async with FakeHomeserver(room_version="11") as hs, a_bridge(tmp_path, hs, adapter="salon") as bridge:
        await log_in(bridge)
        before = set(hs.world.rooms)
        hs.faults.drop_after("createRoom")
        with pytest.raises(Unavailable):
            await ask_for(bridge)
        (room,) = set(hs.world.rooms) - before
        for user in (hs.bot, ALICE):
            hs.leave(user, room)
        await ask_for(bridge)
        assert await room_of(bridge) == room
        assert hs.bot in hs.world.room(room).joined
        assert (hs.state(room, "m.room.member", ALICE) or {})["membership"] == "invite"


async def test_without_the_homeserver_it_is_put_off_and_a_known_chat_needs_none(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        await log_in(bridge)
        hs.faults.status(503, "createRoom")
        with pytest.raises(Unavailable):
            await ask_for(bridge)
        await ask_for(bridge)
    async with a_bridge(tmp_path, hs, adapter="salon") as again:
        for kind in ("state", "invite", "join"):
            hs.faults.status(503, kind, times=100)
        await ask_for(again)


async def test_a_login_that_does_not_exist_gets_no_room(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        with pytest.raises(Unavailable, match="no login me"):
            await ask_for(bridge)
        assert hs.calls["createRoom"] == 0


async def test_who_may_be_spoken_for_is_there_at_once_and_sees_a_direct_chat(tmp_path: Path) -> None:
    async with (
        FakeHomeserver(double_puppet_token="double") as hs,
        a_bridge(tmp_path, hs, adapter="salon", double_puppet="double") as bridge,
    ):
        hs.user("alice")
        await log_in(bridge)
        hs.account_data["user", ALICE, "account_data", "m.direct"] = {"@old:localhost": ["!old"]}
        await ask_for(bridge)
        room = await room_of(bridge)
        assert ALICE in hs.world.room(room).joined
        directs = next(value for key, value in hs.account_data.items() if key[-1] == "m.direct" and PUPPET in value)
        assert directs[PUPPET] == [room]


async def test_a_room_for_many_is_named_and_no_direct_chat(tmp_path: Path) -> None:
    tea = channel("joined/tea@me")
    place = Identity(id=IdentityId(LOCAL, "tea"), profile=Profile(name="Tea at five"), bot=True)
    async with (
        FakeHomeserver(double_puppet_token="double") as hs,
        a_bridge(tmp_path, hs, adapter="salon", double_puppet="double") as bridge,
    ):
        hs.user("alice")
        await log_in(bridge)
        linking = salon(bridge).tools.linking
        await linking.direct(tea, login="me", peer=place, group=True)
        room = await room_of(bridge, tea)
        assert hs.state(room, "m.room.name") == {"name": "Tea at five"}
        assert hs.state(room, "m.room.join_rules") == {"join_rule": "invite"}
        assert ALICE in hs.world.room(room).joined
        assert not any(key[-1] == "m.direct" for key in hs.account_data)
        await until(lambda: bridge.plant.networks.waiting() == [])
        bridge.world.say(tea.id, "bob", "tea is ready")
        await hs.wait_for(room, says("tea is ready"))

        await linking.part(tea)
        assert [link for link in await bridge.ledger.links() if link.channel == tea] == []
        await hs.wait_for(room, says("linked with local/joined/tea@me no longer"))
        await linking.direct(tea, login="me", peer=place, group=True)
        assert await room_of(bridge, tea) != room, "what was left is not entered again unasked"


class TestStartedByThePersonHere:
    async def test_it_becomes_the_direct_chat(self, tmp_path: Path, hs: FakeHomeserver) -> None:
        async with a_bridge(tmp_path, hs, portals=(lobby(),), adapter="salon") as bridge:
            await self._bob_is_known(bridge, hs)
            await log_in(bridge)
            room = hs.make_room(ALICE, public=False, invite=[PUPPET], is_direct=True)
            await until(lambda: any(link.channel == CHAT for link in bridge.plant.linkage._switchboard.links))
            assert await room_of(bridge) == room
            hs.say(ALICE, room, "hello bob")
            await bridge.heard("hello bob")
            await ask_for(bridge)
            assert await room_of(bridge) == room

    async def test_what_was_said_before_anybody_came_is_carried_and_first(self, tmp_path: Path, hs: FakeHomeserver) -> None:
        """As clients do that make the room with the first message in it: nobody of ours is there yet, and nothing is pushed."""
        async with a_bridge(tmp_path, hs, portals=(lobby(),), adapter="salon") as bridge:
            await self._bob_is_known(bridge, hs)
            await log_in(bridge)
            old = hs.make_room(ALICE, public=False)
            hs.say(ALICE, old, "to myself")
            hs.world.room(old).timeline[-1]["origin_server_ts"] -= 1000
            hs.move(ALICE, old, PUPPET, "invite")
            hs.say(ALICE, old, "hello bob")
            hs.say(ALICE, old, "are you there?")
            await hs.wait_for(old, lambda event: event["type"] == "m.room.member" and event["state_key"] == hs.bot)
            hs.say(ALICE, old, "it is me")
            await bridge.heard("it is me")
            assert [line.text for line in bridge.world.lines if line.channel == CHAT.id] == [
                "hello bob",
                "are you there?",
                "it is me",
            ]

    async def test_what_could_not_be_read_at_first_comes_later(self, tmp_path: Path, hs: FakeHomeserver) -> None:
        async with a_bridge(tmp_path, hs, portals=(lobby(),), adapter="salon") as bridge:
            await self._bob_is_known(bridge, hs)
            await log_in(bridge)
            hs.faults.status(503, "messages", times=2)
            room = hs.make_room(ALICE, public=False, invite=[PUPPET], is_direct=True)
            hs.say(ALICE, room, "hello bob")
            async with background(lambda: passing(bridge.clock)):
                await bridge.heard("hello bob")
            assert await room_of(bridge) == room

    async def test_what_could_not_be_read_before_a_restart_comes_after_it(self, tmp_path: Path, hs: FakeHomeserver) -> None:
        """However long it could not be read: a restart looks no further back than it must."""
        clock = FakeClock(datetime.now(UTC))  # the homeserver's
        async with a_bridge(tmp_path, hs, portals=(lobby(),), adapter="salon", clock=clock) as bridge:
            await self._bob_is_known(bridge, hs)
            await log_in(bridge)
            hs.faults.status(503, "messages", times=10**6)
            room = hs.make_room(ALICE, public=False, invite=[PUPPET], is_direct=True)
            hs.say(ALICE, room, "hello bob")
            async with background(lambda: passing(clock)):
                await hs.wait_for(room, lambda event: event["type"] == "m.room.member" and event["state_key"] == hs.bot)
                await until(lambda: clock.monotonic() > 7200)
            assert await room_of(bridge) == room
        hs.faults.armed.clear()
        async with (
            background(lambda: passing(clock)),
            a_bridge(tmp_path, hs, portals=(lobby(),), adapter="salon", world=bridge.world, clock=clock) as again,
        ):
            await again.heard("hello bob")
            assert await room_of(again) == room

    async def test_a_second_room_leads_to_the_first(self, tmp_path: Path, hs: FakeHomeserver) -> None:
        async with a_bridge(tmp_path, hs, portals=(lobby(),), adapter="salon") as bridge:
            await self._bob_is_known(bridge, hs)
            await log_in(bridge)
            await ask_for(bridge)
            room = hs.make_room(ALICE, public=False, invite=[PUPPET], is_direct=True)
            answer = await hs.wait_for(room, says("already"))
            assert await room_of(bridge) in answer["content"]["body"]

    async def test_nobody_else_may_be_in_there(self, tmp_path: Path, hs: FakeHomeserver) -> None:
        async with a_bridge(tmp_path, hs, portals=(lobby(),), adapter="salon") as bridge:
            await self._bob_is_known(bridge, hs)
            await log_in(bridge)
            public = hs.make_room(ALICE, invite=[PUPPET])
            await hs.wait_for(public, says("by invitation only"))
            room = hs.make_room(ALICE, public=False, invite=["@eve:localhost"])
            hs.join("@eve:localhost", room)
            hs.move(ALICE, room, PUPPET, "invite")
            await hs.wait_for(room, says("somebody else is in this room"))
            await until(lambda: not {PUPPET, hs.bot} & set(hs.world.room(room).joined))
            assert not any(link.channel == CHAT for link in await bridge.ledger.links())

    async def test_without_a_login_it_says_how_to_get_one(self, tmp_path: Path, hs: FakeHomeserver) -> None:
        async with a_bridge(tmp_path, hs, portals=(lobby(),), adapter="salon") as bridge:
            await self._bob_is_known(bridge, hs)
            room = hs.make_room(ALICE, public=False, invite=[PUPPET], is_direct=True)
            await hs.wait_for(room, says('say "login local" to @unabridged:localhost'))

    async def _bob_is_known(self, bridge: Bridge, hs: FakeHomeserver) -> None:
        await bridge.linked()
        bridge.world.say("#lobby", "bob", "hello")
        await hs.wait_for(await bridge.room(), says("hello"))
