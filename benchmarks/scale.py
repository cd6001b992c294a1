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


async def start_to_first_message(scene: Scene) -> float:
    """Seconds from starting the bridge anew until a line is through."""
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
    return took


async def with_puppets(folder: Path) -> tuple[float, float]:
    """MB resident, idle, with ten rooms: as it is, and with ten thousand known puppets."""
    async with bridged(folder, rooms=10) as scene:
        assert scene.bridge is not None
        await asyncio.sleep(1)
        before = scene.resident()
        await scene.bridge.stop()
        ledger = await Ledger.connect(f"sqlite:///{scene.bridge.folder}/unabridged.db", clock=SystemClock())
        for number in range(PUPPETS):
            identity = IdentityId(NetworkName("local"), f"p{number}")
            user = f"@_local_p{number}:localhost"
            row = PuppetRow(
                user=user, identity=identity, registered=True, name=f"p{number} (local)", avatar=None, avatar_mxc=None
            )
            await ledger.save_puppet(row)
            await ledger.save_member(scene.room, user, "join")
        await ledger.close()
        await scene.bridge.start()
        await asyncio.sleep(1)
        return before, scene.resident()
