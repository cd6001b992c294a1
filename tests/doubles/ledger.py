"""A ledger in memory that keeps the real one's promises, for tests of what stands on it.

Every verb yields once, as one that waits for a commit does. `broken` makes all verbs raise `LedgerUnavailable`.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from bridge.contract.adapter import Cursor
from bridge.contract.errors import LedgerUnavailable
from bridge.contract.plan import Draft, Hint, Mark, Plan, Planned, Seat
from bridge.contract.toolbox import Clock
from bridge.ledger.rows import Accepted, Batch, Chore, Copy, Entry, Settled, State
from bridge.ledger.seats import TAKEN_BACK
from bridge.model.events import Body, Event, Message
from bridge.model.ids import ChannelId, EventKey, IdentityId, NetworkName


class MemoryLedger:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seq = 0
        self.broken = False
        self.commits: list[str] = []
        """Names of the writing verbs, in order: what a test counts commits by."""
        self.events: dict[EventKey, Event] = {}
        self.sightings: list[EventKey] = []
        self.entries: dict[str, Entry] = {}
        self.all_copies: list[Copy] = []
        self.batches: dict[str, Batch] = {}
        self.facts: dict[tuple[str, str], str] = {}
        self.cursors: dict[tuple[NetworkName, str], str] = {}
        self.chores: dict[str, tuple[Chore, str, datetime | None]] = {}
        """With its state ("due", "done", "quarantined") and when it is due."""

    async def _commit(self, verb: str) -> None:
        await asyncio.sleep(0)
        if self.broken:
            raise LedgerUnavailable("the test broke the ledger")
        self.commits.append(verb)

    async def _read(self) -> None:
        await asyncio.sleep(0)
        if self.broken:
            raise LedgerUnavailable("the test broke the ledger")

    # inbox

    async def accept(
        self,
        network: NetworkName,
        events: Sequence[Event],
        plan: Plan,
        *,
        cursor: Cursor | None = None,
        chores: Sequence[Chore] = (),
        lease: Callable[[ChannelId], int] | None = None,
    ) -> Accepted:
        await self._commit("accept")
        taking = _Taking(self, plan, lease)
        for event in events:
            taking.take(event)
        if cursor is not None:
            self.cursors[network, cursor.scope] = cursor.value
        new = [chore for chore in chores if chore.id not in self.chores]
        self.chores |= {chore.id: (chore, "due", None) for chore in new}
        return taking.accepted(tuple(new))

    def _write_down(self, event: Event) -> None:
        self.events[event.key] = event
        for id in (event.key.id, *event.aliases):
            self.all_copies.append(Copy(event=event.key, channel=event.channel, id=id, at=self._clock.now()))

    def _holder(self, key: EventKey) -> Copy | None:
        return next((copy for copy in self.all_copies if copy.id == key.id and copy.channel.network == key.network), None)

    def root(self, key: EventKey) -> EventKey | None:
        """The event that a native id names."""
        holder = self._holder(key)
        return None if holder is None else holder.event

    async def cursor(self, network: NetworkName, scope: str) -> Cursor | None:
        await self._read()
        value = self.cursors.get((network, scope))
        return None if value is None else Cursor(scope=scope, value=value)

    async def event(self, key: EventKey) -> Event | None:
        await self._read()
        return self.events.get(key)

    # outbox

    def _put(self, draft: Draft, state: State) -> Entry:
        self._seq += 1
        delivery = draft.delivery
        entry = Entry(
            seq=self._seq,
            delivery=delivery,
            state=state,
            due_at=draft.not_before,
            expires_at=draft.expires_at,
            waits_for=draft.waits_for,
        )
        self.entries[delivery.id] = entry
        return entry

    def put(self, *drafts: Draft, state: State = State.PENDING) -> list[Entry]:
        """What an earlier run left behind."""
        return [self._put(draft, state) for draft in drafts]

    async def lanes(self) -> list[ChannelId]:
        await self._read()
        return list(dict.fromkeys(entry.delivery.channel for entry in self.entries.values() if _undone(entry)))

    async def undone(self, lane: ChannelId, after: int, limit: int) -> list[Entry]:
        await self._read()
        mine = [
            entry for entry in self.entries.values() if entry.delivery.channel == lane and entry.seq > after and _undone(entry)
        ]
        return sorted(mine, key=lambda entry: entry.seq)[:limit]

    async def lease(self, ids: Sequence[str]) -> frozenset[str]:
        await self._commit("lease")
        for id in ids:
            if _undone(self.entries[id]):
                self._change(id, state=State.LEASED)
        return frozenset(id for id in ids if not _undone(self.entries[id]))

    async def settle(self, settled: Sequence[Settled], drafts: Sequence[Draft] = ()) -> list[Entry]:
        await self._commit("settle")
        for one in settled:
            entry = self.entries[one.id]
            if entry.state is State.DONE or (entry.state is State.DEAD and one.state is not State.DONE):
                continue
            attempts = entry.attempts + (one.state is State.PENDING)
            self._change(one.id, state=one.state, reason=one.reason, due_at=one.due_at, attempts=attempts)
            if one.state is State.DONE:
                self._store_copies(entry, one)
        return [self._put(draft, State.PENDING) for draft in drafts]

    def _store_copies(self, entry: Entry, settled: Settled) -> None:
        receipt = settled.receipt
        batch = self.batches.get(entry.batch or "")
        for id in (receipt.ids if receipt is not None else ()) or ("",):
            copy = Copy(
                event=entry.delivery.event,
                channel=entry.delivery.channel,
                id=id,
                at=self._clock.now(),
                part=entry.delivery.part,
                delivery=entry.delivery.id,
                batch=entry.batch,
                line=batch.deliveries.index(entry.delivery.id) if batch is not None else None,
                evidence=None if receipt is None else receipt.evidence,
            )
            self.all_copies.append(copy)

    def _change(self, id: str, **changes: object) -> None:
        self.entries[id] = msgspec.structs.replace(self.entries[id], **changes)

    async def entry(self, id: str) -> Entry | None:
        await self._read()
        return self.entries.get(id)

    async def copies(self, event: EventKey, channel: ChannelId) -> list[Copy]:
        await self._read()
        return [copy for copy in self.all_copies if copy.event == event and copy.channel == channel]

    async def make_batch(self, batch: Batch) -> None:
        await self._commit("make_batch")
        self.batches[batch.id] = batch
        for id in batch.deliveries:
            self._change(id, batch=batch.id, state=State.LEASED if _undone(self.entries[id]) else self.entries[id].state)

    async def fact(self, scope: str, name: str) -> str | None:
        await self._read()
        return self.facts.get((scope, name))

    async def save_fact(self, scope: str, name: str, value: str | None) -> None:
        await self._commit("save_fact")
        self.facts.pop((scope, name), None)
        self.facts |= {} if value is None else {(scope, name): value}

    async def reword(self, id: str, message: Message) -> None:
        await self._commit("reword")
        self._change(id, delivery=msgspec.structs.replace(self.entries[id].delivery, body=message))

    async def part_batch(self, id: str) -> None:
        await self._commit("part_batch")
        for line in self.batches[id].deliveries:
            if self.entries[line].batch == id and _undone(self.entries[line]):
                self._change(line, batch=None, state=State.PENDING)

    def revive(self) -> list[Entry]:
        """As `replay` of all dead letters."""
        letters = sorted((entry for entry in self.entries.values() if entry.state is State.DEAD), key=lambda entry: entry.seq)
        return [self._put(Draft(delivery=entry.delivery), State.PENDING) for entry in letters]

    async def batch(self, id: str) -> Batch | None:
        await self._read()
        return self.batches.get(id)

    async def change_batch(self, id: str, bodies: Sequence[Body | None]) -> None:
        await self._commit("change_batch")
        self.batches[id] = msgspec.structs.replace(self.batches[id], bodies=tuple(bodies))

    # chores

    async def due_chores(self, limit: int) -> list[Chore]:
        await self._read()
        blocked: set[str] = set()
        due: list[Chore] = []
        for chore, state, due_at in self.chores.values():
            if state != "due" or chore.room in blocked:
                continue
            if due_at is not None and due_at > self._clock.now():
                if chore.room:
                    blocked.add(chore.room)
                continue
            due.append(chore)
        return due[:limit]

    async def chore_done(self, id: str) -> None:
        await self._commit("chore_done")
        self.chores[id] = (self.chores[id][0], "done", None)

    async def chore_failed(self, id: str, reason: str, due_at: datetime | None) -> None:
        await self._commit("chore_failed")
        chore = self.chores[id][0]
        again = msgspec.structs.replace(chore, attempts=chore.attempts + 1)
        self.chores[id] = (again, "quarantined" if due_at is None else "due", due_at)


def _undone(entry: Entry) -> bool:
    return entry.state in (State.PENDING, State.LEASED, State.UNCERTAIN)


class _Taking:
    """One `accept` on its way."""

    def __init__(self, ledger: MemoryLedger, plan: Plan, lease: Callable[[ChannelId], int] | None) -> None:
        self._ledger = ledger
        self._plan = plan
        self._lease = lease
        self._room: dict[ChannelId, int] = {}
        self._known: list[EventKey] = []
        self._echoes: list[EventKey] = []
        self._fresh: list[EventKey] = []
        self._quarantined: list[tuple[EventKey, str]] = []
        self._refused: list[tuple[Event, str]] = []
        self._dropped: list[tuple[EventKey, str]] = []
        self._hints: list[tuple[Event, Hint]] = []
        self._withdrawn: list[tuple[ChannelId, str]] = []
        self._entries: list[Entry] = []

    def take(self, event: Event) -> None:
        copy = self._ledger._holder(event.key)
        if copy is not None:
            (self._known if copy.delivery is None else self._echoes).append(event.key)
            self._ledger.sightings.append(event.key)
            return
        self._fresh.append(event.key)
        self._ledger._write_down(event)
        try:
            planned = self._plan(event, _Inside(self._ledger))
        except Exception as error:  # noqa: BLE001 — as the real one: whatever a plan raises
            self._quarantined.append((event.key, repr(error)))
            return
        self._carry_out(event, planned)

    def _carry_out(self, event: Event, planned: Planned) -> None:
        for id in planned.withdrawn:
            self._ledger._change(id, state=State.DEAD, reason=TAKEN_BACK)
            self._withdrawn.append((self._ledger.entries[id].delivery.channel, id))
        self._entries += [self._put(draft) for draft in planned.drafts]
        if planned.refused is not None:
            self._refused.append((event, planned.refused))
        if planned.dropped is not None:
            self._dropped.append((event.key, planned.dropped))
        if planned.hint is not None:
            self._hints.append((event, planned.hint))

    def _put(self, draft: Draft) -> Entry:
        lane = draft.delivery.channel
        if lane not in self._room:
            self._room[lane] = self._lease(lane) if self._lease is not None else 0
        leased = self._room[lane] > 0 and draft.waits_for is None and draft.not_before is None
        self._room[lane] -= 1
        return self._ledger._put(draft, State.LEASED if leased else State.PENDING)

    def accepted(self, chores: tuple[Chore, ...]) -> Accepted:
        return Accepted(
            fresh=tuple(self._fresh),
            known=tuple(self._known),
            echoes=tuple(self._echoes),
            quarantined=tuple(self._quarantined),
            refused=tuple(self._refused),
            dropped=tuple(self._dropped),
            hints=tuple(self._hints),
            withdrawn=tuple(self._withdrawn),
            entries=tuple(self._entries),
            chores=chores,
        )


class _Inside:
    """A `Lookup`."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._ledger = ledger
        self.root = ledger.root

    def event(self, key: EventKey) -> Event | None:
        return self._ledger.events.get(key)

    def has_copy(self, event: EventKey, channel: ChannelId) -> bool:
        return any(copy.event == event and copy.channel == channel for copy in self._ledger.all_copies)

    def seats(self, event: EventKey) -> tuple[Seat, ...]:
        """Deliveries that are under way are no seats here: nothing that is tested on this needs them."""
        channels = dict.fromkeys(copy.channel for copy in self._ledger.all_copies if copy.event == event)
        return tuple(Seat(channel=channel, ours=False) for channel in channels)

    def marked(self, mark: Mark) -> tuple[EventKey, ...]:
        """No post is known again here."""
        return ()

    def merged(self, key: EventKey) -> Event | None:
        return None

    def parted(self, one: EventKey, other: EventKey) -> bool:
        return False

    def person(self, who: IdentityId) -> IdentityId | None:
        return None

    def since(self, event: EventKey, channel: ChannelId) -> datetime | None:
        found = [copy.at for copy in self._ledger.all_copies if copy.event == event and copy.channel == channel]
        return min(found, default=None)

    def thread(self, event: EventKey, channel: ChannelId) -> EventKey | None:
        return None
