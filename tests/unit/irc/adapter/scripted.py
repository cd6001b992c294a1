"""A server that does just what a test says, for what a decent server never does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Self

from bridge.matrix.shutting import shut
from tests.unit.irc.adapter.scene import LOBBY, Scene


class ScriptedServer:
    """One client at a time. `sent` holds every line it wrote; answers come from the test."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._changed = asyncio.Event()
        self._seen = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        await shut(self._server)
        await self.hang_up()

    @property
    def address(self) -> str:
        assert self._server is not None
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def say(self, *lines: str | bytes) -> None:
        assert self._writer is not None
        self._writer.write(b"".join((line.encode() if isinstance(line, str) else line) + b"\r\n" for line in lines))

    async def expect(self, start: str) -> str:
        """The next line from the client that starts so; those before it are passed over."""
        async with asyncio.timeout(10):
            while True:
                while self._seen < len(self.sent):
                    self._seen += 1
                    if _bare(self.sent[self._seen - 1]).startswith(start):
                        return self.sent[self._seen - 1]
                self._changed.clear()
                await self._changed.wait()

    async def welcome(self, *, caps: str = "", isupport: Sequence[str] = (), nick: str = "bot") -> None:
        """Log the client on; `caps` are offered and granted."""
        await self.expect("USER")
        self.say(f":srv CAP * LS :{caps}")
        if caps:
            asked = (await self.expect("CAP REQ")).partition(":")[2] or self.sent[-1].split()[-1]
            self.say(f":srv CAP * ACK :{asked}")
        await self.expect("CAP END")
        self.say(f":srv 001 {nick} :Welcome", f":srv 005 {nick} {' '.join((*isupport, 'CHANTYPES=#'))} :are supported")
        self.say(f":srv 376 {nick} :End")

    async def let_in(self, channel: str = "#lobby", nick: str = "bot") -> None:
        await self.expect("JOIN")
        self.say(f":{nick}!u@host.example JOIN {channel}", f":srv 366 {nick} {channel} :End")

    async def pong(self) -> str:
        """Answer the client's next PING."""
        token = (await self.expect("PING")).split()[-1].lstrip(":")
        self.say(f":srv PONG srv :{token}")
        return token

    async def hang_up(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.connections += 1
        try:
            while raw := await reader.readline():
                self.sent.append(raw.decode().removesuffix("\r\n"))
                self._changed.set()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def in_lobby(caps: str = "", isupport: Sequence[str] = (), **settings: Any) -> AsyncIterator[tuple[ScriptedServer, Scene]]:
    """A scripted server, and an adapter that is connected and has joined the lobby."""
    async with ScriptedServer() as server:
        scene = Scene(server.address, **settings)
        task = asyncio.create_task(scene.adapter.run())
        try:
            await server.welcome(caps=caps, isupport=isupport)
            await scene.connected(task)
            opening = asyncio.create_task(scene.adapter.open(LOBBY))
            await server.let_in()
            await opening
            yield server, scene
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _bare(line: str) -> str:
    return line.partition(" ")[2] if line.startswith("@") else line
