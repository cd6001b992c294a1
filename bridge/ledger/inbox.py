"""The inbox: what happened, stored once, and planned in the same transaction."""

import re
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, select, update
from sqlalchemy.exc import DBAPIError

from bridge.contract.adapter import Cursor
from bridge.contract.delivery import Receipt
from bridge.contract.features import Evidence
from bridge.contract.plan import Draft, Hint, Plan, Planned
from bridge.ledger import schema
from bridge.ledger.asking import Asking
from bridge.ledger.batches import batches_named
from bridge.ledger.chores import add_chores
from bridge.ledger.columns import words
from bridge.ledger.core import Core
from bridge.ledger.outbox import Lease, encode_drafts, put_drafts, put_new, settle, undone_of, withdraw
from bridge.ledger.rows import Accepted, Chore, Entry, Quarantined, Settled, State
from bridge.ledger.sameness import merge, part, put_marks, put_names, see
from bridge.ledger.work import Work, readable
from bridge.ledger.writer import Probe
from bridge.model.codec import encode_event
from bridge.model.events import Event, Message
from bridge.model.ids import ChannelId, EventKey, NetworkName

_OUR_ID = re.compile("[0-9a-f]{32}")
NEVER_WRITTEN = "it can't be written down"


class _Written(NamedTuple):
    """An event ready to be stored. `fault` says why it can only be quarantined; `stored` is then empty."""

    event: Event
    stored: bytes
    fault: str | None = None


class _Request(NamedTuple):
    network: NetworkName
    events: Sequence[_Written]
    plan: Plan
    cursor: Cursor | None
    chores: Sequence[Chore]
    lease: Lease | None


