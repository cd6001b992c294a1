"""A room on a real Prosody: how long a message takes each way, and how many a second go through a burst.

People on XMPP are a second component, which writes as quickly as Python allows; only one of them listens.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from benchmarks.latency import Times, measure
from benchmarks.muc import Bare
from benchmarks.scene import ALICE, MARK, ROOM_ALIAS, Scene, registration
from benchmarks.throughput import AUTHORS, LINES, Burst, burst
from bridge.demo.process import Child
from tests.doubles.homeserver import FakeHomeserver
from tests.servers.bridge import BridgeProcess
from tests.servers.daemons import free_port
from tests.servers.xmpp import COMPONENT, HOST, MUC, PEOPLE, SECRET, Prosody

ROOM = f"bench@{MUC}"
EAR = "ear"
Seen = Callable[[int], None]


class Stage(Struct):
    scene: Scene
    crowd: Bare

    def say(self, name: str, number: int) -> None:
        self.crowd.say(name, f"m{number}", f"m{number}")

    def watch(self, seen: Seen) -> None:
        """`seen(number)` for each `mNUMBER` that is said in the room."""

        def heard(nick: str, words: bytes) -> None:
            for number in MARK.findall(words):
                seen(int(number))

        self.crowd.heard = heard


@asynccontextmanager
async def prosody(*accounts: str) -> AsyncIterator[Prosody]:
    with tempfile.TemporaryDirectory(prefix="unabridged-") as own:
        server = Prosody(Path(own), accounts=accounts)
        await server.start()
        try:
            yield server
        finally:
            await server.stop()


@asynccontextmanager
async def bridged(
    folder: Path,
    *,
    rooms: Sequence[str] = (),
    accounts: Sequence[str] = (),
    first: Callable[[Bare], Awaitable[None]] | None = None,
) -> AsyncIterator[Stage]:
    """With `rooms` linked besides. `first`: done by the crowd before the bridge is started."""
    port = free_port()
    async with prosody(*accounts) as server, FakeHomeserver(appservice_url=f"http://127.0.0.1:{port}") as hs:
        bridge = BridgeProcess(folder / "bridge", homeserver=hs.url, port=port)
        linked = {ROOM_ALIAS: ROOM} | {f"#{room.partition('@')[0]}:localhost": room for room in rooms}
        bridge.write(
            f'[networks.local]\nadapter = "xmpp"\ncomponent = "{COMPONENT}"\nserver = "127.0.0.1:{server.component_port}"\n'
            f'secret_file = "secret"\ntls_ca = "{server.certificates.ca}"\n'
            f'client_servers = {{ "{HOST}" = "127.0.0.1:{server.port}" }}\n'
            + "".join(f'[[portals]]\nroom = "{alias}"\nlinks = ["local/{room}"]\n' for alias, room in linked.items())
        )
        (bridge.folder / "secret").write_text(SECRET)
        (bridge.folder / "registration.yaml").write_text(json.dumps(registration(hs, bridge.url)))
        hs.user("alice"), hs.user("admin")
        crowd = await Bare.connected(server.component_port, PEOPLE, SECRET, ROOM, EAR)
        try:
            if first is not None:
                await first(crowd)
            await bridge.start()
            room = await hs.find_alias(ROOM_ALIAS)
            hs.join(ALICE, room)
            yield Stage(Scene(hs, server, room, bridge.child, bridge), crowd)
        finally:
            crowd.transport.abort()
            await bridge.stop()


@asynccontextmanager
async def floor(folder: Path) -> AsyncIterator[Stage]:
    """The bare echo between the two."""
    folder.mkdir(parents=True)
    port = free_port()
    async with prosody() as server, FakeHomeserver(appservice_url=f"http://127.0.0.1:{port}") as hs:
        room = hs.make_room(ALICE, alias=ROOM_ALIAS)
        crowd = await Bare.connected(server.component_port, PEOPLE, SECRET, ROOM, EAR)
        words = [hs.url, str(port), room, str(server.component_port), COMPONENT, SECRET, ROOM]
        echo = Child("echo", [sys.executable, "-m", "benchmarks.echo_xmpp", *words], folder / "echo.log")
        await echo.start()
        try:
            await hs.wait_for(room, lambda event: event["type"] == "m.room.member" and event["sender"].startswith("@_"))
            yield Stage(Scene(hs, server, room, echo, None), crowd)
        finally:
            crowd.transport.abort()
            await echo.stop()


async def latency_in(stage: Stage) -> Times:
    await stage.crowd.join("p0")
    return await measure(lambda number: stage.say("p0", number), stage.scene.watch)


async def latency_out(stage: Stage) -> Times:
    scene = stage.scene
    return await measure(lambda number: scene.homeserver.say(ALICE, scene.room, f"m{number}"), stage.watch)


async def burst_in(stage: Stage) -> Burst:
    names = [f"p{number}" for number in range(AUTHORS)]
    truth: list[int] = []
    for number, name in enumerate(names):
        await stage.crowd.join(name)
        stage.say(name, 100_000 + number)
    await asyncio.sleep(2)  # everybody's puppet is in the room before the clock runs
    stage.watch(truth.append)

    def speak() -> None:
        for number in range(LINES):
            stage.say(names[number % AUTHORS], number)

    return await burst(stage.scene, speak, stage.scene.watch, lambda: truth)


async def burst_out(stage: Stage) -> Burst:
    scene = stage.scene
    people = await of_matrix(stage, AUTHORS)

    def speak() -> None:
        for number in range(LINES):
            scene.homeserver.say(people[number % AUTHORS], scene.room, f"m{number}")

    return await burst(stage.scene, speak, stage.watch, lambda: list(range(LINES)))


async def of_matrix(stage: Stage, count: int) -> list[str]:
    """So many people of Matrix, each with a word in the room on XMPP."""
    scene = stage.scene
    people = [scene.homeserver.user(f"q{number}") for number in range(count)]
    there, got = asyncio.Event(), set()

    def seen(number: int) -> None:
        got.add(number)
        if len(got) == count:
            there.set()

    stage.watch(seen)
    for number, user in enumerate(people):
        scene.homeserver.join(user, scene.room)
        scene.homeserver.say(user, scene.room, f"m{200_000 + number}")
    async with asyncio.timeout(60):
        await there.wait()
    await asyncio.sleep(1)
    return people
