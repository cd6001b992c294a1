"""The component's life: one connection after the other, and the parts that live on it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NoReturn
from xml.etree.ElementTree import Element

from adapters.common.pipeline import Pipeline
from adapters.xmpp.config import XmppConfig
from adapters.xmpp.faults import BUG, CRASH_SECONDS, contained
from adapters.xmpp.parts import OnComponent
from adapters.xmpp.wire.component import Link
from adapters.xmpp.wire.pauses import Pauses
from adapters.xmpp.wire.shelf import Shelf
from adapters.xmpp.wire.skim import IsCopy
from bridge.contract.adapter import Inlet
from bridge.contract.errors import Disconnected
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import ChannelId, NetworkName

TICK_SECONDS = 1.0


class Component:
    """`told` is called whenever its state changed. What comes over the link is offered to `parts` in their order."""

    def __init__(
        self,
        network: NetworkName,
        config: XmppConfig,
        inlet: Inlet,
        tools: Toolbox,
        shelf: Shelf,
        parts: Sequence[OnComponent],
        *,
        is_copy: IsCopy,
        told: Callable[[], None],
    ) -> None:
        self._network, self._config, self._inlet, self._tools, self._shelf = network, config, inlet, tools, shelf
        self._parts, self._is_copy, self._told = parts, is_copy, told
        self._opened: set[ChannelId] = set()
        self.tried = False
        """It has been found out whether it can be connected."""
        self._fallen: str | None = None
        self._ill: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why it is not connected, while the network goes on without it; or what is wrong with a part of it."""
        return self._fallen or self._ill

    # life

    async def run(self) -> None:
        """Until cancelled. While there are logins its fall is no matter of theirs: it is connected again from here.

        Raises `Disconnected` where nobody needs the network without it.
        """
        self.tried, self._fallen, pauses = False, None, Pauses(self._tools)
        while True:
            pauses.begin()
            end = await self._life()
            if not self._tools.logins.all():
                raise end
            if end.reason != self._fallen:
                self._tools.log.warning("the component is not connected: %s", end.reason)
            self._turned(end.reason)
            await self._tools.clock.sleep(pauses.after(end))

    async def _life(self) -> Disconnected:
        """Of one connection, to its end, be that a bug of ours."""
        try:
            with contained(self._tools, self._network, "the component", passing=(Disconnected,)):
                await self._live()
        except Disconnected as end:
            return end
        return Disconnected(BUG)

    async def _live(self) -> NoReturn:
        """One connection, to its end. Raises `Disconnected`."""
        link = Link(self._config, self._tools, self, is_copy=self._is_copy)
        pipeline = Pipeline(self._inlet, self._tools, name="xmpp", pause=link.pause, resume=link.resume)
        try:
            await link.connect()
            async with asyncio.TaskGroup() as tasks:
                for part in self._parts:
                    part.attach(link, pipeline)
                jobs = (pipeline.run(), self._tick(link), self._shelf.learn(link), *map(self._keep, self._parts))
                working = [tasks.create_task(one) for one in jobs]
                self._turned(None)
                end = await asyncio.shield(link.over)  # whoever cancels us doesn't end it: the goodbye does
                self._detach(end.reason)
                await pipeline.finish()
                for one in working:
                    one.cancel()
        finally:
            self._detach("the bridge is stopping")
            await link.close()
            await pipeline.rescue()
        raise end

    def _turned(self, trouble: str | None) -> None:
        """It is connected, or not; what is seen through it is opened anew where it was the other way before."""
        other = (trouble is None) != (self._fallen is None)
        self.tried, self._fallen = True, trouble
        if other:
            self._inlet.look_again(*self._opened)
        self._told()

    async def _keep(self, part: OnComponent) -> None:
        """A bug in a part is no matter of the others, nor of the connection: after a while it goes on."""
        while True:
            with contained(self._tools, self._network, type(part).__name__, lambda: self._ails(BUG)):
                await part.run()
            await self._tools.clock.sleep(CRASH_SECONDS)
            self._ails(None)

    def _ails(self, what: str | None) -> None:
        self._ill = what
        self._told()

    def _detach(self, reason: str) -> None:
        """Idempotent."""
        for part in self._parts:
            part.detach(reason)

    async def _tick(self, link: Link) -> None:
        while True:
            await self._tools.clock.sleep(TICK_SECONDS)
            link.tick()
            for part in self._parts:
                part.tick()

    # channels

    def opened(self, *channels: ChannelId) -> None:
        """These are seen through it."""
        self._opened.update(channels)

    def closed(self, channel: ChannelId) -> None:
        self._opened.discard(channel)

    # what comes over the link

    def message(self, element: Element) -> None:
        if not any(part.message(element) for part in self._parts):
            self._tools.metrics.count("xmpp_odd_stanzas", kind="for nobody")

    def presence(self, element: Element) -> None:
        if not any(part.presence(element) for part in self._parts):
            self._tools.metrics.count("xmpp_odd_stanzas", kind="for nobody")

    def query(self, element: Element) -> bool:
        return any(part.query(element) for part in self._parts)
