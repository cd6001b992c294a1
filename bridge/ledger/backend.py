"""What differs between the engines: how to connect, whose lock it is, and which errors mean that the ledger is down."""

from typing import Protocol

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from bridge.ledger.errors import LedgerRefused


class Backend(Protocol):
    mark: str
    """The driver's placeholder for a value."""

    def connect(self) -> Connection:
        """The writer's connection. It holds the ledger's lock. Raises `LedgerRefused` or a SQLAlchemy error."""
        ...

    def connect_reader(self) -> Connection:
        """Another one, outside transactions: each statement sees what is committed."""
        ...

    def is_down(self, error: DBAPIError) -> bool:
        """Whether it is the ledger that failed, rather than the statement."""
        ...

    def close(self) -> None:
        """Give up the lock."""
        ...


def open_backend(url: str) -> Backend:
    """Nothing is touched yet. Raises `LedgerRefused` for an address that can't be one."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise LedgerRefused("bridge.database is no database address: expected sqlite:///file or postgresql://…") from error
    kind = parsed.drivername.partition("+")[0]
    if kind == "sqlite":
        from bridge.ledger.sqlite import Sqlite

        return Sqlite(parsed)
    if kind in ("postgresql", "postgres"):
        from bridge.ledger.postgres import Postgres

        return Postgres(parsed)
    raise LedgerRefused(f"bridge.database says {kind}: expected sqlite:///file or postgresql://…")


def plain_words(error: Exception) -> str:
    """What the engine said, without the statement and its values."""
    said = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return " ".join(str(said).split()) or type(said).__name__


def discard(connection: Connection) -> None:
    """Close a connection of which nothing can be expected any more."""
    try:
        connection.invalidate()
        connection.close()
    except DBAPIError:
        pass  # it was broken, that is why
