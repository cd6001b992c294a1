"""The Matrix end of a floor: an appservice that stores nothing, with one puppet in one room."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import quote

import aiohttp
from aiohttp import web


@asynccontextmanager
async def hub(
    homeserver: str, listen: int, room: str, heard: Callable[[str, str], None]
) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """`heard(sender, body)` is told of what people write. Gives what says something in the room, and waits for the answer."""

    async def transaction(request: web.Request) -> web.Response:
        for event in (await request.json())["events"]:
            if event["type"] == "m.room.message" and not event["sender"].startswith("@_"):
                heard(event["sender"], event["content"]["body"])
        return web.json_response({})

    app = web.Application(client_max_size=2**26)
    app.router.add_put("/_matrix/app/v1/transactions/{id}", transaction)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", listen).start()
    transactions = itertools.count()
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer as-token"}) as session:
        user = quote("@_local_echo:localhost")
        for call in (f"register?user_id={user}", f"join/{quote(room)}?user_id={user}"):
            body = {"type": "m.login.application_service", "username": "_local_echo"}
            async with session.post(f"{homeserver}/_matrix/client/v3/{call}", json=body):
                pass

        async def say(words: str) -> None:
            path = f"rooms/{quote(room)}/send/m.room.message/{next(transactions)}?user_id={user}"
            async with session.put(f"{homeserver}/_matrix/client/v3/{path}", json={"msgtype": "m.text", "body": words}):
                pass

        yield say
