"""The IRC adapter: one bot on one network, over all its connections."""

import asyncio
import logging
import ssl
from collections.abc import Sequence
from typing import ClassVar

from adapters.irc.commands import Words
from adapters.irc.config import IrcConfig, Rate, address
from adapters.irc.ids import Roster
from adapters.irc.manifest import MANIFEST
from adapters.irc.outbound import line_for
from adapters.irc.wire import sts
from adapters.irc.wire.channels import Wish, sendable
from adapters.irc.wire.governor import Governor, Verdict
from adapters.irc.wire.listener import Listener
from adapters.irc.wire.session import Session
from adapters.irc.wire.tls import context
from adapters.irc.wire.view import Link, View, unconnected, view
from bridge.contract.adapter import ChannelInfo, Demonstration, Inlet, NetworkState, Phase
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import DeliveryError, Disconnected, Rejected, Unavailable
from bridge.contract.features import Features, Manifest
from bridge.contract.toolbox import Toolbox
from bridge.contract.words import Word
from bridge.model.ids import ChannelId, NetworkName
from bridge.model.signals import Signal, Typing

TICK_SECONDS = 1.0
OWN_CAP = 15.0
"""Longest wait between tries with `rate = "off"`: one's own server doesn't ban its bridge."""
TYPING_SECONDS = 3.0
"""Between two notifications of one channel (the typing client tag's specification)."""
NOT_IN_SECONDS = 5.0
"""When a message for a channel we are not in may be tried again."""
EXAMINE_SECONDS = 10.0
GOODBYE = "the bridge is stopping"


