"""How long the loop is held up."""

import asyncio
import gc
import time

import pytest

LONGEST_TURN = 0.05
"""Seconds of work in one turn of the loop, during which nobody else is heard."""


class Turns:
    """How long the loop's turns take, in seconds of its thread's own work.

    What else runs on the machine doesn't count, nor does looking for garbage in what the tests have piled up by now.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        gc.collect()
        gc.freeze()
        self.longest = 0.0
        self.where = ""
        run = asyncio.Handle._run

        def measured(handle: asyncio.Handle) -> None:
            start = time.thread_time()
            run(handle)
            took = time.thread_time() - start
            if took > self.longest:
                self.longest, self.where = took, repr(handle)

        monkeypatch.setattr(asyncio.Handle, "_run", measured)