class Inbox:
    """Verbs of the inbox; `Ledger` offers them."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def accept(
        self,
        network: NetworkName,
        events: Sequence[Event],
        plan: Plan,
        *,
        cursor: Cursor | None = None,
        chores: Sequence[Chore] = (),
        lease: Lease | None = None,
    ) -> Accepted:
        """Store and plan what happened, in one transaction; returns once it is on disk.

        Known keys become sightings; ids that are our own copies are echoes, dropped; the rest is planned and stored
        with its drafts. An exception of the plan quarantines that event alone, with its traceback. `lease(lane)` is
        asked once for each lane, in the writer's thread: how many entries of that lane may be stored as LEASED at
        once. Calls are taken in their order. Raises `LedgerUnavailable` when nothing could be stored, and `ValueError`
        for an event of another network.
        """
        written = []
        for event in events:
            if not event.key.network == event.channel.network == network:
                raise ValueError(f"{event.key} in {event.channel} isn't an event of {network}")
            written.append(_write_down(event))
        request = _Request(network, written, plan, cursor, chores, None if lease is None else _once(lease))

        def mend(probe: Probe) -> Callable[[Work], Accepted]:
            guilty = _find_guilty(probe, request)
            return lambda work: _Accepting(work, request, guilty).run()

        keys = [key for one in written for key in _names(one.event)]
        return await self._core.write(partial(_accept, request), keys=keys, mend=mend)

    async def cursor(self, network: NetworkName, scope: str) -> Cursor | None:
        cursors = schema.cursors.c
        query = select(cursors.value).where(cursors.network == network, cursors.scope == scope)
        value = await self._core.read(lambda connection: connection.execute(query).scalar())
        return None if value is None else Cursor(scope=scope, value=value)

    async def event(self, key: EventKey) -> Event | None:
        """The event of exactly this key; None where it is unknown or pruned."""
        query = select(schema.events.c.stored).where(*_is(key))
        stored = await self._core.read(lambda connection: connection.execute(query).scalar())
        return None if stored is None else readable(stored)

    async def root(self, key: EventKey) -> EventKey | None:
        """The event that a native id names: itself, an alias or a copy."""
        return await self._core.read(lambda connection: root_of(connection, key))

    async def quarantined(self, limit: int = 100) -> list[Quarantined]:
        """Events that could not be digested, oldest first."""
        events = schema.events.c
        query = select(schema.events).where(schema.QUARANTINED).order_by(events.accepted_at).limit(limit)
        rows = await self._core.read(lambda connection: connection.execute(query).all())
        return [
            Quarantined(
                key=EventKey(row.network, row.id),
                channel=ChannelId(row.channel_network, row.channel),
                event=readable(row.stored),
                reason=row.note or "",
                at=row.accepted_at,
            )
            for row in rows
        ]

    async def release(self, key: EventKey, plan: Plan) -> Accepted:
        """Plan a quarantined event again; where that fails too, it stays. Anything but a quarantined event is `known`."""
        return await self._core.write(lambda work: _release(work, key, plan))

    async def part(self, key: EventKey, plan: Plan) -> Accepted:
        """What was merged wrongly stands alone: the merged event of this key, or all that was merged into the one of this key.

        Each is planned as its own event, and is never merged with that one again. Nothing merged: nothing is `fresh`.
        """

        def run(work: Work) -> Accepted:
            return _part(work, key, plan, lambda root: self._core.copies.forget(root))

        return await self._core.write(run)


def root_of(connection: Connection, key: EventKey) -> EventKey | None:
    copies = schema.copies.c
    query = select(copies.event_network, copies.event_id).where(copies.native == key.id, copies.network == key.network)
    row = connection.execute(query.order_by(copies.seq).limit(1)).first() if key.id else None
    return None if row is None else EventKey(row.event_network, row.event_id)


def _names(event: Event) -> Iterator[EventKey]:
    yield event.key
    for alias in event.aliases:
        yield EventKey(event.key.network, alias)


def _is(key: EventKey) -> tuple[Any, Any]:
    return schema.events.c.network == key.network, schema.events.c.id == key.id


def _once(lease: Lease) -> Lease:
    """A group may run again when a neighbour fails; the courier is asked once all the same."""
    answers: dict[ChannelId, int] = {}

    def ask(lane: ChannelId) -> int:
        if lane not in answers:
            answers[lane] = lease(lane)
        return answers[lane]

    return ask


def _write_down(event: Event) -> _Written:
    """Encode an event, after cleaning what the columns can't hold. Never raises: what can't be written has a fault."""
    ids = (event.key.id, event.channel.id, *event.aliases)
    try:
        if not any("\0" in id for id in ids):
            return _Written(event, encode_event(event))
    except UnicodeEncodeError:
        pass
    except (OverflowError, TypeError, ValueError) as error:
        return _Written(_bare(event), b"", f"{NEVER_WRITTEN}: {error}")
    try:
        cleaned = msgspec.convert(_cleaned(msgspec.to_builtins(event, builtin_types=(datetime,))), Event)
        return _Written(cleaned, encode_event(cleaned))
    except (msgspec.ValidationError, OverflowError, TypeError, ValueError) as error:
        return _Written(_bare(event), b"", f"{NEVER_WRITTEN}: {error}")


def _bare(event: Event) -> Event:
    """With clean ids: enough to know it by."""
    key = EventKey(event.key.network, words(event.key.id))
    channel = ChannelId(event.channel.network, words(event.channel.id))
    return msgspec.structs.replace(event, key=key, channel=channel, aliases=tuple(words(alias) for alias in event.aliases))


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return words(value)
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {name: _cleaned(item) for name, item in value.items()}
    return value


class _Accepting:
    """One `accept` on its way through the transaction. `guilty`: events whose rows broke it before."""

    def __init__(self, work: Work, request: _Request, guilty: Mapping[EventKey, str]) -> None:
        self._work = work
        self._request = request
        self._guilty = guilty
        self._asking = Asking(work)
        self._known: list[EventKey] = []
        self._fresh: list[EventKey] = []
        self._merged: list[tuple[EventKey, EventKey]] = []
        self._echoes: list[EventKey] = []
        self._quarantined: list[tuple[EventKey, str]] = []
        self._refused: list[tuple[Event, str]] = []
        self._dropped: list[tuple[EventKey, str]] = []
        self._hints: list[tuple[Event, Hint]] = []
        self._withdrawn: list[tuple[ChannelId, str]] = []
        self._entries: list[Entry] = []

    def run(self) -> Accepted:
        work, request = self._work, self._request
        # aliases too: the plan asks what they stand for, and the earliest holder counts, though it be on disk alone
        events = [one.event for one in request.events]
        work.expect(key for event in events for key in _names(event))
        ours = self._our_ids()
        for written in request.events:
            key = written.event.key
            known = work.known(key)
            if known is None and key.id not in ours:
                self._take(written)
            elif known is None or known.delivery is not None:
                self._close(key)
            else:
                self._see_again(known.event, written)
        if request.cursor is not None:
            work.cursors[request.network, words(request.cursor.scope)] = words(request.cursor.value)
        return Accepted(
            fresh=tuple(self._fresh),
            known=tuple(self._known),
            merged=tuple(self._merged),
            echoes=tuple(self._echoes),
            quarantined=tuple(self._quarantined),
            refused=tuple(self._refused),
            dropped=tuple(self._dropped),
            hints=tuple(self._hints),
            withdrawn=tuple(self._withdrawn),
            entries=tuple(self._entries),
            chores=add_chores(work, request.chores) if request.chores else (),
        )

    def _our_ids(self) -> set[str]:
        """Incoming ids that are ids of our own deliveries or batches to this network."""
        network = self._request.network
        ids = [one.event.key.id for one in self._request.events if _OUR_ID.fullmatch(one.event.key.id)]
        if not ids:
            return set()
        ours = {id for id, slim in self._work.slims(ids).items() if slim.channel.network == network}
        return ours | {batch.id for batch in batches_named(self._work.sql, ids) if batch.channel.network == network}

    def _close(self, key: EventKey) -> None:
        """Our own message came back; if its answer was lost, this is the answer."""
        self._echoes.append(key)
        if _OUR_ID.fullmatch(key.id):
            settle(self._work, [Settled(id=key.id, state=State.DONE, receipt=Receipt(evidence=Evidence.ECHOED, ids=(key.id,)))])

    def _see_again(self, root: EventKey, written: _Written) -> None:
        work, event = self._work, written.event
        if not work.recent.doubtful.isdisjoint((root, event.key)):
            # the commit went through, only its answer was lost: nobody has these entries yet
            work.confirmed += (root, event.key)
            self._fresh.append(root)
            self._entries += undone_of(work, root)
            return
        self._known.append(event.key)
        if see(work, root, event, written.stored):
            work.again.append(event.key)
            self._bring(msgspec.structs.replace(event, key=root))

    def _bring(self, event: Event) -> None:
        """Plan a known event for the rooms of the channel it came by now. Nobody is told of what goes wrong: it is there."""
        try:
            planned = self._request.plan(event, self._asking)
            drafts = encode_drafts(planned.drafts)
        except DBAPIError:
            raise
        except Exception:  # noqa: BLE001 - whatever a plan raises, the event stays what it was; counted
            self._dropped.append((event.key, "sighting-failed"))
            return
        self._withdrawn += withdraw(self._work, planned.withdrawn)
        self._put(drafts, again=True)

    def _take(self, written: _Written) -> None:
        work, event = self._work, written.event
        key, channel = event.key, event.channel
        work.add_event(event)
        work.put_place(key, channel)
        planned, fault, note = Planned(), written.fault or self._guilty.get(key), None
        if fault is None:
            planned, fault = self._plan(event)
            note = planned.refused or planned.note or planned.dropped
        if fault is not None:
            self._quarantined.append((key, fault))
            note = fault
        same = planned.same
        put_marks(work, key if same is None else same.event, planned.marks)
        put_marks(work, key, planned.own_marks)
        if same is not None and isinstance(event.body, Message):
            work.again.append(key)
            self._known.append(key)
            self._merged.append((key, same.event))
            merge(work, event, written.stored, same)
            return
        self._fresh.append(key)
        put_names(work, key, channel, (key.id, *(event.aliases if same is None else ())))
        if same is not None:
            put_names(work, same.event, channel, event.aliases)
        note = None if note is None else words(note)
        row = (key.network, key.id, channel.network, channel.id, written.stored, work.now, fault is not None, note)
        work.insert(schema.events, row)

    def _plan(self, event: Event) -> tuple[Planned, str | None]:
        """Plan and put the drafts in the outbox; returns the plan, and what went wrong."""
        try:
            planned = self._request.plan(event, self._asking)
            drafts = encode_drafts(planned.drafts)
        except DBAPIError:
            raise
        except Exception:  # noqa: BLE001 - whatever a plan raises becomes a quarantined event, with its traceback
            return Planned(), traceback.format_exc()
        self._withdrawn += withdraw(self._work, planned.withdrawn)
        self._put(drafts, again=planned.same is not None)
        if planned.refused is not None:
            self._refused.append((event, planned.refused))
        if planned.dropped is not None and planned.same is None:
            self._dropped.append((event.key, planned.dropped))
        if planned.hint is not None:
            self._hints.append((event, planned.hint))
        return planned, None

    def _put(self, drafts: Sequence[tuple[Draft, bytes]], *, again: bool) -> None:
        """`again`: deliveries of an event that was there before, which may be there too, dead ones among them."""
        lease = self._request.lease
        self._entries += put_new(self._work, drafts, lease)[0] if again else put_drafts(self._work, drafts, lease)


def _accept(request: _Request, work: Work) -> Accepted:
    return _Accepting(work, request, {}).run()


def _find_guilty(probe: Probe, request: _Request) -> dict[EventKey, str]:
    """Which events, taken alone, break the transaction, and how."""
    found: dict[EventKey, str] = {}
    for written in request.events:
        alone = request._replace(events=(written,), cursor=None, chores=())
        error = probe(partial(_accept, alone))
        if error is not None:
            found[written.event.key] = "".join(traceback.format_exception(error))
    return found


def _release(work: Work, key: EventKey, plan: Plan) -> Accepted:
    events = schema.events
    row = work.sql.execute(select(events.c.stored).where(*_is(key), schema.QUARANTINED)).first()
    event = None if row is None else readable(row.stored)
    if event is None:
        return Accepted(known=(key,))
    try:
        planned = plan(event, Asking(work))
        drafts = encode_drafts(planned.drafts)
    except DBAPIError:
        raise
    except Exception:  # noqa: BLE001 - it stays in quarantine, with the newer traceback
        trace = traceback.format_exc()
        work.sql.execute(update(events).where(*_is(key)).values(note=trace))
        return Accepted(quarantined=((key, trace),))
    withdrawn = withdraw(work, planned.withdrawn)
    entries = put_drafts(work, drafts, None)
    note = planned.refused or planned.note or planned.dropped
    work.sql.execute(update(events).where(*_is(key)).values(quarantined=False, note=note))
    return Accepted(
        fresh=(key,),
        refused=() if planned.refused is None else ((event, planned.refused),),
        dropped=() if planned.dropped is None else ((key, planned.dropped),),
        withdrawn=tuple(withdrawn),
        entries=tuple(entries),
    )


def _part(work: Work, key: EventKey, plan: Plan, forget: Callable[[EventKey], None]) -> Accepted:
    root = work.root(key)
    parted = part(work, key)
    if root is not None and parted:
        work.told.append(partial(forget, root))
    events = [_Written(event, stored) for event, stored in parted]
    request = _Request(key.network, events, plan, None, (), None)
    return _Accepting(work, request, {}).run()
