"""What every subject's verbs share: the two threads, the clock, and the memory of copies."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, Executable

from bridge.contract.toolbox import Clock
from bridge.ledger.reader import Reader
from bridge.ledger.recent import Remembered
from bridge.ledger.rows import Copy
from bridge.ledger.work import Work
from bridge.ledger.writer import Learnt, Mend, Writer
from bridge.model.ids import EventKey

T = TypeVar("T")


class Core:
    """`start` is left to `Ledger.connect`, which has the connections."""

    def __init__(self, writer: Callable[[Callable[[Learnt], None]], Writer], reader: Reader, clock: Clock) -> None:
        self.clock = clock
        self.writer = writer(self._learn)
        self.reader = reader
        self.copies: Remembered[EventKey, tuple[Copy, ...]] = Remembered(8192)
        """Every copy of an event."""
        self.doubted: list[Callable[[], None]] = []
        """Called in the event loop when nobody knows what the last commit came to."""

    async def write(self, run: Callable[[Work], T], *, keys: Sequence[EventKey] = (), mend: Mend | None = None) -> T:
        """Run in the writer's thread; returns after commit. Its place in line is that of this call's first step."""
        result: T = await self.writer.submit(run, keys, mend)
        return result

    async def execute(self, statement: Executable, then: Callable[[], None] | None = None) -> None:
        """Run one statement. `then` is called in the event loop once it is committed, even if the caller is gone by then."""

        def run(work: Work) -> None:
            work.sql.execute(statement)
            if then is not None:
                work.told.append(then)

        await self.write(run)

    async def read(self, run: Callable[[Connection], T]) -> T:
        """Run in the reader's thread."""
        result: T = await self.reader.submit(run)
        return result

    def _learn(self, learnt: Learnt) -> None:
        if learnt.doubt:
            self.copies.clear()
            for forget in self.doubted:
                forget()
        for tell in learnt.told:
            tell()
        new: dict[EventKey, tuple[Copy, ...]] = {}
        for copy in learnt.copies:
            new[copy.event] = (*new.get(copy.event, ()), copy)
        for event, copies in new.items():
            if event in learnt.whole:
                self.copies.write(event, copies)
            else:
                self.copies.change(event, partial(_joined, copies))


def _joined(more: tuple[Copy, ...], old: tuple[Copy, ...]) -> tuple[Copy, ...]:
    return (*old, *more)
