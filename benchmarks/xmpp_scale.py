"""Two hundred of us in one room, a thousand rooms with ten people each, and accounts: what they cost."""

import asyncio
from pathlib import Path
from typing import cast

from benchmarks.muc import Bare
from benchmarks.scale import save_puppets
from benchmarks.scene import ALICE
from benchmarks.xmpp import Stage, bridged, of_matrix
from tests.servers.xmpp import HOST, MUC, Prosody

PUPPETS = 200
LINES = 300
ROOMS = 1000
PEOPLE_EACH = 10
ACCOUNTS = 20
CONTACTS = 100
"""In the roster of each account."""


async def joining(folder: Path) -> tuple[float, float]:
    """Seconds of CPU for two hundred people of Matrix to come into a room, each with a word; and microseconds for each copy of a
    message beyond the first: what a line costs with all of them there, less what it costs with one."""
    async with bridged(folder) as stage:
        await of_matrix(stage, 1)
        alone = await _cpu_of_lines(stage)
        before = stage.scene.cpu()
        await of_matrix(stage, PUPPETS)
        joined = stage.scene.cpu() - before
        together = await _cpu_of_lines(stage)
        return joined, (together - alone) / LINES / (PUPPETS - 1) * 1e6


async def _cpu_of_lines(stage: Stage) -> float:
    got: set[int] = set()
    complete = asyncio.Event()

    def seen(number: int) -> None:
        got.add(number)
        if len(got) == LINES:
            complete.set()

    stage.watch(seen)
    before = stage.scene.cpu()
    for number in range(LINES):
        stage.scene.homeserver.say(ALICE, stage.scene.room, f"m{number}")
    async with asyncio.timeout(120):
        await complete.wait()
    await asyncio.sleep(1)
    return stage.scene.cpu() - before


async def resident(folder: Path) -> float:
    """MB, idle, in a thousand rooms with ten people each, all of whom it has shown on Matrix before; after a second start."""
    rooms = [f"many{number}@{MUC}" for number in range(ROOMS)]

    async def come(crowd: Bare) -> None:
        names = [(f"r{place}n{number}", room) for place, room in enumerate(rooms) for number in range(PEOPLE_EACH)]
        for start in range(0, len(names), 200):
            some = names[start : start + 200]
            for name, room in some:
                crowd.enter(name, room)
            await crowd.are_in([name for name, _ in some])

    async with bridged(folder, rooms=rooms, first=come) as stage:
        assert stage.scene.bridge is not None
        await stage.scene.bridge.stop()
        await save_puppets(stage.scene)
        await stage.scene.bridge.start()
        await asyncio.sleep(2)
        return stage.scene.resident()


async def account(folder: Path) -> float:
    """MB for each logged-in account, of twenty with a hundred contacts each; both measured idle after a start."""
    names = [f"owner{number}" for number in range(ACCOUNTS)]
    async with bridged(folder, accounts=names) as stage:
        bridge = stage.scene.bridge
        assert bridge is not None
        _write_rosters(cast(Prosody, stage.scene.ircd), names)
        await bridge.stop()
        await bridge.start()
        await asyncio.sleep(2)
        without = stage.scene.resident()
        for name in names:
            await bridge.log_in("local", stage.scene.homeserver.user(name), f"{name}@{HOST}", name[::-1], name=name)
        await bridge.stop()
        await bridge.start()
        await asyncio.sleep(2)
        return (stage.scene.resident() - without) / ACCOUNTS


def _write_rosters(server: Prosody, names: list[str]) -> None:
    folder = server.folder / "data" / HOST.replace(".", "%2e") / "roster"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        friends = [f"friend{number}.of.{name}@elsewhere.test" for number in range(CONTACTS)]
        contacts = "".join(f'["{jid}"] = {{ subscription = "both"; name = "{jid}"; groups = {{}} }};\n' for jid in friends)
        (folder / f"{name}.dat").write_text(f"return {{ [false] = {{ version = 1; pending = {{}} }};\n{contacts}}};\n")
