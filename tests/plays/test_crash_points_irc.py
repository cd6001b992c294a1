"""As `test_crash_points`, on IRC: nobody keeps what was said there.

What bob says while no bridge listens, or one that dies before it has written it down, is gone, as for everybody on IRC. What a
bridge hears that goes on living is on Matrix once. What alice says is in the channel: once, or once more with a sign that it may
be a repetition, where the bridge died before it knew that the server had it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.irc.config import IrcConfig
from adapters.irc.demo.server import DemoServer
from adapters.irc.demo.world import CAPS
from adapters.irc.split import REPEAT
from bridge.config.settings import LinkSettings, NetworkSettings, PortalSettings, Settings
from bridge.model.ids import ChannelId, NetworkName
from bridge.testing.doubles import until
from tests.contract.adapters.test_irc import Person
from tests.doubles.homeserver import FakeHomeserver
from tests.plays.siege import FromMatrix, Siege, ToMatrix, besieged, settings_of
from tests.unit.app.town import ALICE

NET, OURS, LOBBY, ALIAS = NetworkName("irc"), "unabridged", "#lobby", "#lobby:localhost"


class Spoken(ToMatrix):
    """By bob. Only what the bridge of a calm life hears is promised."""

    ordered = False

    def __init__(self, here: Siege, bob: Person, server: DemoServer) -> None:
        super().__init__("lobby>", here)
        self._bob, self._server = bob, server
        self.promised = True

    def begun(self) -> bool:
        return OURS in self._server.members(LOBBY)

    def say(self, text: str) -> bool:
        heard = self.begun()
        self._bob.send(f"PRIVMSG {LOBBY} :{text}")
        return heard and self.promised


def heard_by(bob: Person) -> Iterable[str]:
    """Of what alice said, in the order in which it first came. A line that says that it may be one again is none more."""
    known: set[str] = set()
    for line in bob.heard:
        text = line.removeprefix(REPEAT)
        if text == line or text not in known:
            known.add(text)
            yield text


def settings_with(server: DemoServer, hs: FakeHomeserver) -> Settings:
    config = IrcConfig(server=f"{server.host}:{server.port}", tls=False, nick=OURS, rate="off")
    portal = PortalSettings(room=ALIAS, links=(LinkSettings(channel=ChannelId(NET, LOBBY)),), invite=(ALICE,))
    return settings_of(hs, NetworkSettings(name=NET, adapter="irc", config=config), portals=[portal])


@asynccontextmanager
async def channel_besieged(folder: Path, **knobs: frozenset[str]) -> AsyncIterator[tuple[Siege, Spoken]]:
    server = await DemoServer.start(**knobs)
    _, bob = await asyncio.get_running_loop().create_connection(lambda: Person("bob"), server.host, server.port)
    try:
        await until(lambda: "bob" in server.members(LOBBY))
        linked = lambda: OURS in server.members(LOBBY)  # noqa: E731
        async with besieged(folder, lambda hs, life: settings_with(server, hs), linked) as here:
            spoken = Spoken(here, bob, server)
            place = lambda: here.hs.world.aliases.get(ALIAS)  # noqa: E731
            here.ways = [spoken, FromMatrix(">lobby", here, place, lambda: heard_by(bob))]
            yield here, spoken
    finally:
        bob.transport.abort()
        await server.stop()


@pytest.mark.parametrize("caps", [CAPS, frozenset[str]()], ids=["labels", "fences"])
async def test_a_channel_loses_nothing(tmp_path: Path, blows: list[tuple[int, bool]], caps: frozenset[str]) -> None:
    async with channel_besieged(tmp_path, caps=caps) as (here, spoken):
        await here.calm(spoken.begun)
        for commit, kept in blows:
            spoken.promised = False
            await here.struck(commit, kept=kept)
        spoken.promised = True
        await here.calm(spoken.begun)
        assert here.wrong() == {}
        assert all(way.said for way in here.ways)
