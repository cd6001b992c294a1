"""The parts of one bridge and how they are joined."""

import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import aiohttp
from msgspec import Struct

from bridge.app.calm import Calming
from bridge.app.caretaker import Caretaker
from bridge.app.directs import Entered
from bridge.app.doors import listeners, make_receiver, terminal
from bridge.app.foreign import ForeignBridges
from bridge.app.ground import Ground
from bridge.app.hub import Hub, PlanLinks, build_hub
from bridge.app.linkage import Linkage
from bridge.app.logins import AllLogins
from bridge.app.moderating import Moderating
from bridge.app.names import Names
from bridge.app.networks import Networks
from bridge.app.office import BridgeOffice
from bridge.app.pulse import Pulse
from bridge.app.reception import Reception, build_reception
from bridge.app.recovery import Recovery
from bridge.app.roll import Roll
from bridge.app.speech import Speech
from bridge.app.switchboard import Switchboard
from bridge.app.told import Told
from bridge.app.vocabulary import build_desk
from bridge.commands.desk import Desk
from bridge.config.adapters_found import FoundAdapters
from bridge.config.places import Places
from bridge.config.settings import Settings, Tokens
from bridge.contract.errors import Unavailable
from bridge.contract.plan import Plan
from bridge.contract.toolbox import Clock
from bridge.delivery.chores import ChoreWorker
from bridge.delivery.courier import Courier
from bridge.delivery.desk import Calm
from bridge.delivery.intake import Intake
from bridge.delivery.signals import SignalRouter
from bridge.ledger.ledger import Ledger
from bridge.ledger.rows import Chore
from bridge.matrix.business import Affairs
from bridge.matrix.links import LinkDesk
from bridge.matrix.ping import Pinger
from bridge.matrix.receiver import ANSWER, COMMAND, UNREADABLE, Receiver
from bridge.matrix.server import Listener
from bridge.matrix.upgrade import Upgrades
from bridge.model.events import Event
from bridge.model.ids import HUB, IdentityId
from bridge.model.people import Identity, Profile
from bridge.model.permissions import permission_of
from bridge.ops.control import ControlServer
from bridge.ops.http import GuardedHttp
from bridge.ops.metrics import PrometheusMetrics
from bridge.ops.retention import Retention
from bridge.routing.accounts import took_back
from bridge.routing.admit import Policy, checked_redactions
from bridge.routing.hub import HUB_FEATURES
from bridge.routing.plan import Place, Planner

Task = Callable[[Chore], Awaitable[None]]


class Plant(Struct, frozen=True, kw_only=True):
    hub: Hub
    recovery: Recovery
    courier: Courier
    intake: Intake
    chores: ChoreWorker
    signals: SignalRouter
    pulse: Pulse
    networks: Networks
    logins: AllLogins
    reception: Reception
    calming: Calming
    linkage: Linkage
    caretaker: Caretaker
    retention: Retention
    control: ControlServer
    receiver: Receiver
    listeners: Sequence[Listener]


async def build(
    settings: Settings,
    tokens: Tokens,
    places: Places,
    ledger: Ledger,
    session: aiohttp.ClientSession,
    http: GuardedHttp,
    clock: Clock,
    found: FoundAdapters,
    key: bytes,
) -> Plant:
    """Nothing runs yet. Reads the ledger; asks nobody else."""
    switchboard = Switchboard(ledger)
    await switchboard.refresh()
    networks = Networks(settings, found, switchboard)
    hub = build_hub(settings, tokens, ledger, session, http, clock, switchboard, networks, key)
    switchboard.tell(hub.rooms.forget)
    switchboard.tell(hub.badges.relinked)
    ground = Ground(
        settings=settings,
        tokens=tokens,
        places=places,
        ledger=ledger,
        http=http,
        clock=clock,
        metrics=PrometheusMetrics(),
        switchboard=switchboard,
        networks=networks,
        hub=hub,
        logins=await AllLogins.load(ledger),
    )
    foreign = ForeignBridges(ledger, switchboard, networks.manifests, hub.api)
    await foreign.load()
    linkage = Linkage(
        ledger,
        hub.rooms,
        switchboard,
        settings.portals,
        clock,
        logging.getLogger("unabridged.rooms"),
        entered=_entered(hub, foreign),
    )
    await linkage.known()
    pinger = Pinger(session, settings.homeserver.url, tokens.appservice, tokens.appservice_id, ours=settings.bridge.public_url)
    return await _joined(ground, foreign, linkage, pinger, key)


