"""The floor: the least that can carry a line from a MUC to Matrix and back. It stores nothing and promises nothing.

On XMPP each Matrix user has an occupant of their own, as with the bridge, for a room's copies are most of what it costs; on
Matrix there is one puppet.

`python -m benchmarks.echo_xmpp HOMESERVER LISTEN_PORT MATRIX_ROOM COMPONENT_PORT COMPONENT SECRET MUC`
"""

import asyncio
import itertools
import sys

import uvloop

from benchmarks.hub import hub
from benchmarks.muc import Bare


async def echo(homeserver: str, listen: int, room: str, muc: Bare) -> None:
    ids = itertools.count()
    spoken: set[str] = {muc.ear}
    lines: asyncio.Queue[str] = asyncio.Queue()

    def heard_there(nick: str, words: bytes) -> None:
        if nick not in spoken:
            lines.put_nowait(words.decode())

    def heard_here(sender: str, body: str) -> None:
        name = sender[1:].partition(":")[0]
        if name not in spoken:
            spoken.add(name)
            muc.enter(name)
        muc.say(name, body, str(next(ids)))

    async with hub(homeserver, listen, room, heard_here) as say:
        muc.heard = heard_there
        while True:
            await say(await lines.get())


async def main(homeserver: str, listen: str, room: str, port: str, host: str, secret: str, muc: str) -> None:
    await echo(homeserver, int(listen), room, await Bare.connected(int(port), host, secret, muc, "echo"))


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:8]))
