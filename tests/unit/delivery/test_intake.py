"""The way in: nothing is carried on that was not committed, and nothing committed is left lying."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from bridge.contract.adapter import Cursor
from bridge.contract.errors import LedgerUnavailable
from bridge.contract.plan import Draft, Planned
from bridge.delivery.inlet import NetworkInlet
from bridge.delivery.intake import Intake
from bridge.model.events import Event, Reactions, Ref
from bridge.model.ids import HUB, ChannelId, EventKey
from tests.doubles.clock import START
from tests.unit.delivery.stage import ALICE, LANE, LOG, NET, ROOM, FakeOutlet, Stage, delivery, event, say, turns


@pytest.fixture
def stage() -> Stage:
    return Stage()


def relay(one: Event, _: object) -> Planned:
    number = one.key.id.removeprefix("$e")
    return Planned(drafts=(Draft(delivery=delivery(number)),))


def intake(stage: Stage, plan: Callable[[Event, object], Planned] = relay) -> Intake:
    return Intake(stage.ledger, plan, stage.courier, metrics=stage.counts, log=LOG)


def inlet(stage: Stage, over: Intake) -> NetworkInlet:
    def nothing(*_: object) -> None: ...

    return NetworkInlet(NET, over, proved=nothing, signal=nothing, report=nothing, look_again=nothing)


def foreign(number: object) -> Event:
    return Event(key=EventKey(NET, f"$e{number}"), channel=LANE, author=ALICE, happened_at=START, body=say(f"line {number}"))


async def test_one_commit_between_accepting_and_leaving(stage: Stage) -> None:
    outlet = FakeOutlet()
    async with stage.running(outlet):
        await intake(stage).accept(HUB, [event(1)])
        assert stage.ledger.commits == ["accept"]
        await turns()
    assert outlet.lines == ["line 1"]
    assert stage.ledger.commits == ["accept", "settle"]


async def test_a_cancelled_caller_loses_nothing_that_was_committed(stage: Stage) -> None:
    outlet = FakeOutlet()
    over = intake(stage)
    async with stage.running(outlet):
        caller = asyncio.ensure_future(over.accept(HUB, [event(1)]))
        await asyncio.sleep(0)
        caller.cancel()
        await over.drain()
        await turns()
    assert caller.cancelled()
    assert outlet.lines == ["line 1"]


async def test_an_event_seen_again_is_sent_once(stage: Stage) -> None:
    outlet = FakeOutlet()
    async with stage.running(outlet):
        over = intake(stage)
        await over.accept(HUB, [event(1), event(1)])
        accepted = await over.accept(HUB, [event(1)])
        await turns()
    assert accepted.known == (event(1).key,)
    assert outlet.lines == ["line 1"]


async def test_a_poison_event_is_kept_reported_and_told_and_its_neighbours_go_on(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    outlet, hub = FakeOutlet(), FakeOutlet()
    stage.courier.attach(HUB, hub)

    def plan(one: Event, lookup: object) -> Planned:
        if one.key.id == "$e2":
            raise RuntimeError("poison")
        return relay(one, lookup)

    async with stage.running(outlet):
        accepted = await intake(stage, plan).accept(HUB, [event(1), event(2), event(3)])
        await turns()
    assert [key.id for key, _ in accepted.quarantined] == ["$e2"]
    assert outlet.lines == ["line 1", "line 3"]
    assert "could not be handled" in hub.lines[0]
    assert "poison" in caplog.text
    assert stage.counts.counted["events_quarantined"] == 1


async def test_who_is_refused_is_told_why_in_his_own_room(stage: Stage) -> None:
    hub = FakeOutlet()
    stage.courier.attach(HUB, hub)
    async with stage.running(FakeOutlet()):
        await intake(stage, lambda *_: Planned(refused="too secret for that network")).accept(HUB, [event(1)])
        await turns()
    assert "too secret" in hub.lines[0]
    assert hub.got[0].channel == ROOM


async def test_what_is_dropped_is_counted_with_its_reason(stage: Stage) -> None:
    async with stage.running(FakeOutlet()):
        await intake(stage, lambda *_: Planned(dropped="ignored")).accept(HUB, [event(1)])
    assert stage.counts.counted["events_dropped"] == 1


async def test_a_ledger_that_cannot_write_makes_accept_raise(stage: Stage) -> None:
    stage.ledger.broken = True
    with pytest.raises(LedgerUnavailable):
        await intake(stage).accept(HUB, [event(1)])


async def test_calls_that_nobody_awaits_between_keep_their_order(stage: Stage) -> None:
    outlet = FakeOutlet()
    async with stage.running(outlet):
        into = inlet(stage, intake(stage))
        calls = [asyncio.ensure_future(into.accept(foreign(n))) for n in range(50)]
        await asyncio.gather(*calls)
        await turns(400)
    assert outlet.lines == [f"line {n}" for n in range(50)]
    assert stage.ledger.commits.count("accept") <= 3


async def test_no_cursor_passes_over_what_could_not_be_stored(stage: Stage) -> None:
    into = inlet(stage, intake(stage))
    stage.ledger.broken = True
    first = asyncio.ensure_future(into.accept(foreign(1), cursor=Cursor(scope="a", value="1")))
    second = asyncio.ensure_future(into.accept(foreign(2), cursor=Cursor(scope="b", value="2")))
    done = await asyncio.gather(first, second, return_exceptions=True)
    assert all(isinstance(one, LedgerUnavailable) for one in done)
    stage.ledger.broken = False
    assert stage.ledger.cursors == {}
    await into.accept(foreign(1), cursor=Cursor(scope="a", value="1"))
    assert await into.cursor("a") == Cursor(scope="a", value="1")
    assert await into.cursor("b") is None


async def test_cursors_of_a_burst_end_where_the_burst_ended(stage: Stage) -> None:
    into = inlet(stage, intake(stage))
    source = random.Random(3)
    expected: dict[str, str] = {}
    calls = []
    for n in range(200):
        scope = source.choice("ab")
        expected[scope] = str(n)
        calls.append(asyncio.ensure_future(into.accept(foreign(n), cursor=Cursor(scope=scope, value=str(n)))))
    await asyncio.gather(*calls)
    assert {scope: value for (_, scope), value in stage.ledger.cursors.items()} == expected
    assert len(stage.ledger.events) == 200


async def test_a_cancelled_call_does_not_take_its_neighbours_along(stage: Stage) -> None:
    into = inlet(stage, intake(stage))
    one, two = (asyncio.ensure_future(into.accept(foreign(n))) for n in range(2))
    await asyncio.sleep(0)
    one.cancel()
    await two
    await into.drain()
    assert len(stage.ledger.events) == 2


async def test_events_of_another_network_are_a_bug_of_the_adapter(stage: Stage) -> None:
    with pytest.raises(ValueError, match="isn't an event of net"):
        await inlet(stage, intake(stage)).accept(
            Event(key=EventKey(NET, "x"), channel=ChannelId(HUB, "y"), author=ALICE, happened_at=START, body=say("z"))
        )


def reaction(number: object) -> Event:
    target = Ref(key=EventKey(NET, f"id-{number}"))
    return msgspec.structs.replace(foreign(f"r{number}"), body=Reactions(target=target, keys=("👍",)))


async def test_who_answers_a_copy_at_once_finds_it_known(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, settle = asyncio.Event(), stage.ledger.settle

    async def slow(*words: Any) -> Any:
        await disk.wait()
        return await settle(*words)

    monkeypatch.setattr(stage.ledger, "settle", slow)
    over = intake(stage)
    async with stage.running(FakeOutlet()):
        await over.accept(HUB, [event(1)])
        await turns()
        line = asyncio.ensure_future(inlet(stage, over).accept(foreign(7)))
        answer = asyncio.ensure_future(inlet(stage, over).accept(reaction(1)))
        await turns()
        assert line.done() and not answer.done(), "what speaks of nothing waits for nothing"
        disk.set()
        await answer
    assert [one for one in stage.ledger.commits if one != "settle"] == ["accept"] * 3
    assert stage.ledger.commits.index("settle") < len(stage.ledger.commits) - stage.ledger.commits[::-1].index("accept") - 1


async def test_who_waits_for_what_is_never_written_is_told_so_when_all_stops(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck(*_: Any) -> Any:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(stage.ledger, "settle", stuck)
    over = intake(stage)
    async with stage.running(FakeOutlet()):
        await over.accept(HUB, [event(1)])
        await turns()
        answer = asyncio.ensure_future(inlet(stage, over).accept(reaction(1)))
        await turns()
    with pytest.raises(LedgerUnavailable, match="stopping"):
        await answer
    assert not [one for one in stage.ledger.commits if one != "accept"]