async def _joined(ground: Ground, foreign: ForeignBridges, linkage: Linkage, pinger: Pinger, key: bytes) -> Plant:
    hub, networks, switchboard, clock, metrics = ground.hub, ground.networks, ground.switchboard, ground.clock, ground.metrics
    log = logging.getLogger("unabridged.delivery")
    roll = Roll(ground.logins, networks, switchboard)
    courier = _courier(ground, roll, log)
    pulse = Pulse(hub.outlet, hub.api.whoami, clock, down=lambda: courier.pause(HUB), up=lambda: courier.resume(HUB))
    courier.attach(HUB, pulse)
    calming = await Calming.load(ground, roll)
    signals = _signals(ground, pulse, log, calming)
    tasks: dict[str, Task] = {}
    chores = ChoreWorker(ground.ledger, tasks, clock=clock, source=random.Random(), metrics=metrics, log=log)
    plan = await _planner(ground, foreign, calming)
    links, told = LinkDesk(hub.links, ground.ledger, hub.media, metrics), Told(ground.ledger)
    reception = await build_reception(ground, _entered(hub, foreign), roll, key)
    intake = Intake(
        ground.ledger,
        plan,
        courier,
        metrics=metrics,
        log=log,
        chores_waiting=chores.wake,
        redacted=links.redacted,
        first=told.first,
        taken=reception.taken,
    )
    _build_networks(ground, intake, courier, signals, reception)
    office = _office(ground, foreign, linkage, courier, pulse, reception)
    desk = build_desk(ground, calming, office, reception, plan, intake, courier, chores)
    receiver = make_receiver(ground, intake, courier, signals, desk, links, reception.talks)
    moderating = Moderating(hub.states, hub.ours, signals, hub.badges.repowered)
    tasks |= {**_tasks(ground, intake, foreign, moderating, reception, office, desk, receiver), UNREADABLE: receiver.read_again}
    return Plant(
        hub=hub,
        recovery=_recovery(ground, receiver, pinger, pulse),
        courier=courier,
        intake=intake,
        chores=chores,
        signals=signals,
        pulse=pulse,
        networks=networks,
        logins=ground.logins,
        reception=reception,
        calming=calming,
        linkage=linkage,
        caretaker=Caretaker(switchboard, networks.supervisors, hub.info, hub.rooms, moderating, clock, log),
        retention=_retention(ground),
        control=_control(ground, desk, office, reception),
        receiver=receiver,
        listeners=listeners(ground, receiver, links, linkage, reception.outfeeds),
    )


def _build_networks(ground: Ground, intake: Intake, courier: Courier, signals: SignalRouter, reception: Reception) -> None:
    ground.networks.build(
        intake=intake,
        courier=courier,
        signal=signals.signal,
        clock=ground.clock,
        http=ground.http,
        media=ground.hub.media,
        metrics=ground.metrics,
        logins=ground.logins,
        linking=reception.linking,
        troubled=reception.troubles.heard,
    )


def _courier(ground: Ground, roll: Roll, log: logging.Logger) -> Courier:
    bot = IdentityId(HUB, ground.hub.bot)
    me = Identity(id=bot, profile=Profile(name=ground.tokens.bot), bot=True)
    source = random.Random()
    return Courier(
        ground.ledger,
        clock=ground.clock,
        source=source,
        metrics=ground.metrics,
        log=log,
        me=me,
        told_in=roll.told_in,
        by_time=ground.switchboard.is_timeline,
        calm=Calm(
            pace=ground.switchboard.pace,
            own=lambda who: bool(roll.accounts().known_as(who)),
            command=ground.settings.bridge.command_prefix,
        ),
    )


def _office(
    ground: Ground, foreign: ForeignBridges, linkage: Linkage, courier: Courier, pulse: Pulse, reception: Reception
) -> BridgeOffice:
    hub = ground.hub
    return BridgeOffice(
        ground.settings,
        ground.ledger,
        ground.switchboard,
        courier,
        ground.networks,
        api=hub.api,
        rooms=hub.rooms,
        states=hub.states,
        linkage=linkage,
        pulse=pulse,
        entered=_entered(hub, foreign),
        doubles=hub.doubles,
        check=reception.rights.check,
        troubles=reception.troubles.now,
    )


def _control(ground: Ground, desk: Desk, office: BridgeOffice, reception: Reception) -> ControlServer:
    answers = terminal(desk, office, reception.talks)
    return ControlServer(ground.places.socket, answers, logging.getLogger("unabridged.control"))


