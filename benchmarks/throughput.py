"""A burst of 2,000 lines by 20 interleaved authors in one room: how many a second, at what cost, in which order."""

import asyncio
import time
from collections.abc import Callable

from msgspec import Struct

from benchmarks.scene import Scene

LINES = 2000
AUTHORS = 20


class Burst(Struct):
    a_second: float
    cpu_per_thousand: float
    lost: int
    in_order: bool

    def __lt__(self, other: "Burst") -> bool:
        """Better."""
        return self.a_second > other.a_second


async def inward(scene: Scene) -> Burst:
    """IRC → Matrix. The order is that in which another IRC client in the channel hears the lines."""
    speakers = [await scene.speaker(f"a{number}") for number in range(AUTHORS)]
    listener = await scene.speaker("ear")
    truth: list[int] = []
    listener.on_mark = truth.append
    for number, speaker in enumerate(speakers):  # everybody's puppet is in the room before the clock runs
        speaker.say(f"m{100_000 + number}")
    await asyncio.sleep(2)
    truth.clear()

    def speak() -> None:
        for number in range(LINES):
            speakers[number % AUTHORS].say(f"m{number}")

    return await burst(scene, speak, scene.watch, lambda: truth)


async def outward(scene: Scene) -> Burst:
    """Matrix → IRC."""
    listener = await scene.speaker("ear")
    people = [scene.homeserver.user(f"p{number}") for number in range(AUTHORS)]
    for user in people:
        scene.homeserver.join(user, scene.room)
    await scene.homeserver.push.settled()

    def speak() -> None:
        for number in range(LINES):
            scene.homeserver.say(people[number % AUTHORS], scene.room, f"m{number}")

    def watch(seen: Callable[[int], None]) -> None:
        listener.on_mark = seen

    return await burst(scene, speak, watch, lambda: list(range(LINES)))


async def burst(
    scene: Scene,
    speak: Callable[[], None],
    watch: Callable[[Callable[[int], None]], None],
    truth: Callable[[], list[int]],
) -> Burst:
    got: list[int] = []
    complete = asyncio.Event()

    def seen(number: int) -> None:
        if number < LINES:
            got.append(number)
            if len(got) >= LINES:
                complete.set()

    watch(seen)
    cpu = scene.cpu()
    began = time.perf_counter()
    speak()
    try:
        async with asyncio.timeout(60):
            await complete.wait()
    except TimeoutError:
        pass
    seconds = time.perf_counter() - began
    await asyncio.sleep(0.5)  # what it still writes behind (receipts) is part of the cost
    spent = scene.cpu() - cpu
    return Burst(len(got) / seconds, spent / LINES * 1000, LINES - len(set(got)), got == truth()[: len(got)])
