"""A real homeserver, a real IRC server and the bridge between them, shared by the plays of one module."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from bridge.demo.synapse import Synapse
from tests.servers.bridge import BridgeProcess
from tests.servers.clients import IrcClient, MatrixClient
from tests.servers.daemons import Daemon, free_port

ALIAS = "#town:localhost"
CHANNEL = "#town"
_marks = itertools.count(1)


class Town(Struct):
    synapse: Synapse
    ircd: Daemon
    bridge: BridgeProcess
    room: str
    alice: MatrixClient
    admin: MatrixClient
    bob: IrcClient

    def puppet(self, nick: str) -> str:
        return f"@_local_{nick}:localhost"

    def irc(self, nick: str, caps: str = "") -> IrcClient:
        return IrcClient(self.ircd.host, self.ircd.port, nick, caps)

    @staticmethod
    def mark() -> str:
        """A word that stands in no other message."""
        return f"mark{next(_marks)}"


@asynccontextmanager
async def town(folder: Path, python: Path, ircd: Daemon, *, double_puppet: bool = False) -> AsyncIterator[Town]:
    """alice and the admin are on Matrix, bob is on IRC, all in the one linked room."""
    synapse = Synapse(python, folder / "synapse", port=free_port())
    bridge = BridgeProcess(folder / "bridge", homeserver=synapse.url)
    bridge.irc(f"{ircd.host}:{ircd.port}", {ALIAS: CHANNEL})
    registrations = [await bridge.registration()]
    if double_puppet:
        await bridge.command("registration", "--double-puppet")
        registrations.append(bridge.folder / "double-puppet.yaml")
    synapse.write(registrations)
    await synapse.start()
    try:
        tokens = [await synapse.user("alice", "secret"), await synapse.user("admin", "secret", admin=True)]
        await bridge.start()
        async with (
            MatrixClient(synapse.url, tokens[0]) as alice,
            MatrixClient(synapse.url, tokens[1]) as admin,
            IrcClient(ircd.host, ircd.port, "bob") as bob,
        ):
            room = await alice.join(ALIAS)
            await admin.join(ALIAS)
            await bob.join(CHANNEL)
            yield Town(synapse, ircd, bridge, room, alice, admin, bob)
    finally:
        await bridge.stop()
        await synapse.stop()
