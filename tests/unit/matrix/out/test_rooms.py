"""Rooms are found, joined or made once, and every reason why not is in words."""

from typing import Any

import pytest

from bridge.config.settings import LinkSettings, PortalSettings
from bridge.contract.adapter import ChannelInfo
from bridge.contract.errors import Unavailable
from bridge.matrix.api import Refusal
from bridge.matrix.rooms import RoomRefused
from bridge.matrix.state import read_state
from bridge.model.ids import ChannelId, NetworkName
from bridge.model.portals import Link, Portal, PortalKind, Source
from tests.unit.matrix.out.rig import LOCAL, Rig

BOT = "@unabridged:localhost"


async def test_a_missing_alias_is_made_named_and_its_people_invited(rig: Rig) -> None:
    for user in ("admin", "alice"):
        rig.hs.user(user)
    settings = PortalSettings(room="#lobby:localhost", name="Lobby", invite=("@admin:localhost", "@alice:localhost"))
    portal = await rig.rooms.ensure(settings)
    assert rig.hs.world.aliases["#lobby:localhost"] == portal.room
    assert rig.hs.state(portal.room, "m.room.name") == {"name": "Lobby"}
    assert (rig.hs.state(portal.room, "m.room.member", "@alice:localhost") or {})["membership"] == "invite"
    levels = (rig.hs.state(portal.room, "m.room.power_levels") or {})["users"]
    assert levels["@admin:localhost"] == 100 and "@alice:localhost" not in levels


async def test_a_room_made_for_a_logins_channel_is_by_invitation(rig: Rig) -> None:
    links = (LinkSettings(channel=ChannelId(LOCAL, "#open")), LinkSettings(channel=ChannelId(LOCAL, "home@me")))
    portal = await rig.rooms.ensure(PortalSettings(room="#timeline:localhost", links=links))
    assert rig.hs.state(portal.room, "m.room.join_rules") == {"join_rule": "invite"}
    other = await rig.rooms.ensure(PortalSettings(room="#open:localhost", links=links[:1]))
    assert rig.hs.state(other.room, "m.room.join_rules") == {"join_rule": "public"}


@pytest.mark.parametrize(
    ("rule", "history", "private"),
    [
        ("invite", "shared", True),
        ("knock", "joined", True),
        ("public", "shared", False),
        ("restricted", "shared", False),
        ("invite", "world_readable", False),
        (7, None, False),
        (None, None, True),
    ],
)
def test_a_room_is_private_where_nobody_gets_in_or_looks_in_unasked(rule: Any, history: Any, private: bool) -> None:
    content = {"m.room.join_rules": {"join_rule": rule}, "m.room.history_visibility": {"history_visibility": history}}
    state = [{"type": kind, "state_key": "", "content": value} for kind, value in content.items() if None not in value.values()]
    assert read_state(state, BOT).private is private


async def test_the_bot_has_a_name_when_it_is_first_seen(rig: Rig) -> None:
    portal = await rig.rooms.ensure(PortalSettings(room="#lobby:localhost"))
    assert (rig.hs.state(portal.room, "m.room.member", BOT) or {})["displayname"] == "unabridged"


async def test_a_name_that_the_bot_was_given_stays(rig: Rig) -> None:
    rig.hs.world.set_profile(BOT, "displayname", "Postman")
    portal = await rig.rooms.ensure(PortalSettings(room="#lobby:localhost"))
    assert (rig.hs.state(portal.room, "m.room.member", BOT) or {})["displayname"] == "Postman"


async def test_a_homeserver_that_gives_no_names_gets_its_rooms_all_the_same(rig: Rig) -> None:
    rig.hs.faults.status(403, "profile", times=2)
    assert (await rig.rooms.ensure(PortalSettings(room="#lobby:localhost"))).room
    assert rig.hs.faults.armed == []


