"""Real servers, one linked room and a bridge, any of which may be struck: what the chaos plays stand on."""

import asyncio
import itertools
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct, field

from bridge.demo.synapse import Synapse
from tests.chaos.tally import Tally, heard, seen
from tests.servers.bridge import BridgeProcess
from tests.servers.clients import Event, IrcClient, MatrixClient
from tests.servers.daemons import Daemon, Postgres, free_port
from tests.servers.wire import Wire

ALIAS = "#stage:localhost"
CHANNEL = "#stage"
BOT = "unabridged"


class Stage(Struct, kw_only=True):
    synapse: Synapse
    ircd: Daemon
    bridge: BridgeProcess
    postgres: Postgres | None
    room: str
    alice: MatrixClient
    bob: IrcClient
    in_room: Tally[Event]
    in_channel: Tally[str]
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def both_hear(self) -> None:
        """The link carries both ways again; what was said before has gone before."""
        mark = f"mark {next(self.numbers)}"
        await self.alice.say(self.room, f"{mark} out")
        await self.bob.hears(f"{mark} out", 120)
        self.bob.say(CHANNEL, f"{mark} in")
        await self.alice.sees_text(self.room, f"{mark} in", 120)


@asynccontextmanager
async def stage(
    folder: Path, python: Path, ircd: Daemon, *, postgres: Postgres | None = None, bridged: Daemon | Wire | None = None
) -> AsyncIterator[Stage]:
    """A homeserver and a bridge of its own; `ircd` is running already. alice is on Matrix, bob on IRC, both in the room.

    `postgres` keeps the ledger, else a file does. `bridged` is what the bridge connects to, where that is not `ircd` itself.
    """
    synapse = Synapse(python, folder / "synapse", port=free_port())
    bridge = BridgeProcess(folder / "bridge", homeserver=synapse.url, database=postgres.url() if postgres else None)
    server = bridged or ircd
    bridge.irc(f"{server.host}:{server.port}", {ALIAS: CHANNEL})
    synapse.write([await bridge.registration()])
    await synapse.start()
    try:
        token = await synapse.user("alice", "secret")
        await synapse.user("admin", "secret", admin=True)
        await bridge.start()
        async with MatrixClient(synapse.url, token) as alice, IrcClient(ircd.host, ircd.port, "bob") as bob:
            room = await alice.join(ALIAS)
            await bob.join(CHANNEL)
            scene = Stage(
                synapse=synapse,
                ircd=ircd,
                bridge=bridge,
                postgres=postgres,
                room=room,
                alice=alice,
                bob=bob,
                in_room=seen(alice, room),
                in_channel=heard(bob, CHANNEL),
            )
            await scene.both_hear()
            yield scene
    finally:
        await bridge.stop()
        await synapse.stop()


# blows: each strikes, and returns when what it struck is back


async def kill_bridge(scene: Stage) -> None:
    await scene.bridge.kill()
    joins = _joins(scene.bob)
    await scene.bridge.start()
    await scene.bob.until(lambda: _joins(scene.bob) > joins)


async def kill_homeserver(scene: Stage) -> None:
    await kill_synapse(scene.synapse)
    await scene.synapse.start()


async def kill_both(scene: Stage) -> None:
    """The bridge is back before the homeserver is, as after a power cut."""
    await asyncio.gather(scene.bridge.kill(), kill_synapse(scene.synapse))
    joins = _joins(scene.bob)
    await asyncio.gather(scene.synapse.start(), scene.bridge.start())
    await scene.bob.until(lambda: _joins(scene.bob) > joins)


async def freeze_irc_server(scene: Stage) -> None:
    pid = scene.ircd.child.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(5)  # how long it lasts is what is played
    finally:
        os.kill(pid, signal.SIGCONT)


async def crash_database(scene: Stage) -> None:
    assert scene.postgres is not None
    await scene.postgres.crash()
    await scene.postgres.start()


async def kill_synapse(synapse: Synapse) -> None:
    pid = synapse.child.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await synapse.child.wait()


def _joins(bob: IrcClient) -> int:
    return sum(" JOIN " in line and line.startswith(f":{BOT}") for line in bob.lines)


# streams


async def alice_streams(scene: Stage, numbers: list[int], said: Callable[[int], None] = lambda _: None) -> None:
    """Four of her clients at once, each sending again what got no answer; the order is the room's."""
    waiting = iter(numbers)

    async def client() -> None:
        for number in waiting:
            await scene.alice.say_at_last(scene.room, f"line {number}")
            said(number)

    await asyncio.gather(*(client() for _ in range(4)))
    await scene.alice.until(lambda: scene.in_room.has(set(numbers)))


class Moment:
    """A point of a stream that nobody knows beforehand: when so many lines were sent, or when so many have come."""

    def __init__(self, chance: random.Random, lines: int, client: IrcClient | MatrixClient, came: Callable[[], int]) -> None:
        self.at = chance.randrange(lines // 10, lines - lines // 10)
        self.by_sending = chance.random() < 0.5
        self._client = client
        self._came, self._before = came, came()
        self._sent = 0
        self._reached = asyncio.Event()

    def sent(self, _: int) -> None:
        self._sent += 1
        if self._sent >= self.at:
            self._reached.set()

    async def comes(self) -> None:
        if self.by_sending:
            await self._reached.wait()
        else:
            await self._client.until(lambda: self._came() - self._before >= self.at, 120)
