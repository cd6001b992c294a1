"""What an account hears reaches the ledger in order, is acknowledged only then, and no chat waits for another's room."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from msgspec.structs import replace

from adapters.xmpp.accounts.intake import PAUSE_AT, Intake, Item
from bridge.contract.adapter import Cursor
from bridge.contract.errors import LedgerUnavailable, Unavailable
from bridge.model.events import Event, Message, Text
from bridge.model.ids import ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity
from bridge.testing import RecordingInlet, toolbox, until
from bridge.testing.doubles import MemoryLinking
from tests.doubles.clock import START, FakeClock

NET = NetworkName("jabber")


class Inlet(RecordingInlet):
    """`away`: nothing can be stored."""

    away = False

    async def accept(self, *events: Event, cursor: Cursor | None = None) -> None:
        if self.away:
            raise LedgerUnavailable("the disk is full")
        await super().accept(*events, cursor=cursor)


class Rooms(MemoryLinking):
    """`without`: chats that can't have a room now."""

    def __init__(self) -> None:
        super().__init__()
        self.without: set[str] = set()
        self.asked: list[str] = []

    async def direct(self, channel: ChannelId, *, login: str, peer: Identity) -> None:
        self.asked.append(channel.id)
        if channel.id in self.without:
            raise Unavailable("the homeserver is away")


class Stage:
    def __init__(self, clock: FakeClock) -> None:
        self.inlet, self.rooms, self.clock = Inlet(), Rooms(), clock
        self.settled: list[int] = []
        self.reading = True
        tools = replace(toolbox(clock), linking=self.rooms)
        self.intake = Intake("me", "scope", self.inlet, tools, settle=self._settle, reading=self._read)
        self._count = 0

    def _settle(self, tickets: Sequence[int]) -> None:
        self.settled += tickets

    def _read(self, reading: bool) -> None:
        self.reading = reading

    def put(self, channel: str, *, cursor: str | None = None, empty: bool = False) -> int:
        self._count += 1
        who = Identity(id=IdentityId(NET, channel))
        event = Event(
            key=EventKey(NET, str(self._count)),
            channel=ChannelId(NET, channel),
            author=who,
            happened_at=START,
            body=Message(text=Text(plain=str(self._count))),
        )
        events = () if empty else (event,)
        self.intake.put(Item(channel=event.channel, peer=who, events=events, ticket=self._count, cursor=cursor))
        return self._count

    def stored(self) -> str | None:
        cursor = self.inlet.cursors.get("scope")
        return None if cursor is None else cursor.value


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage(FakeClock())
    running = asyncio.create_task(stage.intake.run())
    yield stage
    running.cancel()
    await asyncio.wait((running,))


async def test_nothing_is_acknowledged_before_it_is_committed(stage: Stage) -> None:
    stage.inlet.shut()
    stage.put("romeo")
    await until(lambda: stage.inlet.offered)
    assert stage.settled == []
    stage.inlet.unshut()
    await until(lambda: stage.settled == [1])


async def test_what_means_nothing_is_acknowledged_in_its_turn(stage: Stage) -> None:
    stage.inlet.shut()
    stage.put("romeo")
    await until(lambda: stage.inlet.offered)
    stage.put("romeo", empty=True)
    stage.inlet.unshut()
    await until(lambda: stage.settled == [1, 2])


async def test_a_chat_without_a_room_holds_up_no_other(stage: Stage) -> None:
    stage.rooms.without = {"tybalt"}
    stage.put("tybalt", cursor="a1")
    stage.put("romeo", cursor="a2")
    stage.put("tybalt", cursor="a3")
    await until(lambda: stage.settled == [2])
    assert [event.channel.id for event in stage.inlet.events] == ["romeo"]
    assert stage.stored() is None  # the archive is read from before what is not committed, should we fall now
    stage.rooms.without.clear()
    await stage.clock.advance(10)
    await until(lambda: stage.settled == [2, 1, 3])
    assert stage.stored() == "a3"
    assert [event.key.id for event in stage.inlet.events] == ["2", "1", "3"]


async def test_many_chats_without_rooms_hold_up_no_other(stage: Stage) -> None:
    stage.rooms.without = {f"tybalt{number}" for number in range(50)}
    for who in stage.rooms.without:
        stage.put(who)
    await until(lambda: len(stage.rooms.asked) == 50)
    last = stage.put("romeo")
    await until(lambda: stage.settled == [last])


async def test_a_chat_gets_its_room_once(stage: Stage) -> None:
    for _ in range(5):
        stage.put("romeo")
    await until(lambda: stage.settled == [1, 2, 3, 4, 5])
    stage.put("romeo")
    await until(lambda: len(stage.settled) == 6)
    assert stage.rooms.asked == ["romeo"]
    stage.intake.forget(ChannelId(NET, "romeo"))
    stage.put("romeo")
    await until(lambda: len(stage.settled) == 7)
    assert stage.rooms.asked == ["romeo", "romeo"]


async def test_a_ledger_that_takes_nothing_stops_the_reading_and_loses_nothing(stage: Stage) -> None:
    stage.inlet.away = True
    stage.put("romeo")
    await until(lambda: not stage.reading)
    stage.put("romeo")
    stage.inlet.away = False
    await stage.clock.advance(5)
    await until(lambda: stage.settled == [1, 2])
    assert stage.reading
    assert [event.key.id for event in stage.inlet.events] == ["1", "2"]


async def test_a_flood_stops_the_reading_until_it_is_through(stage: Stage) -> None:
    stage.inlet.shut()
    for _ in range(PAUSE_AT):
        stage.put("romeo")
    assert not stage.reading
    stage.inlet.unshut()
    await until(lambda: stage.reading)
    await until(lambda: len(stage.inlet.events) == PAUSE_AT)
