"""Health, readiness, and what the operator is shown of a running bridge."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bridge.contract.words import Answer
from bridge.ledger import sqlite
from bridge.ops.remote import ask
from bridge.testing.doubles import until
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.town import ALICE, Bridge, a_bridge, lobby, settled


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        yield server


async def get(bridge: Bridge, path: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(bridge.url + path) as answer:
        return answer.status, await answer.json()


async def tell(folder: Path, word: str, *arguments: str) -> Answer:
    """As `unabridged WORD …` does, on the machine itself."""
    return await asyncio.to_thread(ask, folder / "unabridged.sock", word, arguments, None)


async def test_ready_comes_with_the_last_link(tmp_path: Path, hs: FakeHomeserver) -> None:
    hs.faults.hang("createRoom")
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        assert (await get(bridge, "/ready"))[0] == 503
        hs.faults.release()
        await bridge.linked()
        await until(lambda: bridge.plant.networks.waiting() == [])
        assert await get(bridge, "/ready") == (200, {"ready": True})


async def test_a_full_disk_is_ill_health_until_there_is_room(
    tmp_path: Path, hs: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(sqlite, "_PRAGMAS", (*sqlite._PRAGMAS, "max_page_count = 400"))
        async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
            await bridge.linked()
            assert await get(bridge, "/health") == (200, {"healthy": True, "troubles": []})
            for number in range(40):
                bridge.world.say("#lobby", "bob", f"{number} " + "long " * 7_000)
            await until(lambda: bridge.ledger.trouble)
            status, body = await get(bridge, "/health")
            assert status == 503
            assert body["troubles"][0].startswith("the ledger can't write: ")
            full.undo()
            await bridge.clock.advance(120)
            await until(lambda: bridge.ledger.trouble is None)
            assert (await get(bridge, "/health"))[0] == 200
            await settled(bridge)


async def test_what_could_not_be_read_is_kept_shown_and_tried_again(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        await bridge.linked()
        room = await bridge.room()
        hs.join(ALICE, room)
        hs.resend({"event_id": "$poison", "type": "m.room.message", "room_id": room, "sender": 7, "content": {}})
        hs.say(ALICE, room, "and its neighbour")
        await bridge.heard("and its neighbour")
        await bridge.counts(quarantined_chores=1)
        shown = await tell(tmp_path, "quarantine")
        assert [(row[0], row[1], row[4]) for row in shown.rows] == [
            ("unreadable $poison", "unreadable", "sender, room_id or type is missing or is no text")
        ]
        assert '1 set aside (see "quarantine")' in (await tell(tmp_path, "status")).text
        assert not (await tell(tmp_path, "release", "all")).failed
        await bridge.counts(chores=0, quarantined_chores=1)