def _entered(hub: Hub, foreign: ForeignBridges) -> Entered:
    """What is done in a room before its first link: nothing from before is carried, and who else is there is known."""

    async def entered(room: str, since: datetime | None = None) -> None:
        await hub.look_back.linked(room, since)
        await foreign.look(room)

    return entered


def _recovery(ground: Ground, receiver: Receiver, pinger: Pinger, pulse: Pulse) -> Recovery:
    return Recovery(
        receiver,
        ground.hub.look_back,
        pinger,
        ground.switchboard,
        pulse,
        ground.clock,
        homeserver=ground.settings.homeserver.url,
    )


def _signals(ground: Ground, pulse: Pulse, log: logging.Logger, calming: Calming) -> SignalRouter:
    return SignalRouter(
        legs=ground.switchboard.legs,
        outlet=lambda network: pulse if network == HUB else ground.networks.outlet(network),
        root=ground.ledger.root,
        copies=ground.ledger.copies,
        watching=ground.networks.watching,
        noted=calming.marks.note,
        clock=ground.clock,
        metrics=ground.metrics,
        log=log,
    )


async def _planner(ground: Ground, foreign: ForeignBridges, calming: Calming) -> Plan:
    """The mark is made once for each ledger: it names this bridge among the hops of what it sends, for ever."""
    mark = await ground.ledger.fact("bridge", "mark")
    if mark is None:
        mark = secrets.token_hex(8)
        await ground.ledger.save_fact("bridge", "mark", mark)
    permissions, accounts = ground.settings.permissions, calming.roll.accounts
    policy = Policy(
        mark=mark,
        permission_of=lambda user: permission_of(user, permissions),
        foreign_puppet=foreign.speaks_for,
        delivery_hours=ground.settings.bridge.delivery_hours,
        command=ground.settings.bridge.command_prefix,
        vouches=lambda event, first: checked_redactions(event, first) or took_back(event, first.event, accounts()),
    )
    room = Place(features=lambda channel: HUB_FEATURES)
    places = ground.networks.place
    links = PlanLinks(ground.hub.links, Names())
    planner = Planner(
        lambda: ground.switchboard.topology,
        lambda network: room if network == HUB else places(network),
        policy,
        links,
        ground.clock.now,
        accounts,
        calming.rules.rules,
    )
    return planner.plan


def _tasks(
    ground: Ground,
    intake: Intake,
    foreign: ForeignBridges,
    moderating: Moderating,
    reception: Reception,
    office: BridgeOffice,
    desk: Desk,
    receiver: Receiver,
) -> dict[str, Task]:
    """What is done for each kind of chore."""
    hub, switchboard = ground.hub, ground.switchboard

    async def accept(event: Event) -> None:
        await intake.accept(HUB, (event,))

    async def adopted(room: str) -> None:
        await receiver.look(room)
        if not await hub.look_back.paid(room):
            raise Unavailable(f"what was said in {room} before it was linked can't be read yet")

    affairs = Affairs(
        hub.api,
        ground.ledger,
        hub.states,
        hub.puppets,
        hub.people,
        Upgrades(hub.api, ground.ledger, hub.states, hub.badges.moved, switchboard.refresh),
        ground.clock,
        accept=accept,
        permission=lambda user: permission_of(user, ground.settings.permissions),
        portal_in=switchboard.portal_in,
        adopt=reception.directs.adopt,
        adopted=adopted,
        log=logging.getLogger("unabridged.matrix"),
    )
    names = (hub.bot, f"@{ground.tokens.bot}", ground.tokens.bot)
    prefix = ground.settings.bridge.command_prefix
    speech = Speech(hub.api, office, desk, reception.talks, reception.troubles, ground.clock, prefix=prefix, names=names)
    tasks: dict[str, Task] = {**affairs.tasks(), COMMAND: speech.answer, ANSWER: speech.answer}
    return tasks | {"bridge": _both(foreign.note, tasks["bridge"]), "power": _both(tasks["power"], moderating.note)}


def _both(first: Task, then: Task) -> Task:
    async def run(chore: Chore) -> None:
        await first(chore)
        await then(chore)

    return run


def _retention(ground: Ground) -> Retention:
    return Retention(
        ground.ledger,
        ground.clock,
        ground.metrics,
        logging.getLogger("unabridged.ledger"),
        retention_days=ground.settings.bridge.retention_days,
        copies_days=ground.settings.bridge.copies_days,
    )
