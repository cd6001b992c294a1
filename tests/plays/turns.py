"""How long the loop is held up."""

import asyncio
import time

import pytest

LONGEST_TURN = 0.05
"""Seconds of work in one turn of the loop, during which nobody else is heard."""


class Turns:
    """How long the loop's turns take, in seconds of its thread's own work: what else runs on the machine doesn't count."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.longest = 0.0
        run = asyncio.Handle._run

        def measured(handle: asyncio.Handle) -> None:
            start = time.thread_time()
            run(handle)
            self.longest = max(self.longest, time.thread_time() - start)

        monkeypatch.setattr(asyncio.Handle, "_run", measured)
