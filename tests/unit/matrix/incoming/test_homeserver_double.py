"""The double itself: what other tests take for granted of a homeserver."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.doubles.homeserver import FakeHomeserver
from tests.doubles.hs_rooms import Refusal
from tests.doubles.web import serving

ALICE = "@alice:localhost"
PUPPET = "@_local_bob:localhost"


class Bridge:
    """Notes what is pushed to it; answers as told."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, list[Any]]] = []
        self.statuses: list[int] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        status = self.statuses.pop(0) if self.statuses else 200
        body = await request.json()
        if status == 200 and "events" in body:
            self.taken.append((request.path.rsplit("/", 1)[1], body["events"]))
        return web.json_response({}, status=status)

    def ids(self) -> list[str]:
        return [event["event_id"] for _, events in self.taken for event in events]


@pytest.fixture
async def bridge() -> AsyncIterator[Bridge]:
    found = Bridge()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.take)
    async with serving(app) as found.url:
        yield found


@pytest.fixture
async def hs(bridge: Bridge) -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver(appservice_url=bridge.url) as server:
        yield server


@pytest.fixture
async def api(hs: FakeHomeserver) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(hs.url, headers={"Authorization": "Bearer as-token"}) as session:
        yield session


async def call(api: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with api.request(method, f"/_matrix/client/v3/{path}", json=body) as answer:
        return answer.status, await answer.json()


async def puppet_in(hs: FakeHomeserver, api: aiohttp.ClientSession) -> str:
    room = hs.make_room(ALICE, alias="#lobby:localhost")
    assert (await call(api, "POST", "register", {"type": "m.login.application_service", "username": "_local_bob"}))[0] == 200
    assert (await call(api, "POST", f"join/%23lobby:localhost?user_id={PUPPET}"))[0] == 200
    return room


async def test_a_repeated_send_is_one_event_until_the_server_forgets(hs: FakeHomeserver, api: aiohttp.ClientSession) -> None:
    room = await puppet_in(hs, api)
    path = f"rooms/{room}/send/m.room.message/t1?user_id={PUPPET}"
    first = await call(api, "PUT", path, {"msgtype": "m.text", "body": "hi"})
    again = await call(api, "PUT", path, {"msgtype": "m.text", "body": "hi"})
    assert first == again
    hs.forget_txns()
    assert await call(api, "PUT", path, {"msgtype": "m.text", "body": "hi"}) != first
    assert len(hs.messages(room)) == 2


async def test_strangers_are_refused(hs: FakeHomeserver, api: aiohttp.ClientSession) -> None:
    status, body = await call(api, "GET", "account/whoami?user_id=@carol:localhost")
    assert (status, body["errcode"]) == (403, "M_FORBIDDEN")
    async with aiohttp.ClientSession(hs.url, headers={"Authorization": "Bearer other"}) as other:
        assert (await call(other, "GET", "account/whoami"))[1]["errcode"] == "M_UNKNOWN_TOKEN"
    status, body = await call(api, "POST", "register", {"type": "m.login.application_service", "username": "carol"})
    assert body["errcode"] == "M_EXCLUSIVE"


async def test_events_are_pushed_in_order_through_failures(
    hs: FakeHomeserver, bridge: Bridge, api: aiohttp.ClientSession
) -> None:
    room = await puppet_in(hs, api)
    await hs.push.settled()
    bridge.taken.clear()
    bridge.statuses = [500, 503]
    hs.push.answers_to_lose = 1
    said = [hs.say(ALICE, room, str(number)) for number in range(250)]
    await hs.push.settled()
    assert list(dict.fromkeys(bridge.ids())) == said
    assert bridge.taken[0] == bridge.taken[1]  # the lost answer: the very same transaction
    assert max(len(events) for _, events in bridge.taken) <= 100


async def test_faults_fire_as_often_as_armed(hs: FakeHomeserver, api: aiohttp.ClientSession) -> None:
    room = await puppet_in(hs, api)
    path = f"rooms/{room}/send/m.room.message/t?user_id={PUPPET}"
    hs.faults.limit("send", retry_after_ms=7)
    status, body = await call(api, "PUT", path, {})
    assert (status, body["retry_after_ms"]) == (429, 7)
    hs.faults.status(502, "send")
    assert (await call(api, "PUT", path, {}))[0] == 502
    hs.faults.drop_after("send", times=2)  # aiohttp itself repeats a PUT once where a kept connection breaks
    with pytest.raises(aiohttp.ClientError):
        await call(api, "PUT", path, {})
    hs.faults.drop_before("send", times=2)
    with pytest.raises(aiohttp.ClientError):
        await call(api, "PUT", path + "&other=1", {})
    hs.faults.hang("send")
    waiting = asyncio.create_task(call(api, "PUT", path, {"body": "x"}))
    hs.faults.release()
    assert (await waiting)[0] == 200
    assert len(hs.messages(room)) == 1


async def test_the_room_says_who_may(hs: FakeHomeserver, api: aiohttp.ClientSession) -> None:
    room = hs.make_room(ALICE, public=False)
    await call(api, "POST", "register", {"type": "m.login.application_service", "username": "_local_bob"})
    assert (await call(api, "POST", f"rooms/{room}/join?user_id={PUPPET}"))[0] == 403
    hs.move(ALICE, room, PUPPET, "invite")
    assert (await call(api, "POST", f"rooms/{room}/join?user_id={PUPPET}"))[0] == 200
    assert (await call(api, "PUT", f"rooms/{room}/state/m.room.name?user_id={PUPPET}", {"name": "x"}))[0] == 403
    assert (await call(api, "GET", f"rooms/{room}/joined_members?user_id={PUPPET}"))[1]["joined"].keys() == {ALICE, PUPPET}
    hs.move(ALICE, room, PUPPET, "ban")
    assert (await call(api, "POST", f"rooms/{room}/join?user_id={PUPPET}"))[1]["error"] == "You are banned from this room"
    with pytest.raises(Refusal):
        hs.say(PUPPET, room, "still here?")


async def test_messages_page_back_to_the_start(hs: FakeHomeserver, api: aiohttp.ClientSession) -> None:
    room = await puppet_in(hs, api)
    seen: list[str] = []
    token = ""
    while True:
        _, body = await call(api, "GET", f"rooms/{room}/messages?dir=b&limit=3&user_id={PUPPET}{token}")
        seen += [event["event_id"] for event in body["chunk"]]
        if "end" not in body:
            break
        token = "&from=" + body["end"]
    assert seen[::-1] == [event["event_id"] for event in hs.events(room)]


async def test_ping_calls_back(hs: FakeHomeserver, bridge: Bridge, api: aiohttp.ClientSession) -> None:
    async with api.post("/_matrix/client/v1/appservice/unabridged/ping", json={"transaction_id": "t"}) as answer:
        assert answer.status == 200
    bridge.statuses = [403]
    async with api.post("/_matrix/client/v1/appservice/unabridged/ping", json={}) as answer:
        assert (await answer.json())["errcode"] == "M_BAD_STATUS"


async def test_media_needs_a_token(hs: FakeHomeserver, api: aiohttp.ClientSession) -> None:
    async with api.post("/_matrix/media/v3/upload?filename=a.png", data=io.BytesIO(b"x" * 3_000_000)) as answer:
        server, media = (await answer.json())["content_uri"].removeprefix("mxc://").split("/")
    async with api.get(f"/_matrix/client/v1/media/download/{server}/{media}") as answer:
        assert len(await answer.read()) == 3_000_000
    async with (
        aiohttp.ClientSession(hs.url) as nobody,
        nobody.get(f"/_matrix/client/v1/media/download/{server}/{media}") as answer,
    ):
        assert answer.status == 401
