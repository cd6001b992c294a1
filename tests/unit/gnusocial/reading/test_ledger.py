"""The reader on a real ledger: an end at any moment loses nothing and doubles nothing."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.contract.adapter import Cursor
from bridge.contract.errors import LedgerUnavailable
from bridge.contract.plan import Lookup, Planned
from bridge.ledger.ledger import Ledger
from bridge.model.events import Event
from bridge.testing.doubles import RecordingInlet
from tests.doubles.clock import FakeClock
from tests.doubles.tables import lay
from tests.unit.gnusocial.kit import NET, names
from tests.unit.gnusocial.reading.wall import Desk, Wall, text_of


def nowhere(event: Event, lookup: Lookup) -> Planned:
    return Planned(dropped="no room in this test")


class LedgerInlet(RecordingInlet):
    """Commits to a ledger until `lives` are used up; `fresh` has what was news to it."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self.ledger = ledger
        self.fresh: list[Event] = []
        self.lives = 1_000

    async def accept(self, *events: Event, cursor: Cursor | None = None) -> None:
        self.lives -= 1
        if self.lives < 0:
            raise LedgerUnavailable("killed")
        accepted = await self.ledger.accept(NET, events, nowhere, cursor=cursor)
        told = {event.key: event for event in reversed(events)}
        self.fresh += [told[key] for key in accepted.fresh]

    async def cursor(self, scope: str) -> Cursor | None:
        return await self.ledger.cursor(NET, scope)


@pytest.fixture
async def inlet(tmp_path: Path) -> AsyncIterator[LedgerInlet]:
    ledger = await Ledger.connect(lay(tmp_path / "ledger.db"), clock=FakeClock())
    try:
        yield LedgerInlet(ledger)
    finally:
        await ledger.close()


async def test_an_end_at_any_commit_loses_nothing_and_doubles_nothing(inlet: LedgerInlet) -> None:
    wall = Wall()
    wall.timelines["statuses/mentions"] = []
    wall.post("before")
    desk = Desk(wall, "home@me", "mentions@me")
    desk.inlet = inlet
    desk.begin()
    async with desk.running():
        pass
    expected = ["before"]
    for life in range(6):
        for _ in range(70):
            id = wall.post(f"post {wall.next}")
            expected.append(f"post {id}")
            if id % 5 == 0:
                wall.timelines["statuses/mentions"].insert(0, wall.timelines["statuses/home_timeline"][0])
        desk.begin()
        inlet.lives = life % 3
        async with desk.running():
            pass
    inlet.lives = 1_000
    desk.begin()
    async with desk.running():
        for _ in range(4):
            await desk.round()
    assert sorted(text_of(event) for event in inlet.fresh) == sorted(expected)


async def test_a_repeat_and_then_its_original_are_known_by_each_others_names(inlet: LedgerInlet) -> None:
    wall = Wall()
    desk = Desk(wall)
    desk.inlet = inlet
    desk.begin()
    async with desk.running():
        original = wall.post("original", path="elsewhere")
        wall.post("RT", retweeted_status=wall.shown[f"{original}"].data)
        await desk.round()
        (boost,) = inlet.fresh
        for name in names(original):
            assert await inlet.ledger.root(type(boost.key)(NET, name)) == boost.key
