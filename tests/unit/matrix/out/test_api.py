"""Each way a call can end is one of three outcomes; a wrong one loses a message or sends it twice."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from mautrix.api import Method

from bridge.contract.errors import DeliveryError, Unavailable, Uncertain
from bridge.matrix.api import Api, Refusal, make_session
from tests.doubles.web import serving
from tests.unit.matrix.out.rig import Rig

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[Api]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with serving(app) as url, make_session(4) as session:
        yield Api(session, url, "token", bot="@bot:localhost")


def always(status: int, body: str, kind: str = "application/json", headers: dict[str, str] | None = None) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body, content_type=kind, headers=headers)

    return answer


async def failure(answer: Answer) -> DeliveryError:
    async with answering(answer) as api:
        with pytest.raises(DeliveryError) as caught:
            await api.send("!r", "m.room.message", "t", {})
        return caught.value


async def test_a_rate_limit_is_not_sent_and_names_its_time() -> None:
    error = await failure(always(429, '{"errcode":"M_LIMIT_EXCEEDED","error":"slow","retry_after_ms":1500}'))
    assert isinstance(error, Unavailable) and error.retry_after == 1.5


async def test_the_retry_after_header_counts_more_than_the_body() -> None:
    body = '{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1500}'
    error = await failure(always(429, body, headers={"Retry-After": "7"}))
    assert isinstance(error, Unavailable) and error.retry_after == 7


@pytest.mark.parametrize("header", ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "9" * 40, "٣", ""])
async def test_an_odd_retry_after_header_is_no_time(header: str) -> None:
    error = await failure(always(429, "not json", headers={"Retry-After": header}))
    assert isinstance(error, Unavailable) and error.retry_after is None


async def test_an_endless_wait_is_capped() -> None:
    error = await failure(always(429, '{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1e15}'))
    assert isinstance(error, Unavailable) and error.retry_after == 3600


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_failing_homeserver_may_have_sent_it(status: int) -> None:
    assert isinstance(await failure(always(status, "<html>oops", "text/html")), Uncertain)


async def test_a_homeserver_that_is_not_ready_has_not_sent_it() -> None:
    assert isinstance(await failure(always(503, "starting", "text/plain")), Unavailable)


@pytest.mark.parametrize("body", ["", "not json", "[]", '{"event_id": 7}', "null"])
async def test_an_unreadable_yes_may_have_been_a_yes(body: str) -> None:
    assert isinstance(await failure(always(200, body)), Uncertain)


async def test_our_token_refused_loses_no_message() -> None:
    error = await failure(always(401, '{"errcode":"M_UNKNOWN_TOKEN","error":"?"}'))
    assert isinstance(error, Unavailable) and "registration" in error.reason


async def test_a_page_of_a_proxy_is_no_refusal_of_the_homeserver() -> None:
    assert isinstance(await failure(always(404, "<html>nginx", "text/html")), Unavailable)


async def test_a_refusal_keeps_the_homeservers_words() -> None:
    error = await failure(always(403, '{"errcode":"M_FORBIDDEN","error":"You are banned"}'))
    assert isinstance(error, Refusal) and error.errcode == "M_FORBIDDEN" and "You are banned" in error.reason


async def test_too_large_is_a_refusal_whoever_says_it() -> None:
    error = await failure(always(413, "<html>too large", "text/html"))
    assert isinstance(error, Refusal) and error.errcode == "M_TOO_LARGE"


@pytest.mark.parametrize("body", ['{"errcode": 7}', '{"errcode":"X","error":[1]}', "[]", "7"])
async def test_odd_error_bodies_are_still_outcomes(body: str) -> None:
    assert isinstance(await failure(always(400, body)), Unavailable | Refusal)


async def test_nobody_listening_is_surely_not_sent() -> None:
    async with answering(always(200, "{}")) as api:
        pass
    session = make_session(1)
    gone = Api(session, str(api._main.base_url), "token", bot="@bot:localhost")
    with pytest.raises(Unavailable):
        await gone.send("!r", "m.room.message", "t", {})
    await session.close()


async def test_a_cut_connection_may_have_been_sent_unless_a_repeat_does_no_harm(rig: Rig) -> None:
    room = await rig.room()
    rig.hs.faults.drop_before("send", times=3)
    with pytest.raises(Uncertain):
        await rig.api.send(room, "m.room.message", "t", {"msgtype": "m.text", "body": "x"})
    rig.hs.faults.drop_before("state", times=3)
    with pytest.raises(Unavailable):
        await rig.api.put_state(room, "m.room.topic", "", {"topic": "x"})


async def test_a_homeserver_that_dies_with_a_request_in_hand_may_have_done_it() -> None:
    """The library asks again by itself over a new connection; that nobody takes that one says nothing about the first."""
    app, seen = web.Application(), 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal seen
        seen += 1
        if seen > 1:
            await site.stop()
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"event_id": "$1"})

    app.router.add_put("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with make_session(1) as session:
        api = Api(session, f"http://127.0.0.1:{runner.addresses[0][1]}", "token", bot="@bot:localhost")
        await api.send("!r", "m.room.message", "t1", {})
        with pytest.raises(Uncertain):
            await api.send("!r", "m.room.message", "t2", {})
        with pytest.raises(Unavailable):
            await api.send("!r", "m.room.message", "t3", {})
    assert seen == 2
    await runner.cleanup()


async def test_a_repeated_transaction_id_is_the_same_event(rig: Rig) -> None:
    room = await rig.room()
    first = await rig.api.send(room, "m.room.message", "t/1", {"msgtype": "m.text", "body": "x"})
    assert await rig.api.send(room, "m.room.message", "t/1", {"msgtype": "m.text", "body": "x"}) == first
    assert len(rig.hs.messages(room)) == 1


async def test_who_speaks_and_when_are_the_callers_words(rig: Rig) -> None:
    room = await rig.room()
    await rig.api.register("_local_x")
    await rig.api.register("_local_x")
    await rig.api.join(room, user="@_local_x:localhost")
    await rig.api.send(room, "m.room.message", "t", {"msgtype": "m.text", "body": "x"}, user="@_local_x:localhost", ts=12345)
    assert rig.last(room)["sender"] == "@_local_x:localhost" and rig.last(room)["origin_server_ts"] == 12345


async def test_odd_names_stay_one_word_of_the_path() -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(request.raw_path)
        return web.json_response({"event_id": "$e"})

    async with answering(answer) as api:
        await api.send("!a/../b?c#d", "m.x", "e f", {})
        await api.call(Method.GET, "_matrix/client/v3/x", query={"a": "b&c=d"})
    assert seen[0].startswith("/_matrix/client/v3/rooms/%21a%2F..%2Fb%3Fc%23d/send/m.x/e%20f?user_id=")
    assert "a=b%26c%3Dd" in seen[1]


async def test_only_a_person_is_spoken_for_with_the_second_token() -> None:
    tokens: list[tuple[str, str]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        tokens.append((request.query["user_id"], request.headers["Authorization"]))
        return web.json_response({"event_id": "$e"})

    async with answering(answer) as api:
        both = Api(api._main.session, str(api._main.base_url), "main", bot="@bot:localhost", double_token="second")
        for user in (None, "@_local_x:localhost", "@alice:localhost"):
            await both.send("!r", "m.x", "t", {}, user=user)
    assert tokens == [
        ("@bot:localhost", "Bearer main"),
        ("@_local_x:localhost", "Bearer main"),
        ("@alice:localhost", "Bearer second"),
    ]
