"""Writing in a timeline room: it is posted with the author's own account, and what becomes of it is said in the room alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from adapters.fantasy.world import World
from bridge.contract.logins import Login
from bridge.model.events import Event, Message
from bridge.model.ids import IdentityId
from bridge.model.portals import PortalKind
from bridge.routing import plan
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.town import ALICE, LOCAL, Bridge, a_bridge, lobby, passing, says
from tests.unit.delivery.stage import background

BOB = "@bob:localhost"
TIMELINE = replace(
    lobby("home@me", room="#timeline:localhost", kind=PortalKind.TIMELINE, post_to=("local@me",)), invite=(ALICE, BOB)
)


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        for name in ("alice", "bob"):
            server.user(name)
        yield server


async def enter(bridge: Bridge, hs: FakeHomeserver) -> str:
    """Alice has the account, and both are in the room."""
    await bridge.plant.logins.save(Login(user=ALICE, network=LOCAL, name="me", identity=IdentityId(LOCAL, "ally")))
    await bridge.linked()
    room = await bridge.room("#timeline:localhost")
    for user in (ALICE, BOB):
        hs.join(user, room)
    return room


async def test_a_login_that_came_while_the_bridge_runs_is_written_with(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon", portals=(TIMELINE,)) as bridge, background(lambda: passing(bridge.clock)):
        room = await enter(bridge, hs)
        hs.say(ALICE, room, "a post of mine")
        await bridge.heard("a post of mine")


async def test_who_writes_where_nothing_is_posted_is_told_once_and_never_again(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon", portals=(TIMELINE,)) as bridge:
        room = await enter(bridge, hs)
        for words in ("hello?", "is this on?"):
            hs.say(BOB, room, words)
        await hs.wait_for(room, says("what you write here stays in this room"))
        hs.say(BOB, room, "//marker")
        await hs.push.settled()
    async with a_bridge(tmp_path, hs, adapter="salon", portals=(TIMELINE,)) as again, background(lambda: passing(again.clock)):
        await again.linked()
        hs.say(BOB, room, "and now?")
        hs.say(ALICE, room, "a post of mine")
        await again.heard("a post of mine")
        told = [event for event in hs.messages(room) if says("what you write here stays")(event)]
        assert len(told) == 1


async def test_what_becomes_of_an_accounts_post_is_told_in_the_room_and_not_posted(
    tmp_path: Path, hs: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would have stood there in public, under the account's own name."""

    def broken(event: Event) -> Event:
        if isinstance(event.body, Message) and event.body.text.plain == "breaks it":
            raise RuntimeError("a bug")
        return event

    monkeypatch.setattr(plan, "bounded", broken)
    async with a_bridge(tmp_path, hs, adapter="salon", portals=(TIMELINE,)) as bridge:
        room = await enter(bridge, hs)
        bridge.world.say("home@me", "carol", "breaks it")
        notice = await hs.wait_for(room, says("could not be handled"))
        assert notice["sender"] == hs.bot
        bridge.world.say("home@me", "carol", "short")
        await hs.wait_for(room, says("short"))
        assert [line.author for line in bridge.world.lines] == ["carol", "carol"]


async def test_a_post_that_waits_when_the_bridge_dies_is_posted_once_by_the_next_run(tmp_path: Path, hs: FakeHomeserver) -> None:
    world = World()
    async with a_bridge(tmp_path, hs, adapter="salon", portals=(TIMELINE,), world=world) as bridge:
        room = await enter(bridge, hs)
        hs.say(ALICE, room, "still waiting")
        await bridge.counts(pending=1)
    assert world.lines == []
    made = a_bridge(tmp_path, hs, adapter="salon", portals=(TIMELINE,), world=world)
    async with made as again, background(lambda: passing(again.clock)):
        await again.heard("still waiting")
        hs.say(ALICE, room, "a second one")
        await again.heard("a second one")
        assert [line.text for line in world.lines] == ["still waiting", "a second one"]


async def test_a_post_taken_back_in_time_is_never_posted(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, adapter="salon", portals=(TIMELINE,)) as bridge:
        room = await enter(bridge, hs)
        post = hs.say(ALICE, room, "oh no")
        await bridge.counts(pending=1)
        hs.redact(ALICE, room, post)
        await bridge.counts(dead=1)
        hs.say(ALICE, room, "better")
        async with background(lambda: passing(bridge.clock)):
            await bridge.heard("better")
        assert [line.text for line in bridge.world.lines] == ["better"]
