"""What is read reaches the ledger in order, once, and no cursor runs ahead of its events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from adapters.common.pipeline import MAX_BATCH, PAUSE_AT, RETRY_SECONDS, Pipeline
from bridge.contract.adapter import Cursor
from bridge.contract.errors import LedgerUnavailable
from bridge.model.events import Event, Message, Text
from bridge.model.ids import ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity
from bridge.testing import RecordingInlet, toolbox, until
from tests.doubles.clock import FakeClock

NET = NetworkName("net")
BOB = Identity(id=IdentityId(NET, "bob"))


def event(number: int) -> Event:
    body = Message(text=Text(plain=str(number)))
    channel = ChannelId(NET, "room")
    return Event(key=EventKey(NET, str(number)), channel=channel, author=BOB, happened_at=datetime.now(UTC), body=body)


class Counting(RecordingInlet):
    """Notes how much was committed when a cursor came, and fails as often as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[tuple[str, str, int]] = []
        self.failures = 0

    async def accept(self, *events: Event, cursor: Cursor | None = None) -> None:
        if self.failures:
            self.failures -= 1
            raise LedgerUnavailable("the disk is full")
        await super().accept(*events, cursor=cursor)
        if cursor is not None:
            self.at.append((cursor.scope, cursor.value, len(self.events)))


class Flow:
    def __init__(self, inlet: Counting, clock: FakeClock) -> None:
        self.reading = True
        self.pipeline = Pipeline(inlet, toolbox(clock), name="net", pause=self._pause, resume=self._resume)

    def _pause(self) -> None:
        self.reading = False

    def _resume(self) -> None:
        self.reading = True


@asynccontextmanager
async def flowing(inlet: Counting, clock: FakeClock) -> AsyncIterator[Flow]:
    flow = Flow(inlet, clock)
    task = asyncio.ensure_future(flow.pipeline.run())
    try:
        yield flow
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_cursor_is_never_stored_before_the_events_put_before_it() -> None:
    inlet = Counting()
    async with flowing(inlet, FakeClock()) as flow:
        for number in range(3 * MAX_BATCH):
            flow.pipeline.put([event(number)])
            flow.pipeline.put_cursor(Cursor(scope="even" if number % 2 == 0 else "odd", value=str(number)))
        await flow.pipeline.finish()
    assert [one.key.id for one in inlet.events] == [str(number) for number in range(3 * MAX_BATCH)]
    assert all(committed > int(value) for _, value, committed in inlet.at)
    assert {scope: cursor.value for scope, cursor in inlet.cursors.items()} == {
        "even": str(3 * MAX_BATCH - 2),
        "odd": str(3 * MAX_BATCH - 1),
    }


async def test_a_newer_cursor_is_not_lost_while_an_older_one_is_being_stored() -> None:
    inlet = Counting()
    async with flowing(inlet, FakeClock()) as flow:
        inlet.shut()
        flow.pipeline.put([event(1)])
        flow.pipeline.put_cursor(Cursor(scope="room", value="1"))
        await until(lambda: inlet.offered)
        flow.pipeline.put_cursor(Cursor(scope="room", value="2"))
        inlet.unshut()
        await flow.pipeline.finish()
    assert inlet.cursors["room"].value == "2"


async def test_reading_stops_where_the_ledger_cannot_take_more_and_nothing_is_lost() -> None:
    inlet, clock = Counting(), FakeClock()
    inlet.failures = 1
    async with flowing(inlet, clock) as flow:
        flow.pipeline.put([event(number) for number in range(PAUSE_AT)])
        assert not flow.reading
        await until(lambda: clock.sleepers)
        assert not inlet.events
        await clock.advance(RETRY_SECONDS)
        await flow.pipeline.finish()
        assert flow.reading
    assert len(inlet.events) == PAUSE_AT


async def test_what_is_held_waits_with_all_that_stands_behind_it() -> None:
    inlet, confirmed = Counting(), list[str]()
    async with flowing(inlet, FakeClock()) as flow:
        with flow.pipeline.held():
            with flow.pipeline.held():
                flow.pipeline.put((), lambda: confirmed.append("before"))
                flow.pipeline.put_cursor(Cursor(scope="room", value="begun"))
                flow.pipeline.put([event(1)], lambda: confirmed.append("behind"))
                await until(lambda: bool(inlet.cursors))
            await until(lambda: confirmed == ["before"])
            assert not inlet.offered
        await flow.pipeline.finish()
    assert (len(inlet.events), confirmed) == (1, ["before", "behind"])


async def test_what_waits_when_it_is_stopped_is_handed_in() -> None:
    inlet = Counting()
    flow = Flow(inlet, FakeClock())
    flow.pipeline.put([event(1)])
    await flow.pipeline.rescue()
    assert [one.key.id for one in inlet.events] == ["1"]


async def test_who_confirms_to_have_something_does_so_once_it_is_on_disk_and_not_before() -> None:
    inlet, clock, confirmed = Counting(), FakeClock(), list[int]()
    inlet.failures = 1
    async with flowing(inlet, clock) as flow:
        for number in range(3):
            flow.pipeline.put([event(number)], lambda: confirmed.append(len(inlet.events)))
        flow.pipeline.put((), lambda: confirmed.append(-1))
        await until(lambda: clock.sleepers)
        assert confirmed == []
        await clock.advance(RETRY_SECONDS)
        await flow.pipeline.finish()
    assert confirmed == [3, 3, 3, -1]
