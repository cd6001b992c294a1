"""Health, readiness, and what the operator is shown of a running bridge."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bridge.app.main import running
from bridge.contract.adapter import Phase
from bridge.contract.words import Answer
from bridge.ledger import sqlite
from bridge.ops.remote import ask
from bridge.testing.doubles import until
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.town import ALICE, Bridge, a_bridge, lobby, passing, says, stopped
from tests.unit.delivery.stage import background


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


async def test_a_ledger_that_cannot_write_is_ill_health_until_it_can(
    tmp_path: Path, hs: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = tuple("busy_timeout = 1" if pragma.startswith("busy_timeout") else pragma for pragma in sqlite._PRAGMAS)
    monkeypatch.setattr(sqlite, "_PRAGMAS", impatient)
    async with a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        await bridge.linked()
        room = await bridge.room()
        assert await get(bridge, "/health") == (200, {"healthy": True, "troubles": []})
        other = sqlite3.connect(tmp_path / "unabridged.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        bridge.world.say("#lobby", "bob", "hello?")
        await until(lambda: bridge.ledger.trouble)
        status, body = await get(bridge, "/health")
        assert status == 503
        assert body["troubles"] == ["the ledger can't write: database is locked"]
        other.execute("ROLLBACK")
        other.close()
        async with background(partial(passing, bridge.clock)):
            await hs.wait_for(room, says("hello?"))
        assert (await get(bridge, "/health"))[0] == 200


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


async def test_status_says_that_the_homeserver_is_there_once_it_has_answered(tmp_path: Path, hs: FakeHomeserver) -> None:
    hs.faults.hang("account")
    async with a_bridge(tmp_path, hs) as bridge:
        assert (await hub(tmp_path))[:2] == ["matrix", "starting"]
        hs.faults.release()
        await until(lambda: bridge.plant.pulse.state.phase is Phase.CONNECTED)
        assert (await hub(tmp_path))[:2] == ["matrix", "connected"]


async def test_an_absent_homeserver_is_a_state_and_no_ill_health(tmp_path: Path, hs: FakeHomeserver) -> None:
    hs.faults.status(503, "account", times=1000)
    async with a_bridge(tmp_path, hs) as bridge:
        await until(lambda: bridge.plant.pulse.reason)
        row = await hub(tmp_path)
        assert (row[1], row[3]) == ("transient", "the homeserver is not ready (503)")
        assert (await get(bridge, "/health"))[0] == 200


async def test_status_says_why_the_homeserver_does_not_reach_us(tmp_path: Path, hs: FakeHomeserver) -> None:
    hs.push.hs_token = "another"
    async with stopped(tmp_path, hs) as bridge, running(bridge.plant):
        hs.push.hs_token = "mistyped"
        hs.push.url = bridge.url
        async with background(partial(passing, bridge.clock)):
            await until(lambda: "hs_token" in (bridge.plant.pulse.deaf or ""))
        row = await hub(tmp_path)
        assert row[1] == "connected"
        assert "refuses the homeserver's hs_token" in row[3]
        hs.push.hs_token = "another"
        hs.say(ALICE, hs.make_room(ALICE, invite=[hs.bot]), "hello")
        await until(lambda: bridge.plant.pulse.deaf is None)


async def hub(folder: Path) -> list[str]:
    """The homeserver's row in `status`."""
    return list((await tell(folder, "status")).rows[0])
