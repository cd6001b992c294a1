"""A whole bridge in a process of its own, which dies at a commit that a test chose, as by kill -9.

`Nest` is the test's side. Its process imports everything once and has a child for each life, so that a life costs what a bridge
costs, not what Python does.
"""

import asyncio
import os
import pickle
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from msgspec import Struct
from sqlalchemy.engine.default import DefaultDialect

from bridge.app.main import running
from bridge.config.adapters_found import GROUP, FoundAdapters
from bridge.config.settings import Settings, Tokens
from tests.doubles.bridge import put_together

FOUND = FoundAdapters(
    {
        "xmpp": EntryPoint("xmpp", "adapters.xmpp.adapter:Xmpp", GROUP),
        "feeds": EntryPoint("feeds", "adapters.feeds.adapter:Feeds", GROUP),
        "irc": EntryPoint("irc", "adapters.irc.adapter:Irc", GROUP),
        "fantasy": EntryPoint("fantasy", "adapters.fantasy.adapter:Fantasy", GROUP),
    }
)
HASTE = 20.0
"""Its seconds in one of ours: what would be waited for is waited for that much less."""
TURNS = 20
"""Of its loop, between the commit that never comes and the end: what does not depend on it gets out."""


class Fate(Struct, frozen=True):
    """Of one life. `commit`: at which it ends, counted from its beginning (0: at none); `kept`: that one is still on disk."""

    folder: str
    settings: Settings
    tokens: Tokens
    commit: int = 0
    kept: bool = False


class Hasty:
    """A `Clock` whose waits are short; what time it is, is true."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() * HASTE

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / HASTE)


# the test's side


class Life:
    """One bridge. `up` has its address once the homeserver can reach it; `over` is set when it is dead."""

    def __init__(self) -> None:
        self.pid = 0
        self.born = asyncio.Event()
        self.up: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.over = asyncio.Event()

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


class Nest:
    """One life at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._life: Life | None = None

    async def bear(self, fate: Fate) -> Life:
        """Returns when it begins."""
        assert self._process.stdin is not None
        assert self._life is None or self._life.over.is_set()
        self._life, letter = Life(), pickle.dumps(fate)
        self._process.stdin.write(len(letter).to_bytes(4, "big") + letter)
        await self._process.stdin.drain()
        return self._life

    async def end(self) -> None:
        """Of who lives, if somebody does."""
        if self._life is not None and not self._life.over.is_set():
            await self._life.born.wait()
            self._life.kill()
            await self._life.over.wait()

    async def listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            word, _, rest = line.decode().strip().partition(" ")
            life = self._life
            assert life is not None
            if word == "born":
                life.pid = int(rest)
                life.born.set()
            elif word == "up" and not life.up.done():
                life.up.set_result(rest)
            elif word == "over":
                life.over.set()
            else:
                raise AssertionError(line)


@asynccontextmanager
async def nest() -> AsyncIterator[Nest]:
    """Whoever lives at the end dies with it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.doubles.mortal", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    made = Nest(process)
    listening = asyncio.create_task(made.listen())
    try:
        yield made
    finally:
        assert process.stdin is not None
        await made.end()
        process.stdin.close()
        await process.wait()
        await listening


# the other side


def _main() -> None:
    for name in FOUND:
        FOUND.adapter(name)
    while head := sys.stdin.buffer.read(4):
        fate: Fate = pickle.loads(sys.stdin.buffer.read(int.from_bytes(head, "big")))
        child = os.fork()
        if child == 0:
            _live(fate)
        _tell(f"born {child}")
        os.waitpid(child, 0)
        _tell("over")


def _tell(words: str) -> None:
    os.write(1, f"{words}\n".encode())


def _live(fate: Fate) -> None:
    try:
        asyncio.run(_lived(fate))
    finally:
        os._exit(1)


async def _lived(fate: Fate) -> None:
    if fate.commit:
        _doom(fate, asyncio.get_running_loop())
    async with (
        put_together(Path(fate.folder), fate.settings, fate.tokens, FOUND, Hasty(), reachable=("127.0.0.0/8",)) as parts,
        running(parts.plant),
    ):
        _tell(f"up http://{parts.plant.listeners[0].address}")
        await asyncio.get_running_loop().create_future()


def _doom(fate: Fate, loop: asyncio.AbstractEventLoop) -> None:
    """The commits of the ledger are counted where they are made, in the thread that writes."""
    commit, count = DefaultDialect.do_commit, 0

    def counted(self: DefaultDialect, connection: Any) -> None:
        nonlocal count
        count += 1
        if count < fate.commit:
            commit(self, connection)
            return
        if fate.kept:
            commit(self, connection)
        elif threading.current_thread() is not threading.main_thread():
            loop.call_soon_threadsafe(_last, TURNS)
            threading.Event().wait()
        os.kill(os.getpid(), signal.SIGKILL)

    def _last(turns: int) -> None:
        if turns:
            loop.call_soon(_last, turns - 1)
        else:
            os.kill(os.getpid(), signal.SIGKILL)

    DefaultDialect.do_commit = counted  # type: ignore[assignment]


if __name__ == "__main__":
    _main()
