"""A network kept going: connects, opens, flows, fails, comes back, and says how it is."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adapters.fantasy.adapter import Fantasy
from adapters.fantasy.config import FantasyConfig
from adapters.fantasy.world import World
from bridge.contract.adapter import ChannelInfo, Inlet, Phase
from bridge.contract.errors import Disconnected, Unavailable
from bridge.delivery.intake import Intake
from bridge.delivery.supervise import Supervisor
from bridge.model.ids import ChannelId
from bridge.testing import toolbox
from tests.unit.delivery.stage import LOG, NET, FakeOutlet, Stage, background, draft, turns
from tests.unit.delivery.test_intake import intake

LOBBY, ATTIC, CELLAR = (ChannelId(NET, name) for name in ("#lobby", "#attic", "#cellar"))


class Plant(Stage):
    """A stage with one fantasy network under supervision."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.opened: list[tuple[ChannelId, ...]] = []
        self.intake: Intake = intake(self)
        self.supervisor = Supervisor(
            NET,
            self._build,
            [LOBBY, ATTIC],
            intake=self.intake,
            courier=self.courier,
            signal=lambda _: None,
            clock=self.clock,
            source=random.Random(1),
            metrics=self.counts,
            log=LOG,
        )

    def _build(self, inlet: Inlet) -> Fantasy:
        plant = self

        class Watched(Fantasy):
            async def open(self, *channels: ChannelId) -> list[ChannelInfo]:
                plant.opened.append(channels)
                return await super().open(*channels)

        return Watched(NET, FantasyConfig(), inlet, toolbox(self.clock), world=self.world)

    @asynccontextmanager
    async def up(self) -> AsyncIterator[Supervisor]:
        async with background(self.courier.run), background(self.supervisor.run):
            await turns()
            yield self.supervisor


@pytest.fixture
async def plant() -> Plant:
    return Plant()


async def test_all_links_are_opened_in_one_call_before_anything_is_sent(plant: Plant) -> None:
    plant.ledger.put(draft(1, channel=LOBBY))
    async with plant.up() as supervisor:
        assert plant.opened == [(LOBBY, ATTIC)]
        assert supervisor.state.phase is Phase.CONNECTED
        assert supervisor.ready.is_set()
        assert plant.world.sees("#lobby") == ["Alice: line 1"]
    assert supervisor.state.phase is Phase.STOPPED
    assert plant.world.sessions == []


async def test_after_a_cut_everything_is_opened_again_and_the_lanes_go_on(plant: Plant) -> None:
    async with plant.up() as supervisor:
        plant.world.cut()
        await turns()
        assert supervisor.state.phase is Phase.TRANSIENT
        await plant.send(draft(1, channel=LOBBY))
        assert plant.world.frames == []
        await plant.clock.advance(3)
        assert plant.opened == [(LOBBY, ATTIC)] * 2
        assert plant.world.sees("#lobby") == ["Alice: line 1"]


async def test_a_network_that_is_down_is_tried_ever_more_rarely_but_is_ready_with_its_reason(plant: Plant) -> None:
    plant.world.down = True
    async with plant.up() as supervisor:
        assert supervisor.ready.is_set()
        assert supervisor.state.reason == "the world is down"
        await plant.clock.advance(3600)
        assert 10 < plant.counts.counted["disconnects"] < 40
        plant.world.down = False
        await plant.clock.advance(300)
        assert supervisor.state.phase is Phase.CONNECTED


