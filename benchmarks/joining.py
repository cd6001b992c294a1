"""A homeserver that takes 30 ms for each send, and one person who says 500 lines at once."""

import asyncio
import time

from benchmarks.scene import Scene

LINES = 500
SEND_SECONDS = 0.030


async def burst_of_one(scene: Scene) -> tuple[float, int]:
    """Seconds until all lines are in the room, and in how many events."""
    speaker = await scene.speaker("many")
    speaker.say("m999999")
    await asyncio.sleep(1)
    scene.homeserver.send_seconds = SEND_SECONDS
    before = len(scene.homeserver.messages(scene.room))
    got: set[int] = set()
    complete = asyncio.Event()

    def seen(number: int) -> None:
        got.add(number)
        if len(got) >= LINES:
            complete.set()

    scene.watch(seen)
    began = time.perf_counter()
    for number in range(LINES):
        speaker.say(f"m{number}")
    async with asyncio.timeout(60):
        await complete.wait()
    return time.perf_counter() - began, len(scene.homeserver.messages(scene.room)) - before
