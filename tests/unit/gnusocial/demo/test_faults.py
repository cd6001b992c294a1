"""The stand-in misbehaves on demand, and only then."""

import asyncio

import aiohttp
import pytest

from bridge.testing.doubles import until
from tests.unit.gnusocial.demo.kit import Client, site


def said(client: Client) -> list[str]:
    return [one.text for one in client.server.site.notices.values() if one.verb == "post"]


async def test_an_answer_is_lost_after_the_post_is_stored() -> None:
    async with site("alice") as client:
        client.server.faults.lose("statuses/update")
        with pytest.raises(aiohttp.ClientError):
            await client.post("statuses/update.json", "alice", status="kept")
        assert said(client) == ["kept"]
        assert (await client.post("statuses/update.json", "alice", status="next")).status == 200


async def test_a_connection_is_cut_before_anything_is_stored() -> None:
    async with site("alice") as client:
        client.server.faults.cut("statuses/update", times=2, method="POST")
        for _ in range(2):
            with pytest.raises(aiohttp.ClientError):
                await client.post("statuses/update.json", "alice", status="lost")
        assert said(client) == []
        assert (await client.post("statuses/update.json", "alice", status="kept")).status == 200


@pytest.mark.parametrize(("status", "after"), [(503, "7"), (429, "Sun, 22 Nov 2026 12:00:07 GMT"), (500, None)])
async def test_a_server_says_not_now_and_when(status: int, after: str | None) -> None:
    async with site("alice") as client:
        client.server.faults.refuse("home_timeline", status, retry_after=after)
        answer = await client.get("statuses/home_timeline.json", "alice")
        assert (answer.status, answer.headers.get("Retry-After")) == (status, after)
        assert (await client.get("statuses/mentions.json", "alice")).status == 200
        assert (await client.get("statuses/home_timeline.json", "alice")).status == 200


@pytest.mark.parametrize("before", [True, False])
async def test_a_server_takes_its_time_until_it_is_let_go(before: bool) -> None:
    async with site("alice") as client:
        client.server.faults.hold("statuses/update", before=before)
        asking = asyncio.create_task(client.post("statuses/update.json", "alice", status="slow"))
        await until(lambda: client.server.faults.held)
        assert said(client) == ([] if before else ["slow"])
        client.server.faults.release()
        assert (await asking).status == 200 and said(client) == ["slow"] and not client.server.faults.held


async def test_a_server_that_is_stopped_while_it_holds_an_answer_leaves_nothing_behind() -> None:
    async with site("alice") as client:
        client.server.faults.hold("account", times=None)
        asking = asyncio.create_task(client.get("account/verify_credentials.json", "alice"))
        await until(lambda: client.server.faults.held)
        await client.server.stop()
        with pytest.raises(aiohttp.ClientError):
            await asking
            await client.get("account/verify_credentials.json", "alice")


async def test_faults_that_last_end_when_they_are_cleared() -> None:
    async with site("alice") as client:
        client.server.faults.refuse("api", 503, times=None)
        assert [(await client.get("help/test.json")).status for _ in range(3)] == [503] * 3
        client.server.faults.clear()
        assert (await client.get("help/test.json")).data == "ok"
        client.server.faults.latency = 1e-6
        assert (await client.get("help/test.json")).status == 200
        assert ("GET", "/api/help/test.json") in client.server.requests
