"""Direct chats without a login: each is one Matrix user's own, and nobody else's to hear, to write or to be found in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.contract.errors import Rejected, Unavailable
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import HUB, ChannelId, IdentityId
from bridge.model.people import Identity, Profile
from bridge.testing.doubles import until
from tests.doubles.homeserver import FakeHomeserver
from tests.doubles.salon import Salon
from tests.unit.app.town import ALICE, LOCAL, Bridge, a_bridge, channel, lobby, says

EVE = "@eve:localhost"
BOB = Identity(id=IdentityId(LOCAL, "bob"), profile=Profile(name="Bob"))
PUPPET = "@_local_bob:localhost"
CHAT = channel(f"post/bob/{ALICE}")


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        server.user("alice")
        server.user("eve")
        yield server


def tools(bridge: Bridge) -> Toolbox:
    adapter = bridge.plant.networks.supervisors[LOCAL].adapter
    assert isinstance(adapter, Salon)
    return adapter.tools


async def room_of(bridge: Bridge, place: ChannelId = CHAT) -> str:
    (link,) = [link for link in await bridge.ledger.links() if link.channel == place]
    return next(portal.room for portal in await bridge.ledger.portals() if portal.id == link.portal)


async def test_it_is_a_room_by_invitation_and_only_its_owner_writes_through_it(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="post") as bridge:
        await tools(bridge).linking.direct(CHAT, peer=BOB)
        room = await room_of(bridge)
        assert hs.state(room, "m.room.join_rules") == {"join_rule": "invite"}
        await until(lambda: bridge.plant.networks.waiting() == [])
        bridge.world.say(CHAT.id, "bob", "psst")
        assert (await hs.wait_for(room, says("psst")))["sender"] == PUPPET
        hs.join(ALICE, room)
        hs.move(ALICE, room, EVE, "invite")
        hs.join(EVE, room)
        hs.say(EVE, room, "let me, too")
        hs.say(ALICE, room, "what is it?")
        await bridge.heard("what is it?")
        assert not any("let me" in line.text for line in bridge.world.lines)


@pytest.mark.parametrize(
    "user", ["@nobody:localhost", "@_local_bob:localhost", "@unabridged:localhost", "@alice:elsewhere.example", "@" + "a" * 300]
)
async def test_who_is_nobody_or_may_not_gets_no_room(tmp_path: Path, hs: FakeHomeserver, user: str) -> None:
    async with a_bridge(tmp_path, hs, adapter="post") as bridge:
        with pytest.raises(Rejected, match="can be reached"):
            await tools(bridge).linking.direct(channel(f"post/bob/{user}"), peer=BOB)
        with pytest.raises(Rejected):
            await tools(bridge).linking.direct(channel("#lobby"), peer=BOB)
        assert hs.calls["createRoom"] == 0


async def test_what_is_known_of_somebody_is_what_their_server_says(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(lobby(),), adapter="post") as bridge:
        await bridge.linked()
        profile = tools(bridge).linking.profile
        known = await profile(IdentityId(HUB, ALICE))
        assert known is not None
        assert known.name == (hs.world.users[ALICE].get("displayname") or None)
        assert await profile(IdentityId(HUB, "@nobody:localhost")) is None
        assert await profile(IdentityId(HUB, hs.bot)) is None
        assert await profile(IdentityId(LOCAL, "bob")) is None
        hs.faults.status(503, "profile")
        with pytest.raises(Unavailable):
            await profile(IdentityId(HUB, ALICE))


async def test_a_puppet_invited_without_a_login_comes(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(lobby(),), adapter="post") as bridge:
        await bridge.linked()
        bridge.world.say("#lobby", "bob", "hello")
        await hs.wait_for(await bridge.room(), says("hello"))
        room = hs.make_room(ALICE, public=False, invite=[PUPPET], is_direct=True)
        await until(lambda: any(link.channel == CHAT for link in bridge.plant.linkage._switchboard.links))
        assert await room_of(bridge) == room
        hs.say(ALICE, room, "hello bob")
        await bridge.heard("hello bob")


async def test_nobody_opens_it_by_an_alias_or_links_it_elsewhere(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(lobby(),), adapter="post") as bridge:
        await bridge.linked()
        assert not bridge.plant.networks.may_open(CHAT)
        rights = bridge.plant.reception.rights
        assert rights.personal(CHAT, ALICE)
        with pytest.raises(Exception, match="only they may link it"):
            rights.personal(CHAT, EVE)
        with pytest.raises(Exception, match="by invitation"):
            await rights.check(CHAT, await bridge.room(), ALICE)
