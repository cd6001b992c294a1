"""The courier: carries every delivery in the outbox to its channel, however long it takes."""

import asyncio
import logging
import random
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial

from bridge.contract.delivery import Receipt
from bridge.contract.features import Features
from bridge.contract.plan import Draft
from bridge.contract.resting import rest
from bridge.contract.toolbox import Clock, Metrics
from bridge.delivery.backoff import Backoff
from bridge.delivery.desk import Calm, Desk, Proofs, Waiting, Way
from bridge.delivery.lanes import Lane
from bridge.delivery.notices import Notices
from bridge.delivery.patience import PatientOutbox
from bridge.delivery.ports import Outbox, Outlet
from bridge.delivery.settling import Settler
from bridge.ledger.rows import Entry, Settled, State
from bridge.model.ids import ChannelId, NetworkName
from bridge.model.people import Identity


def random_id() -> str:
    """A delivery id: 128 random bits."""
    return secrets.token_hex(16)


class Courier:
    """Runs one lane for each channel that has anything undone. `run` and `stop` are called once each."""

    def __init__(
        self,
        outbox: Outbox,
        *,
        clock: Clock,
        source: random.Random,
        metrics: Metrics,
        log: logging.Logger,
        me: Identity,
        new_id: Callable[[], str] = random_id,
        told_in: Callable[[ChannelId], ChannelId | None] = lambda channel: channel,
        by_time: Callable[[ChannelId], bool] = lambda channel: False,
        calm: Calm | None = None,
    ) -> None:
        """`me` speaks the notices: the bridge's own bot, as an identity of the hub. `told_in`: see `Notices`.

        `by_time` says which channels are rooms of timelines: see `bridge.delivery.order`.
        """
        self._clock = clock
        self._log = log
        self._metrics = metrics
        self._random = source
        self._ways: dict[NetworkName, Way] = {}
        self._lanes: dict[ChannelId, Lane] = {}
        self._group: asyncio.TaskGroup | None = None
        self._recovered = False
        self._stopping = False
        self._idle = asyncio.Event()
        patient = PatientOutbox(outbox, clock, source, metrics)
        self._outbox = patient
        self._settler = Settler(patient, self.offer)
        self.notices = Notices(
            patient, clock, metrics, me=me, features=partial(_features, self._ways), new_id=new_id, told_in=told_in
        )
        self._desk = Desk(
            outbox=patient,
            settler=self._settler,
            notices=self.notices,
            proofs=Proofs(),
            waiting=Waiting(),
            backoff=lambda: Backoff(source),
            new_id=new_id,
            spawn=self._spawn,
            by_time=by_time,
            calm=calm or Calm(),
            me=me,
            clock=clock,
            metrics=metrics,
            log=log,
        )

    # networks

    def attach(self, network: NetworkName, outlet: Outlet) -> None:
        """From now on deliveries to `network` go there, unless it is paused."""
        way = self._way(network)
        way.outlet = outlet
        self.resume(network)

    def detach(self, network: NetworkName) -> None:
        """The network's lanes keep what they have and wait."""
        way = self._way(network)
        way.outlet, way.open = None, False

    def pause(self, network: NetworkName) -> None:
        """It is not connected: its lanes wait without burning attempts."""
        self._way(network).open = False

    def resume(self, network: NetworkName) -> None:
        """It is connected: what was put off goes now. Without an outlet, nothing yet."""
        way = self._way(network)
        way.open = way.outlet is not None
        if way.open:
            for channel, lane in self._lanes.items():
                if channel.network == network:
                    lane.hurry()

    def hurry(self, channel: ChannelId) -> None:
        """It can be reached again: what was put off goes now, if its network is connected."""
        lane = self._lanes.get(channel)
        if lane is not None and self._way(channel.network).open:
            lane.hurry()

    # deliveries

    def offer(self, entries: Sequence[Entry], *, asked: bool = False) -> None:
        """Entries that were just committed, in the order of the outbox. `asked`: somebody wants to see each, however many."""
        if asked:
            self._desk.calm.asked.update((entry.delivery.id, None) for entry in entries)
        if not entries:
            return
        by_lane: dict[ChannelId, list[Entry]] = {}
        for entry in entries:
            by_lane.setdefault(entry.delivery.channel, []).append(entry)
        for channel, mine in by_lane.items():
            lane = self._lane(channel)
            lane.backlog.offer(mine)
            self._start(lane)
            lane.wake()

    def room_for(self, lane: ChannelId) -> int:
        """How many new entries of the lane could leave at once. Called from the ledger's thread."""
        known = self._lanes.get(lane)
        if known is not None:
            return known.room()
        way = self._ways.get(lane.network)
        if way is None or not way.open or not self._recovered or self._stopping:
            return 0
        return Lane(lane, way, self._desk, unread=False).room()

    def proved(self, delivery: str, receipt: Receipt) -> None:
        """An own message came back: closes a delivery whose answer was lost, even one that was given up meanwhile."""
        self._desk.proofs.put(delivery, receipt)
        for entry in self._desk.proofs.risen(delivery):
            self._settler.put(Settled(id=entry, state=State.DONE, receipt=receipt), self._desk.waiting.wake)
        self._desk.waiting.wake(delivery)

    async def recorded(self) -> None:
        """Returns once it is on disk which copies all those are that were proven so far; while nothing runs, at once.

        Whoever delivers need not have their answer: an own message that was seen is a copy. Raises `LedgerUnavailable`.
        """
        if self._group is not None:
            for delivery, receipt in self._desk.proofs.fresh().items():
                self._settler.put(Settled(id=delivery, state=State.DONE, receipt=receipt), self._desk.waiting.wake)
            await self._settler.flush()

    async def tell(self, drafts: Sequence[Draft]) -> None:
        """Put notices in the outbox; returns after the commit."""
        if drafts:
            self.offer(await self._outbox.settle((), drafts))

    def backlog(self, channel: ChannelId) -> int:
        """Wire messages of a lane in memory, for status; the ledger has the true count."""
        lane = self._lanes.get(channel)
        return 0 if lane is None else len(lane.backlog.items)

    # life

    async def run(self) -> None:
        """Until cancelled. First takes up what an earlier run left undone."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._settler.run())
                group.create_task(self._summarize())
                for channel in await self._outbox.lanes():
                    self._lane(channel)
                self._recovered = True
                self._group = group
                for lane in list(self._lanes.values()):
                    self._start(lane)
        finally:
            self._group = None

    async def stop(self, grace: float = 10.0) -> None:
        """Before `run` is cancelled: nothing new leaves, what is in flight has `grace` seconds, and all is settled.

        What was leased and not written is given back, so that the next run need not wonder about it.
        """
        self._stopping = True
        until = self._clock.monotonic() + grace
        for lane in self._lanes.values():
            lane.stopping = True
            lane.wake()
        while any(lane.running for lane in self._lanes.values()) and (left := until - self._clock.monotonic()) > 0:
            self._idle.clear()
            await rest(self._clock, self._idle, left)
        for lane in list(self._lanes.values()):
            await lane.release()
        await self._settler.flush()

    def _way(self, network: NetworkName) -> Way:
        way = self._ways.get(network)
        if way is None:
            way = self._ways[network] = Way(network)
        return way

    def _lane(self, channel: ChannelId) -> Lane:
        lane = self._lanes.get(channel)
        if lane is None:
            lane = Lane(channel, self._way(channel.network), self._desk, unread=not self._recovered)
            lane.stopping = self._stopping
            self._lanes[channel] = lane
        return lane

    def _start(self, lane: Lane) -> None:
        if self._group is not None and not lane.running:
            lane.running = True
            self._spawn(self._drive(lane))

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        if self._group is None:
            coroutine.close()
            return
        self._group.create_task(coroutine)

    async def _drive(self, lane: Lane) -> None:
        """Keeps a lane going: a bug in one must stop neither it for good nor any other."""
        backoff = Backoff(self._random)
        while True:
            try:
                await lane.run()
                break
            except Exception:  # noqa: BLE001 — a lane must not take the others down: reported, and run again
                self._log.exception("the lane of %s failed", lane.channel)
                self._metrics.count("lane_failures", network=lane.channel.network)
                await self._clock.sleep(backoff.next())
        lane.running = False
        self._idle.set()

    async def _summarize(self) -> None:
        while True:
            due = self.notices.next_due()
            self.notices.held.clear()
            await rest(self._clock, self.notices.held, None if due is None else due - self._clock.monotonic())
            await self.tell(self.notices.overdue())


def _features(ways: Mapping[NetworkName, Way], channel: ChannelId) -> Features | None:
    way = ways.get(channel.network)
    return None if way is None or way.outlet is None else way.outlet.features(channel)
