"""A person's own account on a real Prosody: chats, another device, the archive, and servers that are killed."""

import asyncio
import ssl
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from slixmpp import JID, ClientXMPP
from slixmpp.stanza import Message as Stanza

from adapters.xmpp.accounts.crew import Crew
from adapters.xmpp.accounts.login import Dialogue
from adapters.xmpp.config import XmppConfig
from bridge.contract.delivery import Delivery
from bridge.contract.errors import Uncertain
from bridge.contract.features import Voice, VoiceKind
from bridge.contract.logins import LoggedIn, Login
from bridge.model.events import Message, Origin, Reactions, Text
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity
from bridge.model.signals import Availability, Presence
from bridge.testing import RecordingInlet, toolbox, until
from bridge.testing.doubles import MemoryLogins
from tests.servers.xmpp import HOST, Prosody

pytestmark = pytest.mark.servers

NET = NetworkName("jabber")
OWNER = "@juliet:localhost"
JULIET, ROMEO = f"juliet@{HOST}", f"romeo@{HOST}"
CHAT = ChannelId(NET, f"direct/{ROMEO}@me")


class Person(ClientXMPP):
    """A client as people have them, by the library alone."""

    def __init__(self, server: Prosody, name: str, resource: str) -> None:
        context = ssl.create_default_context(cafile=str(server.certificates.ca))
        super().__init__(f"{name}@{HOST}/{resource}", name[::-1], ssl_context=context)
        self.heard: list[Stanza] = []
        self._at = (server.host, server.port)
        for plugin in ("xep_0280", "xep_0184", "xep_0444", "xep_0359"):
            self.register_plugin(plugin)
        self.add_event_handler("message", self.heard.append)
        self.add_event_handler("message_error", self.heard.append)

    async def come(self) -> None:
        self.connect(*self._at)
        await self.wait_until("session_start", 10)
        self.send_presence()
        await self.plugin["xep_0280"].enable()

    async def go(self) -> None:
        await self.disconnect()

    def say(self, to: str, words: str) -> str:
        message = self.make_message(to, words, mtype="chat")
        message["id"] = f"m-{uuid.uuid4().hex[:20]}"
        message.send()
        return message["id"]

    def texts(self) -> list[str]:
        return [one["body"] for one in self.heard if one["type"] == "chat" and one["body"]]


class Bridge:
    """The half of the adapter that has accounts, and what it was given."""

    def __init__(self, server: Prosody) -> None:
        self.inlet = RecordingInlet()
        self.tools = toolbox()
        where = {HOST: f"{server.host}:{server.port}"}
        self.config = XmppConfig(tls_ca=str(server.certificates.ca), client_servers=where)
        self.crew = Crew(NET, self.config, self.inlet, self.tools)
        self._running: asyncio.Task[None] | None = None

    async def log_in(self) -> None:
        steps = Dialogue(NET, self.config, self.tools).steps()
        await anext(steps)
        await steps.asend(JULIET)
        end = await steps.asend("juliet"[::-1])
        assert isinstance(end, LoggedIn)
        assert isinstance(self.tools.logins, MemoryLogins)
        self.tools.logins.logins["me"] = Login(user=OWNER, network=NET, name="me", identity=end.identity.id, secrets=end.secrets)

    async def start(self) -> None:
        ready = asyncio.Event()
        self._running = asyncio.create_task(self.crew.run(ready.set))
        async with asyncio.timeout(10):
            await ready.wait()
        await until(lambda: self.up)

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait((self._running,))

    async def fall(self) -> None:
        """As kill -9 does: the socket is cut, and only what was committed is kept."""
        account = self.crew.account("me")
        assert account is not None
        assert account.client is not None
        assert account.client.stream.transport is not None
        account.client.stream.transport.abort()
        await self.stop()
        self.crew = Crew(NET, self.config, self.inlet, self.tools)

    @property
    def up(self) -> bool:
        account = self.crew.account("me")
        return account is not None and account.trouble is None

    def texts(self) -> list[str]:
        return [event.body.text.plain for event in self.inlet.events if isinstance(event.body, Message)]

    def shows(self, jid: str) -> Availability | None:
        """The newest that is shown of somebody."""
        signals = (one for one in self.inlet.signals if isinstance(one, Presence) and one.who.id == jid)
        return [None, *(one.availability for one in signals)][-1]

    def delivery(self, words: str) -> Delivery:
        id, now = uuid.uuid4().hex, self.tools.clock.now()
        return Delivery(
            id=id,
            channel=CHAT,
            event=EventKey(HUB, f"${id}"),
            author=Identity(id=IdentityId(HUB, OWNER)),
            voice=Voice(kind=VoiceKind.NAME, name="Juliet"),
            body=Message(text=Text(plain=words)),
            happened_at=now,
            accepted_at=now,
        )

    async def say(self, words: str) -> None:
        """As the courier does: what is in doubt is looked for, and sent again where it is not there."""
        delivery = self.delivery(words)
        while True:
            try:
                await self.crew.deliver(delivery)
                return
            except Uncertain:
                await until(lambda: self.up)
                if await self.crew.find(delivery) is not None:
                    return


