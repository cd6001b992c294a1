"""The floor: the least that can carry a line from IRC to Matrix and back. It stores nothing and promises nothing.

`python -m benchmarks.echo HOMESERVER IRC_HOST IRC_PORT LISTEN_PORT ROOM CHANNEL`
"""

import asyncio
import sys

import uvloop

from benchmarks.hub import hub


async def echo(homeserver: str, host: str, port: int, listen: int, room: str, channel: str) -> None:
    reader, writer = await asyncio.open_connection(host, port, limit=2**20)
    writer.write(f"NICK echo\r\nUSER echo 0 * :echo\r\nJOIN {channel}\r\n".encode())

    def heard(sender: str, body: str) -> None:
        writer.write(f"PRIVMSG {channel} :<{sender}> {body}\r\n".encode())

    async with hub(homeserver, listen, room, heard) as say:
        while line := (await reader.readline()).decode():
            if line.startswith("PING"):
                writer.write(line.replace("PING", "PONG").encode())
            elif " PRIVMSG " in line:
                await say(line.split(" :", 1)[1].rstrip())


if __name__ == "__main__":
    uvloop.run(echo(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], sys.argv[6]))
