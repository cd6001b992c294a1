"""What people ask of a whole bridge with their Matrix client: a room by its address, a chat with a puppet."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.town import ALICE, a_bridge, lobby, says

BOB = "@_local_bob:localhost"


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        yield server


async def test_a_direct_chat_with_a_puppet_is_declined_in_words(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        await bridge.linked()
        bridge.world.say("#lobby", "bob", "hello")
        await hs.wait_for(await bridge.room(), says("hello"))
        chat = hs.make_room(ALICE, public=False)
        hs.move(ALICE, chat, BOB, "invite")
        event = await hs.wait_for(chat, says("not possible yet"))
        assert event["sender"] == BOB
