"""What can go wrong with a file."""

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest

from bridge.contract.errors import LedgerUnavailable
from bridge.ledger import Ledger, LedgerRefused, sqlite
from bridge.model.ids import EventKey
from tests.contract.ledger.kit import IRC, ROOM, done, nowhere, say, to
from tests.doubles.clock import FakeClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def open_ledger(path: Path) -> Ledger:
    return await Ledger.connect(f"sqlite:///{path}", clock=FakeClock())


async def fill(path: Path, count: int = 300) -> None:
    ledger = await open_ledger(path)
    await ledger.accept(IRC, [say(str(n), "x" * 500) for n in range(count)], to(ROOM))
    await ledger.close()


async def test_a_full_disk_fails_everyone_who_waits_and_heals_when_there_is_room(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(path, 1)
    pages = path.stat().st_size // 4096
    with monkeypatch.context() as full:
        full.setattr(sqlite, "_PRAGMAS", (*sqlite._PRAGMAS, f"max_page_count = {pages + 5}"))
        ledger = await open_ledger(path)
        large = [say(f"large{n}", "x" * 1000) for n in range(100)]
        calls = [ledger.accept(IRC, large, to(ROOM)), *(ledger.accept(IRC, [say(f"small{n}")], to(ROOM)) for n in range(5))]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(result, LedgerUnavailable) for result in results)
        assert "full" in str(results[0])
        assert ledger.trouble is not None and "full" in ledger.trouble
        assert await ledger.event(EventKey(IRC, "0")), "reading goes on"
    accepted = await ledger.accept(IRC, large, to(ROOM))
    assert len(accepted.fresh) == 100, "nothing of the failed attempt was stored"
    assert ledger.trouble is None
    await ledger.close()


async def test_after_a_failed_write_memory_holds_nothing_that_the_disk_does_not(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(path, 1)
    pages = path.stat().st_size // 4096
    with monkeypatch.context() as full:
        full.setattr(sqlite, "_PRAGMAS", (*sqlite._PRAGMAS, f"max_page_count = {pages}"))
        ledger = await open_ledger(path)
        event = say("a", "x" * 100_000)
        with pytest.raises(LedgerUnavailable):
            await ledger.accept(IRC, [event], to(ROOM))
        with pytest.raises(LedgerUnavailable):
            await ledger.save_fact("scope", "name", "x" * 100_000)
    assert await ledger.fact("scope", "name") is None
    assert await ledger.copies(event.key, event.channel) == []
    [entry] = (await ledger.accept(IRC, [event], to(ROOM))).entries
    await ledger.settle([done(entry.delivery.id, "$1")])
    assert len(await ledger.copies(event.key, ROOM)) == 1
    await ledger.close()


async def test_a_file_that_something_else_locks_is_unavailable_until_it_is_free(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(path, 1)
    pragmas = tuple("busy_timeout = 1" if pragma.startswith("busy_timeout") else pragma for pragma in sqlite._PRAGMAS)
    monkeypatch.setattr(sqlite, "_PRAGMAS", pragmas)
    ledger = await open_ledger(path)
    backup = sqlite3.connect(path, isolation_level=None)
    backup.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnavailable, match="locked"):
        await ledger.accept(IRC, [say("a")], nowhere)
    backup.execute("ROLLBACK")
    backup.close()
    assert (await ledger.accept(IRC, [say("a")], nowhere)).fresh
    await ledger.close()


async def test_a_file_cut_short_is_refused_not_used(path: Path) -> None:
    await fill(path)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size // 2)
    with pytest.raises(LedgerRefused, match="shorter than it says"):
        await open_ledger(path)


async def test_a_file_of_something_else_is_refused_and_left_as_it_is(path: Path) -> None:
    path.write_bytes(b"these are my holiday photographs" * 1000)
    with pytest.raises(LedgerRefused, match="not a database"):
        await open_ledger(path)
    assert path.read_bytes().startswith(b"these are my holiday")


async def test_damage_inside_the_file_is_said_and_does_not_crash(path: Path) -> None:
    await fill(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises((LedgerRefused, LedgerUnavailable), match="malformed"):
        ledger = await open_ledger(path)
        try:
            await ledger.accept(IRC, [say("new")], to(ROOM))
        finally:
            await ledger.close()


async def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerRefused, match="No such file"):
        await open_ledger(tmp_path / "nowhere" / "ledger.db")


async def test_what_people_said_is_for_the_owners_eyes(path: Path) -> None:
    await fill(path, 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_every_commit_is_synced_to_disk(path: Path) -> None:
    """`synchronous` belongs to a connection: what counts is what ours says."""
    ledger = await open_ledger(path)
    modes = await ledger._core.write(
        lambda work: [
            work.sql.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("synchronous", "journal_mode", "foreign_keys")
        ]
    )
    assert modes == [2, "wal", 1]
    await ledger.close()


async def test_a_commit_whose_answer_was_lost_is_not_lost(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit reached the disk, its caller heard of a failure and tries again: the entries must reach the courier."""
    from sqlalchemy.exc import OperationalError

    ledger = await open_ledger(path)
    writer = ledger._core.writer
    connection = writer._connection
    assert connection is not None
    commit = connection._commit_impl

    def lose_the_answer() -> None:
        commit()
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise OperationalError("COMMIT", None, error)

    monkeypatch.setattr(connection, "_commit_impl", lose_the_answer)
    with pytest.raises(LedgerUnavailable, match="disk I/O error"):
        await ledger.accept(IRC, [say("a"), say("b")], to(ROOM))
    again = await ledger.accept(IRC, [say("a"), say("b")], to(ROOM))
    assert [key.id for key in again.fresh] == ["a", "b"]
    assert [entry.delivery.event.id for entry in again.entries] == ["a", "b"]
    third = await ledger.accept(IRC, [say("a"), say("b")], to(ROOM))
    assert (third.fresh, third.entries) == ((), ())
    assert len(await ledger.undone(ROOM, 0, 9)) == 2
    assert len(await ledger.copies(EventKey(IRC, "a"), say("a").channel)) == 1
    await ledger.close()
