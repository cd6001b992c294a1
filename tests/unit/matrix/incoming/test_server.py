"""The HTTP face towards the homeserver, over real sockets."""

import asyncio
import io
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from bridge.matrix.server import AppserviceApi, Json, Listener, application
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.matrix.incoming.surroundings import ALICE, ROOM, World, message

TOKEN = "hs-token"
PUT = "/_matrix/app/v1/transactions/1"


class Questions:
    async def user(self, user: str) -> bool:
        return user == "@_local_bob:localhost"

    async def alias(self, alias: str) -> bool:
        return alias == "#_local_=23chan:localhost"


class Lookups:
    def protocol(self, name: str) -> Json | None:
        return {"instances": []} if name == "irc" else None

    def users(self, protocol: str, fields: Mapping[str, str]) -> Json | None:
        return [dict(fields)]

    def locations(self, protocol: str, fields: Mapping[str, str]) -> Json | None:
        return [{"alias": "#x:localhost", "fields": dict(fields)}]

    def who_is(self, user: str) -> Json:
        return [{"userid": user}]

    def where_is(self, alias: str) -> Json:
        return [{"alias": alias}]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def url(world: World) -> AsyncIterator[str]:
    pings: list[str] = []
    api = AppserviceApi(TOKEN, world.receiver.take, Questions(), Lookups(), pinged=pings.append)
    listener = Listener(application(api.routes()), "127.0.0.1:0")
    await listener.start()
    yield f"http://{listener.address}"
    await listener.stop()


async def call(url: str, method: str, path: str, *, token: str | None = TOKEN, body: bytes | None = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = io.BytesIO(body) if body is not None else None
    async with aiohttp.ClientSession() as session, session.request(method, url + path, data=data, headers=headers) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize(
    ("token", "query", "expected"),
    [
        (None, "", (401, "M_UNAUTHORIZED")),
        ("wrong", "", (403, "M_FORBIDDEN")),
        ("hs-tokex", "", (403, "M_FORBIDDEN")),
        ("é", "", (403, "M_FORBIDDEN")),
        (None, "?access_token=wrong", (403, "M_FORBIDDEN")),
        ("wrong", "?access_token=hs-token", (403, "M_FORBIDDEN")),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", PUT),
        ("GET", "/_matrix/app/v1/users/@_local_bob:localhost"),
        ("GET", "/_matrix/app/v1/rooms/%23x:y"),
        ("POST", "/_matrix/app/v1/ping"),
        ("GET", "/_matrix/app/v1/thirdparty/protocol/irc"),
        ("GET", "/_matrix/app/v1/thirdparty/user/irc"),
        ("GET", "/_matrix/app/v1/thirdparty/location"),
    ],
)
async def test_nobody_gets_in_without_the_homeservers_token(
    url: str, world: World, method: str, path: str, token: str | None, query: str, expected: tuple[int, str]
) -> None:
    status, body = await call(url, method, path + query, token=token, body=b'{"events":[]}')
    assert (status, body["errcode"]) == expected
    assert world.metrics.counted == {}


@pytest.mark.parametrize(("path", "token"), [(PUT, TOKEN), ("/transactions/1?access_token=hs-token", None)])
async def test_transactions_come_by_the_new_path_and_by_the_old(url: str, world: World, path: str, token: str | None) -> None:
    assert await call(url, "PUT", path, token=token, body=b'{"events":[]}') == (200, {})
    assert world.metrics.counted["matrix_transactions"] == 1


async def test_a_body_of_megabytes_is_taken(url: str, world: World) -> None:
    big = message("x" * 20_000_000)
    async with FakeHomeserver(appservice_url=url) as hs:
        hs.push.offer(big)
        await hs.push.settled()
    assert len(world.events) == 1


async def test_a_body_over_the_cap_is_refused_in_words() -> None:
    api = AppserviceApi(TOKEN, World().receiver.take, Questions(), Lookups(), largest=1000)
    listener = Listener(application(api.routes()), "127.0.0.1:0")
    await listener.start()
    for method, path, size in (("PUT", PUT, 2000), ("POST", "/_matrix/app/v1/ping", 5_000_000)):
        status, body = await call(f"http://{listener.address}", method, path, body=b" " * size)
        assert (status, body["errcode"]) == (413, "M_TOO_LARGE")
    await listener.stop()


async def test_what_is_no_json_is_refused_as_such(url: str) -> None:
    status, body = await call(url, "PUT", PUT, body=b'{"events":[')
    assert (status, body["errcode"]) == (400, "M_NOT_JSON")


async def test_a_full_disk_makes_the_homeserver_try_again_until_all_is_stored(url: str, world: World) -> None:
    async with FakeHomeserver(appservice_url=url) as hs:
        hs.push.offer(message("kept"))
        world.down = True
        await hs.push.attempted.wait()
        world.down = False
        await hs.push.settled()
        assert [status for _, status in hs.push.attempts[:1]] == [503]
        assert hs.push.attempts[-1] == ("1", 200)
    assert [event.author.id.id for event in world.events] == [ALICE]
    assert world.events[0].channel.id == ROOM


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/_matrix/app/v1/nonsense", 404),
        ("GET", "/", 404),
        ("GET", "/_matrix/client/versions", 404),
        ("POST", PUT, 405),
        ("GET", "/_matrix/app/v1/ping", 405),
    ],
)
async def test_an_unknown_route_is_unrecognized(url: str, method: str, path: str, expected: int) -> None:
    status, body = await call(url, method, path)
    assert (status, body["errcode"]) == (expected, "M_UNRECOGNIZED")


