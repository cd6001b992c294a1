"""SQLite: one file, write-ahead log, every commit synced, and a lock that the system gives up with the process."""

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from bridge.ledger.driver import run
from bridge.ledger.errors import LedgerRefused

_DOWN = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
}
_OLDEST = (3, 35)

_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "busy_timeout = 1000",  # nobody else writes; a backup may hold the file for a moment
    "wal_autocheckpoint = 4000",  # pages: one commit in some hundreds pays for a checkpoint
    "journal_size_limit = 67108864",
    "temp_store = MEMORY",
    "cache_size = -16384",  # KiB
)


class Sqlite:
    """The ledger in one file, with `.lock` beside it."""

    mark = "?"

    def __init__(self, url: URL) -> None:
        database = url.database
        if not database or database == ":memory:" or database.startswith("file:"):
            raise LedgerRefused('the ledger must be a file: bridge.database = "sqlite:///unabridged.db"')
        if sqlite3.sqlite_version_info < _OLDEST:
            raise LedgerRefused(f"SQLite {sqlite3.sqlite_version} is too old: 3.35 or newer is needed")
        self._path = Path(database)
        url = url.set(drivername="sqlite+pysqlite")
        self._writer = create_engine(url, poolclass=NullPool, hide_parameters=True)
        self._reader = create_engine(url, poolclass=NullPool, hide_parameters=True, isolation_level="AUTOCOMMIT")
        for engine in (self._writer, self._reader):
            event.listen(engine, "connect", _prepare)
        event.listen(self._writer, "begin", _begin)
        self._lock: int | None = None

    def connect(self) -> Connection:
        if self._lock is None:
            self._lock = self._take_lock()
            self._look_at_file()
        return self._writer.connect()

    def connect_reader(self) -> Connection:
        return self._reader.connect()

    def is_down(self, error: DBAPIError) -> bool:
        code = getattr(error.orig, "sqlite_errorcode", None)
        return error.connection_invalidated or (code is not None and code & 0xFF in _DOWN)

    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def engine(self) -> Engine:
        """Of the writer."""
        return self._writer

    def _take_lock(self) -> int:
        """Lock a file beside the ledger; the ledger itself has SQLite's own locks, which come and go."""
        path = self._path.with_name(self._path.name + ".lock")
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise LedgerRefused(f"the ledger {self._path} can't be opened: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(lock, 32).decode(errors="replace").strip() or "unknown"
            os.close(lock)
            raise LedgerRefused(
                f"the ledger {self._path} is in use by another process (pid {holder}); only one bridge may use it"
            ) from error
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        return lock

    def _look_at_file(self) -> None:
        """Refuse what was cut short: SQLite would notice only when somebody asks for a page that isn't there."""
        try:
            with os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600), "rb") as file:  # it holds what people said
                head = file.read(100)
                size = file.seek(0, os.SEEK_END)
        except OSError as error:
            raise LedgerRefused(f"the ledger {self._path} can't be opened: {error.strerror}") from error
        log = self._path.with_name(self._path.name + "-wal")
        if not head.startswith(b"SQLite format 3\0") or len(head) < 100 or (log.exists() and log.stat().st_size):
            return  # empty, something else that SQLite will name, or about to be completed from the log
        page = int.from_bytes(head[16:18], "big")
        pages = int.from_bytes(head[28:32], "big")
        if size < pages * (65536 if page == 1 else page):
            raise LedgerRefused(f"the ledger {self._path} is damaged: it is shorter than it says. Restore it from a backup")


def _prepare(connection: sqlite3.Connection, record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    run(connection, "BEGIN IMMEDIATE").close()