@asynccontextmanager
async def playing(folder: Path) -> AsyncIterator[tuple[Prosody, Bridge, Person]]:
    server = Prosody(folder)
    await server.start()
    bridge, romeo = Bridge(server), Person(server, "romeo", "orchard")
    try:
        await bridge.log_in()
        await bridge.start()
        await romeo.come()
        yield server, bridge, romeo
    finally:
        await bridge.stop()
        await romeo.go()
        await server.stop()


async def test_a_chat_both_ways_with_receipts_and_reactions(tmp_path: Path) -> None:
    async with playing(tmp_path) as (_, bridge, romeo):
        romeo.say(JULIET, "soft!")
        await until(lambda: bridge.texts() == ["soft!"])
        (event,) = bridge.inlet.events
        assert (event.channel, event.author.id) == (CHAT, IdentityId(NET, ROMEO))
        await bridge.say("ay me")
        await until(lambda: romeo.texts() == ["ay me"])
        id = romeo.heard[-1]["id"]
        romeo.plugin["xep_0444"].send_reactions(JID(JULIET), id, {"🌹"})
        await until(lambda: len(bridge.inlet.events) == 2)
        rose = bridge.inlet.events[1].body
        assert isinstance(rose, Reactions)
        assert (rose.keys, rose.target.key) == (("🌹",), EventKey(NET, f"{JULIET}&{ROMEO}//{id}"))


async def test_another_device_of_ones_own_is_oneself(tmp_path: Path) -> None:
    async with playing(tmp_path) as (server, bridge, romeo):
        phone = Person(server, "juliet", "phone")
        await phone.come()
        phone.say(ROMEO, "from my phone")
        await until(lambda: bridge.texts() == ["from my phone"])
        assert bridge.inlet.events[0].author.id == IdentityId(NET, JULIET)
        await bridge.say("from Matrix")
        await until(lambda: romeo.texts() == ["from my phone", "from Matrix"])
        await phone.go()


async def test_who_went_away_while_the_bridge_was_killed_is_seen_as_away(tmp_path: Path) -> None:
    async with playing(tmp_path) as (server, bridge, romeo):
        phone = Person(server, "juliet", "phone")
        await phone.come()
        for one, other in ((phone, ROMEO), (romeo, JULIET)):
            one.send_presence_subscription(pto=other, ptype="subscribe")
        await until(lambda: bridge.shows(ROMEO) is Availability.ONLINE)
        await bridge.fall()
        await romeo.go()
        await phone.go()
        bridge.inlet.signals.clear()
        await bridge.start()
        await until(lambda: bridge.shows(ROMEO) is Availability.OFFLINE)


async def test_what_was_said_while_we_were_away_comes_once_with_its_time(tmp_path: Path) -> None:
    async with playing(tmp_path) as (server, bridge, romeo):
        romeo.say(JULIET, "one")
        await until(lambda: bridge.texts() == ["one"])
        await bridge.fall()
        phone = Person(server, "juliet", "phone")
        await phone.come()
        for words in ("two", "three"):
            romeo.say(JULIET, words)
        await until(lambda: phone.texts() == ["two", "three"])
        phone.say(ROMEO, "four")
        await until(lambda: romeo.texts() == ["four"])
        await bridge.start()
        await until(lambda: bridge.texts() == ["one", "two", "three", "four"])
        assert [event.origin for event in bridge.inlet.events[1:]] == [Origin.HISTORY] * 3
        romeo.say(JULIET, "five")
        await until(lambda: bridge.texts()[-1] == "five")
        assert len(bridge.inlet.events) == 5
        await phone.go()


async def test_a_server_that_is_killed_loses_and_doubles_nothing_that_it_took(tmp_path: Path) -> None:
    async with playing(tmp_path) as (server, bridge, romeo):
        saying = asyncio.create_task(_stream(bridge, "out", 60))
        await until(lambda: len(romeo.texts()) >= 20)
        await server.crash()
        await until(lambda: not bridge.up)
        await server.start()
        await romeo.come()
        await saying
        await until(lambda: "out 59" in romeo.texts())
        seen = [int(words.split()[1]) for words in romeo.texts()]
        assert list(dict.fromkeys(seen)) == sorted(set(seen))


async def _stream(bridge: Bridge, word: str, count: int) -> None:
    for number in range(count):
        await bridge.say(f"{word} {number}")
