"""A timeline room that is read from outside, over the bridge's own listener."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
from msgspec.structs import replace

from adapters.fantasy.config import FantasyConfig
from adapters.fantasy.world import World
from adapters.feeds.parse.entries import ParsedEntry
from adapters.feeds.parse.read import read_feed
from bridge.app.main import running
from bridge.config.settings import LinkSettings, NetworkSettings, Tokens
from bridge.contract.words import Answer
from bridge.model.events import Edit, Event
from bridge.model.portals import PortalKind, TimelineOptions
from bridge.ops.remote import ask
from tests.doubles.clock import START, FakeClock
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.test_one_post import FEED, FEEDS, HOME, SOCIAL, URI, Street
from tests.unit.app.town import ADMIN, ALICE, built, lobby, settings_of
from tests.unit.routing.scene import happened, place, post, ref

BEFORE = "https://bridge.example"
ROOM = "#timeline:localhost"
LATER = START + timedelta(minutes=5)


class Outside(Street):
    """The street, and somebody who reads it from outside."""

    session: aiohttp.ClientSession
    folder: Path

    async def say(self, does: str, user: str | None = None) -> Answer:
        """At the terminal."""
        return await asyncio.to_thread(ask, self.folder / "unabridged.sock", "outfeed", (does, ROOM), user)

    async def addresses(self) -> list[str]:
        """On the listener as it is in this test."""
        listener = self.bridge.plant.listeners[1]
        return [
            re.sub(r"^https://bridge\.example", f"http://{listener.address}", url)
            for url in (await self.say("show")).data["addresses"]
        ]

    async def get(self, kind: str = "atom", **headers: str) -> aiohttp.ClientResponse:
        (url,) = [url for url in await self.addresses() if url.endswith(kind)]
        named = {"Accept-Encoding": "identity"} | {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.session.get(url, headers=named, auto_decompress=False)
        await answer.read()
        return answer

    async def entries(self, kind: str = "atom") -> list[ParsedEntry]:
        """As our own reader of feeds reads them."""
        answer = await self.get(kind)
        assert answer.status == 200
        return list(
            read_feed(await answer.read(), {"content-type": answer.headers["Content-Type"]}, "https://bridge.example").entries
        )

    async def texts(self, kind: str = "atom") -> list[str]:
        return [entry.text.plain for entry in await self.entries(kind)]


@asynccontextmanager
async def outside(
    folder: Path, hs: FakeHomeserver, *, on: bool = True, clock: FakeClock | None = None, port: int = 0
) -> AsyncIterator[Outside]:
    """With a `port` the addresses that it tells are those it has; without one they are of a name in front of it."""
    options = TimelineOptions(outfeed=on, undo_seconds=0)
    links = tuple(LinkSettings(channel=place(name)) for name in (HOME, FEED, "social/direct/bob@me"))
    timeline = lobby(room=ROOM, kind=PortalKind.TIMELINE, timeline=options, post_to=("social@me",), name="Gulls")
    timeline = replace(timeline, links=links, invite=(ALICE, ADMIN))
    base = settings_of(hs, portals=(timeline,))
    networks = {
        name: NetworkSettings(name=name, adapter="salon", config=FantasyConfig(account="unabridged")) for name in (SOCIAL, FEEDS)
    }
    doors = replace(base.bridge, public_listen=f"127.0.0.1:{port}", public_address=f"http://127.0.0.1:{port}" if port else BEFORE)
    settings = replace(base, bridge=doors, networks=networks)
    tokens = Tokens(appservice=hs.as_token, homeserver=hs.push.hs_token)
    async with AsyncExitStack() as stack:
        bridge = await stack.enter_async_context(built(folder, settings, tokens, world=World(), clock=clock))
        await stack.enter_async_context(running(bridge.plant))
        hs.push.url = bridge.url
        hs.push.wake()
        await bridge.linked()
        reader = Outside(bridge, hs, await bridge.room(ROOM))
        reader.folder = folder
        reader.session = await stack.enter_async_context(aiohttp.ClientSession())
        yield reader


def edited(text: str, target: str = URI, **facts: Any) -> Event:
    return happened(
        f"{target}#2",
        HOME,
        "social/alice@gs.example",
        Edit(target=ref(target, "social"), message=post(text, **facts)),
        happened_at=LATER,
    )
