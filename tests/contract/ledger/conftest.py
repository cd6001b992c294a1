"""One suite, both engines. PostgreSQL is asked for by its mark and must then be there: the server that
UNABRIDGED_TEST_POSTGRES names, or else the session's own. Each test gets a schema, or a database, of its own.
"""

import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from bridge.ledger import Ledger
from tests.doubles.clock import FakeClock
from tests.doubles.tables import lay

Connect = Callable[..., Awaitable[Ledger]]

KEY = b"the key file of a test"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def nothing(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where no ledger is yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'nothing.db'}"
    return str(request.getfixturevalue("postgres_ledger"))


@pytest.fixture
def url(nothing: str, tmp_path: Path) -> str:
    return lay(tmp_path / "ledger.db") if nothing.startswith("sqlite") else nothing


@pytest.fixture
def postgres_ledger(request: pytest.FixtureRequest) -> Iterator[str]:
    server = os.environ.get("UNABRIDGED_TEST_POSTGRES")
    if server:
        yield from postgres_schema(server)
    else:
        yield request.getfixturevalue("postgres_url")


def postgres_schema(server: str) -> Iterator[str]:
    schema = f"t_{uuid.uuid4().hex}"
    engine = create_engine(
        make_url(server).set(drivername="postgresql+psycopg"), poolclass=NullPool, isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    yield make_url(server).update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def connect(url: str, clock: FakeClock) -> AsyncIterator[Connect]:
    """Open the ledger; open it again to see what survived (close the former first)."""
    opened: list[Ledger] = []

    async def open_one(address: str = url, **options: object) -> Ledger:
        ledger = await Ledger.connect(address, clock=clock, **{"key": KEY, **options})  # type: ignore[arg-type]
        opened.append(ledger)
        return ledger

    yield open_one
    for ledger in opened:
        await ledger.close()


@pytest.fixture
async def ledger(connect: Connect) -> Ledger:
    return await connect()
