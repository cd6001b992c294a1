"""The one thread that writes.

All that waits is done in one transaction, so that a hundred callers share one sync of the disk. Where an item raises,
the group is rolled back and its items run one by one: only the guilty one fails. Where the ledger itself fails (disk
full, locked, connection gone), everyone in the group and everyone waiting gets `LedgerUnavailable`, and the next item
starts with a new connection.
"""

import asyncio
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from bridge.contract.errors import LedgerUnavailable
from bridge.contract.toolbox import Clock
from bridge.ledger import schema
from bridge.ledger.backend import Backend, discard, plain_words
from bridge.ledger.bulk import Bulk
from bridge.ledger.columns import micros
from bridge.ledger.errors import LedgerRefused
from bridge.ledger.recent import Recent
from bridge.ledger.rows import Copy
from bridge.ledger.work import Serials, Work
from bridge.model.ids import ChannelId, EventKey

MOST_ITEMS = 256
"""In one transaction: bounds how long one waits for all."""

log = logging.getLogger(__name__)

Probe: TypeAlias = Callable[[Callable[[Work], Any]], Exception | None]
"""Runs something in a transaction of its own that is rolled back; returns what it raised."""
Mend: TypeAlias = Callable[[Probe], Callable[[Work], Any]]


class Learnt(NamedTuple):
    """What the event loop's memories must hear of before the callers do. `doubt`: forget everything."""

    copies: Sequence[Copy] = ()
    whole: frozenset[EventKey] = frozenset()
    """Events of which `copies` are all there are."""
    told: Sequence[Callable[[], None]] = ()
    doubt: bool = False


class _Item(NamedTuple):
    run: Callable[[Work], Any]
    future: asyncio.Future[Any]
    keys: Sequence[EventKey]
    mend: Mend | None


class _Outcome(NamedTuple):
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None


