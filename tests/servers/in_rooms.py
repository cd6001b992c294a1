"""The XMPP adapter alone in one room of a real server, kept going and delivered to as the core does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from adapters.xmpp.adapter import Xmpp
from adapters.xmpp.config import XmppConfig
from adapters.xmpp.ids import Kind
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import Disconnected, Unavailable, Uncertain
from bridge.model.events import Body, Event, Message
from bridge.model.ids import ChannelId
from bridge.model.people import Identity
from bridge.testing import RecordingInlet, toolbox, until
from tests.servers.xmpp import SECRET, XmppServer
from tests.unit.xmpp.rooms.scene import ALICE, NET, delivery


class Bridge:
    """An adapter, kept going as a supervisor does, with a lane as the courier has it: in order, until there is a receipt."""

    def __init__(self, server: XmppServer, channel: ChannelId, inlet: RecordingInlet | None = None, **settings: Any) -> None:
        self.inlet, self.channel = inlet or RecordingInlet(), channel
        config = XmppConfig(component=server.component, secret=SECRET, server=f"127.0.0.1:{server.component_port}", **settings)
        self.adapter = Xmpp(NET, config, self.inlet, toolbox())
        self._open = asyncio.Event()
        self.repeated = 0

    async def keep(self) -> None:
        while True:
            self.inlet.states.clear()
            run = asyncio.ensure_future(self.adapter.run())
            try:
                await until(lambda run=run: self.inlet.connected or run.done())  # type: ignore[misc]
                if not run.done():
                    infos = await self.adapter.open(self.channel)
                    if infos[0].error is None:
                        self._open.set()
                await asyncio.wait([run])
                self._open.clear()
                error = run.exception()
                assert isinstance(error, Disconnected), error
                assert not error.fatal, error
            finally:
                run.cancel()
                await asyncio.wait([run])
            await asyncio.sleep(0)

    def kill(self) -> None:
        """As `kill -9` does: the connection ends, and nothing is said any more."""
        link = self.adapter._parts[Kind.ROOM]._house.link  # type: ignore[attr-defined]
        if link is not None:
            link.stream.transport.abort()

    async def opened(self) -> None:
        async with asyncio.timeout(30):
            await self._open.wait()

    async def carry(self, sent: Delivery) -> Receipt:
        """As the courier: tried until it is there, looked for where it may be."""
        async with asyncio.timeout(60):
            while True:
                await self._open.wait()
                try:
                    return await self.adapter.deliver(sent)
                except Unavailable:
                    await asyncio.sleep(0)
                except Uncertain:
                    found = await self._found(sent)
                    if found is not None:
                        return found
                    self.repeated += 1

    async def _found(self, sent: Delivery) -> Receipt | None:
        while True:
            await self._open.wait()
            try:
                return self.inlet.proofs.get(sent.id) or await self.adapter.find(sent)
            except Unavailable:
                await asyncio.sleep(0)

    async def say(self, body: str | Body, author: Identity = ALICE, **more: Any) -> Receipt:
        return await self.adapter.deliver(delivery(body, author, channel=self.channel, **more))

    def of(self, kind: Any) -> list[Event]:
        return [event for event in self.inlet.events if isinstance(event.body, kind)]

    def said(self) -> list[str]:
        return [event.body.text.plain for event in self.inlet.events if isinstance(event.body, Message)]


@asynccontextmanager
async def bridged(
    server: XmppServer, channel: ChannelId, inlet: RecordingInlet | None = None, **settings: Any
) -> AsyncIterator[Bridge]:
    bridge = Bridge(server, channel, inlet, **settings)
    keeper = asyncio.ensure_future(bridge.keep())
    try:
        await bridge.opened()
        yield bridge
    finally:
        keeper.cancel()
        await asyncio.wait([keeper])
        if not keeper.cancelled():
            keeper.result()
