"""A room with three doors: a real homeserver, a real IRC server and a real XMPP server, and the bridge between them."""

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from msgspec import Struct, field

from bridge.demo.synapse import Synapse
from tests.servers.bridge import BridgeProcess
from tests.servers.clients import IrcClient, MatrixClient
from tests.servers.daemons import Daemon, free_port
from tests.servers.xmpp import MUC, SECRET, XmppServer
from tests.servers.xmpp_client import XmppClient

ALIAS = "#square:localhost"
CHANNEL = "#square"
ROOM = f"square@{MUC}"


class Square(Struct):
    """alice and the admin are on Matrix, bob is on IRC, juliet on XMPP."""

    synapse: Synapse
    ircd: Daemon
    xmpp: XmppServer
    bridge: BridgeProcess
    room: str
    alice: MatrixClient
    admin: MatrixClient
    bob: IrcClient
    juliet: XmppClient
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def irc(self, nick: str) -> IrcClient:
        return IrcClient(self.ircd.host, self.ircd.port, nick)

    def mark(self) -> str:
        """A word that stands in no other message."""
        return f"mark{next(self.numbers)}x"


def networks(ircd: Daemon | None, xmpp: XmppServer, *, extra: str = "") -> str:
    """The tables of `bridge.toml` behind its head. `extra`: more lines of the XMPP network."""
    irc = (
        f'[networks.local]\nadapter = "irc"\nserver = "{ircd.host}:{ircd.port}"\ntls = false\nnick = "unabridged"\nrate = "off"\n'
        if ircd is not None
        else ""
    )
    jabber = xmpp.network(accounts=False) + extra
    links = ([f'"local/{CHANNEL}"'] if ircd is not None else []) + [f'"jabber/{ROOM}"']
    return f'{irc}{jabber}[[portals]]\nroom = "{ALIAS}"\nlinks = [{", ".join(links)}]\ninvite = ["@admin:localhost"]\n'


@asynccontextmanager
async def square(folder: Path, python: Path, ircd: Daemon, xmpp: XmppServer, *, extra: str = "") -> AsyncIterator[Square]:
    """`ircd` and `xmpp` are running; juliet is in the MUC first, and so owns it. `extra`: more lines of the XMPP network."""
    synapse = Synapse(python, folder / "synapse", port=free_port())
    bridge = BridgeProcess(folder / "bridge", homeserver=synapse.url)
    bridge.write(networks(ircd, xmpp, extra=extra))
    (bridge.folder / "secret").write_text(SECRET)
    synapse.write([await bridge.registration()])
    await synapse.start()
    try:
        tokens = [await synapse.user("alice", "secret"), await synapse.user("admin", "secret", admin=True)]
        async with AsyncExitStack() as stack:
            juliet = await stack.enter_async_context(XmppClient(xmpp, "juliet"))
            await juliet.join(ROOM)
            await juliet.configure(ROOM, changesubject="1", publicroom="1", persistentroom="1")
            await bridge.start()
            alice = await stack.enter_async_context(MatrixClient(synapse.url, tokens[0]))
            admin = await stack.enter_async_context(MatrixClient(synapse.url, tokens[1]))
            bob = await stack.enter_async_context(IrcClient(ircd.host, ircd.port, "bob"))
            room = await alice.join(ALIAS)
            await admin.join(ALIAS)
            await bob.join(CHANNEL)
            yield Square(synapse, ircd, xmpp, bridge, room, alice, admin, bob, juliet)
    finally:
        await bridge.stop()
        await synapse.stop()