class Irc:
    """`bridge.contract.adapter.Adapter`; also Signals, Commands, Demonstrates, Examines."""

    manifest: ClassVar[Manifest] = MANIFEST

    def __init__(self, network: NetworkName, config: IrcConfig, inlet: Inlet, tools: Toolbox) -> None:
        self._network, self._config, self._inlet, self._tools = network, config, inlet, tools
        cap = min(config.reconnect_cap, OWN_CAP) if config.rate == "off" else config.reconnect_cap
        self._governor = Governor(tools.random, cap=cap)
        self._roster = Roster(network, identify_by=config.identify_by)
        self._link: Link | None = None
        self._typed: dict[ChannelId, float] = {}
        self._views: dict[ChannelId, View] = {}
        self._rate = config.rate if isinstance(config.rate, Rate) else None
        self._unconnected = unconnected(self._rate)
        self._words = Words(lambda: self._link)

    # life

    async def run(self) -> None:
        host, port = address(self._config.server, self._config.tls)
        stored = await self._inlet.cursor(sts.SCOPE)
        policy = sts.load(stored.value if stored is not None else None)
        tls = self._config.tls
        if not tls and policy is not None and policy.holds(host, self._tools.clock.now()):
            port, tls = policy.port, True
        try:
            await self._connect(host, port, tls)
        except sts.Upgrade as upgrade:
            self._tools.log.info("%s asks for an encrypted connection on port %d", self._network, upgrade.port)
            await self._connect(host, upgrade.port, True)

    async def _connect(self, host: str, port: int, tls: bool) -> None:
        """One connection, to its end. Raises `Disconnected`."""
        self._inlet.report(NetworkState(network=self._network, phase=Phase.CONNECTING))
        listener = Listener(self._network, self._config, self._inlet, self._tools, self._roster, host=host, port=port, secure=tls)
        session = Session(self._config, self._tools, listener)
        up_since: float | None = None
        clock = self._tools.clock
        try:
            async with asyncio.TaskGroup() as tasks:
                jobs = (listener.pipeline.run(), session.bucket.run(), self._tick(session, listener))
                working = [tasks.create_task(one) for one in jobs]
                end = await self._reach(session, host, port, tls)
                if end is None:
                    up_since = clock.monotonic()
                    self._link = Link(session, listener)
                    self._inlet.report(NetworkState(network=self._network, phase=Phase.CONNECTED))
                    end = await asyncio.shield(session.over)  # whoever cancels us doesn't end it: the goodbye does
                self._link = None
                listener.flush_splits()
                await listener.pipeline.finish()
                for one in working:
                    one.cancel()
        finally:
            self._link = None
            await session.close(GOODBYE)
            await listener.pipeline.rescue()
        if isinstance(end, sts.Upgrade):
            raise end
        verdict = Verdict(fatal=end.fatal, wait=end.retry_after or 0.0)
        raise self._governor.lost(end.reason, up_since=up_since, now=clock.monotonic(), verdict=verdict)

    async def _reach(self, session: Session, host: str, port: int, tls: bool) -> Disconnected | None:
        """None once channels can be opened."""
        try:
            secure = await asyncio.to_thread(context, self._config, self._tools.log) if tls else None
        except OSError as error:
            return Disconnected(f"the certificate files cannot be used: {error.strerror or error}", fatal=True)
        try:
            await session.connect(host, port, secure)
        except ssl.SSLCertVerificationError as error:
            return Disconnected(f"the certificate of {host} is not to be trusted: {error.verify_message}")
        except TimeoutError:
            return Disconnected(f"{host} port {port} does not answer")
        except OSError as error:
            return Disconnected(f"{host} port {port} cannot be reached: {error.strerror or error}")
        except ValueError as error:
            return Disconnected(str(error), fatal=True)
        await asyncio.wait((session.ready, session.over), return_when=asyncio.FIRST_COMPLETED)
        return session.over.result() if session.over.done() else None

    async def _tick(self, session: Session, listener: Listener) -> None:
        while True:
            await self._tools.clock.sleep(TICK_SECONDS)
            session.tick()
            listener.tick()

    # channels

    async def open(self, *channels: ChannelId) -> list[ChannelInfo]:
        link = self._link
        if link is None:
            return [ChannelInfo(channel=channel, error="the network is not connected") for channel in channels]
        for channel in channels:
            link.listener.spell(channel)
        return await link.session.channels.open(channels)

    async def close(self, *channels: ChannelId) -> None:
        if self._link is not None:
            self._link.session.channels.forget(channels)

    # messages

    async def deliver(self, delivery: Delivery) -> Receipt:
        link = self._link
        if link is None:
            raise Unavailable("the network is not connected")
        session = link.session
        wish = session.channels.wish(session.fold(delivery.channel.id))
        if wish is None or not wish.joined:
            raise self._not_there(session, delivery.channel, wish)
        out = line_for(delivery, self._view(link, delivery.channel, wish).state)
        return await session.pen.submit(delivery.id, out.command, out.params, out.tags)

    def _not_there(self, session: Session, channel: ChannelId, wish: Wish | None) -> DeliveryError:
        if not sendable(channel.id) or not session.isupport.is_channel(channel.id):
            return Rejected(f"{self._network} has no channels of such a name")
        if wish is not None and wish.lasting:
            return Rejected(f"{channel.id} on {self._network}: {wish.error}")
        return Unavailable((wish.error if wish is not None else None) or "not in the channel", retry_after=NOT_IN_SECONDS)

    def features(self, channel: ChannelId) -> Features:
        link = self._link
        if link is None:
            return self._unconnected
        return self._view(link, channel, link.session.channels.wish(link.session.fold(channel.id))).features

    def _view(self, link: Link, channel: ChannelId, wish: Wish | None) -> "View":
        """What depends on the live connection, made anew only when something of it changed."""
        session = link.session
        op, relays = (wish.op, wish.relays) if wish is not None else (False, True)
        facts = (session, session.nick, session.user, session.host, session.capabilities, op, relays)
        known = self._views.get(channel)
        if known is None or known.facts != facts:
            known = self._views[channel] = view(link, channel, wish, facts, self._rate)
        return known

    async def send_signal(self, signal: Signal) -> None:
        """Typing, where it costs nobody a place in line."""
        link = self._link
        if not isinstance(signal, Typing) or link is None or not link.session.bucket.unlimited:
            return
        session = link.session
        wish = session.channels.wish(session.fold(signal.channel.id))
        if wish is None or not wish.joined or "message-tags" not in session.capabilities:
            return
        now = self._tools.clock.monotonic()
        if signal.active and now - self._typed.get(signal.channel, now - TYPING_SECONDS) < TYPING_SECONDS:
            return
        self._typed[signal.channel] = now
        session.pen.tag(signal.channel.id, {"+typing": "active" if signal.active else "done"})

    # and all else

    def words(self) -> Sequence[Word]:
        return self._words.all()

    @classmethod
    async def examine(cls, config: IrcConfig) -> str:
        """Connects and hangs up again: no nick is taken, nobody is disturbed."""
        host, port = address(config.server, config.tls)
        secure = await asyncio.to_thread(context, config, logging.getLogger(__name__)) if config.tls else None
        async with asyncio.timeout(EXAMINE_SECONDS):
            _, writer = await asyncio.open_connection(host, port, ssl=secure, server_hostname=host if secure else None)
        tls = writer.get_extra_info("ssl_object")
        writer.close()
        return f"{host} port {port} answers" + (f" over {tls.version()}" if tls is not None else ", unencrypted")

    @classmethod
    async def demonstrate(cls, host: str, port: int) -> Demonstration:
        from adapters.irc.demo.server import DemoServer

        return await DemoServer.start(host, port)
