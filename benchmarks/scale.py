"""A thousand linked rooms, and ten thousand people known."""

import asyncio
import time
from pathlib import Path

from benchmarks.scene import Scene, bridged
from bridge.ledger.ledger import Ledger
from bridge.ledger.rows import PuppetRow
from bridge.model.ids import IdentityId, NetworkName
from bridge.ops.clock import SystemClock

PUPPETS = 10_000


async def start_to_first_message(scene: Scene) -> tuple[float, float]:
    """Seconds from starting the bridge anew until a line is through, and until `/ready` says that every room is open."""
    assert scene.bridge is not None
    speaker = await scene.speaker("first")
    await scene.bridge.stop()
    arrived = asyncio.Event()
    scene.watch(lambda number: arrived.set())
    began = time.perf_counter()
    starting = asyncio.ensure_future(scene.bridge.start())
    number = 0
    while not arrived.is_set():
        speaker.say(f"m{number}")
        number += 1
        await asyncio.wait([asyncio.ensure_future(arrived.wait())], timeout=0.05)
    took = time.perf_counter() - began
    await starting
    return took, time.perf_counter() - began


async def with_puppets(folder: Path) -> tuple[float, float]:
    """MB resident, idle, with ten rooms: as it is, and with ten thousand known puppets. Both after a second start."""
    async with bridged(folder, rooms=10) as scene:
        assert scene.bridge is not None
        await scene.bridge.stop()
        before = await _resident(scene)
        await save_puppets(scene)
        return before, await _resident(scene)


async def save_puppets(scene: Scene) -> None:
    """Ten thousand people known, members of the room; the bridge is stopped."""
    assert scene.bridge is not None
    ledger = await Ledger.connect(f"sqlite:///{scene.bridge.folder}/unabridged.db", clock=SystemClock())
    await asyncio.gather(*(_save_puppet(ledger, scene.room, number) for number in range(PUPPETS)))
    await ledger.close()


async def _resident(scene: Scene) -> float:
    assert scene.bridge is not None
    await scene.bridge.start()
    await asyncio.sleep(1)
    resident = scene.resident()
    await scene.bridge.stop()
    return resident


async def _save_puppet(ledger: Ledger, room: str, number: int) -> None:
    identity = IdentityId(NetworkName("local"), f"p{number}")
    user = f"@_local_p{number}:localhost"
    row = PuppetRow(user=user, identity=identity, registered=True, name=f"p{number} (local)", avatar=None, avatar_mxc=None)
    await ledger.save_puppet(row)
    await ledger.save_member(room, user, "join")
