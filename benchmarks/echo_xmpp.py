"""The floor: the least that can carry a line from a MUC to Matrix and back. It stores nothing and promises nothing.

On XMPP each Matrix user has an occupant of their own, as with the bridge, for a room's copies are most of what it costs; on
Matrix there is one puppet.

`python -m benchmarks.echo_xmpp HOMESERVER LISTEN_PORT MATRIX_ROOM COMPONENT_PORT COMPONENT SECRET MUC`
"""

import asyncio
import itertools
import sys
from urllib.parse import quote

import aiohttp
import uvloop
from aiohttp import web

from benchmarks.muc import Bare


async def echo(homeserver: str, listen: int, room: str, muc: Bare) -> None:
    ids = itertools.count()
    spoken: set[str] = {muc.ear}
    lines: asyncio.Queue[str] = asyncio.Queue()

    def heard(nick: str, words: bytes) -> None:
        if nick not in spoken:
            lines.put_nowait(words.decode())

    async def transaction(request: web.Request) -> web.Response:
        for event in (await request.json())["events"]:
            if event["type"] == "m.room.message" and not event["sender"].startswith("@_"):
                name = event["sender"][1:].partition(":")[0]
                if name not in spoken:
                    spoken.add(name)
                    muc.enter(name)
                muc.say(name, event["content"]["body"], str(next(ids)))
        return web.json_response({})

    app = web.Application(client_max_size=2**26)
    app.router.add_put("/_matrix/app/v1/transactions/{id}", transaction)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", listen).start()
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer as-token"}) as session:
        user = quote("@_local_echo:localhost")
        for call in (f"register?user_id={user}", f"join/{quote(room)}?user_id={user}"):
            body = {"type": "m.login.application_service", "username": "_local_echo"}
            async with session.post(f"{homeserver}/_matrix/client/v3/{call}", json=body):
                pass
        muc.heard = heard
        while True:
            content = {"msgtype": "m.text", "body": await lines.get()}
            path = f"rooms/{quote(room)}/send/m.room.message/{next(ids)}?user_id={user}"
            async with session.put(f"{homeserver}/_matrix/client/v3/{path}", json=content):
                pass


async def main(homeserver: str, listen: str, room: str, port: str, host: str, secret: str, muc: str) -> None:
    await echo(homeserver, int(listen), room, await Bare.connected(int(port), host, secret, muc, "echo"))


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:8]))
