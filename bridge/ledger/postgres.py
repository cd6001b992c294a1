"""PostgreSQL: the same tables and statements; the lock is the server's and goes with the writer's own connection.

So whoever writes holds the lock: a connection that is lost takes it along, and the next one must get it first.
"""

import os

from sqlalchemy import URL, Connection, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from bridge.ledger.errors import LedgerRefused

_LOCK = "SELECT current_schema(), pg_try_advisory_lock(1970168162, hashtext(current_schema()))"
_HOLDER = """SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND classid = 1970168162 AND objid::bigint = hashtext(current_schema())::bigint & 4294967295
AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""

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
                schema, locked = connection.exec_driver_sql(_LOCK).one()
                if schema is None:
                    raise LedgerRefused("the database has no schema to keep the ledger in: see its search_path")
                if not locked:
                    holder = connection.exec_driver_sql(_HOLDER).scalar()
                    raise LedgerRefused(
                        f"the ledger is in use by another process ({holder or 'unknown'}); only one bridge may use it"
                    )
        except BaseException:
            connection.close()
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
