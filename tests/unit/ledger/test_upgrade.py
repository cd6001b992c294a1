import asyncio
import sys
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine, inspect

from bridge.ledger import Ledger
from bridge.ledger.schema import metadata
from bridge.ledger.upgrade import HEAD, MIGRATIONS
from tests.doubles.clock import FakeClock


def test_the_newest_migration_is_the_one_the_start_looks_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


async def test_the_migrations_make_the_tables_that_the_code_names(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    await (await Ledger.connect(url, clock=FakeClock())).close()
    with create_engine(url, poolclass=NullPool).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        made = inspect(connection)
        for table in metadata.sorted_tables:
            assert {one["name"] for one in made.get_indexes(table.name)} >= {one.name for one in table.indexes}, table.name
        sql = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'ix_deliveries_undone'").scalar_one()
        assert "WHERE state < 3" in sql


async def test_an_up_to_date_ledger_opens_without_importing_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    await (await Ledger.connect(url, clock=FakeClock())).close()
    script = f"""
import asyncio, sys
from bridge.ledger import Ledger
from tests.doubles.clock import FakeClock
async def main():
    await (await Ledger.connect({url!r}, clock=FakeClock())).close()
asyncio.run(main())
assert not any(name.partition(".")[0] in ("alembic", "mako", "cryptography", "psycopg") for name in sys.modules)
"""
    root = Path(__file__).parents[3]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=root)
    assert await process.wait() == 0


async def test_lanes_and_dead_letters_are_found_by_their_index(tmp_path: Path) -> None:
    """A partial index is used only where the query says its very condition; at a million rows that is all the difference."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = await Ledger.connect(url, clock=FakeClock())
    from sqlalchemy import event as sqla_event

    seen: list[tuple[str, object]] = []

    def note(connection: object, cursor: object, statement: str, parameters: object, context: object, many: bool) -> None:
        seen.append((statement, parameters))

    engine = ledger._backend._reader  # type: ignore[attr-defined]
    sqla_event.listen(engine, "before_cursor_execute", note)
    from tests.contract.ledger.kit import ROOM

    await ledger.lanes()
    await ledger.undone(ROOM, 5, 10)
    await ledger.dead()
    await ledger.counts()
    await ledger.due_chores(5)
    await ledger.quarantined()
    sqla_event.remove(engine, "before_cursor_execute", note)
    await ledger.close()
    with create_engine(url, poolclass=NullPool).connect() as connection:
        for statement, parameters in seen:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()  # type: ignore[arg-type]
            scans = [row.detail for row in plan if row.detail.startswith("SCAN") and "INDEX ix_" not in row.detail]
            assert scans == [], statement