class Writer:
    """Runs items in the order of their coming, in groups. `learn` is called in the event loop after each commit."""

    def __init__(self, backend: Backend, clock: Clock, learn: Callable[[Learnt], None]) -> None:
        self._backend = backend
        self._clock = clock
        self._learn = learn
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._bulk = Bulk(backend.mark)
        self._recent = Recent()
        self._serials = Serials()
        self._passing: Counter[ChannelId] = Counter()
        """Entries by lane that are stored, but not yet known to the event loop."""
        self._passed: deque[Counter[ChannelId]] = deque()
        self.trouble: str | None = None
        """Why the last transaction could not be stored; None where it was."""
        self._connection: Connection | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._main, name="ledger-writer", daemon=True)

    def start(self, connection: Connection) -> None:
        """Take over a connection that holds the ledger's lock."""
        self._connection = connection
        self._read_serials(connection)
        self._thread.start()

    def submit(self, run: Callable[[Work], Any], keys: Sequence[EventKey], mend: Mend | None) -> asyncio.Future[Any]:
        """Put an item in line; its place is that of this call. `keys`: native ids that it will ask about."""
        if self._closed:
            raise LedgerUnavailable("the ledger is closed")
        future: asyncio.Future[Any] = self._loop.create_future()
        self._queue.put(_Item(run, future, keys, mend))
        return future

    async def close(self) -> None:
        """Do what waits, then stop."""
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    # the thread

    def _main(self) -> None:
        ended = False
        while not ended:
            item = self._queue.get()
            if item is None:
                break
            group = [item]
            while len(group) < MOST_ITEMS:
                try:
                    item = self._queue.get_nowait()
                except Empty:
                    break
                if item is None:
                    ended = True
                    break
                group.append(item)
            self._run_group(group)
        self._drop_connection()

    def _run_group(self, group: list[_Item]) -> None:
        while self._passed:
            self._passing -= self._passed.popleft()
        try:
            self._run(group)
        except LedgerUnavailable as error:
            log.warning("ledger unavailable: %s", error)
            self._fail(group + self._waiting(), error)
        except Exception as error:  # noqa: BLE001 - becomes the outcome of the one guilty item
            if len(group) > 1:
                for item in group:
                    self._run_group([item])
            else:
                self._mend(group[0], error)

    def _mend(self, item: _Item, error: Exception) -> None:
        """Give an item whose rows the tables refuse its chance to leave out the wrong ones."""
        if item.mend is None or not isinstance(error, StatementError):
            self._answer([_Outcome(item.future, error=error)], Learnt(), Counter())
            return
        try:
            run = item.mend(self._probe)
        except LedgerUnavailable as unavailable:
            self._fail([item, *self._waiting()], unavailable)
            return
        self._run_group([item._replace(run=run, mend=None)])

    def _run(self, group: list[_Item]) -> None:
        """One transaction. Raises `LedgerUnavailable`, or what an item raised; then nothing has happened."""
        try:
            work = self._begin()
            with work.look.begin():
                work.expect(key for item in group for key in item.keys)
                outcomes = [_Outcome(item.future, item.run(work)) for item in group]
                work.flush()
                self._recent.doubtful.update(work.fresh, work.again)
        except SQLAlchemyError as error:
            self._judge(error)
            raise
        self.trouble = None
        work.committed()
        self._serials = work.serials
        self._passing += work.inserted
        self._answer(outcomes, Learnt(work.copies, frozenset(work.whole), work.told), work.inserted)

    def _begin(self) -> Work:
        if self._connection is None:
            self._connection = self._reconnect()
        now = micros(self._clock.now())
        return Work(self._connection, self._bulk, self._recent, self._serials.again(), self._passing, now)

    def _reconnect(self) -> Connection:
        try:
            connection = self._backend.connect()
        except LedgerRefused as error:
            raise LedgerUnavailable(str(error)) from error
        self._read_serials(connection)
        return connection

    def _judge(self, error: SQLAlchemyError) -> None:
        """Raise `LedgerUnavailable` where it isn't an item's fault. The connection is then given up."""
        if isinstance(error, StatementError) and not (isinstance(error, DBAPIError) and self._backend.is_down(error)):
            return
        self._recent.clear()
        self._drop_connection()
        raise LedgerUnavailable(plain_words(error)) from error

    def _probe(self, run: Callable[[Work], Any]) -> Exception | None:
        try:
            work = self._begin()
            with work.look.begin() as transaction:
                run(work)
                work.flush()
                transaction.rollback()
        except Exception as error:  # noqa: BLE001 - the answer
            if isinstance(error, SQLAlchemyError):
                self._judge(error)
            return error
        return None

    def _read_serials(self, connection: Connection) -> None:
        with connection.begin():
            columns = (schema.deliveries.c.seq, schema.copies.c.seq, schema.chores.c.seq)
            newest = [connection.execute(select(func.max(column))).scalar() or 0 for column in columns]
        self._serials = Serials(*(number + 1 for number in newest))

    def _waiting(self) -> list[_Item]:
        waiting: list[_Item] = []
        try:
            while True:
                item = self._queue.get_nowait()
                if item is None:
                    self._queue.put(None)
                    return waiting
                waiting.append(item)
        except Empty:
            return waiting

    def _fail(self, items: list[_Item], error: LedgerUnavailable) -> None:
        self.trouble = str(error)
        self._answer(
            [_Outcome(item.future, error=LedgerUnavailable(str(error))) for item in items], Learnt(doubt=True), Counter()
        )

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            discard(connection)

    def _answer(self, outcomes: list[_Outcome], learnt: Learnt, inserted: Counter[ChannelId]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._resolve, outcomes, learnt, inserted)

    # the event loop

    def _resolve(self, outcomes: list[_Outcome], learnt: Learnt, inserted: Counter[ChannelId]) -> None:
        self._learn(learnt)
        for future, result, error in outcomes:
            if future.done():
                continue  # its caller was cancelled
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)
        if inserted:  # the callers, woken by the lines above, run before this and tell the courier
            self._loop.call_soon(self._passed.append, inserted)
