"""A stage for readable scenes: one room, two pretend networks, a real ledger, real routing; only the homeserver is played.

    await scene.alice.says("hello")
    await scene.dream.hears("Alice: hello")

Time moves only when a scene says so; whatever threads do is waited for.
"""

import itertools
import logging
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from adapters.fantasy.adapter import Fantasy
from adapters.fantasy.config import FantasyConfig
from adapters.fantasy.world import Kind, Line, World
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import Unavailable, Uncertain
from bridge.contract.features import Evidence, Features
from bridge.delivery.courier import Courier
from bridge.delivery.intake import Intake
from bridge.delivery.supervise import Supervisor
from bridge.ledger.ledger import Ledger
from bridge.model.events import Attachment, Body, Edit, Event, Message, Redaction, Ref, Text
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from bridge.model.portals import Link, Portal
from bridge.routing.admit import Policy
from bridge.routing.hub import HUB_FEATURES
from bridge.routing.plan import Place, Planner
from bridge.routing.topology import Leg, Topology
from bridge.testing.doubles import NoMetrics, toolbox, until
from tests.doubles.clock import FakeClock
from tests.doubles.tables import lay
from tests.unit.delivery.stage import background

ROOM = "!lobby:hs"
LOG = logging.getLogger("tests.plays")


class Room:
    """The hub's side: what stands in the room, edits and redactions applied, and a homeserver that can be down or deaf."""

    def __init__(self) -> None:
        self.shown: dict[str, str] = {}
        self.stamps: dict[str, str] = {}
        self.sends = 0
        self.down = False
        self.lose_answers = 0

    async def deliver(self, delivery: Delivery) -> Receipt:
        if self.down:
            raise Unavailable("the homeserver is down")
        self.sends += 1
        id = self.stamps.setdefault(delivery.id, f"$r{len(self.stamps)}")
        self._show(id, delivery.author.name, delivery.body, delivery)
        if self.lose_answers:
            self.lose_answers -= 1
            raise Uncertain("no answer")
        return Receipt(evidence=Evidence.ASSIGNED, ids=(id,))

    def _show(self, id: str, name: str, body: Body, delivery: Delivery) -> None:
        target = delivery.target.ids[0] if delivery.target is not None and delivery.target.ids else None
        if isinstance(body, Message):
            self.shown[id] = f"{name}: {body.text.plain}"
        elif isinstance(body, Edit) and target is not None:
            self.shown[target] = f"{name}: {body.message.text.plain}"
        elif isinstance(body, Redaction) and target is not None:
            self.shown.pop(target, None)

    async def find(self, delivery: Delivery) -> Receipt | None:
        if self.down:
            raise Unavailable("the homeserver is down")
        id = self.stamps.get(delivery.id)
        return None if id is None else Receipt(evidence=Evidence.ASSIGNED, ids=(id,))

    def features(self, channel: ChannelId) -> Features:
        return HUB_FEATURES

    async def shows(self, *lines: str) -> None:
        await until(lambda: list(self.shown.values()) == list(lines))


class Town:
    """One pretend network and its people."""

    def __init__(self, name: str) -> None:
        self.network = NetworkName(name)
        self.channel = ChannelId(self.network, "#lobby")
        self.world = World()

    def says(self, who: str, text: str) -> Line:
        return self.world.say("#lobby", who, text)

    async def hears(self, *lines: str) -> None:
        """Exactly this stands in the channel."""
        await until(lambda: self.world.sees("#lobby") == list(lines))


class Nothing:
    """`Links` of a bridge without media."""

    def link_for(self, attachment: Attachment, event: Event) -> str | None:
        return None

    def page_for(self, event: Event) -> str | None:
        return None

    def name_of(self, identity: Identity, leg: Leg) -> str:
        return identity.name


class Person:
    """Somebody on Matrix."""

    _numbers = itertools.count()

    def __init__(self, scene: "Scene", name: str) -> None:
        self._scene = scene
        self._identity = Identity(id=IdentityId(HUB, f"@{name.lower()}:hs"), profile=Profile(name=name))

    async def says(self, text: str, *, answers: EventKey | None = None) -> EventKey:
        reply = None if answers is None else Ref(key=answers)
        return await self._does(Message(text=Text(plain=text), reply_to=reply))

    async def edits(self, key: EventKey, text: str) -> EventKey:
        return await self._does(Edit(target=Ref(key=key), message=Message(text=Text(plain=text))))

    async def takes_back(self, key: EventKey) -> EventKey:
        return await self._does(Redaction(target=Ref(key=key)))

    async def _does(self, body: Body) -> EventKey:
        key = EventKey(HUB, f"${next(self._numbers)}")
        room = ChannelId(HUB, ROOM)
        event = Event(key=key, channel=room, author=self._identity, happened_at=self._scene.clock.now(), body=body)
        await self._scene.intake.accept(HUB, [event])
        return key


class Scene:
    """What survives a restart is here; what does not is made by `up`."""

    def __init__(self, path: Path) -> None:
        self.disk = path / "scene.db"
        self.clock = FakeClock()
        self.room = Room()
        self.dream, self.sleep = Town("dream"), Town("sleep")
        self.alice, self.carol = Person(self, "Alice"), Person(self, "Carol")
        self.intake: Intake
        self.courier: Courier
        self.ledger: Ledger
        self.supervisors: dict[NetworkName, Supervisor] = {}

    @asynccontextmanager
    async def up(self, *, planned: bool = True) -> AsyncIterator["Scene"]:
        """The bridge runs; `planned` says whether it ends by being stopped, or by being killed."""
        self.ledger = await Ledger.connect(lay(self.disk), clock=self.clock)
        try:
            self._wire()
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(background(self.courier.run))
                for supervisor in self.supervisors.values():
                    await stack.enter_async_context(background(supervisor.run))
                    await until(supervisor.ready.is_set)
                yield self
                if planned:
                    await self.courier.stop()
        finally:
            await self.ledger.close()

    def _wire(self) -> None:
        portal = Portal(id=1, room=ROOM)
        links = [Link(id=n, portal=1, channel=town.channel) for n, town in enumerate((self.dream, self.sleep))]
        planner = Planner(lambda: Topology([portal], links), self._place, Policy(mark="here"), Nothing(), self.clock.now)
        metrics, source = NoMetrics(), random.Random(1)
        me = Identity(id=IdentityId(HUB, "@unabridged:hs"), profile=Profile(name="unabridged"), bot=True)
        self.courier = Courier(self.ledger, clock=self.clock, source=source, metrics=metrics, log=LOG, me=me)
        self.courier.attach(HUB, self.room)
        self.intake = Intake(self.ledger, planner.plan, self.courier, metrics=metrics, log=LOG)
        for town in (self.dream, self.sleep):
            self.supervisors[town.network] = Supervisor(
                town.network,
                lambda inlet, town=town: Fantasy(  # type: ignore[misc]
                    town.network, FantasyConfig(), inlet, toolbox(self.clock), world=town.world
                ),
                [town.channel],
                intake=self.intake,
                courier=self.courier,
                signal=lambda _: None,
                clock=self.clock,
                source=source,
                metrics=metrics,
                log=LOG,
            )

    def _place(self, network: NetworkName) -> Place | None:
        if network == HUB:
            return Place(features=self.room.features)
        supervisor = self.supervisors[network]
        return Place(features=supervisor.adapter.features, split=supervisor.adapter.manifest.split)


def spoken(world: World) -> list[str]:
    """Every line that the bridge ever wrote, repeats included."""
    return [line.text for line in world.lines if line.author == FantasyConfig().account and line.kind is Kind.SAY]
