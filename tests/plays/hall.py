"""A whole bridge with two rooms of a pretend XMPP server, each linked with a Matrix room that alice is in."""

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from adapters.xmpp.config import XmppConfig
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
from bridge.model.ids import ChannelId, NetworkName
from bridge.model.permissions import Permission
from bridge.testing.doubles import until
from tests.doubles.bridge import run
from tests.doubles.clock import FakeClock
from tests.doubles.component_server import HOST, SECRET, ComponentServer
from tests.doubles.homeserver import FakeHomeserver
from tests.doubles.muc_room import Room, named
from tests.unit.app.town import ADMIN, ALICE, says

NET = NetworkName("jabber")
LOBBY, DEN = "lobby@muc.example.org", "den@muc.example.org"
ALIASES = {LOBBY: "#lobby:localhost", DEN: "#den:localhost"}
ALICE_JID = f"alice\\3alocalhost@{HOST}"
LISTENER = f"unabridged@{HOST}/unabridged"
FOUND = FoundAdapters({"xmpp": EntryPoint("xmpp", "adapters.xmpp.adapter:Xmpp", GROUP)})
Event = dict[str, Any]


class Hall:
    """`rooms`: the Matrix room of each. bob is in both of them over there, eve too."""

    def __init__(self, hs: FakeHomeserver, plant: Plant, clock: FakeClock, server: ComponentServer) -> None:
        self.hs, self.plant, self.clock, self.server = hs, plant, clock, server
        self.rooms: dict[str, str] = {}
        self._numbers = itertools.count()

    def muc(self, jid: str = LOBBY) -> Room:
        return self.server.room(jid)

    async def begin(self) -> None:
        """Everything is linked, and each has heard the other."""
        linkage, networks = self.plant.linkage, self.plant.networks
        await until(lambda: not (linkage.waiting or linkage.refused or networks.waiting()))
        for jid, alias in ALIASES.items():
            self.rooms[jid] = self.hs.world.resolve(alias)
            self.hs.join(ALICE, self.rooms[jid])
            self.muc(jid).enter("bob")
            self.muc(jid).enter("eve")
        await self.goes_on()

    def listener(self, jid: str = LOBBY) -> str:
        """The address in the bridge that hears the room."""
        return next(one.jid for one in self.muc(jid).occupants.values() if one.jid.partition("@")[2].startswith(HOST))

    def heard(self, jid: str = LOBBY) -> list[str]:
        """The bodies of all that ours said there."""
        found = [(stanza.get("from", ""), named(stanza, "body")) for _, _, stanza in self.muc(jid).archive]
        nicks = {f"{jid}/bob", f"{jid}/eve"}
        return [body.text or "" for sender, body in found if body is not None and sender not in nicks]

    async def says(self, content: str | Event, *, user: str = ALICE, jid: str = LOBBY, **more: Any) -> str:
        """On Matrix; returns the event's id when the room, or nobody, has it: something said behind it is there."""
        event = self.hs.say(user, self.rooms[jid], content, **more)
        await self.goes_on()
        return event

    async def goes_on(self) -> None:
        """What is said arrives both ways in both rooms."""
        mark = f"mark{next(self._numbers)}."
        for jid, room in self.rooms.items():
            self.hs.say(ALICE, room, mark)
            await until(lambda jid=jid: any(mark in body for body in self.heard(jid)))  # type: ignore[misc]
            self.muc(jid).say("bob", mark)
            event = await self.hs.wait_for(room, lambda event: says(mark)(event) and event["sender"] != ALICE)
            assert self.named(event["sender"]).startswith("bob")

    def named(self, user: str) -> str:
        return str(self.hs.world.users[user].get("displayname"))

    def shown(self, jid: str = LOBBY) -> list[tuple[str, str]]:
        """(name, body) of all that came from there."""
        events = self.hs.messages(self.rooms[jid])
        return [(self.named(one["sender"]), str(one["content"].get("body"))) for one in events if one["sender"] != ALICE]


def _settings(hs: FakeHomeserver, server: ComponentServer) -> Settings:
    config = XmppConfig(component=HOST, secret=SECRET, server=f"127.0.0.1:{server.port}", grant_moderators=True)
    return Settings(
        bridge=BridgeSettings(listen="127.0.0.1:0", rel_me=False),
        homeserver=HomeserverSettings(url=hs.url, domain=hs.domain),
        permissions={ADMIN: Permission.ADMIN, "*:localhost": Permission.USER, "*": Permission.RELAY},
        networks={NET: NetworkSettings(name=NET, adapter="xmpp", config=config)},
        portals=tuple(
            PortalSettings(room=alias, links=(LinkSettings(channel=ChannelId(NET, jid)),), invite=(ALICE,))
            for jid, alias in ALIASES.items()
        ),
    )


@asynccontextmanager
async def hall(folder: Path) -> AsyncIterator[Hall]:
    clock = FakeClock()
    async with AsyncExitStack() as stack:
        server = await ComponentServer.start()
        stack.push_async_callback(server.stop)
        hs = await stack.enter_async_context(FakeHomeserver())
        settings = _settings(hs, server)
        parts = await stack.enter_async_context(run(folder, settings, hs, FOUND, clock))
        there = Hall(hs, parts.plant, clock, server)
        await there.begin()
        yield there
