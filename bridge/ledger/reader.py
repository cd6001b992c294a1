"""The thread that reads, on a connection of its own: a large commit does not delay it, and it delays none."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeAlias

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from bridge.contract.errors import LedgerUnavailable
from bridge.ledger.backend import Backend, discard, plain_words

_Item: TypeAlias = tuple[Callable[[Connection], Any], asyncio.Future[Any]]


class Reader:
    """Runs reads in the order of their coming. Each sees all that was committed before it was asked for."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._connection: Connection | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._main, name="ledger-reader", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, run: Callable[[Connection], Any]) -> asyncio.Future[Any]:
        if self._closed:
            raise LedgerUnavailable("the ledger is closed")
        future: asyncio.Future[Any] = self._loop.create_future()
        self._queue.put((run, future))
        return future

    async def close(self) -> None:
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _main(self) -> None:
        while (item := self._queue.get()) is not None:
            run, future = item
            if future.cancelled():
                continue
            result, error = self._run(run)
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(_resolve, future, result, error)
        if self._connection is not None:
            discard(self._connection)

    def _run(self, run: Callable[[Connection], Any]) -> tuple[Any, Exception | None]:
        """A connection that broke while idle is replaced once before anybody hears of it."""
        fresh = self._connection is None
        try:
            if self._connection is None:
                self._connection = self._backend.connect_reader()
            return run(self._connection), None
        except SQLAlchemyError as error:
            if isinstance(error, StatementError) and not (isinstance(error, DBAPIError) and self._backend.is_down(error)):
                return None, error
            if self._connection is not None:
                discard(self._connection)
                self._connection = None
            return (None, LedgerUnavailable(plain_words(error))) if fresh else self._run(run)
        except Exception as error:  # noqa: BLE001 - becomes the caller's
            return None, error


def _resolve(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
