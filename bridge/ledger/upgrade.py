"""Bring the tables up to date. Alembic is imported only where there is something to do: it costs a start 0.2 s."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, inspect

from bridge.ledger.errors import LedgerRefused

HEAD = "0003"
"""The newest migration; a test holds it against the files."""

MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(connection: Connection, progress: Callable[[str], None] | None = None) -> None:
    """Run what migrations are missing, all in one transaction: a kill in the middle leaves the ledger as it was.

    Raises `LedgerRefused` for a ledger of a newer version.
    """
    with connection.begin():
        current = _version(connection)
    if current == HEAD:
        return
    known = {path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")}
    if current is not None and current not in known:
        raise LedgerRefused(
            f"the ledger was written by a newer version (its tables are at {current}, this one knows {HEAD}): upgrade unabridged"
        )
    _migrate(connection, current, progress or (lambda text: None))


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return version


def _migrate(connection: Connection, current: str | None, progress: Callable[[str], None]) -> None:
    from alembic import command
    from alembic.config import Config

    progress("making the ledger's tables" if current is None else f"upgrading the ledger from {current} to {HEAD}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["progress"] = progress
    with connection.begin():
        command.upgrade(config, HEAD)
