"""Following: who may bring what into which room, from a chat, a timeline and a terminal."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.contract.logins import Login
from bridge.contract.places import Finding
from bridge.contract.words import Answer, Asker
from bridge.model.ids import IdentityId
from bridge.model.permissions import Permission
from bridge.model.portals import Direction, PortalKind
from bridge.ops.remote import ask
from bridge.testing.doubles import until
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.test_direct_rooms import salon
from tests.unit.app.test_login_talks import EVE, chat, tell
from tests.unit.app.town import ADMIN, ALICE, LOCAL, Bridge, a_bridge, channel, lobby, says

TIMELINE = lobby("#news", room="#timeline:localhost", kind=PortalKind.TIMELINE)


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        yield server


def finding(name: str, title: str, *, of_list: bool = False) -> Finding:
    return Finding(channel=channel(name), title=title, of_list=of_list)


async def typed(folder: Path, word: str, user: str | None = None, **arguments: str | list[str]) -> Answer:
    """As `unabridged WORD …` does."""
    return await asyncio.to_thread(ask, folder / "unabridged.sock", word, arguments, user)


async def links_in(bridge: Bridge, room: str) -> set[str]:
    portal = next(portal.id for portal in await bridge.ledger.portals() if portal.room == room)
    return {link.channel.id for link in await bridge.ledger.links() if link.portal == portal}


async def log_in(bridge: Bridge, user: str = ALICE, name: str = "me") -> None:
    await bridge.plant.logins.save(Login(user=user, network=LOCAL, name=name, identity=IdentityId(LOCAL, "ally")))


async def test_who_has_no_timeline_gets_one_and_the_second_follow_uses_it(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        salon(bridge).shelf = {"anna.example": [finding("anna", "Anna's blog")], "ben.example": [finding("ben", "Ben")]}
        room = await chat(hs)
        await tell(hs, room, "follow anna.example", "Following Anna's blog in your timeline")
        (portal,) = await bridge.ledger.portals()
        await tell(hs, room, "follow ben.example", "To undo it: unfollow local/ben")
        assert [portal.room for portal in await bridge.ledger.portals()] == [portal.room]
        assert await links_in(bridge, portal.room) == {"anna", "ben"}
        link = (await bridge.ledger.links())[0]
        assert (link.direction, link.relay) == (Direction.IN, False)
        await until(lambda: bridge.plant.networks.waiting() == [])
        bridge.world.say("anna", "anna", "a post")
        await hs.wait_for(portal.room, says("a post"))


async def test_in_a_timeline_it_goes_there_where_one_may_change_it(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(TIMELINE,), adapter="salon") as bridge:
        await bridge.linked()
        room = await bridge.room("#timeline:localhost")
        salon(bridge).shelf = {"anna.example": [finding("anna", "Anna's blog")]}
        for user in (ADMIN, EVE):
            hs.join(user, room)
        await tell(hs, room, "!follow anna.example", "needs power level 50", EVE)
        await tell(hs, room, "!follow anna.example", "in #timeline:localhost", ADMIN)
        assert await links_in(bridge, room) == {"#news", "anna"}
        await tell(hs, room, "!follow anna.example", "was there already", ADMIN)


async def test_the_terminal_uses_the_one_timeline_there_is(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(TIMELINE, lobby()), adapter="salon") as bridge:
        await bridge.linked()
        salon(bridge).shelf = {"anna.example": [finding("anna", "Anna's blog")]}
        done = await typed(tmp_path, "follow", what=["anna.example"])
        assert not done.failed and "#timeline:localhost" in done.text
        listed = await typed(tmp_path, "following")
        assert [row[1] for row in listed.rows] == ["local/#news", "local/anna"]
        gone = await typed(tmp_path, "unfollow", what=["anna.example"])
        assert not gone.failed and "No longer following" in gone.text
        kept = await typed(tmp_path, "unfollow", what=["#news"])
        assert kept.failed and "configuration file" in kept.text


async def test_without_a_timeline_or_with_two_the_terminal_asks_which(tmp_path: Path, hs: FakeHomeserver) -> None:
    second = lobby("#more", room="#second:localhost", kind=PortalKind.TIMELINE)
    async with a_bridge(tmp_path, hs, portals=(TIMELINE, second), adapter="salon") as bridge:
        await bridge.linked()
        salon(bridge).shelf = {"anna.example": [finding("anna", "Anna's blog")]}
        lost = await typed(tmp_path, "follow", what=["anna.example"])
        assert lost.failed and "--room" in lost.text
        done = await typed(tmp_path, "follow", what=["anna.example"], room="#second:localhost")
        assert not done.failed
        assert "anna" in await links_in(bridge, await bridge.room("#second:localhost"))


async def test_several_findings_are_shown_with_numbers(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(TIMELINE,), adapter="salon") as bridge:
        await bridge.linked()
        salon(bridge).shelf = {"paper": [finding("world", "World"), finding("sports", "Sports")]}
        asked = await typed(tmp_path, "follow", what=["paper"])
        assert asked.failed and [row[1] for row in asked.rows] == ["World", "Sports"]
        done = await typed(tmp_path, "follow", what=["paper"], choose="2")
        assert "Following Sports" in done.text


async def test_a_list_of_feeds_is_linked_with_one_look(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(TIMELINE,), adapter="salon") as bridge:
        await bridge.linked()
        text = "<opml>…</opml>"
        salon(bridge).shelf = {text: [finding(f"feed{n}", f"Feed {n}", of_list=True) for n in range(450)]}
        looks: list[None] = []
        bridge.plant.linkage._switchboard.tell(lambda: looks.append(None))
        refused = await typed(tmp_path, "follow", what=[text])
        assert refused.failed and "list of 450" in refused.text
        done = await typed(tmp_path, "follow", what=[text], all="yes")
        assert "450 channels" in done.text
        assert len(looks) == 1
        assert len(await links_in(bridge, await bridge.room("#timeline:localhost"))) == 451


async def test_what_a_network_says_against_it_is_told(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(TIMELINE,), adapter="salon") as bridge:
        await bridge.linked()
        salon(bridge).shelf = {"dead.example": OSError("dead.example did not answer"), "named": [finding("n", "N")]}
        assert "dead.example did not answer" in (await typed(tmp_path, "follow", what=["dead.example"])).text
        assert "No network knows" in (await typed(tmp_path, "follow", what=["gibberish"])).text
        assert "local doesn't know" in (await typed(tmp_path, "follow", what=["local/gibberish"])).text
        assert "Following N" in (await typed(tmp_path, "follow", what=["local/named"])).text


class TestLogins:
    """What a login shows is its owner's."""

    async def test_only_its_owner_links_its_channels_and_only_where_nobody_enters_unasked(
        self, tmp_path: Path, hs: FakeHomeserver
    ) -> None:
        async with a_bridge(tmp_path, hs, portals=(TIMELINE,), adapter="salon") as bridge:
            await bridge.linked()
            await log_in(bridge)
            public = await bridge.room("#timeline:localhost")
            theirs = await typed(tmp_path, "follow", EVE, what=["local/home@me"])
            assert theirs.failed and "only its owner" in theirs.text
            nobody = await typed(tmp_path, "follow", what=["local/home@me"])
            assert nobody.failed and "--as" in nobody.text
            unknown = await typed(tmp_path, "follow", ALICE, what=["local/home@you"])
            assert unknown.failed and "no login you" in unknown.text
            hs.set_state(hs.bot, public, "m.room.power_levels", {"users": {ALICE: 100}})
            hs.join(ALICE, public)
            open_room = await typed(tmp_path, "follow", ALICE, what=["local/home@me"], room="#timeline:localhost")
            assert open_room.failed and "by invitation" in open_room.text
            done = await typed(tmp_path, "follow", ALICE, what=["local/home@me"])
            assert not done.failed and "your timeline" in done.text
            own = next(portal for portal in await bridge.ledger.portals() if portal.room != public)
            assert await links_in(bridge, own.room) == {"home@me"}

    @pytest.mark.parametrize("user", [None, EVE])
    async def test_the_word_link_has_the_same_rule(self, tmp_path: Path, hs: FakeHomeserver, user: str | None) -> None:
        async with a_bridge(tmp_path, hs, portals=(TIMELINE,), adapter="salon") as bridge:
            await bridge.linked()
            await log_in(bridge)
            hs.set_state(hs.bot, await bridge.room("#timeline:localhost"), "m.room.power_levels", {"users": {EVE: 100}})
            hs.join(EVE, await bridge.room("#timeline:localhost"))
            answer = await typed(tmp_path, "link", user, room="#timeline:localhost", channel="local/home@me")
            assert answer.failed and "only its owner" in answer.text

    async def test_an_alias_opens_no_channel_of_a_login(self, tmp_path: Path, hs: FakeHomeserver) -> None:
        async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
            await log_in(bridge)
            assert not bridge.plant.networks.may_open(channel("home@me"))
            assert bridge.plant.networks.may_open(channel("#tea"))


