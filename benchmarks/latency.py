"""One line at a time on an idle room: from the write on one side to the arrival on the other, in milliseconds."""

import asyncio
import time
from collections.abc import Callable

from msgspec import Struct

from benchmarks.scene import ALICE, Scene

Seen = Callable[[int], None]
SAMPLES = 300
GAP = 0.010
WARM_UP = 20


class Times(Struct):
    p50: float
    p99: float

    def __lt__(self, other: "Times") -> bool:
        """Better."""
        return self.p50 < other.p50


async def inward(scene: Scene) -> Times:
    """IRC → Matrix."""
    speaker = await scene.speaker("lat")
    return await measure(lambda number: speaker.say(f"m{number}"), scene.watch)


async def outward(scene: Scene) -> Times:
    """Matrix → IRC."""
    listener = await scene.speaker("ear")

    def watch(seen: Seen) -> None:
        listener.on_mark = seen

    return await measure(lambda number: scene.homeserver.say(ALICE, scene.room, f"m{number}"), watch)


async def measure(say: Callable[[int], object], watch: Callable[[Seen], None]) -> Times:
    sent: dict[int, float] = {}
    took: dict[int, float] = {}
    arrived = asyncio.Event()

    def seen(number: int) -> None:
        if number in sent and number not in took:
            took[number] = time.perf_counter() - sent[number]
            arrived.set()

    watch(seen)
    for number in range(SAMPLES + WARM_UP):
        arrived.clear()
        sent[number] = time.perf_counter()
        say(number)
        async with asyncio.timeout(10):
            await arrived.wait()
        await asyncio.sleep(GAP)
    ordered = sorted(took[number] * 1000 for number in range(WARM_UP, SAMPLES + WARM_UP))
    return Times(ordered[SAMPLES // 2], ordered[SAMPLES * 99 // 100])
