"""A fake homeserver in this process, an IRC server in another, and between them either the bridge or the bare echo."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from bridge.demo.process import Child
from tests.doubles.homeserver import FakeHomeserver
from tests.servers.bridge import BridgeProcess
from tests.servers.daemons import Daemon, free_port

ROOM_ALIAS = "#bench:localhost"
CHANNEL = "#bench"
ALICE = "@alice:localhost"
MARK = re.compile(rb"(?<![\w-])m(\d+)(?![\w-])")


class IrcServer(Daemon):
    """The project's own small IRC server, in a process of its own."""

    name = "ircd"

    def command(self) -> list[str]:
        return [sys.executable, "-m", "bridge.demo.network", "irc", self.host, str(self.port)]


class Speaker(asyncio.Protocol):
    """An IRC client as quick as Python allows. `on_mark(number)` is called for each line `… mNUMBER …` it hears."""

    def __init__(self) -> None:
        self.joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.on_mark: Callable[[int], None] | None = None
        self._rest = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        for line in lines:
            if b" PRIVMSG " in line:
                if self.on_mark is not None:
                    for number in MARK.findall(line.split(b" :", 1)[1]):
                        self.on_mark(int(number))
            elif line.startswith(b"PING"):
                self.transport.write(b"PONG" + line[4:] + b"\r\n")
            elif b" 366 " in line and not self.joined.done():
                self.joined.set_result(None)

    def say(self, text: str) -> None:
        self.transport.write(f"PRIVMSG {CHANNEL} :{text}\r\n".encode())


class Scene(Struct):
    homeserver: FakeHomeserver
    ircd: Daemon
    room: str
    carrier: Child
    bridge: BridgeProcess | None

    async def speaker(self, nick: str) -> Speaker:
        loop = asyncio.get_running_loop()
        _, speaker = await loop.create_connection(Speaker, self.ircd.host, self.ircd.port)
        speaker.transport.write(f"NICK {nick}\r\nUSER {nick} 0 * :{nick}\r\nJOIN {CHANNEL}\r\n".encode())
        await speaker.joined
        return speaker

    def cpu(self) -> float:
        """Seconds of processor time that the carrier has used."""
        fields = Path(f"/proc/{self.carrier.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self) -> float:
        """MB that the carrier holds."""
        pages = int(Path(f"/proc/{self.carrier.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def watch(self, seen: Callable[[int], None]) -> None:
        """`seen(number)` for each marked line that puppets bring into a room, at the moment it is there."""

        def on_event(room: Any, event: dict[str, Any]) -> None:
            if event["type"] == "m.room.message" and event["sender"].startswith("@_"):
                for number in MARK.findall(str(event["content"].get("body", "")).encode()):
                    seen(int(number))

        self.homeserver.world.listeners.append(on_event)


@asynccontextmanager
async def bridged(folder: Path, rooms: int = 1, **homeserver: Any) -> AsyncIterator[Scene]:
    """The bridge between the two, with `rooms` linked rooms, ready."""
    port = free_port()
    ircd = IrcServer(folder / "ircd")
    await ircd.start()
    async with FakeHomeserver(appservice_url=f"http://127.0.0.1:{port}", **homeserver) as hs:
        bridge = BridgeProcess(folder / "bridge", homeserver=hs.url, port=port)
        names = {ROOM_ALIAS: CHANNEL} | {f"#bench{number}:localhost": f"#bench{number}" for number in range(1, rooms)}
        bridge.irc(f"{ircd.host}:{ircd.port}", names)
        tokens = json.dumps(registration(hs, bridge.url))
        (bridge.folder / "registration.yaml").write_text(tokens)
        try:
            hs.user("alice"), hs.user("admin")
            await bridge.start()
            room = await hs.find_alias(ROOM_ALIAS)
            hs.join(ALICE, room)
            yield Scene(hs, ircd, room, bridge.child, bridge)
        finally:
            await bridge.stop()
            await ircd.stop()


def registration(hs: FakeHomeserver, url: str, network: str = "local") -> dict[str, Any]:
    """Of a bridge with one network, so that nothing of it changes from run to run."""
    ours = (f"@_{network}_.*:localhost", "@unabridged:localhost")
    return {
        "id": "unabridged",
        "url": url,
        "as_token": hs.as_token,
        "hs_token": hs.push.hs_token,
        "sender_localpart": "unabridged",
        "rate_limited": False,
        "receive_ephemeral": True,
        "namespaces": {
            "users": [{"exclusive": True, "regex": regex} for regex in ours],
            "aliases": [{"exclusive": True, "regex": f"#_{network}_.*:localhost"}],
            "rooms": [],
        },
    }


@asynccontextmanager
async def floor(folder: Path) -> AsyncIterator[Scene]:
    """The bare echo between the two."""
    port = free_port()
    ircd = IrcServer(folder / "floor-ircd")
    await ircd.start()
    async with FakeHomeserver(appservice_url=f"http://127.0.0.1:{port}") as hs:
        room = hs.make_room(ALICE, alias=ROOM_ALIAS)
        words = [hs.url, ircd.host, str(ircd.port), str(port), room, CHANNEL]
        echo = Child("echo", [sys.executable, "-m", "benchmarks.echo", *words], folder / "echo.log")
        await echo.start()
        try:
            await hs.wait_for(room, lambda event: event["type"] == "m.room.member" and event["sender"].startswith("@_"))
            yield Scene(hs, ircd, room, echo, None)
        finally:
            await echo.stop()
            await ircd.stop()
