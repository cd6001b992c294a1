"""A lane: everything on its way to one channel, in order.

The lane keeps up to `limits.in_flight` deliveries in flight, written in the order of the outbox, proofs coming in behind.
After a failure nothing later is written until all that is in flight has come back and the failed ones are settled. Its
coroutine lives only while something is undone; an idle lane costs a few hundred bytes and no task.

What is on the wire was leased first, by a commit: entries that find the lane idle are leased by the commit that accepts
them, others in groups ahead of their turn. After a kill, whatever is leased may have been sent and is reconciled.
"""

import asyncio
from itertools import islice, takewhile

import msgspec

from bridge.contract.adapter import Reconciles
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import DeliveryError, Unavailable
from bridge.contract.resting import rest
from bridge.delivery.backlog import Backlog, Item
from bridge.delivery.batches import join_head, restore
from bridge.delivery.desk import Desk, Way
from bridge.delivery.governor import Governor
from bridge.delivery.ports import Outlet
from bridge.delivery.reconcile import reconcile
from bridge.delivery.setbacks import EXPIRED, Setbacks
from bridge.delivery.targets import points_at, resolve
from bridge.ledger.rows import Settled, State
from bridge.model.ids import ChannelId, EventKey

LEASED_AHEAD = 32
"""Leased before their turn where the outlet can find what it sent: a kill then costs a look at each, never a marked repeat."""


