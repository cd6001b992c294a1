"""Child processes of the demo: none outlives it, each writes its own log."""

import asyncio
import ctypes
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from bridge.demo.screen import clock, say

_PR_SET_PDEATHSIG = 1
STOP_SECONDS = 15.0
RESTART_SECONDS = 1.0
LONG_SECONDS = 10.0
LONGEST_PAUSE = 30.0


def die_with_parent() -> None:
    """Run in the child before exec: even a `kill -9` of the demo leaves nothing behind (Linux; elsewhere nothing happens)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port(wanted: int, taken: frozenset[int] = frozenset()) -> int:
    """The first port from `wanted` upwards that nobody listens on at the loopback address. Raises `OSError` after 200."""
    for port in range(wanted, wanted + 200):
        if port in taken:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port between {wanted} and {wanted + 199}")


class Child:
    """One process and its log file."""

    def __init__(self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self._env = dict(env) if env is not None else None
        self._process: asyncio.subprocess.Process | None = None
        self._log_begins = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self._log_begins = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                preexec_fn=die_with_parent,
                start_new_session=True,  # a Ctrl-C in the terminal is for the demo, which stops things in order
            )

    async def wait(self) -> int:
        """The exit status; negative: killed by that signal."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return await self._process.wait()

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL after a while; returns when it is gone."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def last_words(self, lines: int = 12) -> str:
        """The end of what it has logged since its start, for an error message."""
        try:
            with self.log.open("rb") as log:
                log.seek(self._log_begins)
                return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
        except OSError as error:
            return f"(no log: {error})"


async def _at_once() -> bool:
    return True


async def keep(child: Child, back: Callable[[], Awaitable[bool]] = _at_once, *, pause: float = RESTART_SECONDS) -> None:
    """Starts a child again whenever it ends, until cancelled, and says so. `back`: whether it works again.

    Waits longer while it ends at once: its settings may be wrong, or somebody runs it by hand.
    """
    shortest = pause
    while True:
        began = time.monotonic()
        status = await child.wait()
        reason = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}:\n{child.last_words(4)}\n "
        pause = shortest if time.monotonic() - began > LONG_SECONDS else min(pause * 2, LONGEST_PAUSE)
        say(f"{clock()} {child.name} {reason}; starting it again in {pause:.0f} s …")
        await asyncio.sleep(pause)
        await child.start()
        if await back():
            say(f"{clock()} {child.name} is back (process {child.pid})")
