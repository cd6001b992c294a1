"""What can go wrong between us and a PostgreSQL server."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import NullPool, create_engine, make_url

from bridge.contract.errors import LedgerUnavailable
from bridge.ledger import Ledger, LedgerRefused
from bridge.model.ids import EventKey
from tests.contract.ledger.kit import IRC, ROOM, nowhere, say, to
from tests.doubles.clock import FakeClock

pytestmark = pytest.mark.servers


@pytest.fixture
def url(postgres_ledger: str) -> str:
    return postgres_ledger


def kill_connections(url: str) -> int:
    """End the server's side of every connection of the ledger."""
    statement = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND datname = current_database() AND application_name LIKE 'unabridged%%'"""
    with create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool).connect() as connection:
        return int(connection.exec_driver_sql(statement).scalar_one())


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[Ledger]:
    ledger = await Ledger.connect(url, clock=FakeClock())
    yield ledger
    await ledger.close()


async def test_a_lost_connection_fails_who_waits_and_the_next_try_has_a_new_one(ledger: Ledger, url: str) -> None:
    await ledger.accept(IRC, [say("a")], to(ROOM))
    assert await ledger.event(EventKey(IRC, "a"))
    assert kill_connections(url) >= 2
    with pytest.raises(LedgerUnavailable):
        await ledger.accept(IRC, [say("b")], to(ROOM))
    accepted = await ledger.accept(IRC, [say("b")], to(ROOM))
    assert [entry.delivery.event.id for entry in accepted.entries] == ["b"]
    assert await ledger.event(EventKey(IRC, "a")), "a reader replaces a connection that broke while idle"
    assert [entry.delivery.event.id for entry in await ledger.undone(ROOM, 0, 9)] == ["a", "b"]


async def test_the_lock_is_taken_again_with_the_new_connection(ledger: Ledger, url: str) -> None:
    kill_connections(url)
    other = await Ledger.connect(url, clock=FakeClock())
    with pytest.raises(LedgerUnavailable):
        await ledger.accept(IRC, [say("a")], nowhere)
    with pytest.raises(LedgerUnavailable, match="in use by another process"):
        await ledger.accept(IRC, [say("a")], nowhere)
    await other.close()
    assert (await ledger.accept(IRC, [say("a")], nowhere)).fresh


async def test_a_server_that_is_not_there_is_refused_in_plain_words() -> None:
    with pytest.raises(LedgerRefused, match="can't be opened"):
        await Ledger.connect("postgresql://nobody@127.0.0.1:1/nothing", clock=FakeClock())


async def test_without_a_schema_there_is_no_ledger(url: str) -> None:
    address = make_url(url).update_query_dict({"options": "-csearch_path=nowhere_at_all"}).render_as_string(hide_password=False)
    with pytest.raises(LedgerRefused, match="search_path"):
        await Ledger.connect(address, clock=FakeClock())
