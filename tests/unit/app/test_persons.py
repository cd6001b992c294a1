"""Two identities declared one human speak with one face, from then on and until they are parted."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.test_doors import tell
from tests.unit.app.town import a_bridge, lobby, says


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        yield server


async def test_one_human_has_one_puppet_for_new_words_and_each_their_own_again(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        await bridge.linked()
        room = await bridge.room()

        async def speaker(author: str, text: str) -> str:
            bridge.world.say("#lobby", author, text)
            return str((await hs.wait_for(room, says(text)))["sender"])

        assert await speaker("robert", "one") == "@_local_robert:localhost"
        assert not (await tell(tmp_path, "same", "local/bob", "local/robert")).failed
        assert await speaker("robert", "two") == "@_local_bob:localhost"
        assert (await tell(tmp_path, "persons")).rows == (("local/bob", "local/robert", "somebody said so"),)
        assert not (await tell(tmp_path, "different", "local/robert")).failed
        assert await speaker("robert", "three") == "@_local_robert:localhost"
        assert (await tell(tmp_path, "different", "local/robert")).failed
        assert "is none" in (await tell(tmp_path, "same", "nowhere/x", "local/y")).text
