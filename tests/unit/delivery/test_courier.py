"""What the courier promises of a lane: order, windows, the outcomes, and that memory is never the truth."""

import asyncio

import pytest

from bridge.contract.delivery import Receipt
from bridge.contract.errors import Rejected, Unavailable, Uncertain
from bridge.contract.features import Evidence
from bridge.ledger.rows import State
from bridge.model.events import Edit, Message, Reactions, Style
from bridge.model.ids import HUB, ChannelId
from tests.unit.delivery.stage import LANE, NET, ROOM, FakeOutlet, LookingOutlet, Stage, delivery, draft, ref, say, turns

SIX_HUNDRED = [f"line {n}" for n in range(600)]


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_a_delivery_is_received_once_and_its_copy_is_stored(stage: Stage) -> None:
    outlet = FakeOutlet()
    async with stage.running(outlet):
        await stage.send(draft(1))
    assert outlet.lines == ["line 1"]
    assert stage.state(1) == "done"
    assert [copy.id for copy in stage.ledger.all_copies] == ["id-1"]


@pytest.mark.parametrize("window", [1, 4])
async def test_more_than_memory_holds_arrives_in_order(stage: Stage, window: int) -> None:
    outlet = FakeOutlet(window=window)
    outlet.gate = asyncio.Event()
    async with stage.running(outlet):
        for start in range(0, 600, 50):
            await stage.send(*(draft(n) for n in range(start, start + 50)))
        assert stage.courier.backlog(LANE) <= 256
        outlet.gate.set()
        await turns(8000)
    assert outlet.lines == SIX_HUNDRED
    assert {entry.state for entry in stage.ledger.entries.values()} == {State.DONE}


async def test_what_is_offered_while_the_ledger_is_read_is_not_lost(stage: Stage) -> None:
    outlet = FakeOutlet()
    async with stage.running(outlet):
        await stage.send(*(draft(n) for n in range(300)))
        for n in range(300, 600):
            stage.courier.offer(stage.ledger.put(draft(n)))
            await asyncio.sleep(0)
        await turns(8000)
    assert outlet.lines == SIX_HUNDRED


async def test_a_window_is_filled_and_never_passed(stage: Stage) -> None:
    outlet = FakeOutlet(window=4)
    outlet.gate = asyncio.Event()
    async with stage.running(outlet):
        await stage.send(*(draft(n) for n in range(10)))
        assert [one.id for one in outlet.tried] == [delivery(n).id for n in range(4)]
        outlet.gate.set()
        await turns()
    assert outlet.busiest == 4
    assert len(outlet.got) == 10


async def test_after_a_failure_nothing_later_is_written_until_it_is_settled(stage: Stage) -> None:
    outlet = FakeOutlet(window=3)
    outlet.fail(1, Unavailable("down"))
    async with stage.running(outlet):
        await stage.send(*(draft(n) for n in range(8)))
        assert [one.id for one in outlet.tried] == [delivery(0).id, delivery(1).id]
        await stage.clock.advance(400)
        await turns()
    assert outlet.lines == [f"line {n}" for n in range(8)]


async def test_an_unavailable_head_stays_the_head_and_keeps_its_id(stage: Stage) -> None:
    outlet = FakeOutlet()
    outlet.fail(1, *[Unavailable("down")] * 5)
    async with stage.running(outlet):
        await stage.send(draft(1), draft(2))
        assert stage.state(1) == "pending"
        for _ in range(6):
            await stage.clock.advance(400)
    assert [one.id for one in outlet.tried] == [delivery(1).id] * 6 + [delivery(2).id]
    assert outlet.lines == ["line 1", "line 2"]
    assert not outlet.got[0].repeat


async def test_a_time_that_the_network_names_is_obeyed(stage: Stage) -> None:
    outlet = FakeOutlet()
    outlet.fail(1, Unavailable("slow down", retry_after=30))
    async with stage.running(outlet):
        await stage.send(draft(1))
        await stage.clock.advance(29.9)
        assert len(outlet.tried) == 1
        await stage.clock.advance(3.2)
        assert outlet.lines == ["line 1"]


async def test_a_paused_network_costs_no_attempt_and_resumes_at_once(stage: Stage) -> None:
    outlet = FakeOutlet()
    async with stage.running(outlet) as courier:
        courier.pause(NET)
        await stage.send(draft(1), draft(2))
        await stage.clock.advance(3600)
        assert outlet.tried == []
        courier.resume(NET)
        await turns()
        assert outlet.lines == ["line 1", "line 2"]


