"""A whole bridge in one test: the real parts on a pretend network and a pretend homeserver, in one process.

    async with FakeHomeserver() as hs, a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        bridge.world.say("#lobby", "bob", "hello")
        await hs.wait_for(await bridge.room(), says("hello"))

Its clock is held still; whatever waits for time waits for `bridge.clock.advance`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from adapters.fantasy.adapter import Fantasy
from adapters.fantasy.config import FantasyConfig
from adapters.fantasy.world import World
from bridge.app.main import running
from bridge.app.plant import Plant
from bridge.config.adapters_found import GROUP, FoundAdapters
from bridge.config.settings import (
    BridgeSettings,
    HomeserverSettings,
    LinkSettings,
    NetworkSettings,
    PortalSettings,
    Settings,
    Tokens,
)
from bridge.ledger.ledger import Ledger
from bridge.ledger.rows import State
from bridge.model.ids import ChannelId, NetworkName
from bridge.model.permissions import Permission
from bridge.testing.doubles import until
from tests.doubles.bridge import put_together
from tests.doubles.clock import FakeClock
from tests.doubles.homeserver import Appservice, FakeHomeserver
from tests.doubles.hs_push import Pusher
from tests.unit.delivery.stage import background

LOCAL = NetworkName("local")
ALICE, ADMIN = "@alice:localhost", "@admin:localhost"
FOUND = FoundAdapters(
    {
        "fantasy": EntryPoint("fantasy", "adapters.fantasy.adapter:Fantasy", GROUP),
        "salon": EntryPoint("salon", "tests.doubles.salon:Salon", GROUP),
        "post": EntryPoint("post", "tests.doubles.salon:PostOffice", GROUP),
    }
)
_PERMISSIONS = {ADMIN: Permission.ADMIN, "*:localhost": Permission.USER, "*": Permission.RELAY}


def channel(name: str = "#lobby", network: NetworkName = LOCAL) -> ChannelId:
    return ChannelId(network, name)


def lobby(*names: str, room: str = "#lobby:localhost", network: NetworkName = LOCAL, **more: Any) -> PortalSettings:
    """A portal of the file with links to these channels, `#lobby` unless named."""
    links = tuple(LinkSettings(channel=channel(name, network)) for name in names or ("#lobby",))
    return PortalSettings(room=room, links=links, invite=(ADMIN,), **more)


def says(text: str) -> Callable[[dict[str, Any]], bool]:
    """Of events in a room: whether this is said there."""
    return lambda event: text in str(event["content"].get("body", ""))


class Bridge:
    """One run of it. `world` is the network it is on."""

    def __init__(self, plant: Plant, ledger: Ledger, clock: FakeClock, world: World) -> None:
        self.plant = plant
        self.ledger = ledger
        self.clock = clock
        self.world = world

    @property
    def url(self) -> str:
        return f"http://{self.plant.listeners[0].address}"

    async def room(self, name: str = "#lobby:localhost") -> str:
        """The id of a portal's room."""
        return next(portal.room for portal in await self.ledger.portals() if name in (portal.alias, portal.room))

    async def linked(self) -> None:
        """Every room of the file is a portal, and every channel was tried."""
        linkage, networks = self.plant.linkage, self.plant.networks
        await until(lambda: not (linkage.waiting or linkage.refused or networks.waiting()))

    async def warned(self, room: str) -> None:
        """It knows of another bridge in the room."""
        async with asyncio.timeout(10):
            while room not in await self.ledger.facts("foreign-bridges"):
                await asyncio.sleep(0)

    async def counts(self, **expected: int) -> None:
        """The ledger counts so many of each."""
        async with asyncio.timeout(10):
            while not expected.items() <= (await self.ledger.counts()).items():
                await asyncio.sleep(0)

    async def heard(self, text: str) -> None:
        """Somebody on the network has said this, in whatever way names are written there."""
        await until(lambda: any(text in line.text for line in self.world.lines))


