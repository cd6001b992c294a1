"""Typing, presence, read marks and who moderates: passed on while they are true, dropped when anything is in the way."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

import msgspec

from bridge.contract.adapter import Signals
from bridge.contract.errors import DeliveryError, LedgerUnavailable
from bridge.contract.features import Feature, Level
from bridge.contract.toolbox import Clock, Metrics
from bridge.delivery.ports import Outlet
from bridge.delivery.presences import Presences
from bridge.ledger.rows import Copy
from bridge.model.ids import HUB, ChannelId, EventKey, NetworkName
from bridge.model.signals import Moderators, Presence, ReadMark, Signal, Typing

_FEATURES = {Typing: Feature.TYPING, ReadMark: Feature.READ, Moderators: Feature.MODERATORS, Presence: Feature.PRESENCE}
MOST = 1_000
"""Signals waiting; beyond it the oldest is dropped. Who moderates is said once, of each link: none of that is."""

_Addressed = tuple[NetworkName, ChannelId | None, Signal]


class SignalRouter:
    """From whoever noticed to the other legs.

    A signal waiting for its turn is replaced by a newer one about the same thing, so a slow network gets the latest
    truth and no history.
    """

    def __init__(
        self,
        *,
        legs: Callable[[ChannelId], Iterable[ChannelId]],
        outlet: Callable[[NetworkName], Outlet | None],
        root: Callable[[EventKey], Awaitable[EventKey | None]],
        copies: Callable[[EventKey, ChannelId], Awaitable[list[Copy]]],
        watching: Callable[[], Iterable[NetworkName]] = tuple,
        noted: Callable[[Signal], None] = lambda signal: None,
        clock: Clock,
        metrics: Metrics,
        log: logging.Logger,
    ) -> None:
        """`legs(channel)`: the other channels that hear what happens in it. `root`, `copies`: the ledger's.

        `watching()`: the networks that are told whether people of the hub are there. `noted` is told of every signal.
        """
        self._legs = legs
        self._outlet = outlet
        self._root = root
        self._copies = copies
        self._noted = noted
        self._metrics = metrics
        self._log = log
        self._watching = watching
        self._presences = Presences(clock, metrics, self._shown)
        self._waiting: dict[tuple[object, ...], _Addressed] = {}
        self._standing: dict[tuple[object, ...], _Addressed] = {}
        """Who moderates."""
        self._woken = asyncio.Event()

    def signal(self, signal: Signal) -> None:
        """Best effort; never blocks."""
        self._noted(signal)
        if isinstance(signal, Presence):
            if signal.who.network == HUB:
                self._presences.note(signal)
            else:
                self._put(("presence", signal.who, HUB), HUB, None, signal)
            return
        for leg in self._legs(signal.channel):
            about = signal.of if isinstance(signal, Moderators) else signal.who
            self._put((_FEATURES[type(signal)], about, leg), leg.network, leg, signal)

    def heeds(self, channel: ChannelId, feature: Feature) -> bool:
        """Whether anybody who hears of a channel takes such a signal now."""
        outlets = ((self._outlet(leg.network), leg) for leg in self._legs(channel))
        return any(outlet is not None and outlet.features(leg).level(feature) is Level.NATIVE for outlet, leg in outlets)

    def _shown(self, presence: Presence) -> None:
        for network in self._watching():
            self._put(("presence", presence.who, network), network, None, presence)

    def _put(self, about: tuple[object, ...], network: NetworkName, leg: ChannelId | None, signal: Signal) -> None:
        waiting = self._standing if isinstance(signal, Moderators) else self._waiting
        waiting.pop(about, None)
        if waiting is self._waiting and len(waiting) >= MOST:
            del waiting[next(iter(waiting))]
            self._metrics.count("signals_dropped")
        waiting[about] = network, leg, signal
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._presences.run())
            group.create_task(self._send())

    async def _send(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            while waiting := self._waiting or self._standing:
                await self._pass_on(*waiting.pop(next(iter(waiting))))

    async def _pass_on(self, network: NetworkName, leg: ChannelId | None, signal: Signal) -> None:
        outlet = self._outlet(network)
        if not isinstance(outlet, Signals) or (leg is not None and not _wanted(outlet, leg, signal)):
            return
        try:
            translated = await self._translated(leg, signal)
            if translated is not None:
                await outlet.send_signal(translated)
        except (DeliveryError, LedgerUnavailable):
            self._metrics.count("signals_dropped")
        except Exception:  # noqa: BLE001 — a signal is worth nothing: reported, and the next one goes on
            self._log.exception("a signal to %s failed with a bug", network)
            self._metrics.count("signals_dropped")

    async def _translated(self, leg: ChannelId | None, signal: Signal) -> Signal | None:
        """The same said of the leg's own channel and, for a read mark, of the event's copy there."""
        if leg is None or isinstance(signal, Presence):
            return signal
        if isinstance(signal, Typing | Moderators):
            return msgspec.structs.replace(signal, channel=leg)
        event = await self._root(signal.event)
        copies = await self._copies(event, leg) if event is not None else []
        named = [copy.id for copy in copies if copy.id]
        if not named:
            return None
        return ReadMark(channel=leg, who=signal.who, event=EventKey(leg.network, named[-1]))


def _wanted(outlet: Outlet, leg: ChannelId, signal: Signal) -> bool:
    return outlet.features(leg).level(_FEATURES[type(signal)]) is Level.NATIVE