async def test_the_log_has_a_line_for_each_change_and_none_for_each_try(plant: Plant, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    plant.world.banned["#attic"] = "you are banned there"
    async with plant.up():
        plant.world.down = True
        plant.world.cut()
        await plant.clock.advance(3600)
        plant.world.down = False
        await plant.clock.advance(300)
    said = [record.getMessage() for record in caplog.records]
    assert said.count("not connected: the world is down") == 1
    assert said.count("connected") == 2
    assert said.count(f"{ATTIC} is not open: you are banned there") == 1


async def test_told_to_retry_it_does_not_wait(plant: Plant) -> None:
    plant.world.down = True
    async with plant.up() as supervisor:
        await plant.clock.advance(1000)
        plant.world.down = False
        supervisor.retry()
        await turns()
        assert supervisor.state.phase is Phase.CONNECTED


async def test_what_a_human_must_mend_is_not_tried_again_until_told(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0

    async def run() -> None:
        nonlocal tries
        tries += 1
        raise Disconnected("banned", fatal=True)

    monkeypatch.setattr(plant.supervisor.adapter, "run", run)
    async with plant.up() as supervisor:
        await plant.clock.advance(86_400)
        assert (supervisor.state.phase, supervisor.state.reason, tries) == (Phase.FAILED, "banned", 1)
        supervisor.retry()
        await turns()
        assert tries == 2


async def test_a_crash_is_reported_and_the_adapter_started_again(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = plant.supervisor.adapter.run
    crashes = [ZeroDivisionError("ours")]

    async def run() -> None:
        if crashes:
            raise crashes.pop()
        await original()

    monkeypatch.setattr(plant.supervisor.adapter, "run", run)
    async with plant.up() as supervisor:
        assert "internal error" in (supervisor.state.reason or "")
        assert "crashed" in caplog.text
        await plant.clock.advance(3)
        assert supervisor.state.phase is Phase.CONNECTED


async def test_a_channel_that_does_not_open_has_a_reason_and_is_tried_again(plant: Plant) -> None:
    plant.world.banned["#attic"] = "you are banned there"
    async with plant.up() as supervisor:
        assert supervisor.ready.is_set()
        info = supervisor.channels[ATTIC]
        assert info is not None
        assert info.error == "you are banned there"
        await plant.clock.advance(10)
        assert len(plant.opened) == 1
        del plant.world.banned["#attic"]
        await plant.clock.advance(30)
        assert plant.opened[1:] == [(ATTIC,)]
        info = supervisor.channels[ATTIC]
        assert info is not None
        assert info.error is None


async def test_links_come_and_go_while_it_runs(plant: Plant) -> None:
    async with plant.up() as supervisor:
        supervisor.attach(CELLAR)
        await turns()
        assert plant.opened[1:] == [(CELLAR,)]
        await supervisor.detach(LOBBY)
        assert set(plant.world.sessions[0].channels) == {"#attic", "#cellar"}
        assert LOBBY not in supervisor.channels


async def test_an_open_that_hangs_ends_with_its_connection(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    original = plant.supervisor.adapter.open
    hang = True

    async def slow(*channels: ChannelId) -> list[ChannelInfo]:
        if hang:
            await asyncio.Event().wait()
        return await original(*channels)

    monkeypatch.setattr(plant.supervisor.adapter, "open", slow)
    async with plant.up() as supervisor:
        assert not supervisor.ready.is_set()
        hang = False
        plant.world.cut()
        await turns()
        await plant.clock.advance(3)
        assert supervisor.channels[LOBBY] is not None
        assert plant.opened == [(LOBBY, ATTIC)]


async def test_a_line_is_acknowledged_only_after_its_commit(plant: Plant) -> None:
    async with plant.up():
        plant.ledger.broken = True
        line = plant.world.say("#lobby", "bob", "hold this")
        await turns()
        assert plant.world.acknowledged == {}
        plant.ledger.broken = False
        await plant.clock.advance(30)
        assert plant.world.acknowledged != {}
    assert [event.id for event in plant.ledger.events] == [line.id]


async def test_what_can_be_reached_again_leaves_at_once_and_needs_no_new_connection(plant: Plant) -> None:
    async with plant.up() as supervisor:
        refusing = FakeOutlet()
        plant.courier.attach(NET, refusing)
        refusing.script[draft(1).delivery.id] = [Unavailable("its account is away") for _ in range(20)]
        await plant.send(draft(1, channel=LOBBY))
        await plant.clock.advance(300)
        assert refusing.got == []
        refusing.script.clear()
        supervisor.inlet.look_again(LOBBY, CELLAR)
        await turns()
        assert [one.channel for one in refusing.got] == [LOBBY]
        assert plant.opened == [(LOBBY, ATTIC), (LOBBY,)]  # and nothing else, least of all what is not linked


async def test_what_an_opening_learnt_before_something_changed_is_not_believed(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()
    original = plant.supervisor.adapter.open

    async def slow(*channels: ChannelId) -> list[ChannelInfo]:
        infos = await original(*channels)
        await gate.wait()
        return infos

    async with plant.up() as supervisor:
        monkeypatch.setattr(plant.supervisor.adapter, "open", slow)
        plant.world.banned["#attic"] = "you are banned there"
        supervisor.inlet.look_again(ATTIC)
        await turns()
        del plant.world.banned["#attic"]
        supervisor.inlet.look_again(ATTIC)
        gate.set()
        await turns()
        info = supervisor.channels[ATTIC]
        assert info is not None
        assert info.error is None


async def test_many_channels_that_are_shut_for_one_reason_are_one_line_in_the_log(
    plant: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    async with plant.up() as supervisor:
        for number in range(100):
            plant.world.banned[f"#{number}"] = "you are banned there"
            supervisor.attach(ChannelId(NET, f"#{number}"))
        await turns()
        said = [record.getMessage() for record in caplog.records]
    assert said == ["net/#0, net/#1, net/#2 and 97 more are not open: you are banned there"]
