"""What is rare: late proof, one bad line among many, a part that never arrived."""

import asyncio
import random
from collections.abc import Sequence

import msgspec
import pytest

from bridge.contract.delivery import Delivery
from bridge.contract.errors import LedgerUnavailable, Rejected, Unavailable, Uncertain
from bridge.contract.plan import Draft
from bridge.delivery.patience import PatientOutbox
from bridge.delivery.settling import Settler
from bridge.ledger.rows import Entry, Settled, State
from bridge.model.events import Body, Edit, Redaction
from bridge.model.ids import HUB
from tests.unit.delivery.stage import NET, FakeOutlet, Stage, background, delivery, draft, key, receipt_of, ref, say, turns


@pytest.fixture
def stage() -> Stage:
    return Stage()


BATCH = f"{0xA0000:032x}"


async def test_proof_of_a_dead_letter_makes_it_done(stage: Stage) -> None:
    outlet = FakeOutlet()
    outlet.fail(1, *[Unavailable("down")] * 50)
    async with stage.running(outlet) as courier:
        await stage.send(draft(1, expires=100))
        await stage.clock.advance(200)
        assert stage.state(1) == "dead"
        courier.proved(delivery(1).id, receipt_of(delivery(1)))
        await turns()
        assert stage.state(1) == "done"
    assert [copy.id for copy in stage.ledger.all_copies] == ["id-1"]


async def test_what_is_proved_in_flight_is_on_disk_for_who_asks_and_once(stage: Stage) -> None:
    outlet = FakeOutlet()
    outlet.gate = asyncio.Event()
    async with stage.running(outlet) as courier:
        await stage.send(draft(1))
        courier.proved(delivery(1).id, receipt_of(delivery(1)))
        await courier.recorded()
        assert [copy.id for copy in stage.ledger.all_copies] == ["id-1"]
        outlet.gate.set()
        await stage.send(draft(2))
        assert outlet.lines == ["line 1", "line 2"]
    assert [copy.id for copy in stage.ledger.all_copies] == ["id-1", "id-2"]


async def test_what_is_proved_and_answered_is_settled_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    settled: list[str] = []
    settle = stage.ledger.settle

    async def counted(many: Sequence[Settled], drafts: Sequence[Draft] = ()) -> list[Entry]:
        settled.extend(one.id for one in many)
        return await settle(many, drafts)

    monkeypatch.setattr(stage.ledger, "settle", counted)
    outlet = FakeOutlet()
    outlet.gate = asyncio.Event()
    async with stage.running(outlet) as courier:
        await stage.send(draft(1))
        courier.proved(delivery(1).id, receipt_of(delivery(1)))
        outlet.gate.set()
        await turns()
        await courier.recorded()
        assert [copy.id for copy in stage.ledger.all_copies] == ["id-1"]
    assert settled == [delivery(1).id]


async def test_who_asks_for_what_is_on_disk_as_all_ends_is_told_that_nobody_knows(stage: Stage) -> None:
    settler = Settler(PatientOutbox(stage.ledger, stage.clock, random.Random(1), stage.counts), lambda entries: None)
    async with background(settler.run):
        await turns()
    settler.put(Settled(id=delivery(1).id, state=State.DONE), lambda id: None)
    with pytest.raises(LedgerUnavailable):
        await settler.flush()


async def test_what_was_proved_before_its_time_was_up_is_done_and_nobody_is_told(stage: Stage) -> None:
    outlet, hub = FakeOutlet(), FakeOutlet()
    outlet.fail(1, Unavailable("down", retry_after=1000))
    stage.courier.attach(HUB, hub)
    async with stage.running(outlet) as courier:
        await stage.send(draft(1, expires=100))
        courier.proved(delivery(1).id, receipt_of(delivery(1)))
        await stage.clock.advance(200)
    assert stage.state(1) == "done"
    assert hub.got == []


class Picky(FakeOutlet):
    """Refuses every message that holds the word."""

    async def deliver(self, delivery: Delivery):  # type: ignore[no-untyped-def]
        if "line 3" in delivery.body.text.plain:  # type: ignore[union-attr]
            self.tried.append(delivery)
            raise Rejected("not this")
        return await super().deliver(delivery)


async def behind(stage: Stage, outlet: FakeOutlet, count: int) -> None:
    """The first line is on its way while the others gather."""
    outlet.gate = asyncio.Event()
    await stage.send(*(draft(n) for n in range(count)))
    outlet.gate.set()
    await turns(400)


