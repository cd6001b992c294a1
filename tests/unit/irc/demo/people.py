"""A person at the demo server, for tests: says lines, and reads until one that was waited for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from adapters.irc.demo.server import DemoServer
from adapters.irc.wire.line import Line, parse

PATIENCE = 10.0
"""Seconds; only a failing test waits as long."""
ALL = "message-tags server-time echo-message labeled-response batch account-tag extended-join away-notify multi-prefix"
MORE = "userhost-in-names setname chghost invite-notify standard-replies account-notify draft/message-redaction"


_connected: "dict[DemoServer, list[Person]]" = {}
"""To be closed with the server."""


class Person:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.nick = "*"

    def say(self, *lines: str | bytes) -> None:
        for line in lines:
            self.writer.write((line if isinstance(line, bytes) else line.encode()) + b"\r\n")

    async def line(self) -> Line:
        """The next line. Raises `EOFError` where the server hung up."""
        async with asyncio.timeout(PATIENCE):
            raw = await self.reader.readline()
        if not raw:
            raise EOFError
        line = parse(raw.removesuffix(b"\r\n"))
        assert line is not None
        return line

    async def until(self, command: str, *params: str) -> Line:
        """The next line of this command whose parameters begin with those given (`*` for any)."""
        while True:
            line = await self.line()
            if line.command == command and all(want in ("*", got) for want, got in zip(params, line.params, strict=False)):
                return line

    async def answers(self, *lines: str) -> list[Line]:
        """All that comes for these lines."""
        self.say(*lines, "PING :that-was-all")
        got = []
        while (line := await self.line()).command != "PONG" or line.params[-1] != "that-was-all":
            got.append(line)
        return got

    async def closed(self) -> str:
        """What the server said last before it hung up."""
        last = ""
        try:
            while True:
                line = await self.line()
                last = " ".join((line.command, *line.params))
        except (EOFError, ConnectionError):
            return last


async def connect(server: DemoServer) -> Person:
    one = Person(*await asyncio.open_connection(server.host, server.port))
    _connected.setdefault(server, []).append(one)
    return one


async def person(server: DemoServer, nick: str, *channels: str, caps: str = "") -> Person:
    """Registered, and in the channels."""
    one = await connect(server)
    if caps:
        one.say("CAP LS 302", f"CAP REQ :{caps}", "CAP END")
    one.say(f"NICK {nick}", f"USER {nick} 0 * :Real {nick}")
    await one.until("001")
    one.nick = nick
    for channel in channels:
        one.say(f"JOIN {channel}")
        await one.until("366")
    await one.answers()
    return one


@asynccontextmanager
async def serving(**knobs: Any) -> AsyncIterator[DemoServer]:
    server = await DemoServer.start("127.0.0.1", 0, **knobs)
    try:
        yield server
    finally:
        await server.stop()
        for one in _connected.pop(server, []):
            one.writer.close()
            with suppress(OSError):
                await one.writer.wait_closed()


def brief(lines: list[Line]) -> list[str]:
    """`COMMAND params` without sources and tags."""
    return [" ".join((line.command, *line.params)) for line in lines]
