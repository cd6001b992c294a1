"""What somebody wrote in the room with an account of theirs, and deleted over there: it is their own, whoever tells of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.contract.logins import Login
from bridge.model.events import Event, Redaction
from bridge.model.ids import IdentityId
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.reading import Outside, outside
from tests.unit.app.test_one_post import HOME, SOCIAL
from tests.unit.app.town import ALICE, settled
from tests.unit.routing.scene import happened, ref


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        for name in ("alice", "admin"):
            server.user(name)
        yield server


async def posted(town: Outside, hs: FakeHomeserver) -> tuple[str, str]:
    """Alice's post: the event in the room, and what it is called over there."""
    await town.bridge.plant.logins.save(
        Login(user=ALICE, network=SOCIAL, name="me", identity=IdentityId(SOCIAL, "ally@gs.example"))
    )
    hs.join(ALICE, town.room)
    event = hs.say(ALICE, town.room, "my own words")
    await town.bridge.heard("my own words")
    await settled(town.bridge)
    (line,) = [line for line in town.bridge.world.lines if line.text == "my own words"]
    return event, line.id


def deleted(id: str, by: str = "social/ally@gs.example") -> Event:
    return happened("the-deletion", HOME, by, Redaction(target=ref(id, "social")))


def notices(town: Outside) -> list[str]:
    return [
        event["content"]["body"] for event in town.hs.messages(town.room) if event["sender"] == town.hs.bot and event["content"]
    ]


async def test_deleted_over_there_it_is_gone_from_the_room(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs) as town:
        event, id = await posted(town, hs)
        await town.comes(deleted(id))
        assert hs.world.room(town.room).by_id[event]["content"] == {}
        assert notices(town) == []


async def test_deleted_in_the_room_and_told_back_by_the_network_nothing_is_said(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs) as town:
        event, id = await posted(town, hs)
        hs.redact(ALICE, town.room, event)
        await hs.push.settled()
        await settled(town.bridge)
        assert [line.text for line in town.bridge.world.lines if line.target == id] == [""]
        before = len(town.bridge.world.frames)
        await town.comes(deleted(id))
        assert notices(town) == []
        assert len(town.bridge.world.frames) == before, "and it is not deleted over there once more"


async def test_a_stranger_deletes_nothing_of_mine(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with outside(tmp_path, hs) as town:
        event, id = await posted(town, hs)
        await town.comes(deleted(id, "social/mallory"))
        assert hs.world.room(town.room).by_id[event]["content"] != {}
