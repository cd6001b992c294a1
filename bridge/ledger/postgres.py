"""PostgreSQL: the same tables and statements; the lock is the server's and goes with the writer's own connection.

So whoever writes holds the lock: a connection that is lost takes it along, and the next one must get it first.
"""

import os

from sqlalchemy import URL, Connection, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from bridge.ledger.backend import discard
from bridge.ledger.errors import LedgerRefused

_SCHEMA = "SELECT current_schema()"
_LOCK = "SELECT pg_advisory_lock(1970168162, hashtext(current_schema()))"
_PATIENCE = "SET LOCAL lock_timeout = '1s'"
"""The server gives up the lock of a process that has just ended a moment after its end."""
_TAKEN = "55P03"
_HOLDER = """SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND classid = 1970168162 AND objid::bigint = hashtext(current_schema())::bigint & 4294967295
AND granted AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""

_SESSION = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""Seconds, the last one milliseconds: a server that has vanished is noticed, not waited for."""


class Postgres:
    """The ledger in the first schema of the connection's search path."""

    mark = "%s"

    def __init__(self, url: URL) -> None:
        session: dict[str, int | str] = {name: value for name, value in _SESSION.items() if name not in url.query}
        session["application_name"] = f"unabridged (pid {os.getpid()})"
        url = url.set(drivername="postgresql+psycopg")
        try:
            self._writer = create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=session)
            self._reader = create_engine(
                url, poolclass=NullPool, hide_parameters=True, connect_args=session, isolation_level="AUTOCOMMIT"
            )
        except ImportError as error:
            raise LedgerRefused("PostgreSQL needs its driver: pip install 'unabridged[postgres]'") from error

    def connect(self) -> Connection:
        connection = self._writer.connect()
        try:
            with connection.begin():
                if connection.exec_driver_sql(_SCHEMA).scalar() is None:
                    raise LedgerRefused("the database has no schema to keep the ledger in: see its search_path")
                connection.exec_driver_sql(_PATIENCE)
                connection.exec_driver_sql(_LOCK).close()
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _TAKEN:
                discard(connection)
                raise
            with connection.begin():
                holder = connection.exec_driver_sql(_HOLDER).scalar() or "unknown"
            discard(connection)
            raise LedgerRefused(f"the ledger is in use by another process ({holder}); only one bridge may use it") from error
        except LedgerRefused:
            discard(connection)
            raise
        return connection

    def connect_reader(self) -> Connection:
        return self._reader.connect()

    def is_down(self, error: DBAPIError) -> bool:
        import psycopg

        lost = isinstance(error.orig, psycopg.OperationalError | psycopg.InterfaceError | psycopg.errors.ReadOnlySqlTransaction)
        return error.connection_invalidated or lost

    def close(self) -> None:
        """The lock went with the connection."""
