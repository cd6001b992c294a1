"""One network, kept going: connected, its channels open, its lanes flowing, and every failure a state that people can read."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping

from bridge.contract.adapter import Adapter, ChannelInfo, Inlet, NetworkState, Phase
from bridge.contract.errors import BridgeError, Disconnected
from bridge.contract.logins import LogsIn
from bridge.contract.resting import rest
from bridge.contract.toolbox import Clock, Metrics
from bridge.delivery.backoff import Backoff
from bridge.delivery.courier import Courier
from bridge.delivery.inlet import NetworkInlet
from bridge.delivery.intake import Intake
from bridge.model.ids import ChannelId, NetworkName
from bridge.model.signals import Signal

STABLE = 120.0
"""Seconds a connection must last before its next failure counts as the first."""
REOPEN_FIRST, REOPEN_CAP = 30.0, 1800.0
"""Seconds between tries of channels that would not open."""
NAMED = 3
"""Channels that the log names of those that are shut for one reason."""


class Supervisor:
    """Owns one adapter. `build` makes it around its inlet; it is the same adapter over all reconnects."""

    def __init__(
        self,
        network: NetworkName,
        build: Callable[[Inlet], Adapter],
        links: Iterable[ChannelId],
        *,
        intake: Intake,
        courier: Courier,
        signal: Callable[[Signal], None],
        clock: Clock,
        source: random.Random,
        metrics: Metrics,
        log: logging.Logger,
    ) -> None:
        self.network = network
        self.state = NetworkState(network=network, phase=Phase.STARTING)
        self.ready = asyncio.Event()
        """Every link has opened, or failed with a reason that `channels` or `state` shows. Stays set."""
        self.inlet = NetworkInlet(
            network, intake, proved=courier.proved, signal=signal, report=self._heard, look_again=self.look_again
        )
        self.adapter = build(self.inlet)
        self._infos: dict[ChannelId, ChannelInfo | None] = dict.fromkeys(links)
        self._stale: set[ChannelId] = set()
        """What is learnt of these by an opening that is under way is out of date."""
        self._courier = courier
        self._clock = clock
        self._metrics = metrics
        self._log = log
        self._backoff = Backoff(source, first=2.0)
        self._reopening = Backoff(source, first=REOPEN_FIRST, cap=REOPEN_CAP)
        self._changed = asyncio.Event()
        """The phase, or what is to be open, changed: the opener looks."""
        self._retry = asyncio.Event()
        self._connected_at: float | None = None
        self._connection = 0
        self._opening: asyncio.Task[None] | None = None
        self._told: str | None = None
        courier.attach(network, self.adapter)
        courier.pause(network)

    @property
    def channels(self) -> Mapping[ChannelId, ChannelInfo | None]:
        """Every linked channel, and what came of opening it; None: not yet tried."""
        return self._infos

    def retry(self) -> None:
        """Told by a human: whatever failed may work now."""
        self._retry.set()

    def attach(self, channel: ChannelId) -> None:
        """A new link: its channel is opened soon, or when the network connects."""
        if channel not in self._infos:
            self._infos[channel] = None
            self._changed.set()

    def look_again(self, channel: ChannelId) -> None:
        """What kept a linked channel shut, or open, may be over: it is opened anew soon."""
        if channel in self._infos:
            self._infos[channel] = None
            self._stale.add(channel)
            self._changed.set()

    async def detach(self, channel: ChannelId) -> None:
        """The channel's last link is gone."""
        if channel in self._infos:
            del self._infos[channel]
            if self._connected_at is not None:
                try:
                    await self.adapter.close(channel)
                except BridgeError as error:
                    self._log.warning("closing %s: %s", channel, error)

    async def run(self) -> None:
        """Until cancelled; then the adapter has left nothing behind."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_open())
                while True:
                    await self._run_once()
        finally:
            self._down()
            await self.inlet.drain()
            self._set(Phase.STOPPED)

    # the connection

    async def _run_once(self) -> None:
        self._retry.clear()
        self._set(Phase.CONNECTING)
        wait: float | None
        try:
            if isinstance(self.adapter, LogsIn):
                await self.adapter.changed()
            await self.adapter.run()
            wait, reason, fatal = None, "the adapter stopped by itself", False
        except Disconnected as error:
            wait, reason, fatal = error.retry_after, error.reason, error.fatal
        except Exception as error:  # noqa: BLE001 — a crash of the adapter is a state of its network, reported, and it is started again
            self._log.exception("the adapter of %s crashed", self.network)
            self._metrics.count("adapter_crashes", network=self.network)
            wait, reason, fatal = None, f"an internal error ({type(error).__name__}); it has been reported", False
        if self._connected_at is not None and self._clock.monotonic() - self._connected_at >= STABLE:
            self._backoff.reset()
        self._down()
        self._metrics.count("disconnects", network=self.network)
        pause = self._backoff.next(wait)
        if fatal:
            self._set(Phase.FAILED, reason)
            await self._retry.wait()
            self._backoff.reset()
        else:
            self._set(Phase.TRANSIENT, reason, retry_at=self._clock.monotonic() + pause)
            await rest(self._clock, self._retry, pause)

    def _heard(self, state: NetworkState) -> None:
        """The adapter says how its connection is."""
        if state.phase is Phase.CONNECTED:
            if self._connected_at is None:
                self._connected_at = self._clock.monotonic()
                self._connection += 1
        else:
            self._down()
        self._set(state.phase, state.reason, retry_at=state.retry_at)

    def _down(self) -> None:
        self._connected_at = None
        self._courier.pause(self.network)
        if self._opening is not None:
            self._opening.cancel()

    def _set(self, phase: Phase, reason: str | None = None, *, retry_at: float | None = None) -> None:
        self.state = NetworkState(network=self.network, phase=phase, reason=reason, retry_at=retry_at)
        self._metrics.gauge("network_connected", float(phase is Phase.CONNECTED), network=self.network)
        if phase in (Phase.TRANSIENT, Phase.FAILED):
            self.ready.set()
        self._tell(phase, reason)
        self._changed.set()

    def _tell(self, phase: Phase, reason: str | None) -> None:
        """A line in the log for each change; none for the tenth try that fails like the nine before."""
        words = {
            Phase.CONNECTED: "connected",
            Phase.TRANSIENT: f"not connected: {reason}",
            Phase.FAILED: f"not connected, and not tried again until told: {reason}",
        }.get(phase)
        if words is not None and words != self._told:
            self._log.log(logging.INFO if phase is Phase.CONNECTED else logging.WARNING, words)
            self._told = words

    # the channels

    async def _keep_open(self) -> None:
        """After each connect open all that is linked, later what was added, now and then what would not open."""
        served = 0
        again_at: float | None = None
        while True:
            self._changed.clear()
            connection = self._connection
            now = self._clock.monotonic()
            if self._connected_at is not None:
                fresh = connection != served
                again = again_at is not None and again_at <= now
                wanted = [channel for channel, info in self._infos.items() if fresh or info is None or (again and info.error)]
                if wanted:
                    async with asyncio.TaskGroup() as group:
                        self._opening = group.create_task(self._open(wanted))
                if self._connection != connection or self._connected_at is None:
                    continue  # the connection went away meanwhile: what was learnt belongs to the past
                served = connection
                if fresh:
                    self._courier.resume(self.network)
                    self._reopening.reset()
                self.ready.set()
                if not any(info is not None and info.error for info in self._infos.values()):
                    again_at = None
                elif wanted:
                    again_at = self._clock.monotonic() + self._reopening.next()
            pause = None if again_at is None or self._connected_at is None else again_at - self._clock.monotonic()
            await rest(self._clock, self._changed, pause)

    async def _open(self, wanted: list[ChannelId]) -> None:
        reason = "it gave no answer"
        infos: list[ChannelInfo] = []
        self._stale.difference_update(wanted)
        try:
            infos = await self.adapter.open(*wanted)
        except BridgeError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 — a bug in open() is the channels' reason for not being open, reported
            self._log.exception("opening channels of %s failed with a bug", self.network)
            self._metrics.count("adapter_crashes", network=self.network)
            reason = f"an internal error ({type(error).__name__}); it has been reported"
        answers = {info.channel: info for info in infos}
        shut: dict[str, list[ChannelId]] = {}
        for channel in wanted:
            if channel in self._infos and channel not in self._stale:
                before, info = self._infos[channel], answers.get(channel) or ChannelInfo(channel=channel, error=reason)
                self._infos[channel] = info
                if info.error is None:
                    self._courier.hurry(channel)
                elif before is None or before.error != info.error:
                    shut.setdefault(info.error, []).append(channel)
        for why, channels in shut.items():
            names = ", ".join(map(str, channels[:NAMED]))
            more = f" and {len(channels) - NAMED} more" if len(channels) > NAMED else ""
            self._log.warning("%s%s %s not open: %s", names, more, "is" if len(channels) == 1 else "are", why)
