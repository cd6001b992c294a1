"""A component whose addresses people write to, an adapter behind it, and a clock that a test moves."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Self
from uuid import uuid4
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from msgspec.structs import replace

from adapters.xmpp.adapter import Xmpp
from adapters.xmpp.config import XmppConfig
from bridge.contract.adapter import ChannelInfo
from bridge.contract.delivery import Delivery
from bridge.contract.errors import Rejected, Unavailable
from bridge.contract.features import Voice, VoiceKind
from bridge.model.events import Body, Event, Message, Text
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from bridge.testing import RecordingInlet, toolbox, until
from bridge.testing.doubles import MemoryLinking, MemoryLogins, NoMedia
from tests.doubles.clock import FakeClock
from tests.doubles.component_server import HOST, SECRET, ComponentServer
from tests.unit.xmpp.accounts.stage import Web

NET = NetworkName("jabber")
JULIET = "juliet@capulet.example"
PHONE = f"{JULIET}/phone"
ALICE = Identity(id=IdentityId(HUB, "@alice:example.org"), profile=Profile(name="Alice"))
ALICE_JID = f"alice\\3aexample.org@{HOST}"
CHAT = ChannelId(NET, f"gateway/{JULIET}/{ALICE.id.id}")


class Street(ComponentServer):
    """Where people live: what goes to them is seen, and nobody answers by themselves."""

    @classmethod
    async def start(cls) -> Self:
        made = await super().start()
        assert isinstance(made, cls)
        return made

    def take(self, stanza: Element) -> None:
        if stanza.get("to", "").partition("/")[0].endswith("capulet.example"):
            self.seen.append(stanza)
        else:
            super().take(stanza)

    def to(self, who: str, name: str = "message") -> list[Element]:
        """What somebody got, in order."""
        return [one for one in self.seen if one.get("to") == who and one.tag.endswith("}" + name)]


class Houses(MemoryLinking):
    """Rooms for who is in `profiles` (@alice unless told otherwise); `away`: the homeserver can't be reached."""

    def __init__(self) -> None:
        super().__init__()
        self.profiles[ALICE.id] = ALICE.profile
        self.away = 0
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def direct(self, channel: ChannelId, *, login: str | None = None, peer: Identity) -> None:
        self.asked += 1
        await self.gate.wait()
        if self.away > 0:
            self.away -= 1
            raise Unavailable("the homeserver is away")
        if not any(channel.id.endswith(f"/{who.id}") for who in self.profiles):
            raise Rejected("nobody")
        await super().direct(channel, login=login, peer=peer)

    async def profile(self, who: IdentityId) -> Profile | None:
        if self.away > 0:
            self.away -= 1
            raise Unavailable("the homeserver is away")
        return await super().profile(who)


class Changing:
    """What an adapter was given once, and a test changes behind its back."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class Parlour:
    """One adapter. `inlet` may be handed on to the next one: it is the ledger."""

    def __init__(self, street: Street, inlet: RecordingInlet | None = None, **settings: Any) -> None:
        self.street, self.inlet, self.clock = street, inlet or RecordingInlet(), FakeClock(datetime.now(UTC))
        self.houses = Houses()
        chosen = {"component": HOST, "secret": SECRET, "server": f"127.0.0.1:{street.port}", **settings}
        self.media, self.logins, self.web = Changing(NoMedia()), Changing(MemoryLogins()), Web()
        tools = replace(toolbox(self.clock), linking=self.houses, media=self.media, logins=self.logins, http=self.web)
        self.adapter = Xmpp(NET, XmppConfig(**chosen), self.inlet, tools)
        self.running: asyncio.Task[None] | None = None

    def use(self, *, media: Any = None, logins: Any = None) -> None:
        """From now on."""
        self.media.real, self.logins.real = media or self.media.real, logins or self.logins.real

    async def connect(self) -> None:
        self.inlet.states.clear()
        self.running = asyncio.ensure_future(self.adapter.run())
        await until(lambda: self.inlet.connected or (self.running is not None and self.running.done()))
        assert not self.running.done(), self.running.exception()

    async def stop(self) -> None:
        if self.running is not None:
            self.running.cancel()
            await asyncio.wait([self.running])

    async def open(self, *channels: ChannelId) -> Sequence[ChannelInfo]:
        return await self.adapter.open(*channels or (CHAT,))

    def hear(self, inside: str = "", *, name: str = "message", sender: str = PHONE, to: str = ALICE_JID, **more: str) -> None:
        """A stanza comes."""
        given = {"from": sender, "to": to, **{key.rstrip("_"): value for key, value in more.items()}}
        if name == "message":
            given.setdefault("type", "chat")
        attributes = "".join(f" {key}={quoteattr(value)}" for key, value in given.items() if value)
        self.street.send(f"<{name}{attributes}>{inside}</{name}>")

    def say(self, text: str, **more: str) -> None:
        self.hear(f"<body>{text}</body>", **{"id": uuid4().hex[:12], **more})

    def words(self) -> list[str]:
        return [event.body.text.plain for event in self.events() if isinstance(event.body, Message)]

    def events(self) -> list[Event]:
        return self.inlet.events

    async def heard_all(self) -> None:
        """Everything that came up to now has been dealt with."""
        mark = f"end {uuid4().hex}"
        self.street.send(f"<iq type='get' id='{mark}' from='{PHONE}' to='{HOST}'><ping xmlns='urn:xmpp:ping'/></iq>")
        await until(lambda: any(one.get("id") == mark for one in self.street.seen))

    async def write(self, body: str | Body, **more: Any) -> Any:
        return await self.adapter.deliver(delivery(body, **more))


def delivery(body: str | Body, **more: Any) -> Delivery:
    now = datetime.now(UTC)
    usual: dict[str, Any] = {"id": uuid4().hex, "event": EventKey(HUB, f"${uuid4().hex}"), "channel": CHAT, "author": ALICE}
    given = {**usual, **more}
    return Delivery(
        voice=Voice(kind=VoiceKind.PUPPET, name=given["author"].name),
        body=Message(text=Text(plain=body)) if isinstance(body, str) else body,
        happened_at=now,
        accepted_at=now,
        **given,
    )


@asynccontextmanager
async def parlour(street: Street, inlet: RecordingInlet | None = None, **settings: Any) -> AsyncIterator[Parlour]:
    one = Parlour(street, inlet, **settings)
    await one.connect()
    try:
        yield one
    finally:
        await one.stop()


def inside(stanza: Element, name: str) -> Element | None:
    """The first element of that local name, however deep."""
    return next((one for one in stanza.iter() if one.tag.rpartition("}")[2] == name), None)


def condition(stanza: Element) -> str:
    """Of an error."""
    error = inside(stanza, "error")
    assert error is not None, "no error"
    return error[0].tag.rpartition("}")[2]
