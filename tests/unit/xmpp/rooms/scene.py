"""A room with people in it, an adapter in it too, and a clock that a test moves."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from adapters.xmpp.adapter import Xmpp
from adapters.xmpp.component import TICK_SECONDS
from adapters.xmpp.config import XmppConfig
from adapters.xmpp.rooms.stamp import Stamp
from bridge.contract.adapter import ChannelInfo
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import Disconnected
from bridge.contract.features import Voice, VoiceKind
from bridge.model.events import Body, Event, Membership, Message, Text
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from bridge.testing import RecordingInlet, toolbox, until
from bridge.testing.doubles import PATIENCE
from tests.doubles.clock import FakeClock
from tests.doubles.component_server import HOST, SECRET, ComponentServer
from tests.doubles.muc_room import Room, named
from tests.unit.xmpp.accounts.stage import Web

NET = NetworkName("jabber")
LOBBY = ChannelId(NET, "lobby@muc.example.org")
STAMP = Stamp(SECRET)
ALICE = Identity(id=IdentityId(HUB, "@alice:example.org"), profile=Profile(name="alice"))
CAROL = Identity(id=IdentityId(HUB, "@carol:example.org"), profile=Profile(name="carol"))
ALICE_JID = f"alice\\3aexample.org@{HOST}"


class Scene:
    """One adapter. `inlet` may be handed on to the next scene: it is the ledger."""

    def __init__(self, server: ComponentServer, inlet: RecordingInlet, **settings: Any) -> None:
        self.server, self.inlet, self.clock = server, inlet, FakeClock(datetime.now(UTC))
        chosen = {"component": HOST, "secret": SECRET, "server": f"127.0.0.1:{server.port}", **settings}
        self.web = Web()
        tools = replace(toolbox(self.clock), http=self.web, media=self.web)
        self.adapter = Xmpp(NET, XmppConfig(**chosen), inlet, tools)
        self.room: Room = server.room(LOBBY.id)
        self.running: asyncio.Task[None] | None = None
        self._ends = itertools.count()

    async def connect(self) -> None:
        self.inlet.states.clear()
        self.running = asyncio.ensure_future(self.adapter.run())
        await until(lambda: self.inlet.connected or (self.running is not None and self.running.done()))
        assert not self.running.done(), self.running.exception()

    async def open(self) -> ChannelInfo:
        (info,) = await self.adapter.open(LOBBY)
        return info

    async def stop(self) -> None:
        if self.running is not None:
            self.running.cancel()
            await asyncio.wait([self.running])

    async def cut(self) -> None:
        """The connection is lost."""
        assert self.running is not None
        self.server.cut()
        await asyncio.wait([self.running], timeout=PATIENCE)
        assert isinstance(self.running.exception(), Disconnected)

    async def wait(self, seconds: float) -> None:
        """Time passes, and the adapter looks about as often as it does."""
        for _ in range(int(seconds / TICK_SECONDS)):
            await self.clock.advance(TICK_SECONDS)

    async def heard_all(self) -> None:
        """Everything that was said up to now has been handed in."""
        mark = f"end {next(self._ends)} {uuid4().hex}"
        witness = self.room.occupants.get("witness") or self.room.enter("witness")
        self.room.say(witness.nick, mark)
        await until(lambda: mark in self.words)

    @property
    def words(self) -> list[str]:
        return [event.body.text.plain for event in self.inlet.events if isinstance(event.body, Message)]

    def said(self) -> list[str]:
        return [words for words in self.words if not words.startswith("end ")]

    def of(self, kind: type[Body]) -> list[Event]:  # type: ignore[valid-type]
        return [event for event in self.inlet.events if isinstance(event.body, kind)]

    def moves(self) -> list[tuple[str, str]]:
        """(move, name) of everybody but the witness."""
        moves = [event.body for event in self.of(Membership) if isinstance(event.body, Membership)]
        return [(str(one.move), one.who.name) for one in moves if one.who.name != "witness"]

    def shown(self) -> list[tuple[str, str]]:
        """(nick, words) of what ours said in the room, as everybody there sees it."""
        found = []
        for _, _, stanza in self.room.archive:
            nick, body = stanza.get("from", "").partition("/")[2], named(stanza, "body")
            if body is not None and STAMP.read(stanza.get("id"), LOBBY.id) is not None:
                found.append((nick, body.text or ""))
        return found

    def nicks(self) -> set[str]:
        """Of ours in the room."""
        return {nick for nick, one in self.room.occupants.items() if f"@{HOST}/" in one.jid}

    async def say(self, text: str | Body, author: Identity = ALICE, **more: Any) -> Receipt:
        return await self.adapter.deliver(delivery(text, author, **more))


def delivery(body: str | Body, author: Identity = ALICE, *, channel: ChannelId = LOBBY, **more: Any) -> Delivery:
    now = datetime.now(UTC)
    voice = Voice(kind=VoiceKind.PUPPET, name=author.name)
    given: dict[str, Any] = {"id": uuid4().hex, "event": EventKey(HUB, f"${uuid4().hex}"), "voice": voice, **more}
    return Delivery(
        channel=channel,
        author=author,
        body=Message(text=Text(plain=body)) if isinstance(body, str) else body,
        happened_at=now,
        accepted_at=now,
        **given,
    )


async def lived(server: ComponentServer) -> "Scene":
    """A bridge that was in the room with bob, and is gone; its `inlet` is the ledger."""
    async with scene(server) as one:
        one.room.enter("bob")
        await one.heard_all()
        await one.wait(2)
    return one


@asynccontextmanager
async def scene(
    server: ComponentServer, inlet: RecordingInlet | None = None, *, opened: bool = True, **settings: Any
) -> AsyncIterator[Scene]:
    """Connected, with the room open, where not asked otherwise."""
    one = Scene(server, inlet or RecordingInlet(), **settings)
    await one.connect()
    try:
        if opened:
            info = await one.open()
            assert info.error is None, info.error
        yield one
    finally:
        await one.stop()