async def test_a_hundred_new_portals_are_not_read_again_for_each(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """It took the square of the time: a first start with a thousand rooms, a minute."""
    reads, portals = list[int](), rig.memory.portals

    async def counted() -> list[Portal]:
        reads.append(1)
        return await portals()

    monkeypatch.setattr(rig.memory, "portals", counted)
    made = [await rig.rooms.ensure(PortalSettings(room=f"#r{number}:localhost")) for number in range(100)]
    again = [await rig.rooms.ensure(PortalSettings(room=f"#r{number}:localhost")) for number in range(100)]
    assert made == again and len(reads) == 1


async def test_what_is_made_while_all_are_read_is_known(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await rig.rooms.ensure(PortalSettings(room="#first:localhost"))
    portals = rig.memory.portals

    async def slow() -> list[Portal]:
        read = await portals()
        monkeypatch.setattr(rig.memory, "portals", portals)
        await rig.rooms.ensure(PortalSettings(room="#second:localhost"))
        return read

    rig.rooms.forget()
    monkeypatch.setattr(rig.memory, "portals", slow)
    assert await rig.rooms.ensure(PortalSettings(room="#first:localhost")) == first
    calls = rig.hs.calls.total()
    await rig.rooms.ensure(PortalSettings(room="#second:localhost"))
    assert rig.hs.calls.total() == calls


async def test_a_thousand_portals_known_already_cost_no_request_at_start(rig: Rig) -> None:
    for number in range(1000):
        await rig.memory.add_portal(room=f"!r{number}", alias=f"#r{number}:localhost")
    before = rig.hs.calls.total()
    for number in range(1000):
        await rig.rooms.ensure(PortalSettings(room=f"#r{number}:localhost"))
    assert rig.hs.calls.total() == before and rig.changes == 0


async def test_changed_settings_change_the_portal_and_keep_its_room(rig: Rig) -> None:
    first = await rig.rooms.ensure(PortalSettings(room="#lobby:localhost"))
    again = await rig.rooms.ensure(PortalSettings(room="#lobby:localhost", kind=PortalKind.TIMELINE, members="full"))
    assert (again.id, again.room, again.kind, again.members) == (first.id, first.room, PortalKind.TIMELINE, "full")
    assert await rig.memory.portals() == [again]


async def test_an_existing_room_is_joined_by_its_alias(rig: Rig) -> None:
    room = rig.hs.make_room("@alice:localhost", alias="#lobby:localhost")
    assert (await rig.rooms.ensure(PortalSettings(room="#lobby:localhost"))).room == room
    assert rig.hs.bot in rig.hs.world.room(room).joined


async def test_a_closed_room_says_whom_to_invite(rig: Rig) -> None:
    room = rig.hs.make_room("@alice:localhost", public=False)
    with pytest.raises(RoomRefused, match="invite @unabridged:localhost"):
        await rig.rooms.ensure(PortalSettings(room=room))
    rig.hs.move("@alice:localhost", room, rig.hs.bot, "invite")
    assert (await rig.rooms.ensure(PortalSettings(room=room))).room == room


async def test_an_alias_of_another_homeserver_cannot_be_made(rig: Rig) -> None:
    with pytest.raises(RoomRefused, match="only rooms of localhost"):
        await rig.rooms.ensure(PortalSettings(room="#lobby:example.org"))


async def test_an_alias_that_the_registration_lacks_says_what_to_do(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def synapse(wish: object) -> str:
        raise Refusal(400, "M_EXCLUSIVE", "This application service has not reserved this kind of alias.")

    monkeypatch.setattr(rig.api, "create_room", synapse)
    with pytest.raises(RoomRefused, match="the registration does not name #lobby:localhost"):
        await rig.rooms.ensure(PortalSettings(room="#lobby:localhost", invite=("@alice:localhost",)))


async def test_one_guest_who_cannot_be_invited_keeps_nobody_out(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    create, invite = rig.api.create_room, rig.api.move

    async def strict(wish: dict[str, Any]) -> str:
        if wish["invite"]:
            raise Refusal(403, "M_FORBIDDEN", "unknown guest")
        return await create(wish)

    async def picky(room: str, word: str, *, target: str) -> None:
        if target == "@ghost:localhost":
            raise Refusal(404, "M_NOT_FOUND", "unknown guest")
        await invite(room, word, target=target)

    monkeypatch.setattr(rig.api, "create_room", strict)
    monkeypatch.setattr(rig.api, "move", picky)
    rig.hs.user("alice")
    portal = await rig.rooms.ensure(PortalSettings(room="#lobby:localhost", invite=("@ghost:localhost", "@alice:localhost")))
    assert (rig.hs.state(portal.room, "m.room.member", "@alice:localhost") or {})["membership"] == "invite"


async def test_a_room_made_by_an_attempt_whose_answer_was_lost_is_found_again(rig: Rig) -> None:
    rig.hs.faults.drop_after("createRoom", times=2)
    with pytest.raises(Unavailable):
        await rig.rooms.ensure(PortalSettings(room="#lobby:localhost"))
    portal = await rig.rooms.ensure(PortalSettings(room="#lobby:localhost"))
    assert portal.room == rig.hs.world.aliases["#lobby:localhost"] and len(rig.hs.world.rooms) == 1


async def test_joining_an_alias_makes_the_room_and_its_link_once(rig: Rig) -> None:
    assert await rig.rooms.make_for_alias("#_local_=23tea:localhost")
    assert await rig.rooms.make_for_alias("#_local_=23tea:localhost")
    (portal,), (link,) = rig.memory.rooms, rig.memory.joins
    assert (link.channel, link.portal, link.source) == (ChannelId(LOCAL, "#tea"), portal.id, Source.ALIAS)
    assert rig.hs.state(portal.room, "m.room.name") == {"name": "#tea"}


async def test_a_channel_written_plainly_leads_to_the_same_room(rig: Rig) -> None:
    assert await rig.rooms.make_for_alias("#_local_#my_tea:localhost")
    assert await rig.rooms.make_for_alias("#_local_=23my__tea:localhost")
    assert await rig.rooms.make_for_alias("#_local_#my_tea:localhost")
    (portal,), (link,) = rig.memory.rooms, rig.memory.joins
    assert link.channel == ChannelId(LOCAL, "#my_tea")
    assert portal.alias == "#_local_=23my__tea:localhost"
    assert rig.hs.world.aliases["#_local_#my_tea:localhost"] == portal.room


@pytest.mark.parametrize("alias", ["#_local_=23tea#:localhost", "#_local_=2Ftea:localhost", "#_lo#cal_x:localhost", "#_local_#x"])
async def test_a_misspelt_alias_is_not_guessed_at(rig: Rig, alias: str) -> None:
    assert not await rig.rooms.make_for_alias(alias)
    assert rig.memory.rooms == []


@pytest.mark.parametrize(
    "alias", ["#_other_x:localhost", "#_local_x:example.org", "#lobby:localhost", "#_local_:localhost", "#__:", ""]
)
async def test_an_alias_that_is_not_for_the_asking_makes_nothing(rig: Rig, alias: str) -> None:
    assert not await rig.rooms.make_for_alias(alias)
    assert rig.memory.rooms == []


async def test_a_logins_channel_is_not_opened_by_an_alias(rig: Rig) -> None:
    rig.open_channels = False
    assert not await rig.rooms.make_for_alias("#_local_home=40me:localhost")


async def test_a_topic_is_shown_where_we_made_the_room_and_never_over_peoples_own(rig: Rig) -> None:
    info = ChannelInfo(channel=ChannelId(LOCAL, "#tea"), name="Tea", topic="all about tea")
    ours = await rig.rooms.ensure(PortalSettings(room="#ours:localhost"))
    await rig.rooms.describe(ours, info)
    assert rig.hs.state(ours.room, "m.room.topic") == {"topic": "all about tea"}
    assert rig.hs.state(ours.room, "m.room.name") == {"name": "Tea"}
    before = rig.hs.calls.total()
    await rig.rooms.describe(ours, info)
    assert rig.hs.calls.total() == before
    rig.hs.make_room("@alice:localhost", alias="#theirs:localhost")
    theirs = await rig.rooms.ensure(PortalSettings(room="#theirs:localhost"))
    await rig.rooms.describe(theirs, info)
    assert rig.hs.state(theirs.room, "m.room.topic") is None


async def test_two_channels_of_one_room_do_not_take_turns_with_its_topic_at_each_start(rig: Rig) -> None:
    tea = ChannelInfo(channel=ChannelId(LOCAL, "#tea"), name="Tea", topic="all about tea")
    bare = ChannelInfo(channel=ChannelId(LOCAL, "tea@rooms"), name="tea", topic="")
    room = await rig.rooms.ensure(PortalSettings(room="#ours:localhost"))
    for _ in range(3):
        for info in (bare, tea):
            await rig.rooms.describe(room, info)
    assert rig.hs.state(room.room, "m.room.topic") == {"topic": "all about tea"}
    assert len([event for event in rig.hs.events(room.room) if event["type"] == "m.room.topic"]) == 1


async def test_what_is_wrong_with_a_room_is_named(rig: Rig) -> None:
    room = await rig.room()
    rig.hs.set_state(
        "@alice:localhost", room, "m.room.power_levels", {"invite": 50, "users": {rig.hs.bot: 50}, "events": {"m.reaction": 10}}
    )
    rig.hs.set_state("@alice:localhost", room, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    rig.hs.set_state("@alice:localhost", room, "m.bridge", {"bridgebot": "@other:localhost", "channel": {"id": "x"}}, "other")
    assert await rig.rooms.problems(room) == (
        "puppets may not react",
        "the room is encrypted: the bridge cannot read it",
        "another bridge is here: @other:localhost",
    )
    assert "not in the room" in (await rig.rooms.problems(rig.hs.make_room("@bob:localhost")))[0]


async def test_the_room_says_what_it_is_linked_to_and_what_no_longer(rig: Rig) -> None:
    portal = await rig.rooms.ensure(PortalSettings(room="#lobby:localhost"))
    links = [Link(id=n, portal=portal.id, channel=ChannelId(NetworkName("local"), name)) for n, name in enumerate(("#a", "#b"))]
    assert await rig.info.announce(portal, links)
    for kind in ("m.bridge", "uk.half-shot.bridge"):
        content = rig.hs.state(portal.room, kind, "org.unabridged://local/#a") or {}
        assert (content["bridgebot"], content["protocol"]["id"], content["channel"]["id"]) == (rig.hs.bot, "local-protocol", "#a")
    before = rig.hs.calls.total()
    assert await rig.info.announce(portal, links)
    assert rig.hs.calls.total() == before
    assert await rig.info.announce(portal, links[1:])
    assert rig.hs.state(portal.room, "m.bridge", "org.unabridged://local/#a") == {}


async def test_a_room_that_forbids_it_is_bridged_without_saying_so(rig: Rig) -> None:
    room = await rig.room()
    portal = await rig.memory.add_portal(room=room)
    assert not await rig.info.announce(portal, [Link(id=1, portal=1, channel=ChannelId(LOCAL, "#a"))])
