"""The demo's children: they come back, and say why they went."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from bridge.demo.process import Child, keep
from bridge.demo.screen import Progress
from tests.unit.delivery.stage import background

WAITS = "import signal; print('up', flush=True); signal.pause()"


def child(folder: Path, program: str) -> Child:
    return Child("the child", [sys.executable, "-c", program], folder / "child.log")


async def test_a_killed_child_is_started_again_and_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = child(tmp_path, WAITS)
    back = asyncio.Event()

    async def is_back() -> bool:
        back.set()
        return True

    await kept.start()
    first = kept.pid
    assert first is not None
    try:
        async with background(lambda: keep(kept, is_back, pause=0)), asyncio.timeout(10):
            os.kill(first, signal.SIGKILL)
            await back.wait()
    finally:
        await kept.stop()
    assert kept.pid != first
    said = capsys.readouterr().out
    assert "the child was killed by signal 9; starting it again" in said
    assert f"the child is back (process {kept.pid})" in said


async def test_a_child_that_ends_is_quoted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = child(tmp_path, "import sys; sys.exit('unknown key \"nik\"')")
    tried = asyncio.Event()

    async def not_back() -> bool:
        tried.set()
        return False

    await kept.start()
    async with background(lambda: keep(kept, not_back, pause=0)), asyncio.timeout(10):
        await tried.wait()
    await kept.stop()
    said = capsys.readouterr().out
    assert 'ended with status 1:\nunknown key "nik"' in said
    assert "is back" not in said


async def test_its_last_words_are_those_of_this_start(tmp_path: Path) -> None:
    (tmp_path / "child.log").write_text("of yesterday\n")
    one = child(tmp_path, "print('of today')")
    await one.start()
    await one.wait()
    assert one.last_words() == "of today"


def test_each_step_is_told_with_its_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.step("one …")
    progress.step("two …")
    assert capsys.readouterr().out == "  one … 0.0 s\n  two …"
    progress.done()
    progress.done()
    assert capsys.readouterr().out == " 0.0 s\n"
