"""How a server of ours stops listening without losing hold of who is just coming in."""

import asyncio

_TURNS = 3
"""Of the loop, from the system's word that somebody is there until what is to serve them has begun."""


async def shut(server: asyncio.Server) -> None:
    """Take no new connection. Who was taken already is being served when this returns.

    `Server.close` alone forgets a connection that is taken and not handed over yet: its socket stays open, and nobody
    has it any more, so whoever is on the other side waits for nothing (CPython before 3.12, gh-109564).
    """
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        loop.remove_reader(listening.fileno())
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    server.close()