async def test_an_adapters_own_words_follow_for_whoever_said_them(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        asker = Asker(user=ALICE, permission=Permission.USER)
        said = await salon(bridge).tools.linking.follow(asker, [channel("#tag"), channel("#tag")])
        assert "local/#tag" in said and "your timeline" in said
        assert list(salon(bridge).tools.linking.linked()) == [channel("#tag")]


async def test_asked_for_twice_at_once_there_is_one_timeline(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        asker = Asker(user=ALICE, permission=Permission.USER)
        linking = salon(bridge).tools.linking
        await asyncio.gather(*(linking.follow(asker, [channel(f"#{number}")]) for number in range(4)))
        (portal,) = await bridge.ledger.portals()
        assert await links_in(bridge, portal.room) == {"#0", "#1", "#2", "#3"}


async def test_a_timeline_whose_making_was_never_answered_is_found_again(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        salon(bridge).shelf = {"a": [finding("a", "A")]}
        hs.faults.drop_after("createRoom")
        assert (await typed(tmp_path, "follow", ALICE, what=["a"])).failed
        assert not (await typed(tmp_path, "follow", ALICE, what=["a"])).failed
        (room,) = hs.world.rooms
        assert await links_in(bridge, room) == {"a"}


async def test_who_left_a_timeline_gets_another(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon") as bridge:
        salon(bridge).shelf = {"a": [finding("a", "A")]}
        await typed(tmp_path, "follow", ALICE, what=["a"])
        (first,) = await bridge.ledger.portals()
        hs.leave(ALICE, first.room)
        await typed(tmp_path, "follow", ALICE, what=["a"])
        assert len(await bridge.ledger.portals()) == 2


async def test_a_file_named_in_the_terminal_is_known_as_one(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon"):
        socket = tmp_path / "unabridged.sock"
        asked = await asyncio.to_thread(ask, socket, "files", ["follow", "list.opml", "--room", "#a:b"], None)
        assert asked.data == ["list.opml"]
        assert (await asyncio.to_thread(ask, socket, "files", ["version", "list.opml"], None)).data == []
        assert (await asyncio.to_thread(ask, socket, "files", [], None)).data == []


async def test_a_timeline_does_not_list_what_only_comes_in(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(TIMELINE, lobby()), adapter="salon") as bridge:
        bridge.world.topics["#news"] = "not the room's topic"
        await bridge.linked()
        await hs.wait_for(await bridge.room(), lambda event: event["type"] == "m.bridge")
        timeline = await bridge.room("#timeline:localhost")
        assert not [event for event in hs.events(timeline) if event["type"] in ("m.bridge", "m.room.topic", "m.room.name")]