class Lane:
    """One channel's deliveries. `run` ends when nothing is undone; whoever offers more runs it again."""

    def __init__(self, channel: ChannelId, way: Way, desk: Desk, *, unread: bool) -> None:
        self.channel = channel
        self.backlog = Backlog(channel, unread=unread, by_time=desk.by_time)
        self.running = False
        self.stopping = False
        self._woken = asyncio.Event()
        self._way = way
        self._desk = desk
        self._flying = 0
        self._aloft: dict[str, EventKey] = {}
        """In flight, or back and not yet committed."""
        self._setbacks = Setbacks(way.network, desk, self.backlog, self._aloft)
        self._governor = Governor(channel, desk, self.backlog, self._woken, self.settled)
        self._behind = False
        self._window = 1
        self._ahead = 1
        self._joins = False
        self._patient = False
        """Receipts may be committed together: of one that a kill takes away, the outlet finds what it sent."""

    # what others ask of it

    def wake(self) -> None:
        self._woken.set()

    def room(self) -> int:
        """How many new entries could be written at once, were they leased. Also called from the ledger's thread."""
        outlet = self._way.outlet
        if outlet is None or not self._way.open or self.backlog.unread or self.stopping:
            return 0
        if self._setbacks.open or self._setbacks.rest_until is not None:
            return 0
        waiting = self.backlog.items
        try:
            if not waiting[-1].leased:
                return 0
        except IndexError:
            pass  # nothing waits, or the lane's own thread has just taken it
        if not self.running:
            self._tune()
        return max(0, self._ahead - self._flying - len(waiting))

    def hurry(self) -> None:
        """The network is there again: what was put off is due now."""
        self._setbacks.hurry()
        self._tune()
        self._woken.set()

    def settled(self, id: str) -> None:
        """It is committed: done or dead."""
        self._aloft.pop(id, None)
        self.backlog.forget(id)
        self._desk.waiting.wake(id)
        self._woken.set()

    async def release(self) -> None:
        """Before a planned end, `stopping` set: what was leased but never written is given back."""
        await self._setbacks.give_back()

    # the loop

    async def run(self) -> None:
        """Until nothing is undone, or `stopping` is set and nothing is in flight."""
        self._tune()
        while True:
            self._woken.clear()
            if self._patient and not self._goes_on():
                self._desk.settler.hurry()
            if self._setbacks.open:
                await (self._woken.wait() if self._flying else self._setbacks.mend(self._landed, self.settled))
                self._behind = True
            elif self.stopping:
                if not self._flying:
                    return
                await self._woken.wait()
            elif self.backlog.items:
                await self._advance(self.backlog.items[0])
            elif self.backlog.unread:
                self._behind = True
                await self.backlog.refill(self._desk.outbox)
            elif self._flying:
                await self._woken.wait()
            else:
                self._behind = False
                return

    def _tune(self) -> None:
        """Read afresh what the channel can do."""
        outlet = self._way.outlet
        if outlet is not None:
            limits = outlet.features(self.channel).limits
            self._window = max(1, limits.in_flight)
            self._ahead = max(self._window, LEASED_AHEAD) if isinstance(outlet, Reconciles) else self._window
            self._joins = limits.joins and self._window == 1
            paced = self._desk.calm.pace(self.channel) is not None
            self._patient = self._window == 1 and isinstance(outlet, Reconciles) and not paced

    def _goes_on(self) -> bool:
        """The next one leaves at once: another receipt, or a failure, is about to follow."""
        if not self.backlog.items or self._setbacks.open or self._setbacks.rest_until is not None or self.stopping:
            return False
        head = self.backlog.items[0]
        if not self._way.open or head.unsure or head.entries[0].waits_for is not None:
            return False
        return head.leased or head.early(self._desk.clock.now()) <= 0

    async def _advance(self, head: Item) -> None:
        """One step with the head: send it, settle it, or wait for what it waits for."""
        clock = self._desk.clock
        outlet = self._way.outlet
        first = head.entries[0]
        left = None if first.expires_at is None else (first.expires_at - clock.now()).total_seconds()
        if left is not None and left <= 0:
            if self._flying:
                await self._woken.wait()
                return
            if await self._withdrawn(head):
                return
            self.backlog.take(head)
            if (receipt := self._desk.proofs.get(head.delivery.id)) is not None:
                self._landed(head, receipt)
                return
            await self._setbacks.bury(head, EXPIRED, "expired", self.settled)
        elif not self._way.open or outlet is None:
            self._behind = True
            await rest(clock, self._woken, left)
        elif self._setbacks.rest_until is not None:
            await self._rest_out(self._setbacks.rest_until, left)
        elif self._flying >= self._window:
            await self._woken.wait()
        elif (early := head.early(clock.now())) > 0:
            await rest(clock, self._woken, early if left is None else min(early, left))
        elif first.waits_for is not None and not await self._released(first.waits_for):
            await rest(clock, self._woken, left)
        elif head.unsure:
            await (self._woken.wait() if self._flying else self._make_sure(head, outlet))
        elif not await self._governor.holds(head):
            await self._send(head)

    async def _rest_out(self, until: float, left: float | None) -> None:
        wait = until - self._desk.clock.monotonic()
        if wait <= 0:
            self._setbacks.rest_until = None
        else:
            await rest(self._desk.clock, self._woken, wait if left is None else min(wait, left))

    async def _released(self, id: str) -> bool:
        """Whether the delivery that this one waits for has ended, well or not."""
        self._desk.waiting.add(id, self)
        self._desk.settler.hurry()
        entry = await self._desk.outbox.entry(id)
        if entry is not None and entry.state not in (State.DONE, State.DEAD):
            return False
        self._desk.waiting.remove(id, self)
        return True

    async def _send(self, head: Item) -> None:
        if head.batch is not None:
            if len(head.entries) == 1:
                await restore(self.backlog, self._desk.outbox, head)
                if head.unsure:
                    return
        elif self._joins and self._behind and len(self.backlog.items) > 1:
            joined = await join_head(self.backlog, self._desk.outbox, self.channel, self._desk.new_id)
            if joined:
                self._desk.metrics.count("deliveries_joined", joined, network=self._way.network)
        if not (head.leased or await self._lease(head)):
            return
        delivery = await self._resolved(head)
        if delivery is None or self._setbacks.open or self.stopping:
            return
        self.backlog.take(head)
        for entry in head.entries:
            self._aloft[entry.delivery.id] = entry.delivery.event
        self._flying += 1
        if self._window == 1:
            await self._attempt(head, delivery)
        else:
            self._desk.spawn(self._attempt(head, delivery))

    async def _withdrawn(self, head: Item) -> bool:
        """Whether its author took it back while it waited; then it is forgotten."""
        entry = await self._desk.outbox.entry(head.entries[0].delivery.id) if len(head.entries) == 1 else None
        ended = entry is not None and entry.state is State.DEAD
        if ended:
            self._forget(head)
        return ended

    def _forget(self, item: Item) -> None:
        self.backlog.take(item)
        for entry in item.entries:
            self.settled(entry.delivery.id)
        self._desk.metrics.count("deliveries_withdrawn", network=self._way.network)

    async def _lease(self, head: Item) -> bool:
        """Lease the head, and what may follow it without waiting for anything. False: the head ended meanwhile."""
        now = self._desk.clock.now()
        behind = islice(self.backlog.items, 1, self._ahead)
        follow = takewhile(lambda item: item.entries[0].waits_for is None and item.early(now) <= 0, behind)
        items = [head, *(item for item in follow if not (item.leased or item.unsure))]
        ended = await self._desk.outbox.lease([entry.delivery.id for item in items for entry in item.entries])
        for item in items:
            if all(entry.delivery.id in ended for entry in item.entries):
                self._forget(item)
            else:
                item.leased = True
        return head.leased

    async def _resolved(self, item: Item) -> Delivery | None:
        """The delivery with its targets found; None where it cannot leave now: then that was seen to."""
        delivery = item.delivery
        events = points_at(delivery)
        if events:
            if any(event in events for event in self._aloft.values()):
                await (self._woken.wait() if self._flying else self._desk.settler.flush())
                return None
            answer = await resolve(self._desk.outbox, delivery)
            if isinstance(answer, str):
                self.backlog.take(item)
                self._desk.metrics.count("deliveries_moot", network=self._way.network, reason=answer)
                moot = [Settled(id=entry.delivery.id, state=State.DONE, reason=answer) for entry in item.entries]
                await self._desk.settler.settle(moot, self.settled, await self._governor.amended(delivery))
                return None
            delivery = answer
        return msgspec.structs.replace(delivery, repeat=True) if item.repeat and not delivery.repeat else delivery

    async def _attempt(self, item: Item, delivery: Delivery) -> None:
        """Hand it to the outlet and note what came of it. Never raises but when cancelled."""
        outlet = self._way.outlet
        try:
            if self._setbacks.open:  # an earlier one failed before this was written: it waits behind that one again
                self._setbacks.put_back(item)
            elif outlet is None:
                self._setbacks.note(item, Unavailable("the network was taken away"))
            else:
                self._landed(item, await outlet.deliver(delivery))
        except DeliveryError as error:
            self._setbacks.note(item, error)
        except Exception as error:  # whatever an outlet raises that it may not is our bug, recorded as a dead letter
            self._desk.log.exception("delivery %s to %s failed with a bug", delivery.id, self.channel)
            self._setbacks.note(item, error)
        finally:
            self._flying -= 1
            self._woken.set()

    def _landed(self, item: Item, receipt: Receipt) -> None:
        desk, network = self._desk, self._way.network
        self._governor.landed(item)
        patient = self._patient and self._goes_on() and not any(entry.delivery.id in desk.waiting for entry in item.entries)
        put = desk.settler.put_by if patient else desk.settler.put
        desk.proofs.answered(item.delivery.id)
        for entry in item.entries:
            self._aloft[entry.delivery.id] = entry.delivery.event  # it may have been sent by an earlier run, or proved by the way
            put(Settled(id=entry.delivery.id, state=State.DONE, receipt=receipt), self.settled)
        self._behind = bool(self.backlog.items)
        self._setbacks.success()
        desk.metrics.count("deliveries_done", len(item.entries), network=network)
        age = desk.clock.now() - item.delivery.accepted_at
        desk.metrics.observe("delivery_seconds", age.total_seconds(), network=network)

    async def _make_sure(self, head: Item, outlet: Outlet) -> None:
        """It may have been sent: find out, then settle it or let it be sent again."""
        desk = self._desk
        if head.batch is not None and len(head.entries) == 1:
            await restore(self.backlog, desk.outbox, head)
        delivery = await self._resolved(head)
        if delivery is None:
            return
        self.backlog.take(head)
        desk.waiting.add(delivery.id, self)
        try:
            answer = await reconcile(outlet, delivery, desk.proofs, woken=self._woken, clock=desk.clock)
        except DeliveryError as error:
            self._setbacks.note(head, error)
            return
        except Exception as error:  # a bug in the outlet's find(): recorded, and looked for again later
            desk.log.exception("looking for delivery %s in %s failed with a bug", delivery.id, self.channel)
            self._setbacks.note(head, Unavailable(f"{type(error).__name__} while looking for it"))
            return
        finally:
            desk.waiting.remove(delivery.id, self)
        if isinstance(answer, Receipt):
            desk.metrics.count("deliveries_found", network=self._way.network)
            self._landed(head, answer)
            return
        head.unsure, head.leased, head.repeat = False, True, answer
        desk.metrics.count("deliveries_repeated", network=self._way.network, marked=str(answer).lower())
        self.backlog.put_back(head)
