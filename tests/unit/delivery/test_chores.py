"""The hub's business is done in order within a room, again until done, and set aside when it can't be."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from bridge.contract.errors import Rejected, Unavailable, Uncertain
from bridge.delivery.chores import MOST_ATTEMPTS, ChoreWorker
from bridge.ledger.rows import Accepted, Chore
from bridge.model.ids import HUB
from tests.unit.delivery.stage import LOG, Stage, background, turns

Do = Callable[[Chore], Awaitable[None]]


class Desk(Stage):
    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []
        self.failing: dict[str, list[Exception]] = {}
        self.worker = ChoreWorker(
            self.ledger, {"task": self._do}, clock=self.clock, source=random.Random(1), metrics=self.counts, log=LOG
        )

    async def _do(self, chore: Chore) -> None:
        await asyncio.sleep(0)
        if self.failing.get(chore.id):
            raise self.failing[chore.id].pop()
        self.done.append(chore.id)

    async def bring(self, *chores: Chore) -> Accepted:
        accepted = await self.ledger.accept(HUB, [], lambda *_: None, chores=chores)  # type: ignore[arg-type]
        self.worker.wake()
        await turns()
        return accepted


def task(id: str, room: str = "", kind: str = "task") -> Chore:
    return Chore(id=id, kind=kind, payload=b"", room=room)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_rooms_do_not_wait_for_one_another_but_keep_their_order(desk: Desk) -> None:
    desk.failing["a1"] = [RuntimeError("once")]
    async with background(desk.worker.run):
        await desk.bring(task("a1", "!a"), task("a2", "!a"), task("b1", "!b"), task("b2", "!b"))
        assert desk.done == ["b1", "b2"]
        await desk.clock.advance(2)
        assert desk.done == ["b1", "b2", "a1", "a2"]


async def test_what_never_works_is_set_aside_and_its_room_goes_on(desk: Desk) -> None:
    desk.failing["a1"] = [RuntimeError("always")] * 100
    async with background(desk.worker.run):
        await desk.bring(task("a1", "!a"), task("a2", "!a"))
        await desk.clock.advance(1000)
    assert desk.done == ["a2"]
    assert desk.ledger.chores["a1"][1] == "quarantined"
    assert len(desk.failing["a1"]) == 100 - MOST_ATTEMPTS


async def test_an_outage_sets_nothing_aside(desk: Desk) -> None:
    desk.failing["a1"] = [Unavailable("homeserver down")] * 20
    async with background(desk.worker.run):
        await desk.bring(task("a1", "!a"))
        await desk.clock.advance(20 * 301)
    assert desk.done == ["a1"]


async def test_what_is_refused_is_set_aside_at_once_with_its_reason(desk: Desk) -> None:
    desk.failing["a1"] = [Rejected("never")] * 2
    async with background(desk.worker.run):
        await desk.bring(task("a1", "!a"), task("a2", "!a"))
    assert desk.done == ["a2"]
    assert desk.ledger.chores["a1"][1] == "quarantined"
    assert len(desk.failing["a1"]) == 1


async def test_a_lost_answer_is_asked_again_without_an_error_report(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.failing["a1"] = [Uncertain("the answer was lost")]
    async with background(desk.worker.run):
        await desk.bring(task("a1", "!a"))
        await desk.clock.advance(2)
    assert desk.done == ["a1"]
    assert not caplog.records


async def test_an_unknown_kind_is_set_aside_at_once(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    async with background(desk.worker.run):
        await desk.bring(task("x", "!a", kind="from the future"), task("y", "!a"))
    assert desk.done == ["y"]
    assert desk.ledger.chores["x"][1] == "quarantined"
    assert "unknown kind" in caplog.text


async def test_what_an_earlier_run_left_is_done_without_being_told(desk: Desk) -> None:
    await desk.ledger.accept(HUB, [], lambda *_: None, chores=[task("old")])  # type: ignore[arg-type]
    async with background(desk.worker.run):
        await turns()
    assert desk.done == ["old"]


async def test_a_ledger_that_cannot_write_delays_and_loses_nothing(desk: Desk) -> None:
    async with background(desk.worker.run):
        await desk.bring(task("a1", "!a"))
        desk.done.clear()
        await desk.ledger.accept(HUB, [], lambda *_: None, chores=[task("a2", "!a")])  # type: ignore[arg-type]
        desk.ledger.broken = True
        desk.worker.wake()
        await desk.clock.advance(100)
        desk.ledger.broken = False
        await desk.clock.advance(100)
    assert desk.ledger.chores["a2"][1] == "done"
