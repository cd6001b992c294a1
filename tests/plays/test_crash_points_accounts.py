"""The bridge dies while somebody talks through an account of theirs, in chats and in a room: see `test_crash_points`."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from xml.etree.ElementTree import Element

from adapters.xmpp.accounts.joined import MARK
from adapters.xmpp.wire.markup import written
from bridge.config.settings import NetworkSettings
from bridge.contract.logins import Login
from bridge.ledger.ledger import Ledger
from bridge.model.ids import IdentityId, NetworkName
from tests.doubles.account_server import JID, MAM, MUC, PASSWORD, AccountServer
from tests.doubles.bridge import KEY
from tests.doubles.clock import FakeClock
from tests.doubles.muc_room import Room, named
from tests.doubles.tables import lay
from tests.plays.siege import FromMatrix, Siege, ToMatrix, besieged, room_where, settings_of
from tests.unit.app.town import ALICE
from tests.unit.xmpp.accounts.stage import carbon, config_for, said

NET = NetworkName("jabber")
ROMEO = "romeo@example.net"
TEA = f"tea@{MUC}"


class Home:
    """Of the account: what goes through its chats is in its archive."""

    def __init__(self, server: AccountServer) -> None:
        self.server = server
        self.got: dict[str, str] = {}
        """By id, since clients know an id again."""
        self._offline: list[str] = []
        server.on_stanza = self._sent
        server.bookmarks = {TEA: "<conference xmlns='urn:xmpp:bookmarks:1' autojoin='true'/>"}

    def keep(self, message: str) -> str:
        id = f"kept{len(self.server.archive)}"
        self.server.archive.append((id, message, datetime.now(UTC)))
        return id

    def arrive(self, text: str, who: str = ROMEO) -> None:
        id, sender = f"from romeo, the {len(self.server.archive)}th", f"{who}/phone"
        kept = self.keep(said(text, id, sender=sender))
        self._bring(said(text, id, sender=sender, stanza_id=kept if MAM in self.server.features else ""))

    def _bring(self, message: str) -> None:
        if self.linked():
            self.server.send(message)
            self.server.ask()
        else:
            self._offline.append(message)

    def offline(self) -> None:
        """A server without an archive brings what came while nobody was there, and what the last session did not acknowledge."""
        if not self.linked():
            return
        living = {one.session for one in self.server.connections if not one.over.is_set()}
        dead = [session for name, session in self.server.sessions.items() if name not in living]
        brought, self._offline = [one for session in dead for one in session] + self._offline, []
        for session in dead:
            session.clear()
        if MAM not in self.server.features:
            self.server.send(*(one for one in brought if one.startswith("<message") and MUC not in one))

    def phone(self, text: str) -> None:
        """Its owner writes with another device."""
        message = said(text, f"from the phone, the {len(self.server.archive)}th", sender=f"{JID}/phone", to=ROMEO)
        self.keep(message)
        self._bring(carbon(message))

    def _sent(self, stanza: Element) -> None:
        body = named(stanza, "body")
        if stanza.tag.endswith("}message") and stanza.get("to", "").startswith(ROMEO) and body is not None:
            stanza.set("from", self.server.full)
            self.keep(written(stanza))
            self.got[stanza.get("id", "")] = body.text or ""

    @property
    def tea(self) -> Room:
        return self.server.rooms.room(TEA)

    def linked(self) -> list[object]:
        return [one for one in self.server.connections if one.bound and one.session and not one.over.is_set()]

    async def log_in(self, folder: Path) -> None:
        ledger = await Ledger.connect(lay(folder / "unabridged.db"), clock=FakeClock(), key=KEY)
        secrets = {"password": PASSWORD, MARK: "a mark"}
        await ledger.save_login(Login(user=ALICE, network=NET, name="me", identity=IdentityId(NET, JID), secrets=secrets))
        await ledger.close()


class Arriving(ToMatrix):
    """Written to the account; `guests`: by somebody else in each life."""

    def __init__(self, name: str, here: Siege, home: Home, *, guests: bool = False) -> None:
        super().__init__(name, here)
        self._home, self._guests, self.ordered = home, guests, not guests

    def say(self, text: str) -> bool:
        self._home.arrive(text, f"guest{self.here.number}@example.net" if self._guests else ROMEO)
        return True

    def again(self) -> None:
        self._home.offline()


class ByPhone(Arriving):
    def say(self, text: str) -> bool:
        self._home.phone(text)
        return True


class InTheRoom(ToMatrix):
    def __init__(self, name: str, here: Siege, room: Room) -> None:
        super().__init__(name, here)
        self._room, self._begun = room, False
        room.enter("bob", "bob@elsewhere.net/home")

    def say(self, text: str) -> bool:
        self._begun = self._begun or "juliet" in self._room.occupants
        if self._begun:
            self._room.say("bob", text)
        return self._begun


@asynccontextmanager
async def home_besieged(folder: Path) -> AsyncIterator[tuple[Siege, Home]]:
    server = await AccountServer.start()
    home = Home(server)
    await home.log_in(folder)
    network = NetworkSettings(name=NET, adapter="xmpp", config=config_for(server))
    try:
        async with besieged(folder, lambda hs, life: settings_of(hs, network), home.linked) as here:
            yield here, home
    finally:
        await server.stop()


def bodies(room: Room) -> Iterable[str]:
    for _, _, stanza in room.archive:
        body = named(stanza, "body")
        if body is not None and stanza.get("from") == f"{room.jid}/juliet":
            yield body.text or ""


async def test_chats_and_a_room_of_an_account_lose_nothing(tmp_path: Path, blows: list[tuple[int, bool]]) -> None:
    async with home_besieged(tmp_path) as (here, home):
        here.ways = [
            Arriving("chat>", here, home),
            Arriving("new>", here, home, guests=True),
            ByPhone("phone>", here, home),
            FromMatrix(">chat", here, lambda: room_where(here, "chat> "), lambda: home.got.values()),
            InTheRoom("tea>", here, home.tea),
            FromMatrix(">tea", here, lambda: room_where(here, "tea> "), lambda: bodies(home.tea)),
        ]
        await here.calm()
        for commit, kept in blows:
            await here.struck(commit, kept=kept)
        await here.calm()
        assert here.wrong() == {}
        assert all(way.said for way in here.ways)


async def test_a_server_without_an_archive_is_told_what_it_may_forget(tmp_path: Path, blows: list[tuple[int, bool]]) -> None:
    """Nothing is acknowledged (XEP-0198) that is not on disk."""
    async with home_besieged(tmp_path) as (here, home):
        home.server.features.remove(MAM)
        here.ways = [
            Arriving("chat>", here, home),
            Arriving("new>", here, home, guests=True),
            FromMatrix(">chat", here, lambda: room_where(here, "chat> "), lambda: home.got.values()),
        ]
        await here.calm()
        for commit, kept in blows:
            await here.struck(commit, kept=kept)
        await here.calm()
        assert here.wrong() == {}
