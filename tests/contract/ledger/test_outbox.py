"""Deliveries from draft to receipt: nothing is lost, nothing is done twice, and lanes keep their order."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from bridge.contract.delivery import Receipt
from bridge.contract.features import Evidence
from bridge.contract.plan import Lookup, Planned
from bridge.ledger import Ledger
from bridge.ledger.rows import Batch, Copy, Entry, Settled, State
from bridge.model.events import Event, Message, Text
from bridge.model.ids import HUB, EventKey
from tests.contract.ledger.conftest import Connect
from tests.contract.ledger.kit import IRC, LOBBY, OTHER, ROOM, THEN, done, draft, say, to
from tests.doubles.clock import FakeClock


async def fill(ledger: Ledger, *ids: str) -> list[Entry]:
    accepted = await ledger.accept(IRC, [say(id) for id in ids], to(ROOM))
    return list(accepted.entries)


def ids_of(entries: list[Entry]) -> list[str]:
    return [entry.delivery.id for entry in entries]


async def state_of(ledger: Ledger, entry: Entry) -> Entry:
    found = await ledger.entry(entry.delivery.id)
    assert found is not None
    return found


async def test_done_stores_a_copy_for_each_id_of_the_receipt(ledger: Ledger, clock: FakeClock) -> None:
    [entry] = await fill(ledger, "a")
    clock.shift(5)
    at = clock.now() - timedelta(seconds=1)
    receipt = Receipt(evidence=Evidence.ECHOED, ids=("$1", "label", "$1"), at=at)
    assert await ledger.settle([Settled(id=entry.delivery.id, state=State.DONE, receipt=receipt)]) == []
    key = EventKey(IRC, "a")
    copies = await ledger.copies(key, ROOM)
    assert copies == [
        Copy(event=key, channel=ROOM, id=id, at=at, delivery=entry.delivery.id, evidence=Evidence.ECHOED)
        for id in ("$1", "label")
    ]
    assert await ledger.root(EventKey(HUB, "label")) == key
    assert (await state_of(ledger, entry)).state is State.DONE
    assert await ledger.lanes() == []


async def test_a_receipt_without_ids_still_leaves_a_copy(ledger: Ledger, clock: FakeClock) -> None:
    [entry] = await fill(ledger, "a")
    await ledger.settle([done(entry.delivery.id, evidence=Evidence.FENCED)])
    [copy] = await ledger.copies(EventKey(IRC, "a"), ROOM)
    assert (copy.id, copy.evidence, copy.at) == ("", Evidence.FENCED, clock.now())


async def test_copies_are_the_same_from_memory_and_from_disk(connect: Connect) -> None:
    ledger = await connect()
    key = EventKey(IRC, "a")
    event = say("a", aliases=("alias",))
    await ledger.accept(IRC, [event], lambda event, lookup: to()(event, lookup))
    await ledger.enqueue([draft(event, part=1), draft(event, part=0), draft(event, OTHER)])
    for part, native in ((1, "$second"), (0, "$first")):
        await ledger.settle([done(draft(event, part=part).delivery.id, native)])
    remembered = [await ledger.copies(key, channel) for channel in (ROOM, LOBBY, OTHER)]
    await ledger.close()
    ledger = await connect()
    assert [await ledger.copies(key, channel) for channel in (ROOM, LOBBY, OTHER)] == remembered
    assert [copy.id for copy in remembered[0]] == ["$first", "$second"]
    assert [(copy.id, copy.delivery) for copy in remembered[1]] == [("a", None), ("alias", None)]
    assert remembered[2] == []


async def test_what_is_done_stays_done(ledger: Ledger) -> None:
    [entry] = await fill(ledger, "a")
    id = entry.delivery.id
    await ledger.settle([done(id, "$1")])
    later = [
        done(id, "$2"),
        *(Settled(id=id, state=state, reason="late") for state in (State.DEAD, State.PENDING, State.UNCERTAIN)),
    ]
    await ledger.settle(later)
    await ledger.lease([id])
    found = await state_of(ledger, entry)
    assert (found.state, found.attempts, found.reason) == (State.DONE, 0, None)
    assert [copy.id for copy in await ledger.copies(EventKey(IRC, "a"), ROOM)] == ["$1"]


async def test_a_late_proof_revives_the_dead(ledger: Ledger) -> None:
    [entry] = await fill(ledger, "a")
    id = entry.delivery.id
    await ledger.settle([Settled(id=id, state=State.DEAD, reason="too old")])
    await ledger.settle([Settled(id=id, state=State.PENDING), Settled(id=id, state=State.UNCERTAIN)])
    assert (await state_of(ledger, entry)).state is State.DEAD
    await ledger.settle([done(id, "$1")])
    assert (await state_of(ledger, entry)).state is State.DONE
    assert await ledger.dead() == []
    assert len(await ledger.copies(EventKey(IRC, "a"), ROOM)) == 1


async def test_later_counts_an_attempt_and_keeps_its_place(connect: Connect, clock: FakeClock) -> None:
    ledger = await connect()
    first, second = await fill(ledger, "a", "b")
    due = clock.now() + timedelta(seconds=30)
    for _ in range(2):
        await ledger.lease([first.delivery.id])
        await ledger.settle([Settled(id=first.delivery.id, state=State.PENDING, due_at=due, reason="429")])
    await ledger.close()
    ledger = await connect()
    found = await ledger.undone(ROOM, 0, 10)
    assert ids_of(found) == ids_of([first, second])
    assert (found[0].state, found[0].attempts, found[0].due_at, found[0].reason) == (State.PENDING, 2, due, "429")
    await ledger.lease([first.delivery.id])
    [leased, _] = await ledger.undone(ROOM, 0, 10)
    assert (leased.state, leased.attempts, leased.due_at) == (State.LEASED, 2, None)


async def test_leases_survive_a_kill_as_leases(connect: Connect) -> None:
    ledger = await connect()
    entries = await fill(ledger, "a", "b", "c")
    await ledger.lease(ids_of(entries[:2]))
    await ledger.settle([Settled(id=entries[0].delivery.id, state=State.UNCERTAIN, reason="connection lost")])
    await ledger.close()
    ledger = await connect()
    assert [entry.state for entry in await ledger.undone(ROOM, 0, 9)] == [State.UNCERTAIN, State.LEASED, State.PENDING]
    assert await ledger.undone(ROOM, entries[1].seq, 9) == [entries[2]]
    assert len(await ledger.undone(ROOM, 0, 1)) == 1


async def test_settling_says_new_things_in_the_same_commit_and_only_once(ledger: Ledger) -> None:
    [entry] = await fill(ledger, "a")
    notice = draft(say("a"), LOBBY)
    dead = [Settled(id=entry.delivery.id, state=State.DEAD, reason="banned")]
    [put] = await ledger.settle(dead, [notice])
    assert (put.delivery, put.state) == (notice.delivery, State.PENDING)
    assert put.seq > entry.seq
    assert await ledger.settle(dead, [notice]) == [put]
    assert await ledger.enqueue([notice, draft(say("a"), OTHER)]) != [put]
    assert len(await ledger.undone(LOBBY, 0, 9)) == 1


async def test_unknown_ids_are_ignored(ledger: Ledger) -> None:
    await ledger.settle([done("f" * 32, "$1"), done("nothing of ours", "$2")])
    await ledger.lease(["e" * 32])
    assert await ledger.entry("f" * 32) is None
    assert await ledger.batch("f" * 32) is None
    assert await ledger.root(EventKey(HUB, "$1")) is None


async def test_each_line_of_a_batch_gets_its_own_copy(connect: Connect) -> None:
    ledger = await connect()
    entries = await fill(ledger, "a", "b", "c")
    bodies = tuple(entry.delivery.body for entry in entries)
    batch = Batch(id="b" * 32, channel=ROOM, deliveries=tuple(ids_of(entries)), bodies=bodies)
    await ledger.make_batch(batch)
    await ledger.make_batch(batch)
    await ledger.lease(batch.deliveries)
    await ledger.close()
    ledger = await connect()
    assert [entry.batch for entry in await ledger.undone(ROOM, 0, 9)] == [batch.id] * 3
    assert await ledger.batch(batch.id) == batch
    await ledger.settle([done(batch.id, "$joined")])
    for line, entry in enumerate(entries):
        [copy] = await ledger.copies(entry.delivery.event, ROOM)
        assert (copy.id, copy.batch, copy.line, copy.delivery) == ("$joined", batch.id, line, entry.delivery.id)
    assert await ledger.lanes() == []
    assert await ledger.root(EventKey(HUB, "$joined")) == EventKey(IRC, "a")
    changed = (bodies[0], None, Message(text=Text(plain="edited")))
    await ledger.change_batch(batch.id, changed)
    found = await ledger.batch(batch.id)
    assert found is not None
    assert found.bodies == changed


async def test_lines_of_a_batch_settled_one_by_one_keep_their_line(ledger: Ledger) -> None:
    entries = await fill(ledger, "a", "b")
    batch = Batch(id="c" * 32, channel=ROOM, deliveries=tuple(ids_of(entries)), bodies=(None, None))
    await ledger.make_batch(batch)
    await ledger.settle([done(entry.delivery.id, "$joined") for entry in reversed(entries)])
    copies = [(await ledger.copies(entry.delivery.event, ROOM))[0] for entry in entries]
    assert [(copy.batch, copy.line) for copy in copies] == [(batch.id, 0), (batch.id, 1)]


async def test_making_a_batch_leases_its_lines_and_parting_it_lets_each_wait_for_itself(connect: Connect) -> None:
    ledger = await connect()
    entries = await fill(ledger, "a", "b", "c")
    batch = Batch(id="e" * 32, channel=ROOM, deliveries=tuple(ids_of(entries)), bodies=(None, None, None))
    await ledger.make_batch(batch)
    assert [entry.state for entry in await ledger.undone(ROOM, 0, 9)] == [State.LEASED] * 3
    await ledger.part_batch(batch.id)
    await ledger.close()
    ledger = await connect()
    assert [(entry.state, entry.batch) for entry in await ledger.undone(ROOM, 0, 9)] == [(State.PENDING, None)] * 3
    first = entries[0].delivery
    await ledger.settle([done(first.id, "$alone")])
    (copy,) = await ledger.copies(first.event, ROOM)
    assert (copy.batch, copy.line) == (None, None)


async def test_a_batch_that_must_wait_is_the_same_batch_again(ledger: Ledger) -> None:
    entries = await fill(ledger, "a", "b")
    batch = Batch(id="d" * 32, channel=ROOM, deliveries=tuple(ids_of(entries)), bodies=(None, None))
    await ledger.make_batch(batch)
    await ledger.settle([Settled(id=batch.id, state=State.PENDING)])
    found = await ledger.undone(ROOM, 0, 9)
    assert [(entry.batch, entry.attempts, entry.state) for entry in found] == [(batch.id, 1, State.PENDING)] * 2


async def test_replay_puts_the_dead_at_the_end_with_time_to_live(connect: Connect, clock: FakeClock) -> None:
    ledger = await connect()
    born = clock.now()
    drafts = [draft(say(id), expires_at=born + timedelta(hours=48), accepted_at=born) for id in "ab"]
    drafts.append(draft(say("c"), OTHER))
    entries = await ledger.enqueue(drafts)
    await ledger.settle([Settled(id=entry.delivery.id, state=State.PENDING) for entry in entries])
    await ledger.settle([Settled(id=entry.delivery.id, state=State.DEAD, reason="expired") for entry in entries])
    clock.shift(1000)
    [fresh] = await fill(ledger, "z")
    assert await ledger.lanes() == [ROOM]
    assert {entry.reason for entry in await ledger.dead()} == {"expired"}
    assert len(await ledger.dead(limit=2)) == 2
    assert ids_of(await ledger.dead(channel=OTHER)) == ids_of(entries[2:])

    replayed = await ledger.replay(ids_of(entries[:1]))
    assert [(entry.state, entry.attempts, entry.expires_at) for entry in replayed] == [
        (State.PENDING, 0, clock.now() + timedelta(hours=48))
    ]
    assert ids_of(await ledger.replay(None, channel=ROOM)) == ids_of(entries[1:2])
    await ledger.close()
    ledger = await connect()
    assert ids_of(await ledger.undone(ROOM, 0, 9)) == ids_of([fresh, entries[0], entries[1]])
    assert [entry.expires_at for entry in await ledger.replay(None)] == [None]
    assert await ledger.dead() == []
    assert await ledger.replay(None) == []
    newer = await fill(ledger, "newer")
    assert newer[0].seq > (await ledger.undone(OTHER, 0, 9))[0].seq, "numbers are never given twice"
    await ledger.settle([done(entries[0].delivery.id, "$1")])
    assert ids_of(await ledger.undone(ROOM, 0, 9)) == ids_of([fresh, entries[1], *newer])


async def test_numbers_go_on_after_a_restart(connect: Connect) -> None:
    ledger = await connect()
    [first] = await fill(ledger, "a")
    await ledger.close()
    ledger = await connect()
    [second] = await fill(ledger, "b")
    assert second.seq > first.seq


async def test_a_trace_tells_where_every_copy_is(ledger: Ledger, clock: FakeClock) -> None:
    accepted = await ledger.accept(IRC, [say("a")], to(ROOM, OTHER))
    await ledger.settle(
        [done(accepted.entries[0].delivery.id, "$1"), Settled(id=accepted.entries[1].delivery.id, state=State.DEAD)]
    )
    trace = await ledger.trace(EventKey(HUB, "$1"))
    assert trace is not None
    assert (trace.key, trace.event, trace.accepted_at, trace.note) == (EventKey(IRC, "a"), say("a"), clock.now(), None)
    assert [(entry.delivery.channel, entry.state) for entry in trace.entries] == [(ROOM, State.DONE), (OTHER, State.DEAD)]
    assert [(copy.id, copy.evidence) for copy in trace.copies] == [("a", None), ("$1", Evidence.ASSIGNED)]
    assert await ledger.trace(EventKey(HUB, "$unknown")) is None


async def test_counts_name_every_state(ledger: Ledger) -> None:
    entries = await fill(ledger, *"abcdefg")
    await ledger.lease(ids_of(entries[:3]))
    await ledger.settle(
        [done(entries[0].delivery.id), *(Settled(id=id, state=State.DEAD) for id in ids_of(entries[1:2]))],
    )
    await ledger.settle([Settled(id=entries[2].delivery.id, state=State.UNCERTAIN)])
    counts = await ledger.counts()
    assert {state.value: counts[state.value] for state in State} == {
        "pending": 4,
        "leased": 0,
        "uncertain": 1,
        "done": 1,
        "dead": 1,
    }
    assert (counts["quarantined"], counts["chores"], counts["quarantined_chores"]) == (0, 0, 0)


@pytest.mark.parametrize("count", [1, 127, 128, 129, 700])
async def test_many_at_once_are_all_there(ledger: Ledger, count: int) -> None:
    entries = await fill(ledger, *(str(n) for n in range(count)))
    await ledger.lease(ids_of(entries))
    await ledger.settle([done(entry.delivery.id, f"${entry.seq}") for entry in entries])
    assert (await ledger.counts())["done"] == count
    assert await ledger.root(EventKey(HUB, f"${entries[-1].seq}")) == entries[-1].delivery.event


async def test_one_group_may_put_lease_and_settle_the_same_delivery(ledger: Ledger) -> None:
    entry = draft(say("a"))
    id = entry.delivery.id
    calls = (
        ledger.enqueue([entry]),
        ledger.lease([id]),
        ledger.settle([Settled(id=id, state=State.PENDING)]),
        ledger.lease([id]),
        ledger.settle([done(id, "$1")]),
        ledger.settle([done(id, "$2")]),
    )
    await asyncio.gather(*calls)
    found = await ledger.entry(id)
    assert found is not None
    assert (found.state, found.attempts) == (State.DONE, 1)
    assert [copy.id for copy in await ledger.copies(EventKey(IRC, "a"), ROOM)] == ["$1"]


async def test_what_waits_for_its_author_is_never_put_on_the_wire_at_once(connect: Connect) -> None:
    """Were it leased by the commit that accepts it, a kill would leave it looking sent; forgotten, its author had no time."""
    ledger = await connect()
    later = THEN + timedelta(seconds=5)
    held = msgspec.structs.replace(draft(say("a")), not_before=later)

    def plan(event: Event, lookup: Lookup) -> Planned:
        return Planned(drafts=(held, draft(event, id="b" * 32)))

    accepted = await ledger.accept(IRC, [say("a")], plan, lease=lambda lane: 10)
    assert [(entry.state, entry.due_at) for entry in accepted.entries] == [(State.PENDING, later), (State.PENDING, None)]
    await ledger.close()
    ledger = await connect()
    assert [entry.due_at for entry in await ledger.undone(ROOM, 0, 10)] == [later, None]
