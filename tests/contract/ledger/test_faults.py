"""Faults that both engines have: another process, another version, a wrong key, a kill."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, make_url

from bridge.contract.errors import LedgerUnavailable
from bridge.contract.logins import Login
from bridge.ledger import Ledger, LedgerRefused
from bridge.ledger.upgrade import HEAD
from bridge.model.ids import EventKey
from tests.contract.ledger.conftest import Connect
from tests.contract.ledger.kit import IRC, ROOM, nowhere, say, to


def run_sql(url: str, *statements: str) -> None:
    parsed = make_url(url)
    driver = "sqlite+pysqlite" if parsed.drivername == "sqlite" else "postgresql+psycopg"
    with create_engine(parsed.set(drivername=driver), poolclass=NullPool).begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


async def test_a_second_process_is_refused_and_told_who_has_it(connect: Connect) -> None:
    ledger = await connect()
    with pytest.raises(LedgerRefused, match=rf"in use by another process.*pid {os.getpid()}"):
        await connect()
    await ledger.accept(IRC, [say("a")], nowhere)
    await ledger.close()
    await connect()


async def test_a_ledger_of_a_newer_version_is_refused_and_left_alone(connect: Connect, url: str) -> None:
    await (await connect()).close()
    run_sql(url, "UPDATE alembic_version SET version_num = '9999'")
    for _ in range(2):
        with pytest.raises(LedgerRefused, match=r"newer version.*9999.*upgrade unabridged"):
            await connect()
    run_sql(url, f"UPDATE alembic_version SET version_num = '{HEAD}'")
    await connect()


async def test_making_the_tables_is_told(connect: Connect, nothing: str) -> None:
    told: list[str] = []
    ledger = await connect(nothing, progress=told.append)
    assert told[0] == "making the ledger's tables"
    await ledger.close()
    told.clear()
    await connect(nothing, progress=told.append)
    assert told == []


async def test_the_wrong_key_is_refused_once_there_are_logins(connect: Connect) -> None:
    await (await connect(key=b"new key, but nothing to open")).close()
    ledger = await connect(key=b"right")
    await ledger.save_login(Login(user="@u:x", network=IRC, name="me", secrets={"password": "x"}))
    await ledger.close()
    with pytest.raises(LedgerRefused, match="key_file is not the key"):
        await connect(key=b"wrong")
    await connect(key=b"right")


async def test_a_closed_ledger_stores_nothing_and_says_so(connect: Connect) -> None:
    ledger = await connect()
    waiting = [asyncio.ensure_future(ledger.accept(IRC, [say(str(n))], to(ROOM))) for n in range(5)]
    await asyncio.sleep(0)
    await ledger.close()
    assert [len((await one).fresh) for one in waiting] == [1] * 5, "what waits is finished first"
    with pytest.raises(LedgerUnavailable, match="closed"):
        await ledger.accept(IRC, [say("late")], nowhere)
    with pytest.raises(LedgerUnavailable, match="closed"):
        await ledger.event(EventKey(IRC, "0"))


async def test_a_caller_that_gives_up_disturbs_nobody_and_caches_stay_true(ledger: Ledger) -> None:
    await ledger.save_fact("s", "n", "old")
    assert await ledger.fact("s", "n") == "old"
    gone = asyncio.ensure_future(ledger.save_fact("s", "n", "new"))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    await ledger.accept(IRC, [say("a")], nowhere)
    assert await ledger.fact("s", "n") == "new"


async def test_a_hurt_table_is_the_statements_fault_and_the_ledger_goes_on(connect: Connect, url: str) -> None:
    ledger = await connect()
    await ledger.close()
    run_sql(url, "DROP TABLE sightings")
    ledger = await connect()
    await ledger.accept(IRC, [say("a")], to(ROOM))
    from sqlalchemy.exc import DBAPIError

    results = await asyncio.gather(
        ledger.accept(IRC, [say("a")], to(ROOM)), ledger.accept(IRC, [say("b")], to(ROOM)), return_exceptions=True
    )
    assert isinstance(results[0], DBAPIError)
    assert not isinstance(results[1], BaseException)
    with pytest.raises(DBAPIError):
        await ledger.trace(EventKey(IRC, "a"))
    assert await ledger.event(EventKey(IRC, "b")) == say("b")


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "", "sqlite://", "sqlite:///:memory:"], ids=str)
async def test_an_address_that_cannot_be_a_ledger_is_refused(connect: Connect) -> None:
    with pytest.raises(LedgerRefused, match=r"sqlite:///"):
        await connect()


async def test_what_was_acknowledged_before_a_kill_is_there_after_it(connect: Connect, url: str) -> None:
    root = Path(__file__).parents[3]
    command = (sys.executable, "-m", "tests.contract.ledger.accepting", url)
    process = await asyncio.create_subprocess_exec(*command, cwd=root, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    lines = [await process.stdout.readline() for _ in range(50)]
    process.kill()
    lines += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    acknowledged = {id for line in lines if line.endswith(b"\n") for id in line.decode().split()}
    ledger = await connect()
    entries = await ledger.undone(ROOM, 0, 1_000_000)
    stored = [entry.delivery.event.id for entry in entries]
    assert acknowledged <= set(stored)
    assert len(stored) == len(set(stored))
    pairs = list(zip(stored[::2], stored[1::2], strict=True))
    assert all(first.removesuffix("0") == second.removesuffix("1") for first, second in pairs), (
        "a call is stored whole or not at all"
    )
    assert await ledger.event(EventKey(IRC, stored[-1])) == say(stored[-1])


async def test_a_delivery_that_cannot_be_read_any_more_does_not_block_its_lane(connect: Connect, url: str) -> None:
    ledger = await connect()
    accepted = await ledger.accept(IRC, [say("a"), say("b"), say("c")], to(ROOM))
    await ledger.close()
    value = "x'c1'" if url.startswith("sqlite") else "'\\xc1'"
    run_sql(url, f"UPDATE deliveries SET stored = {value} WHERE event_id = 'b'")
    ledger = await connect()
    assert [entry.delivery.event.id for entry in await ledger.undone(ROOM, 0, 9)] == ["a", "c"]
    counts = await ledger.counts()
    assert (counts["pending"], counts["dead"]) == (2, 1)
    assert await ledger.replay([entry.delivery.id for entry in accepted.entries]) == []
