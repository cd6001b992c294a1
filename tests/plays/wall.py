"""A whole bridge with one timeline room: a feed that misbehaves, its neighbour, and an account on a stand-in site.

Both sites are on 127.0.0.1, which the operator allows; `trap` is on 127.0.0.2, which nobody may call. The clock stands still
unless `looked` or `seen` moves it.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from msgspec import Struct

from adapters.feeds.config import FeedsConfig
from adapters.gnusocial.config import GnuSocialConfig
from adapters.gnusocial.demo import actions
from adapters.gnusocial.demo.server import SiteServer
from bridge.app.plant import Plant
from bridge.config.adapters_found import GROUP, FoundAdapters
from bridge.config.settings import (
    BridgeSettings,
    HomeserverSettings,
    LinkSettings,
    NetworkSettings,
    PortalSettings,
    Settings,
)
from bridge.contract.words import Answer
from bridge.model.ids import ChannelId, NetworkName
from bridge.model.permissions import Permission
from bridge.model.portals import PortalKind
from bridge.ops.remote import ask
from bridge.testing.doubles import until
from tests.doubles.bridge import run
from tests.doubles.clock import FakeClock
from tests.doubles.homeserver import FakeHomeserver
from tests.doubles.web import serving
from tests.servers.daemons import free_port
from tests.unit.app.town import ALICE, says
from tests.unit.feeds.kit import Site, rss

BLOG, SOCIAL = NetworkName("blog"), NetworkName("social")
ALIAS = "#timeline:localhost"
PASSWORD = "correct horse"
FOUND = FoundAdapters(
    {
        "feeds": EntryPoint("feeds", "adapters.feeds.adapter:Feeds", GROUP),
        "gnusocial": EntryPoint("gnusocial", "adapters.gnusocial.adapter:GnuSocial", GROUP),
    }
)
STEP = 20.0
"""Seconds by which the clock moves on while something is waited for."""
PATIENCE = 60.0
"""Seconds of real time."""
HOSTILE, NEIGHBOUR = "/hostile", "/neighbour"
Event = dict[str, Any]


class Trap:
    """What must not be called, and who did."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.base = ""

    async def serve(self, request: web.Request) -> web.Response:
        self.called.append(str(request.rel_url))
        return web.Response(text="the innermost secret")

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Trap"]:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self.serve)
        async with serving(app, "127.0.0.2") as self.base:
            yield self


class Around(Struct):
    """What a bridge can reach, and `trap`, which it must not."""

    site: Site
    """Has the feed that misbehaves."""
    neighbour: Site
    social: SiteServer
    trap: Trap

    @classmethod
    @asynccontextmanager
    async def open(cls, clock: FakeClock) -> AsyncIterator["Around"]:
        social = await SiteServer.start(now=clock.now, dupe_seconds=0.0)
        try:
            async with Site.running() as site, Site.running() as neighbour, Trap().open() as trap:
                site.put(HOSTILE, rss("hostile begins", at=clock.now()))
                neighbour.put(NEIGHBOUR, rss("neighbour begins", at=clock.now()))
                yield cls(site, neighbour, social, trap)
        finally:
            await social.stop()


