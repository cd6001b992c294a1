"""The power fails at every step between accepting and the receipt, and the bridge starts again from what was on disk then.

A step is a commit that begins or has been answered, or a message that leaves or has been answered. Whatever was acknowledged
arrives; what was not is said again by its homeserver, under its old name; nothing is there twice without a mark.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bridge.model.events import Event, Message, Text
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId
from bridge.model.people import Identity, Profile
from bridge.testing import until
from tests.plays.scene import ROOM, Scene, spoken

LINES = 5
STEPS = range(1, 40)
ALICE = Identity(id=IdentityId(HUB, "@alice:hs"), profile=Profile(name="Alice"))
VERBS = ("accept", "lease", "settle", "make_batch")
REPEAT = "(possible repeat) "


class Power:
    """Fails at the given step. From then on nothing goes on, and `disk` is what was committed."""

    def __init__(self, fails_at: int, disk: Path) -> None:
        self._left = fails_at
        self.disk = disk
        self.off = False
        self._dark: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wire(self, scene: Scene) -> None:
        for verb in VERBS:
            setattr(scene.ledger, verb, self._stepping(getattr(scene.ledger, verb), scene))
        outlets: list[Any] = [scene.room, *(supervisor.adapter for supervisor in scene.supervisors.values())]
        for outlet in outlets:
            outlet.deliver = self._stepping(outlet.deliver, scene)

    def _stepping(self, act: Callable[..., Awaitable[Any]], scene: Scene) -> Callable[..., Awaitable[Any]]:
        async def stepped(*args: Any, **kwargs: Any) -> Any:
            await self._step(scene)
            done = await act(*args, **kwargs)
            await self._step(scene)
            return done

        return stepped

    def over(self, scene: Scene) -> None:
        """Whatever stands still for ever ends, so that the test can; the homeserver had power of its own."""
        self._dark.cancel()
        del scene.room.deliver

    async def _step(self, scene: Scene) -> None:
        self._left -= 1
        if self._left == 0:
            with sqlite3.connect(scene.disk) as running, sqlite3.connect(self.disk) as copy:
                running.backup(copy)
            self.off = True
        if self.off:
            await self._dark


def line(scene: Scene, number: int) -> Event:
    body = Message(text=Text(plain=f"line {number}"))
    key = EventKey(HUB, f"$line{number}")
    return Event(key=key, channel=ChannelId(HUB, ROOM), author=ALICE, happened_at=scene.clock.now(), body=body)


async def everybody_speaks(scene: Scene, acked: set[int]) -> None:
    for number in range(LINES):
        scene.dream.says("bob", f"word {number}")
    for number in range(LINES):
        await scene.intake.accept(HUB, [line(scene, number)])
        acked.add(number)


@pytest.mark.parametrize("step", STEPS)
async def test_the_power_fails(tmp_path: Path, step: int) -> None:
    scene = Scene(tmp_path)
    power = Power(step, tmp_path / "disk.db")
    acked: set[int] = set()
    async with scene.up(planned=False):
        power.wire(scene)
        talk = asyncio.ensure_future(everybody_speaks(scene, acked))
        await until(lambda: power.off or _all_said(scene))
        power.over(scene)
        await asyncio.wait([talk])
    assert power.off, "there are not so many steps: nothing was tested"
    scene.disk = power.disk
    async with scene.up():
        for number in range(LINES):
            if number not in acked:
                await scene.intake.accept(HUB, [line(scene, number)])
        for _ in range(3):
            await scene.clock.advance(60)
        await until(lambda: _all_said(scene))
        await scene.clock.advance(60)
    for town in (scene.dream, scene.sleep):
        _in_order_and_marked([text for text in spoken(town.world) if "line" in text], "line")
    _in_order_and_marked("\n".join(scene.room.shown.values()).replace("bob: ", "").split("\n"), "word")
    assert len(scene.room.shown) == len(set(scene.room.shown.values()))


def _all_said(scene: Scene) -> bool:
    return (
        all(_has(spoken(town.world), f"line {LINES - 1}") for town in (scene.dream, scene.sleep))
        and _has(list(scene.room.shown.values()), f"word {LINES - 1}")
        and _has(spoken(scene.sleep.world), f"word {LINES - 1}")
    )


def _has(texts: list[str], words: str) -> bool:
    return any(words in text for text in texts)


def _in_order_and_marked(texts: list[str], noun: str) -> None:
    firsts = list(dict.fromkeys(text.removeprefix(REPEAT) for text in texts))
    assert firsts == [f"{noun} {number}" for number in range(LINES)]
    unmarked = [text for text in texts if not text.startswith(REPEAT)]
    assert len(unmarked) == len(set(unmarked)), "twice without a mark"
