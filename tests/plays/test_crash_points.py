"""The bridge dies at its first commit, at its second, at its third …, before it and behind it, while people talk on all sides.

Whatever was said, alive or dead, is on the other side exactly once when it lives again. A component has no acknowledgements, so
who writes to somebody alone says again what got no receipt, under the same id.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from xml.etree.ElementTree import Element

from adapters.xmpp.config import XmppConfig
from bridge.config.settings import LinkSettings, NetworkSettings, PortalSettings, Settings
from bridge.model.ids import ChannelId, NetworkName
from tests.doubles.component_server import HOST, SECRET, ComponentServer
from tests.doubles.homeserver import FakeHomeserver
from tests.doubles.muc_room import Room, named
from tests.plays.second_thoughts import second_thoughts
from tests.plays.siege import FromMatrix, Siege, ToMatrix, Way, besieged, room_where, settings_of
from tests.unit.app.town import ALICE

NET = NetworkName("jabber")
ALICE_JID = f"alice\\3alocalhost@{HOST}"
RECEIPTS = "urn:xmpp:receipts"
LOBBY, ROMEO = "lobby", "romeo@example.net"


class Town(ComponentServer):
    """People at example.net besides the rooms. Their clients say that they got something."""

    def __init__(self) -> None:
        super().__init__()
        self.got: dict[str, str] = {}
        """By id, since clients know an id again."""
        self.confirmed: set[str] = set()
        """Of what they sent."""

    def take(self, stanza: Element) -> None:
        if not stanza.get("to", "").partition("/")[0].endswith("@example.net"):
            super().take(stanza)
        elif stanza.tag.endswith("}message") and stanza.get("type") != "error":
            receipt, body = stanza.find(f"{{{RECEIPTS}}}received"), named(stanza, "body")
            if receipt is not None:
                self.confirmed.add(receipt.get("id", ""))
            if body is not None:
                self.got[stanza.get("id", "")] = body.text or ""

    def muc(self, name: str) -> Room:
        return self.room(f"{name}@muc.example.org")

    def settings(self, hs: FakeHomeserver, rooms: Iterable[str]) -> Settings:
        config = XmppConfig(component=HOST, secret=SECRET, server=f"127.0.0.1:{self.port}")
        links = {name: (LinkSettings(channel=ChannelId(NET, self.muc(name).jid)),) for name in rooms}
        portals = [PortalSettings(room=alias(name), links=link, invite=(ALICE,)) for name, link in links.items()]
        return settings_of(hs, NetworkSettings(name=NET, adapter="xmpp", config=config), portals=portals)

    def linked(self) -> list[object]:
        return [one for one in self.connections if one.accepted]


def alias(name: str) -> str:
    return f"#{name}:localhost"


class Letters(ToMatrix):
    """Of somebody to alice; `who()` is who writes now."""

    ordered = False

    def __init__(self, name: str, here: Siege, town: Town, who: Callable[[], str]) -> None:
        super().__init__(name, here)
        self._town, self._who = town, who
        self._sent: dict[str, tuple[str, str]] = {}

    def say(self, text: str) -> bool:
        id = f"a long id of a letter {self.name} {len(self._sent)}"
        self._sent[id] = (self._who(), text)
        self._write(id)
        return True

    def again(self) -> None:
        for id in self._sent.keys() - self._town.confirmed:
            self._write(id)

    def _write(self, id: str) -> None:
        who, text = self._sent[id]
        self._town.send(
            f"<message from='{who}/phone' to='{ALICE_JID}' type='chat' id='{id}'><body>{text}</body>"
            f"<request xmlns='{RECEIPTS}'/></message>"
        )


class Spoken(ToMatrix):
    """By bob in a room, from when the bridge was in it for the first time."""

    def __init__(self, name: str, here: Siege, room: Room) -> None:
        super().__init__(name, here)
        self._room, self._begun = room, False
        room.enter("bob")

    def begun(self) -> bool:
        self._begun = self._begun or any(f"@{HOST}/" in one.jid for one in self._room.occupants.values())
        return self._begun

    def say(self, text: str) -> bool:
        if self.begun():
            self._room.say("bob", text)
        return self.begun()


def bodies(room: Room) -> Iterable[str]:
    for _, _, stanza in room.archive:
        body = named(stanza, "body")
        if body is not None and named(stanza, "replace") is None and stanza.get("from") != f"{room.jid}/bob":
            yield body.text or ""


def ways_of(here: Siege, town: Town, name: str) -> list[Way]:
    """Both ways through a room."""
    room, world = town.muc(name), here.hs.world
    spoken = Spoken(f"{name}>", here, room)
    place = lambda: world.aliases.get(alias(name)) if spoken.begun() else None  # noqa: E731
    return [spoken, FromMatrix(f">{name}", here, place, lambda: bodies(room))]


@asynccontextmanager
async def town_besieged(
    folder: Path, rooms: Callable[[int], Iterable[str]], *, forgets: bool = True
) -> AsyncIterator[tuple[Siege, Town]]:
    town = await Town.start()
    assert isinstance(town, Town)
    town.forgets = forgets
    try:
        async with besieged(folder, lambda hs, life: town.settings(hs, rooms(life)), town.linked) as here:
            yield here, town
    finally:
        await town.stop()


async def test_a_room_and_a_chat_lose_nothing(tmp_path: Path, blows: list[tuple[int, bool]]) -> None:
    async with town_besieged(tmp_path, lambda life: [LOBBY]) as (here, town):
        here.ways = ways_of(here, town, LOBBY)
        here.ways.append(Letters("one>", here, town, lambda: ROMEO))
        here.ways.append(FromMatrix(">one", here, lambda: room_where(here, "one> "), lambda: town.got.values()))
        await here.calm(lambda: town.muc(LOBBY).occupants.keys() - {"bob"})
        for commit, kept in blows:
            await here.struck(commit, kept=kept)
        await here.calm()
        assert here.wrong() == {}


async def test_what_has_just_begun_loses_nothing(tmp_path: Path, blows: list[tuple[int, bool]]) -> None:
    """In each life a room is new, and somebody writes for the first time. Rooms don't notice our deaths, as Prosody's don't."""
    names: list[str] = []
    async with town_besieged(tmp_path, lambda life: names, forgets=False) as (here, town):
        here.ways.append(Letters("one>", here, town, lambda: f"guest{here.number}@example.net"))
        await here.calm()
        for commit, kept in blows:
            names.append(f"room{here.number}")
            here.ways += ways_of(here, town, names[-1])
            await here.struck(commit, kept=kept)
        await here.calm()
        assert here.wrong() == {}
        assert all(way.said for way in here.ways)


async def test_second_thoughts_are_shown_in_the_end(tmp_path: Path, blows: list[tuple[int, bool]]) -> None:
    async with town_besieged(tmp_path, lambda life: [LOBBY]) as (here, town):
        here.ways = ways_of(here, town, LOBBY)
        await here.calm(lambda: town.muc(LOBBY).occupants.keys() - {"bob"})
        here.ways += second_thoughts(here, town.muc(LOBBY), lambda: here.hs.world.resolve(alias(LOBBY)))
        for commit, kept in blows:
            await here.struck(commit, kept=kept)
        await here.calm()
        assert here.wrong() == {}
