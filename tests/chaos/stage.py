"""Real servers, one linked room and a bridge that may be killed: what the chaos plays stand on."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from bridge.demo.synapse import Synapse
from tests.servers.bridge import BridgeProcess
from tests.servers.clients import IrcClient, MatrixClient
from tests.servers.daemons import Daemon, free_port
from tests.servers.wire import Wire

ALIAS = "#stage:localhost"
CHANNEL = "#stage"
NUMBER = re.compile(r"line (\d+)")


class Stage(Struct):
    synapse: Synapse
    ircd: Daemon
    bridge: BridgeProcess
    room: str
    alice: MatrixClient
    bob: IrcClient


@asynccontextmanager
async def stage(
    folder: Path, python: Path, ircd: Daemon, database: str | None = None, *, bridged: Daemon | Wire | None = None
) -> AsyncIterator[Stage]:
    """A homeserver and a bridge of its own; `ircd` is running already. alice is on Matrix, bob on IRC, both in the room.

    `bridged` is what the bridge connects to, where that is not `ircd` itself.
    """
    synapse = Synapse(python, folder / "synapse", port=free_port())
    bridge = BridgeProcess(folder / "bridge", homeserver=synapse.url, database=database)
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
            bob.say(CHANNEL, "hello from bob")
            await alice.sees_text(room, "hello from bob")
            await alice.say(room, "hello from alice")
            await bob.hears("hello from alice")
            yield Stage(synapse, ircd, bridge, room, alice, bob)
    finally:
        await bridge.stop()
        await synapse.stop()


def numbers(texts: list[str]) -> list[int]:
    """The numbers of the lines in the order in which they came; a joined message brings several."""
    return [int(number) for text in texts for number in NUMBER.findall(text)]


def repeats(texts: list[str]) -> set[int]:
    """The numbers of the lines that are marked as a possible repeat."""
    return {int(number) for text in texts if "possible repeat" in text for number in NUMBER.findall(text)}


def firsts(found: list[int]) -> list[int]:
    """Without later repeats."""
    return list(dict.fromkeys(found))
