"""An account on a stand-in server, and all that a test needs to look at both ends."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element

from adapters.xmpp.accounts.crew import Crew
from adapters.xmpp.accounts.joined import MARK
from adapters.xmpp.config import XmppConfig
from bridge.contract.delivery import Delivery
from bridge.contract.features import Voice, VoiceKind
from bridge.contract.logins import Login
from bridge.contract.toolbox import HttpAnswer, MediaStream, Toolbox
from bridge.model.events import Attachment, Body, Message, Text
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity
from bridge.testing import RecordingInlet, toolbox, until
from bridge.testing.doubles import MemoryLinking, MemoryLogins
from tests.doubles.account_server import HOST, JID, PASSWORD, AccountServer, certificate
from tests.doubles.clock import START, FakeClock

NET = NetworkName("jabber")
OWNER = "@juliet:matrix.org"
ROMEO = "romeo@example.net"
CHAT = ChannelId(NET, f"direct/{ROMEO}@me")


class Counted:
    """`Metrics` that a test reads."""

    def __init__(self) -> None:
        self.counts: dict[str, float] = {}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        for key in (name, *(f"{name} {value}" for value in labels.values())):
            self.counts[key] = self.counts.get(key, 0) + amount

    def gauge(self, name: str, value: float, **labels: str) -> None: ...

    def observe(self, name: str, seconds: float, **labels: str) -> None: ...


class Web:
    """`HttpClient` and `MediaStore` at once: `files` can be read, `put` is what was uploaded; it stays shut while `shut`."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.put_to: list[tuple[str, bytes, Mapping[str, str]]] = []
        self.kept: list[tuple[str, bytes]] = []
        """What the hub was given."""
        self.status = 201
        self.shut = asyncio.Event()
        self.shut.set()

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None, **more: object
    ) -> HttpAnswer:
        await self.shut.wait()
        self.put_to.append((url, body or b"", headers or {}))
        return HttpAnswer(status=self.status, headers={}, body=b"", url=url)

    @asynccontextmanager
    async def open(self, attachment: Attachment) -> AsyncIterator["Web"]:
        if attachment.source not in self.files:
            raise OSError("there is no such file")
        self._open = self.files[attachment.source]
        yield self

    async def put(self, stream: MediaStream) -> str:
        self.kept.append((stream.type, b"".join([chunk async for chunk in stream.chunks()])))
        return f"mxc://matrix.org/{len(self.kept)}"

    async def chunks(self) -> AsyncIterator[bytes]:
        data = self._open
        for start in range(0, len(data), 1000):
            yield data[start : start + 1000]


class Stage:
    def __init__(self, server: AccountServer, *, password: str = PASSWORD, **settings: Any) -> None:
        self.server, self.clock, self.inlet = server, FakeClock(), RecordingInlet()
        self.logins, self.linking, self.metrics = MemoryLogins(), MemoryLinking(), Counted()
        self.web = Web()
        self.tools: Toolbox = toolbox(self.clock)
        self.tools = Toolbox(
            clock=self.clock,
            random=self.tools.random,
            http=self.web,  # type: ignore[arg-type]
            media=self.web,  # type: ignore[arg-type]
            metrics=self.metrics,
            log=self.tools.log,
            logins=self.logins,
            linking=self.linking,
        )
        self.config = config_for(server, **settings)
        self.log_in("me", password)
        self.crew = Crew(NET, self.config, self.inlet, self.tools)
        self._running: asyncio.Task[None] | None = None

    def log_in(self, name: str, password: str, user: str = OWNER) -> None:
        who = IdentityId(NET, JID)
        self.logins.logins[name] = Login(
            user=user, network=NET, name=name, identity=who, secrets={"password": password, MARK: "a mark"}
        )

    async def start(self) -> None:
        """Returns when it is known whether the account can be connected."""
        ready = asyncio.Event()
        self._running = asyncio.create_task(self.crew.run(ready.set))
        async with asyncio.timeout(10):
            await ready.wait()

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait((self._running,))
            self._running = None

    async def fall(self) -> None:
        """As if the bridge had been killed: nothing more is said to the server, and nothing is kept but what was committed."""
        self.server.cut()
        await self.stop()
        self.inlet.unshut()
        self.crew = Crew(NET, self.config, self.inlet, self.tools)

    @property
    def up(self) -> bool:
        account = self.crew.account("me")
        return account is not None and account.trouble is None

    async def again(self) -> None:
        """Until it is connected anew."""
        await until(lambda: not self.up)
        await self.clock.advance(60)
        await until(lambda: self.up)

    async def settled(self) -> None:
        """Until the server knows of all that it sent that we have it."""
        while self.server.owed():
            told = self.server.told
            self.server.ask()
            await until(lambda told=told: self.server.told > told)  # type: ignore[misc]

    def texts(self) -> list[str]:
        return [event.body.text.plain for event in self.inlet.events if isinstance(event.body, Message)]

    async def heard(self, count: int) -> list[str]:
        await until(lambda: len(self.inlet.events) >= count)
        return self.texts()


@asynccontextmanager
async def playing(**settings: Any) -> AsyncIterator[Stage]:
    server = await AccountServer.start()
    stage = Stage(server, **settings)
    try:
        yield stage
    finally:
        await stage.stop()
        await server.stop()


def config_for(server: AccountServer, **settings: Any) -> XmppConfig:
    chosen = {
        "tls_ca": certificate()[0],
        "client_servers": {HOST: f"127.0.0.1:{server.port}"},
        "plain_passwords": True,
        **settings,
    }
    return XmppConfig(**chosen)


def said(words: str, id: str = "", *, sender: str = f"{ROMEO}/phone", more: str = "", stanza_id: str = "", to: str = JID) -> str:
    named = f" id='{id}'" if id else ""
    given = f"<stanza-id xmlns='urn:xmpp:sid:0' by='{JID}' id='{stanza_id}'/>" if stanza_id else ""
    return (
        f"<message xmlns='jabber:client' from='{sender}' to='{to}' type='chat'{named}><body>{words}</body>{more}{given}</message>"
    )


def carbon(inner: str, *, sender: str = JID, sent: bool = True) -> str:
    kind = "sent" if sent else "received"
    forwarded = f"<forwarded xmlns='urn:xmpp:forward:0'>{inner}</forwarded>"
    return f"<message from='{sender}' to='{JID}' type='chat'><{kind} xmlns='urn:xmpp:carbons:2'>{forwarded}</{kind}></message>"


def delivery(id: str, body: Body | str, *, channel: ChannelId = CHAT, author: str = OWNER, at: datetime = START) -> Delivery:
    return Delivery(
        id=id * 32 if len(id) == 1 else id,
        channel=channel,
        event=EventKey(HUB, f"${id}"),
        author=Identity(id=IdentityId(HUB, author)),
        voice=Voice(kind=VoiceKind.NAME, name="Juliet"),
        body=Message(text=Text(plain=body)) if isinstance(body, str) else body,
        happened_at=at,
        accepted_at=at,
    )


def body_of(element: Element) -> str | None:
    return element.findtext("{jabber:client}body")
