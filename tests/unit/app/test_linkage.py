"""The file's rooms and channels become links, stay what the file says, and say in words why where they can't."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.app import linkage
from bridge.model.portals import Direction, Source
from bridge.testing.doubles import until
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.town import ALICE, LOCAL, Bridge, a_bridge, channel, lobby, says, stopped


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        yield server


async def links(bridge: Bridge) -> set[str]:
    return {link.channel.id for link in await bridge.ledger.links()}


async def test_links_follow_the_file_and_those_of_commands_stay(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(lobby("#a", "#b"),)) as bridge:
        await bridge.linked()
        assert await links(bridge) == {"#a", "#b"}
        (portal,) = await bridge.ledger.portals()
        await bridge.ledger.add_link(
            portal=portal.id, channel=channel("#mine"), direction=Direction.BOTH, relay=True, source=Source.COMMAND
        )
    async with stopped(tmp_path, hs, portals=(lobby("#b", "#c"),)) as bridge:
        assert await links(bridge) == {"#b", "#c", "#mine"}
    async with stopped(tmp_path, hs) as bridge:
        assert await links(bridge) == {"#mine"}


async def test_a_changed_option_changes_the_link(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        await bridge.linked()
    inward = lobby()
    (link,) = inward.links
    inward = type(inward)(room=inward.room, links=(type(link)(channel=link.channel, direction=Direction.IN),))
    async with stopped(tmp_path, hs, portals=(inward,)) as bridge:
        assert [(link.direction, link.relay) for link in await bridge.ledger.links()] == [(Direction.IN, True)]


async def test_a_known_room_is_linked_while_the_homeserver_is_away(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        await bridge.linked()
    calls = hs.calls.total()
    async with stopped(tmp_path, hs, portals=(lobby("#a"),)) as bridge:
        assert bridge.plant.linkage.waiting == set()
        assert await links(bridge) == {"#a"}
    assert hs.calls.total() == calls


async def test_a_room_that_refuses_us_is_told_and_tried_again(tmp_path: Path, hs: FakeHomeserver) -> None:
    room = hs.make_room(ALICE, public=False)
    async with a_bridge(tmp_path, hs, portals=(lobby(room=room),)) as bridge:
        linkage = bridge.plant.linkage
        await until(lambda: not linkage.waiting)  # readiness does not wait for it any more
        assert "invite @unabridged:localhost" in linkage.refused[room]
        hs.move(ALICE, room, hs.bot, "invite")
        await bridge.clock.advance(21)
        await bridge.linked()
        bridge.world.say("#lobby", "bob", "let in")
        await hs.wait_for(room, says("let in"))


async def test_an_absent_homeserver_is_asked_again(tmp_path: Path, hs: FakeHomeserver) -> None:
    hs.faults.status(503, "room")
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        await until(lambda: bridge.plant.linkage.refused)
        await bridge.clock.advance(21)
        await bridge.linked()
        assert await links(bridge) == {"#lobby"}


async def test_a_room_that_is_linked_waits_for_none_far_behind_it(
    tmp_path: Path, hs: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is said there meanwhile reaches nobody."""
    monkeypatch.setattr(linkage, "IN_ONE_LOOK", 1)
    here = hs.make_room(ALICE, alias="#a:localhost")
    hs.faults.hang("createRoom")
    async with a_bridge(tmp_path, hs, portals=(lobby("#a", room="#a:localhost"), lobby("#b", room="#b:localhost"))) as bridge:
        await until(lambda: channel("#a") in bridge.plant.networks.supervisors[LOCAL].channels)
        bridge.world.say("#a", "bob", "already here")
        await hs.wait_for(here, says("already here"))
        assert await links(bridge) == {"#a"}
        hs.faults.release()
        await bridge.linked()
        assert await links(bridge) == {"#a", "#b"}


async def test_nothing_said_before_the_link_is_ever_carried(tmp_path: Path, hs: FakeHomeserver) -> None:
    room = hs.make_room(ALICE, alias="#lobby:localhost")
    hs.say(ALICE, room, "among ourselves", ts=int(1e12))
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        await bridge.linked()
        hs.say(ALICE, room, "to everybody")
        await bridge.heard("to everybody")
    async with a_bridge(tmp_path, hs, portals=(lobby(),), world=bridge.world) as again:
        await again.clock.advance(60)
        hs.say(ALICE, room, "and again")
        await again.heard("and again")
    assert bridge.world.sees("#lobby") == ["alice: to everybody", "alice: and again"]
