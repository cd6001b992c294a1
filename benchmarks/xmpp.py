"""A room on a real Prosody: how long a message takes each way, and how many a second go through a burst.

People on XMPP are a second component, which writes as quickly as Python allows; what others of them hear is not read.
"""

import asyncio
import hashlib
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from msgspec import Struct

from benchmarks.latency import Times, measure
from benchmarks.scene import ALICE, MARK, ROOM_ALIAS, Scene, registration
from benchmarks.throughput import AUTHORS, LINES, Burst, burst
from tests.doubles.homeserver import FakeHomeserver
from tests.servers.bridge import BridgeProcess
from tests.servers.daemons import free_port
from tests.servers.xmpp import COMPONENT, MUC, PEOPLE, SECRET, Prosody

ROOM = f"bench@{MUC}"
Seen = Callable[[int], None]


class Crowd(asyncio.Protocol):
    """The component `people`: p0 … speak in the room, `ear` listens. `on_mark(number)` for each `mNUMBER` that `ear` is shown."""

    def __init__(self) -> None:
        self.up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.on_mark: Seen | None = None
        self.inside: set[bytes] = set()
        self.grown = asyncio.Event()
        self._rest = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        names = "xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'"
        transport.write(f"<stream:stream {names} to='{PEOPLE}'>".encode())

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        if not self.up.done():
            self._hello(data)
            return
        *stanzas, self._rest = data.replace(b"</presence>", b"</presence>\0").replace(b"</message>", b"</message>\0").split(b"\0")
        for stanza in stanzas:
            if stanza.startswith(b"<message") and b"'ear@" in stanza.partition(b">")[0] and self.on_mark is not None:
                for number in MARK.findall(stanza.partition(b"<body>")[2].partition(b"</body>")[0]):
                    self.on_mark(int(number))
            elif b"code='110'" in stanza:
                self.inside.add(stanza.partition(b"to='")[2].partition(b"@")[0])
                self.grown.set()

    def _hello(self, data: bytes) -> None:
        if b"<handshake/>" in data:
            self.up.set_result(None)
        elif b"id='" in data:
            id = data.partition(b"id='")[2].partition(b"'")[0].decode()
            self.transport.write(f"<handshake>{hashlib.sha1(f'{id}{SECRET}'.encode()).hexdigest()}</handshake>".encode())

    async def join(self, name: str) -> None:
        head = f"<presence from='{name}@{PEOPLE}/x' to='{ROOM}/{name}'>"
        self.transport.write(f"{head}<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x></presence>".encode())
        while name.encode() not in self.inside:
            self.grown.clear()
            await self.grown.wait()

    def say(self, name: str, text: str) -> None:
        head = f"<message from='{name}@{PEOPLE}/x' to='{ROOM}' type='groupchat' id='{text}'>"
        self.transport.write(f"{head}<body>{escape(text)}</body></message>".encode())


class Stage(Struct):
    scene: Scene
    crowd: Crowd


@asynccontextmanager
async def bridged(folder: Path) -> AsyncIterator[Stage]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="unabridged-") as own:
        prosody = Prosody(Path(own))
        await prosody.start()
        async with FakeHomeserver(appservice_url=f"http://127.0.0.1:{port}") as hs:
            bridge = BridgeProcess(folder / "bridge", homeserver=hs.url, port=port)
            bridge.write(
                f'[networks.local]\nadapter = "xmpp"\ncomponent = "{COMPONENT}"\nserver = "127.0.0.1:{prosody.component_port}"\n'
                f'secret_file = "secret"\n[[portals]]\nroom = "{ROOM_ALIAS}"\nlinks = ["local/{ROOM}"]\n'
            )
            (bridge.folder / "secret").write_text(SECRET)
            (bridge.folder / "registration.yaml").write_text(json.dumps(registration(hs, bridge.url)))
            hs.user("alice"), hs.user("admin")
            crowd = await _crowd(prosody.component_port)
            try:
                await crowd.join("ear")
                await bridge.start()
                room = await hs.find_alias(ROOM_ALIAS)
                hs.join(ALICE, room)
                yield Stage(Scene(hs, prosody, room, bridge.child, bridge), crowd)
            finally:
                crowd.transport.abort()
                await bridge.stop()
                await prosody.stop()


async def _crowd(port: int) -> Crowd:
    """Connected."""
    _, crowd = await asyncio.get_running_loop().create_connection(Crowd, "127.0.0.1", port)
    async with asyncio.timeout(20):
        await crowd.up
    return crowd


async def latency_in(stage: Stage) -> Times:
    await stage.crowd.join("p0")
    return await measure(lambda number: stage.crowd.say("p0", f"m{number}"), stage.scene.watch)


async def latency_out(stage: Stage) -> Times:
    scene = stage.scene
    return await measure(lambda number: scene.homeserver.say(ALICE, scene.room, f"m{number}"), _ear(stage))


async def burst_in(stage: Stage) -> Burst:
    names = [f"p{number}" for number in range(AUTHORS)]
    truth: list[int] = []
    for number, name in enumerate(names):
        await stage.crowd.join(name)
        stage.crowd.say(name, f"m{100_000 + number}")
    await asyncio.sleep(2)  # everybody's puppet is in the room before the clock runs
    stage.crowd.on_mark = truth.append

    def speak() -> None:
        for number in range(LINES):
            stage.crowd.say(names[number % AUTHORS], f"m{number}")

    return await burst(stage.scene, speak, stage.scene.watch, lambda: truth)


async def burst_out(stage: Stage) -> Burst:
    scene = stage.scene
    people = await _people(stage, AUTHORS)

    def speak() -> None:
        for number in range(LINES):
            scene.homeserver.say(people[number % AUTHORS], scene.room, f"m{number}")

    return await burst(stage.scene, speak, _ear(stage), lambda: list(range(LINES)))


async def _people(stage: Stage, count: int) -> list[str]:
    """So many people of Matrix, each with a word in the room on XMPP."""
    scene = stage.scene
    people = [scene.homeserver.user(f"q{number}") for number in range(count)]
    there, got = asyncio.Event(), set()

    def seen(number: int) -> None:
        got.add(number)
        if len(got) == count:
            there.set()

    stage.crowd.on_mark = seen
    for number, user in enumerate(people):
        scene.homeserver.join(user, scene.room)
        scene.homeserver.say(user, scene.room, f"m{200_000 + number}")
    async with asyncio.timeout(60):
        await there.wait()
    await asyncio.sleep(1)
    return people


def _ear(stage: Stage) -> Callable[[Seen], None]:
    def watch(seen: Seen) -> None:
        stage.crowd.on_mark = seen

    return watch