async def test_reconnecting_ends_a_back_off(stage: Stage) -> None:
    outlet = FakeOutlet()
    outlet.fail(1, *[Unavailable("gone")] * 3)
    async with stage.running(outlet) as courier:
        await stage.send(draft(1))
        for _ in range(3):
            courier.pause(NET)
            courier.resume(NET)
            await turns()
        assert outlet.lines == ["line 1"]


async def test_a_rejected_delivery_is_dead_its_author_told_and_the_lane_goes_on(stage: Stage) -> None:
    outlet, hub = FakeOutlet(), FakeOutlet()
    outlet.fail(1, Rejected("you are banned"))
    stage.courier.attach(HUB, hub)
    async with stage.running(outlet):
        await stage.send(draft(1), draft(2))
    assert stage.state(1) == "dead"
    assert outlet.lines == ["line 2"]
    (notice,) = hub.got
    assert notice.channel == ROOM
    assert isinstance(notice.body, Message)
    assert notice.body.style is Style.NOTICE
    assert "line 1" in notice.body.text.plain
    assert "you are banned" in notice.body.text.plain
    assert notice.reply_to is None or notice.reply_to.event == delivery(1).event


async def test_a_bug_is_a_dead_letter_and_stops_nobody(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    outlet = FakeOutlet()
    outlet.fail(1, ZeroDivisionError("ours"))
    async with stage.running(outlet):
        await stage.send(draft(1), draft(2))
    assert stage.state(1) == "dead"
    assert outlet.lines == ["line 2"]
    assert "failed with a bug" in caplog.text


async def test_notices_are_few_and_count_what_they_hold_back(stage: Stage) -> None:
    outlet, hub = FakeOutlet(), FakeOutlet()
    stage.courier.attach(HUB, hub)
    for n in range(20):
        outlet.fail(n, Rejected("no"))
    async with stage.running(outlet):
        await stage.send(*(draft(n) for n in range(20)))
        await turns(400)
        assert len(hub.got) == 1
        await stage.clock.advance(10.5)
        assert len(hub.got) == 2
        assert "19 more messages" in hub.lines[1]
        await stage.clock.advance(60)
        assert len(hub.got) == 2


async def test_a_notice_never_causes_a_notice(stage: Stage) -> None:
    outlet, hub = FakeOutlet(), FakeOutlet()
    outlet.fail(1, Rejected("no"))
    stage.courier.attach(HUB, hub)
    hub.fail(_first_notice(), Rejected("nor this"))
    async with stage.running(outlet):
        await stage.send(draft(1))
        await stage.clock.advance(100)
    assert len([entry for entry in stage.ledger.entries.values() if entry.delivery.channel == ROOM]) == 1


def _first_notice() -> str:
    return f"{0xA0000:x}"


async def test_a_head_too_old_is_told_about_and_blocks_nobody(stage: Stage) -> None:
    outlet, hub = FakeOutlet(), FakeOutlet()
    outlet.fail(1, *[Unavailable("down")] * 100)
    stage.courier.attach(HUB, hub)
    async with stage.running(outlet):
        await stage.send(draft(1, expires=100), draft(2))
        await stage.clock.advance(99)
        assert outlet.lines == []
        await stage.clock.advance(500)
        assert outlet.lines == ["line 2"]
    assert stage.state(1) == "dead"
    assert "in time" in hub.lines[0]


async def test_heads_expire_while_the_network_is_away(stage: Stage) -> None:
    outlet = FakeOutlet()
    async with stage.running(outlet) as courier:
        courier.pause(NET)
        await stage.send(draft(1, expires=50))
        await stage.clock.advance(51)
        assert stage.state(1) == "dead"


async def test_uncertain_and_found_is_done_without_another_try(stage: Stage) -> None:
    outlet = LookingOutlet()
    outlet.fail(1, Uncertain("answer lost"))
    outlet.there[delivery(1).id] = Receipt(evidence=Evidence.ASSIGNED, ids=("was-there",))
    async with stage.running(outlet):
        await stage.send(draft(1), draft(2))
    assert [one.id for one in outlet.tried] == [delivery(1).id, delivery(2).id]
    assert stage.state(1) == "done"
    assert stage.ledger.all_copies[0].id == "was-there"


async def test_uncertain_and_surely_not_there_is_sent_again_unmarked(stage: Stage) -> None:
    outlet = LookingOutlet()
    outlet.fail(1, Uncertain("answer lost"))
    async with stage.running(outlet):
        await stage.send(draft(1))
    assert [one.repeat for one in outlet.tried] == [False, False]
    assert {one.id for one in outlet.tried} == {delivery(1).id}


async def test_uncertain_and_nobody_can_tell_is_sent_again_marked(stage: Stage) -> None:
    outlet = LookingOutlet(evidence=Evidence.FENCED)
    outlet.blind = Uncertain("no history")
    outlet.fail(1, Uncertain("answer lost"))
    async with stage.running(outlet):
        await stage.send(draft(1), draft(2))
    assert [(one.id, one.repeat) for one in outlet.tried] == [
        (delivery(1).id, False),
        (delivery(1).id, True),
        (delivery(2).id, False),
    ]


async def test_an_echo_within_its_time_closes_an_uncertain_delivery(stage: Stage) -> None:
    outlet = FakeOutlet(evidence=Evidence.ECHOED)
    outlet.fail(1, Uncertain("answer lost"))
    async with stage.running(outlet) as courier:
        await stage.send(draft(1), draft(2))
        assert stage.state(1) == "uncertain"
        await stage.clock.advance(3)
        courier.proved(delivery(1).id, Receipt(evidence=Evidence.ECHOED, ids=("echo",)))
        await turns()
    assert stage.state(1) == "done"
    assert outlet.lines == ["line 2"]


async def test_no_echo_in_its_time_means_a_marked_repeat(stage: Stage) -> None:
    outlet = FakeOutlet(evidence=Evidence.ECHOED)
    outlet.fail(1, Uncertain("answer lost"))
    async with stage.running(outlet):
        await stage.send(draft(1))
        await stage.clock.advance(6)
    assert [one.repeat for one in outlet.tried] == [False, True]


async def test_a_repeat_that_is_put_off_stays_in_doubt_over_a_restart(stage: Stage) -> None:
    outlet = FakeOutlet(evidence=Evidence.WRITTEN)
    outlet.fail(1, Uncertain("answer lost"), Unavailable("down"))
    async with stage.running(outlet):
        await stage.send(draft(1))
        assert stage.state(1) == "uncertain"
    stage.courier = stage.new_courier()
    async with stage.running(outlet):
        await turns()
    assert [one.repeat for one in outlet.tried] == [False, True, True]


async def test_whatever_a_dead_process_had_leased_is_looked_for_first(stage: Stage) -> None:
    stage.ledger.put(draft(1), draft(2), state=State.LEASED)
    stage.ledger.put(draft(3))
    outlet = LookingOutlet()
    outlet.there[delivery(1).id] = Receipt(evidence=Evidence.ASSIGNED, ids=("was-there",))
    async with stage.running(outlet):
        await turns()
    assert outlet.looked == [delivery(1).id, delivery(2).id]
    assert outlet.lines == ["line 2", "line 3"]


@pytest.mark.parametrize("state", [State.LEASED, State.UNCERTAIN])
async def test_what_an_earlier_run_sent_is_changed_though_its_receipt_is_not_on_disk_yet(stage: Stage, state: State) -> None:
    """Found where it was sent, its receipt is put by, to be stored with the next; and the next is about it."""
    stage.ledger.put(draft(1), state=state)
    stage.ledger.put(draft(2, Edit(target=ref(1), message=say("new")), target=1))
    outlet = LookingOutlet()
    outlet.there[delivery(1).id] = Receipt(evidence=Evidence.ASSIGNED, ids=("was-there",))
    async with stage.running(outlet):
        await turns()
    assert [one.target.ids for one in outlet.got if one.target is not None] == [("was-there",)]


async def test_nothing_is_written_before_it_is_leased(stage: Stage) -> None:
    outlet = FakeOutlet(window=3)
    seen: list[str] = []
    original = outlet.deliver

    async def watching(one):  # type: ignore[no-untyped-def]
        seen.append(stage.ledger.entries[one.id].state.value)
        return await original(one)

    outlet.deliver = watching  # type: ignore[method-assign]
    async with stage.running(outlet):
        await stage.send(*(draft(n) for n in range(9)))
    assert seen == ["leased"] * 9


async def test_an_entry_accepted_leased_needs_no_second_commit_before_it_leaves(stage: Stage) -> None:
    outlet = FakeOutlet()
    async with stage.running(outlet) as courier:
        assert courier.room_for(LANE) == 1
        courier.offer(stage.ledger.put(draft(1), state=State.LEASED))
        await turns()
    assert stage.ledger.commits == ["settle"]
    assert outlet.lines == ["line 1"]


async def test_there_is_no_room_in_a_lane_that_is_not_idle(stage: Stage) -> None:
    outlet = FakeOutlet(window=2)
    outlet.gate = asyncio.Event()
    async with stage.running(outlet) as courier:
        assert courier.room_for(LANE) == 2
        await stage.send(draft(1))
        assert courier.room_for(LANE) == 1
        await stage.send(draft(2), draft(3))
        assert courier.room_for(LANE) == 0
        courier.pause(NET)
        assert courier.room_for(ChannelId(NET, "#other")) == 0
        outlet.gate.set()
        await turns()


async def test_a_reply_waits_for_the_receipt_of_what_it_answers(stage: Stage) -> None:
    outlet = FakeOutlet(window=8)
    outlet.gate = asyncio.Event()
    async with stage.running(outlet):
        await stage.send(draft(1), draft(2, reply_to=1))
        assert len(outlet.tried) == 1
        outlet.gate.set()
        await turns()
    assert outlet.got[1].reply_to is not None
    assert outlet.got[1].reply_to.ids == ("id-1",)


async def test_a_reply_to_what_is_not_there_goes_without_its_reference(stage: Stage) -> None:
    outlet = FakeOutlet()
    async with stage.running(outlet):
        await stage.send(draft(2, reply_to=1))
    assert outlet.got[0].reply_to is None


@pytest.mark.parametrize("body", [Reactions(target=ref(1), keys=("👍",)), Edit(target=ref(1), message=say("new"))])
async def test_a_change_of_what_is_not_there_is_quietly_done(stage: Stage, body: Edit | Reactions) -> None:
    outlet = FakeOutlet()
    async with stage.running(outlet):
        await stage.send(draft(2, body, target=1), draft(3))
    assert outlet.lines == ["line 3"]
    assert stage.state(2) == "done"
    assert stage.counts.counted["deliveries_moot"] == 1


async def test_order_room_waits_for_the_room_and_goes_on_if_it_fails(stage: Stage) -> None:
    outlet, hub = FakeOutlet(), FakeOutlet()
    hub.gate = asyncio.Event()
    hub.fail(1, Rejected("no"))
    stage.courier.attach(HUB, hub)
    async with stage.running(outlet):
        await stage.send(draft(1, channel=ROOM), draft(2, waits_for=delivery(1).id), draft(3))
        assert outlet.tried == []
        hub.gate.set()
        await turns()
    assert outlet.lines == ["line 2", "line 3"]


async def test_what_can_still_be_taken_back_waits_and_its_lane_with_it(stage: Stage) -> None:
    outlet = FakeOutlet(window=8)
    async with stage.running(outlet):
        await stage.send(draft(1, after=5), draft(2))
        await stage.clock.advance(4.5)
        assert (outlet.tried, stage.state(1), stage.state(2)) == ([], "pending", "pending")
        await stage.clock.advance(1)
    assert outlet.lines == ["line 1", "line 2"]


async def test_what_can_still_be_taken_back_is_not_leased_behind_what_leaves(stage: Stage) -> None:
    """A leased one may be on the wire: it could not be taken back any more."""
    outlet = FakeOutlet(window=8)
    async with stage.running(outlet):
        stage.courier.pause(NET)
        await stage.send(draft(1), draft(2, after=5))
        stage.courier.resume(NET)
        await turns()
        assert (outlet.lines, stage.state(2)) == (["line 1"], "pending")


async def test_a_restart_does_not_shorten_the_time_to_take_something_back(stage: Stage) -> None:
    outlet = FakeOutlet()
    stage.ledger.put(draft(1, after=5))
    await stage.clock.advance(3)
    async with stage.running(outlet):
        assert outlet.tried == []
        await stage.clock.advance(2)
        assert outlet.lines == ["line 1"]


async def test_what_was_put_off_does_not_wait_as_if_it_were_new(stage: Stage) -> None:
    outlet = FakeOutlet()
    outlet.fail(1, Unavailable("away", retry_after=600))
    async with stage.running(outlet):
        await stage.send(draft(1))
        stage.courier.pause(NET)
        stage.courier.resume(NET)
        await turns()
    assert outlet.lines == ["line 1"]


async def test_lanes_do_not_wait_for_one_another(stage: Stage) -> None:
    outlet = FakeOutlet()
    outlet.fail(1, *[Unavailable("only here")] * 9)
    async with stage.running(outlet):
        await stage.send(draft(1), draft(2, channel=ChannelId(NET, "#other")))
    assert outlet.lines == ["line 2"]


async def test_a_ledger_that_cannot_write_delays_and_loses_nothing(stage: Stage) -> None:
    outlet = FakeOutlet()
    async with stage.running(outlet):
        entries = stage.ledger.put(*(draft(n) for n in range(5)))
        stage.ledger.broken = True
        stage.courier.offer(entries)
        await stage.clock.advance(20)
        assert outlet.tried == []
        stage.ledger.broken = False
        await stage.clock.advance(30)
        assert stage.state(4) == "done"
    assert outlet.lines == [f"line {n}" for n in range(5)]


async def test_a_planned_stop_leaves_no_doubt(stage: Stage) -> None:
    outlet = FakeOutlet(window=3)
    outlet.gate = asyncio.Event()
    async with stage.running(outlet) as courier:
        await stage.send(*(draft(n) for n in range(6)))
        stopping = asyncio.ensure_future(courier.stop())
        await turns()
        outlet.gate.set()
        await stopping
    assert len(outlet.got) == 3
    assert {entry.state for entry in stage.ledger.entries.values()} == {State.DONE, State.PENDING}
    stage.courier = stage.new_courier()
    async with stage.running(outlet):
        await turns()
    assert outlet.lines == [f"line {n}" for n in range(6)]
    assert not any(one.repeat for one in outlet.tried)


async def test_a_stop_that_cannot_wait_leaves_only_what_was_written_in_doubt(stage: Stage) -> None:
    outlet = FakeOutlet(window=3)
    outlet.gate = asyncio.Event()
    async with stage.running(outlet) as courier:
        await stage.send(*(draft(n) for n in range(40)))
        stopping = asyncio.ensure_future(courier.stop(5))
        await stage.clock.advance(6)
        await stopping
    assert [entry.state for entry in stage.ledger.entries.values()].count(State.LEASED) == len(outlet.tried) == 3


async def test_settlements_share_commits(stage: Stage) -> None:
    outlet = FakeOutlet(window=10)
    async with stage.running(outlet):
        await stage.send(*(draft(n) for n in range(10)))
        await turns()
    assert stage.ledger.commits.count("settle") <= 2


async def test_receipts_of_a_lane_share_commits_where_a_kill_leaves_no_doubt(stage: Stage) -> None:
    async with stage.running(outlet := LookingOutlet()):
        await stage.send(*(draft(n) for n in range(80)))
        await turns(1000)
    assert len(outlet.got) == 80
    assert {entry.state for entry in stage.ledger.entries.values()} == {State.DONE}
    assert stage.ledger.commits.count("settle") <= 8


@pytest.mark.parametrize("error", [Unavailable("down"), Uncertain("lost"), Rejected("no")])
async def test_no_receipt_waits_for_a_lane_that_has_to_wait(stage: Stage, error: Exception) -> None:
    outlet = LookingOutlet()
    outlet.blind = Unavailable("down")
    outlet.fail(3, error)
    async with stage.running(outlet):
        await stage.send(*(draft(n) for n in range(4)))
        assert [stage.state(n) for n in range(3)] == ["done"] * 3


async def test_no_receipt_waits_for_a_network_that_is_paused(stage: Stage) -> None:
    outlet = LookingOutlet()
    async with stage.running(outlet) as courier:
        outlet.gate = asyncio.Event()
        await stage.send(*(draft(n) for n in range(4)))
        courier.pause(NET)
        outlet.gate.set()
        await turns()
        assert [stage.state(n) for n in range(2)] == ["done", "leased"]


async def test_another_lane_waits_for_no_more_than_the_receipt_that_it_needs(stage: Stage) -> None:
    outlet = LookingOutlet()
    other = ChannelId(NET, "#other")
    never: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
    outlet.script[delivery(1).id] = [never]
    async with stage.running(outlet):
        await stage.send(draft(0), draft(1), draft(2, channel=other, waits_for=delivery(0).id))
        assert [one.id for one in outlet.got] == [delivery(0).id, delivery(2).id]
        never.cancel()