def settings_of(
    hs: FakeHomeserver, network: NetworkName = LOCAL, account: str = "unabridged", adapter: str = "fantasy", **more: Any
) -> Settings:
    fantasy = NetworkSettings(name=network, adapter=adapter, config=FantasyConfig(account=account))
    return Settings(
        bridge=BridgeSettings(listen="127.0.0.1:0", rel_me=False),
        homeserver=HomeserverSettings(url=hs.url, domain=hs.domain),
        permissions=dict(_PERMISSIONS),
        networks={network: fantasy},
        **more,
    )


@asynccontextmanager
async def built(
    folder: Path, settings: Settings, tokens: Tokens, *, world: World | None = None, clock: FakeClock | None = None
) -> AsyncIterator[Bridge]:
    """Put together, and not running. The same `folder` is the same ledger."""
    folder.mkdir(exist_ok=True)
    time = clock or FakeClock()
    async with put_together(folder, settings, tokens, FOUND, time, reachable=("127.0.0.0/8",)) as parts:
        here = world or World()
        for supervisor in parts.plant.networks.supervisors.values():
            assert isinstance(supervisor.adapter, Fantasy)
            supervisor.adapter.world = here
        yield Bridge(parts.plant, parts.ledger, time, here)


@asynccontextmanager
async def stopped(
    folder: Path,
    hs: FakeHomeserver,
    *,
    portals: tuple[PortalSettings, ...] = (),
    world: World | None = None,
    clock: FakeClock | None = None,
    adapter: str = "fantasy",
    double_puppet: str | None = None,
) -> AsyncIterator[Bridge]:
    """What `a_bridge` runs, not running."""
    tokens = Tokens(appservice=hs.as_token, homeserver=hs.push.hs_token, double_puppet=double_puppet)
    async with built(folder, settings_of(hs, adapter=adapter, portals=portals), tokens, world=world, clock=clock) as bridge:
        yield bridge


@asynccontextmanager
async def a_bridge(
    folder: Path,
    hs: FakeHomeserver,
    *,
    portals: tuple[PortalSettings, ...] = (),
    world: World | None = None,
    clock: FakeClock | None = None,
    adapter: str = "fantasy",
    double_puppet: str | None = None,
) -> AsyncIterator[Bridge]:
    """Running, and known to the homeserver; its rooms are linked where nothing is in the way (see `linked`)."""
    made = stopped(folder, hs, portals=portals, world=world, clock=clock, adapter=adapter, double_puppet=double_puppet)
    async with made as bridge, running(bridge.plant):
        hs.push.url = bridge.url
        hs.push.wake()
        yield bridge


@asynccontextmanager
async def another_bridge(
    folder: Path, hs: FakeHomeserver, network: NetworkName, world: World, portals: tuple[PortalSettings, ...]
) -> AsyncIterator[Bridge]:
    """A second bridge of the same homeserver, with tokens, a bot, puppets and an account of its own."""
    bot = f"other-{network}"
    tokens = Tokens(appservice=f"as-{network}", homeserver=f"hs-{network}", appservice_id=bot, bot=bot)
    service = Appservice(bot, f"@{bot}:{hs.domain}", [f"@_{network}_.*:{hs.domain}"])
    hs.appservices[tokens.appservice] = service
    hs.world.users[service.sender] = {}
    pusher = Pusher(tokens.homeserver)
    hs.world.listeners.append(lambda room, event: pusher.offer(event))
    settings = settings_of(hs, network, account=bot, portals=portals)
    async with (
        background(pusher.run),
        built(folder, settings, tokens, world=world) as bridge,
        running(bridge.plant),
    ):
        pusher.url = bridge.url
        pusher.wake()
        yield bridge


async def settled(*bridges: Bridge) -> None:
    """Returns when nothing is on its way any more."""
    async with asyncio.timeout(10):
        while any([await undone(bridge) for bridge in bridges]):
            await asyncio.sleep(0)


async def undone(bridge: Bridge) -> int:
    counts = await bridge.ledger.counts()
    return sum(counts.get(state, 0) for state in (State.PENDING, State.LEASED, State.UNCERTAIN))


async def passing(clock: FakeClock) -> None:
    """Time goes on."""
    while True:
        await clock.advance(1)