class Wall:
    """`room` is alice's; `social` has her account, bob, whom it follows, and carol, whom the room follows without an account."""

    def __init__(self, hs: FakeHomeserver, plant: Plant, clock: FakeClock, around: "Around") -> None:
        self.hs, self.plant, self.clock = hs, plant, clock
        self.site, self.neighbour, self.social, self.trap = around.site, around.neighbour, around.social, around.trap
        self.room = ""
        self._socket = Path()
        self._numbers = itertools.count()
        people = self.social.site
        alice, self.bob, self.carol = (people.add_user(name, PASSWORD) for name in ("alice", "bob", "carol"))
        actions.follow(people, alice, self.bob)

    async def begin(self, socket: Path) -> None:
        """She is logged in, and all that is followed was looked at: what comes now is news."""
        self._socket = socket
        linkage, networks = self.plant.linkage, self.plant.networks
        await until(lambda: not (linkage.waiting or linkage.refused or networks.waiting()))
        self.room = self.hs.world.resolve(ALIAS)
        self.hs.join(ALICE, self.room)
        answer = await self.word("login", {"network": SOCIAL, "name": "me"})
        for text in ("alice", PASSWORD):
            answer = await self.word("answer", {"talk": answer.talk or "", "text": text})
        assert not answer.failed and answer.asks is None, answer.text
        await self.seen(says("hostile begins"))
        await self.seen(says("neighbour begins"))
        await self.bob_goes_on()

    async def word(self, word: str, arguments: dict[str, str | list[str]]) -> Answer:
        """As typed in the terminal in alice's name."""
        asked = asyncio.ensure_future(asyncio.to_thread(ask, self._socket, word, arguments, ALICE))
        await until(asked.done)
        return asked.result()

    # what is looked at

    def brings(self, body: bytes, headers: dict[str, str] | None = None, *, status: int = 200) -> None:
        """What the hostile feed is from now on."""
        self.site.put_with(HOSTILE, body, headers or {}, status=status)

    async def looked(self) -> None:
        """Time passes until somebody comes for the hostile feed."""
        before = self.site.hits(HOSTILE)
        await self.passing(lambda: self.site.hits(HOSTILE) > before)

    async def seen(self, predicate: Callable[[Event], bool]) -> Event:
        """The first event in the room for which that holds; time passes meanwhile."""
        found = asyncio.ensure_future(self.hs.wait_for(self.room, predicate, seconds=PATIENCE))
        while not found.done():
            await self.clock.advance(STEP)
            await asyncio.wait([found], timeout=0.02)
        return found.result()

    async def passing(self, condition: Callable[[], bool]) -> None:
        """Time passes until that holds."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await self.clock.advance(STEP)

    def bodies(self) -> list[str]:
        return [str(event["content"]["body"]) for event in self.hs.messages(self.room)]

    # who must not be disturbed

    async def goes_on(self) -> None:
        """The neighbour's news and a friend's post come into the room, and alice's post is on the site."""
        mark = f"mark{next(self._numbers)}."
        self.neighbour.put(NEIGHBOUR, rss(mark, at=self.clock.now()))
        await self.seen(says(mark))
        await self.bob_goes_on()
        mine = f"mine{next(self._numbers)}."
        self.hs.say(ALICE, self.room, mine)
        await self.passing(lambda: any(notice.text == mine for notice in self.social.site.notices.values()))

    async def bob_goes_on(self) -> None:
        mark = f"bob{next(self._numbers)}."
        actions.post(self.social.site, self.bob, mark)
        await self.seen(says(mark))

    async def counted(self, name: str, **labels: str) -> float:
        """A counter as `/metrics` shows it, over all its other labels."""
        url = f"http://{self.plant.listeners[0].address}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            lines = (await answer.text()).splitlines()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        found = [line for line in lines if name in line and not line.startswith("#") and all(one in line for one in wanted)]
        return sum(float(line.rpartition(" ")[2]) for line in found if "_created" not in line)


def _settings(hs: FakeHomeserver, around: Around, public: str) -> Settings:
    social = around.social
    feeds = NetworkSettings(name=BLOG, adapter="feeds", config=FeedsConfig(interval=60))
    accounts = NetworkSettings(name=SOCIAL, adapter="gnusocial", config=GnuSocialConfig(server=social.url, interval=30))
    followed = (around.site.url(HOSTILE), around.neighbour.url(NEIGHBOUR), f"carol@{social.host}:{social.port}")
    links = tuple(LinkSettings(channel=ChannelId(BLOG, one)) for one in followed)
    home = LinkSettings(channel=ChannelId(SOCIAL, "home@me"))
    portal = PortalSettings(
        room=ALIAS, kind=PortalKind.TIMELINE, links=(*links, home), post_to=(f"{SOCIAL}@me",), invite=(ALICE,)
    )
    return Settings(
        bridge=BridgeSettings(listen="127.0.0.1:0", rel_me=False, public_listen=public, public_address=f"http://{public}"),
        homeserver=HomeserverSettings(url=hs.url, domain=hs.domain),
        permissions={"*:localhost": Permission.USER, "*": Permission.RELAY},
        networks={BLOG: feeds, SOCIAL: accounts},
        portals=(portal,),
    )


@asynccontextmanager
async def wall(folder: Path) -> AsyncIterator[Wall]:
    clock = FakeClock()
    async with AsyncExitStack() as stack:
        hs = await stack.enter_async_context(FakeHomeserver())
        around = await stack.enter_async_context(Around.open(clock))
        settings = _settings(hs, around, f"127.0.0.1:{free_port()}")
        parts = await stack.enter_async_context(run(folder, settings, hs, FOUND, clock, reachable=("127.0.0.1/32",)))
        there = Wall(hs, parts.plant, clock, around)
        await there.begin(parts.places.socket)
        yield there
