"""The IRC adapter passes the suite, on the demo server over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence

import pytest

from adapters.common import pipeline
from adapters.irc.adapter import Irc
from adapters.irc.config import IrcConfig
from adapters.irc.demo.server import DemoServer
from bridge.contract.adapter import Adapter, Inlet
from bridge.contract.errors import DeliveryError, Rejected, Uncertain
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import ChannelId, NetworkName
from bridge.testing import AdapterContract, Rig, until

OURS = "unabridged"
PREFIX = "<alice> "


class Person(asyncio.Protocol):
    """A client that somebody uses: answers PING and keeps what it reads."""

    def __init__(self, nick: str) -> None:
        self.nick = nick
        self.lines: list[str] = []
        self.heard: list[str] = []
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.send(f"NICK {self.nick}\r\nUSER u 0 * :u\r\nJOIN {IrcRig.channel.id}")

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        for line in (one.decode() for one in lines):
            self.lines.append(line)
            if line.startswith("PING"):
                self.send(f"PONG{line[4:]}")
            if line.startswith(f":{OURS}!") and f" PRIVMSG {IrcRig.channel.id} :" in line:
                self.heard.append(line.partition(" :")[2].removeprefix(PREFIX))
                self.on_hearing()

    def on_hearing(self) -> None:
        """Replaced by a rig that wants to know."""

    def send(self, line: str) -> None:
        self.transport.write(f"{line}\r\n".encode())

    async def did(self, line: str) -> None:
        """Send it, and wait until the server has dealt with it."""
        mark = f"m{len(self.lines)}x{id(self)}"
        self.send(f"{line}\r\nPING {mark}")
        await until(lambda: any("PONG" in one and mark in one for one in self.lines))


class IrcRig:
    network = NetworkName("local")
    channel = ChannelId(network, "#lobby")
    people: Sequence[str] = ("bob", "[bob]", "bob|away", "b^ob", "_", "`bob`", "B\\ob")
    outcomes: Collection[type[DeliveryError]] = (Uncertain, Rejected)

    def __init__(self, server: DemoServer, crowd: dict[str, Person]) -> None:
        self.server = server
        self.crowd = crowd
        self.witness = crowd[self.people[0]]

    @classmethod
    async def start(cls) -> "IrcRig":
        server = await DemoServer.start()
        crowd: dict[str, Person] = {}
        for nick in cls.people:
            _, crowd[nick] = await asyncio.get_running_loop().create_connection(
                lambda nick=nick: Person(nick),  # type: ignore[misc]
                server.host,
                server.port,
            )
            await until(lambda nick=nick: nick in server.members(cls.channel.id))  # type: ignore[misc]
        return cls(server, crowd)

    async def stop(self) -> None:
        for person in self.crowd.values():
            person.transport.abort()
        await self.server.stop()

    def build(self, inlet: Inlet, tools: Toolbox) -> Adapter:
        config = IrcConfig(server=f"{self.server.host}:{self.server.port}", tls=False, nick=OURS, rate="off")
        return Irc(self.network, config, inlet, tools)

    async def say(self, who: str, text: str) -> None:
        await self.crowd[who].did(f"PRIVMSG {self.channel.id} :{text}")

    async def again(self) -> bool:
        return False

    def heard(self) -> Sequence[str]:
        return self.witness.heard

    def acked(self) -> int | None:
        return None

    async def cut(self) -> None:
        self.server.cut(OURS)

    async def provoke(self, outcome: type[DeliveryError]) -> None:
        if outcome is Rejected:
            await self.witness.did(f"MODE {self.channel.id} +m")
        else:  # taken and passed on, but no byte comes back, and then the connection is gone
            self.server.mute(OURS)
            self.witness.on_hearing = lambda: self.server.cut(OURS)  # type: ignore[method-assign]

    def connections(self) -> int:
        return len(set(self.server.nicks()) - set(self.people))


class TestIrc(AdapterContract):
    @pytest.fixture
    async def rig(self, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
        monkeypatch.setattr(pipeline, "LAST_SECONDS", 0.1)  # a ledger that is shut stays shut
        rig = await IrcRig.start()
        try:
            yield rig
        finally:
            await rig.stop()