async def test_queries_are_answered(url: str) -> None:
    async with FakeHomeserver(appservice_url=url) as hs:
        assert await hs.query("users/@_local_bob:localhost") == (200, {})
        assert (await hs.query("users/@_local_eve:localhost"))[1]["errcode"] == "M_NOT_FOUND"
        assert (await hs.query("rooms/%23_local_=23chan:localhost"))[0] == 200
        assert (await hs.query("rooms/%23other:localhost"))[0] == 404


async def test_lookups_are_answered(url: str) -> None:
    async with FakeHomeserver(appservice_url=url) as hs:
        assert await hs.query("thirdparty/protocol/irc") == (200, {"instances": []})
        assert (await hs.query("thirdparty/protocol/smoke"))[0] == 404
        assert (await hs.query("thirdparty/location/irc?channel=%23x&access_token=t"))[1][0]["fields"] == {"channel": "#x"}
        assert await hs.query("thirdparty/user/irc?nick=bob") == (200, [{"nick": "bob"}])
        assert await hs.query("thirdparty/user?userid=@a:b") == (200, [{"userid": "@a:b"}])
        assert await hs.query("thirdparty/location?alias=%23a:b") == (200, [{"alias": "#a:b"}])


@pytest.mark.parametrize(("body", "status"), [(b'{"transaction_id":"mine"}', 200), (b"", 200), (b"[3]", 200), (b"{", 400)])
async def test_a_ping_is_answered(url: str, body: bytes, status: int) -> None:
    assert (await call(url, "POST", "/_matrix/app/v1/ping", body=body))[0] == status


async def test_no_token_reaches_the_log(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await call(url, "PUT", "/transactions/1?access_token=hs-token", token=None, body=b'{"events":[]}')
        await call(url, "GET", "/media/secret-link/cat.png")
    assert "/transactions/1" in caplog.text
    assert "hs-token" not in caplog.text and "secret-link" not in caplog.text


async def test_an_address_in_use_is_said_in_words(url: str) -> None:
    second = Listener(application([]), url.removeprefix("http://"))
    with pytest.raises(OSError, match=r"cannot listen on 127\.0\.0\.1:"):
        await second.start()


@pytest.mark.parametrize("turns", range(6))
async def test_who_comes_as_it_stops_is_hung_up_on(turns: int) -> None:
    listener = Listener(application([]), "127.0.0.1:0")
    await listener.start()
    host, _, port = listener.address.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as caller:
        for _ in range(turns):
            await asyncio.sleep(0)
        await listener.stop()
        with suppress(ConnectionResetError):
            assert await asyncio.to_thread(caller.recv, 1) == b""
