"""Who moderates a Matrix room is told to those who heed it, and costs nothing where nobody does."""

import pytest

from bridge.app.moderating import Moderating
from bridge.contract.features import Feature, Level
from bridge.delivery.signals import SignalRouter
from bridge.matrix.power import read_power
from bridge.matrix.state import RoomFacts, RoomStates
from bridge.model.ids import HUB, ChannelId, IdentityId
from bridge.model.signals import Moderators, Signal
from tests.unit.delivery.stage import LANE, LOG, ROOM, FakeOutlet, Stage, background, turns

PUPPET, ALICE, BOB = "@_net_bob:hs", "@alice:hs", "@bob:hs"


class Levels(RoomStates):
    """Of one room."""

    def __init__(self) -> None:
        self.asked = 0

    async def of(self, room: str) -> RoomFacts:
        self.asked += 1
        content = {"users": {PUPPET: 50, ALICE: 60, BOB: 55}, "ban": 60}
        return RoomFacts(power=read_power(content, [], "11"))


class Heeding(FakeOutlet):
    def __init__(self, level: Level) -> None:
        super().__init__()
        self.levels[Feature.MODERATORS] = level
        self.felt: list[Signal] = []

    async def send_signal(self, signal: Signal) -> None:
        self.felt.append(signal)


def joined(outlet: FakeOutlet, states: RoomStates, repowered: list[str]) -> tuple[Moderating, SignalRouter]:
    stage = Stage()
    router = SignalRouter(
        legs=lambda channel: [LANE] if channel == ROOM else [],
        outlet=lambda _: outlet,
        root=stage.ledger.root,  # type: ignore[arg-type]
        copies=stage.ledger.copies,  # type: ignore[arg-type]
        clock=stage.clock,
        metrics=stage.counts,
        log=LOG,
    )
    return Moderating(states, lambda user: user.startswith("@_"), router, repowered.append), router


async def test_people_who_may_do_all_of_it_are_told_and_no_puppets() -> None:
    outlet, states = Heeding(Level.NATIVE), Levels()
    moderating, router = joined(outlet, states, [])
    await moderating.tell(ROOM.id)
    async with background(router.run):
        await turns()
    assert outlet.felt == [Moderators(channel=LANE, of=ChannelId(HUB, ROOM.id), who=(IdentityId(HUB, ALICE),))]


@pytest.mark.parametrize("room", [ROOM.id, "!unlinked:hs"])
async def test_the_homeserver_is_not_asked_where_nobody_heeds_it(room: str) -> None:
    """A start with a thousand rooms would read the state of each."""
    states = Levels()
    outlet = Heeding(Level.DROPPED if room == ROOM.id else Level.NATIVE)
    moderating, _ = joined(outlet, states, [])
    await moderating.tell(room)
    assert states.asked == 0
