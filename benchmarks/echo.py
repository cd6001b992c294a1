"""The floor: the least that can carry a line from IRC to Matrix and back. It stores nothing and promises nothing.

`python -m benchmarks.echo HOMESERVER IRC_HOST IRC_PORT LISTEN_PORT ROOM CHANNEL`
"""

import asyncio
import itertools
import sys
from urllib.parse import quote

import aiohttp
import uvloop
from aiohttp import web


async def echo(homeserver: str, host: str, port: int, listen: int, room: str, channel: str) -> None:
    reader, writer = await asyncio.open_connection(host, port, limit=2**20)
    writer.write(f"NICK echo\r\nUSER echo 0 * :echo\r\nJOIN {channel}\r\n".encode())

    async def transaction(request: web.Request) -> web.Response:
        for event in (await request.json())["events"]:
            if event["type"] == "m.room.message" and not event["sender"].startswith("@_"):
                writer.write(f"PRIVMSG {channel} :<{event['sender']}> {event['content']['body']}\r\n".encode())
        return web.json_response({})

    app = web.Application(client_max_size=2**26)
    app.router.add_put("/_matrix/app/v1/transactions/{id}", transaction)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", listen).start()
    headers = {"Authorization": "Bearer as-token"}
    transactions = itertools.count()
    async with aiohttp.ClientSession(headers=headers) as session:
        user = quote("@_local_echo:localhost")
        for call in (f"register?user_id={user}", f"join/{quote(room)}?user_id={user}"):
            body = {"type": "m.login.application_service", "username": "_local_echo"}
            async with session.post(f"{homeserver}/_matrix/client/v3/{call}", json=body):
                pass
        while line := (await reader.readline()).decode():
            if line.startswith("PING"):
                writer.write(line.replace("PING", "PONG").encode())
            elif " PRIVMSG " in line:
                path = f"rooms/{quote(room)}/send/m.room.message/{next(transactions)}?user_id={user}"
                content = {"msgtype": "m.text", "body": line.split(" :", 1)[1].rstrip()}
                async with session.put(f"{homeserver}/_matrix/client/v3/{path}", json=content):
                    pass


if __name__ == "__main__":
    uvloop.run(echo(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], sys.argv[6]))