async def test_one_bad_line_does_not_take_its_neighbours_along(stage: Stage) -> None:
    outlet, hub = Picky(joins=True), FakeOutlet()
    stage.courier.attach(HUB, hub)
    async with stage.running(outlet):
        await behind(stage, outlet, 7)
    assert outlet.lines == ["line 0", "line 1", "line 2", "line 4", "line 5", "line 6"]
    assert {n: stage.state(n) for n in range(7) if stage.state(n) != "done"} == {3: "dead"}
    assert all(copy.batch is None for copy in stage.ledger.all_copies)
    assert len(hub.got) == 1


async def test_a_bug_with_a_batch_costs_only_the_line_that_has_it(stage: Stage) -> None:
    outlet = FakeOutlet(joins=True)
    outlet.script[BATCH] = [ZeroDivisionError("ours")]
    outlet.fail(2, ZeroDivisionError("ours"))
    async with stage.running(outlet):
        await behind(stage, outlet, 4)
    assert outlet.lines == ["line 0", "line 1", "line 3"]
    assert stage.state(2) == "dead"


async def test_a_join_is_one_commit_that_also_leases(stage: Stage) -> None:
    outlet = FakeOutlet(joins=True)
    async with stage.running(outlet):
        outlet.gate = asyncio.Event()
        await stage.send(*(draft(n) for n in range(9)))
        before = len(stage.ledger.commits)
        outlet.gate.set()
        await turns()
    assert [verb for verb in stage.ledger.commits[before:] if verb != "settle"] == ["make_batch"]


def part(number: int, index: int, body: Body, *, target: object = None, event: object = None) -> Draft:
    whole = delivery(number, body, target=target)
    changed = msgspec.structs.replace(whole, part=index, parts=3, event=key(event) if event is not None else whole.event)
    return Draft(delivery=changed)


@pytest.mark.parametrize("body", [Edit(target=ref(9), message=say("new")), Redaction(target=ref(9))])
async def test_a_part_that_never_arrived_does_not_shift_the_others(stage: Stage, body: Body) -> None:
    outlet = FakeOutlet()
    outlet.fail(11, Rejected("not this"))
    async with stage.running(outlet):
        await stage.send(*(part(10 + n, n, say(f"part {n}"), event=9) for n in range(3)))
        await stage.send(*(part(20 + n, n, body, target=9) for n in range(3)))
    changes = [one for one in outlet.got if one.target is not None]
    assert [(one.part, one.target.ids[one.part]) for one in changes if one.target is not None] == [(0, "id-10"), (2, "id-12")]
    assert stage.state(21) == "done"


async def test_pausing_while_a_delivery_is_in_flight_neither_loses_nor_doubles(stage: Stage) -> None:
    outlet = FakeOutlet(window=2)
    outlet.gate = asyncio.Event()
    async with stage.running(outlet) as courier:
        await stage.send(*(draft(n) for n in range(6)))
        for _ in range(3):
            courier.pause(NET)
            courier.resume(NET)
        courier.pause(NET)
        outlet.gate.set()
        await turns()
        assert len(outlet.got) == 2
        courier.resume(NET)
        await turns()
    assert outlet.lines == [f"line {n}" for n in range(6)]


async def test_a_network_taken_away_in_mid_flight_and_given_back_goes_on(stage: Stage) -> None:
    old, new = FakeOutlet(window=2), FakeOutlet(window=2)
    old.script[delivery(0).id] = [Uncertain("cut")]
    old.gate = asyncio.Event()
    async with stage.running(old) as courier:
        await stage.send(*(draft(n) for n in range(4)))
        courier.detach(NET)
        old.gate.set()
        await turns()
        courier.attach(NET, new)
        await stage.clock.advance(30)
    assert new.lines[0] == "line 0"
    assert new.got[0].repeat
    assert {entry.state for entry in stage.ledger.entries.values()} == {State.DONE}


async def test_replayed_letters_keep_their_order_and_stand_behind_what_waits(stage: Stage) -> None:
    outlet = FakeOutlet()
    for n in range(3):
        outlet.fail(n, Rejected("no"))
    async with stage.running(outlet) as courier:
        await stage.send(*(draft(n) for n in range(3)))
        courier.pause(NET)
        await stage.send(draft(7))
        courier.offer(stage.ledger.revive())
        courier.resume(NET)
        await turns()
    assert outlet.lines == ["line 7", "line 0", "line 1", "line 2"]
