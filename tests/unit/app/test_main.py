"""`unabridged run` that can't: one readable line, exit status 1, and nothing left behind."""

import asyncio
import os
import signal
import socket
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from bridge.app import run
from bridge.app.keys import KeyRefused, read_or_make
from bridge.config.settings import Settings
from bridge.ledger.ledger import Ledger
from bridge.testing.doubles import until
from tests.doubles.clock import FakeClock
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.town import settings_of

REGISTRATION = """\
id: unabridged
url: http://127.0.0.1:29320
as_token: as-token-that-is-long-enough
hs_token: hs-token-that-is-long-enough
sender_localpart: unabridged
namespaces:
  users:
  - exclusive: true
    regex: '@_local_.*:localhost'
"""


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver(as_token="as-token-that-is-long-enough", hs_token="hs-token-that-is-long-enough") as server:
        yield server


@pytest.fixture
def settings(hs: FakeHomeserver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a folder in which everything is as it should be; without networks, which would need an installed adapter."""
    for name in [name for name in os.environ if name.startswith("UNABRIDGED_")]:
        monkeypatch.delenv(name)
    registration = tmp_path / "registration.yaml"
    registration.write_text(REGISTRATION)
    registration.chmod(0o600)
    return msgspec.structs.replace(settings_of(hs), networks={})


async def line(settings: Settings, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What it says before it ends with status 1."""
    async with asyncio.timeout(10):
        assert await run(settings, config_path=folder / "bridge.toml") == 1
    said = capsys.readouterr().err
    assert said.startswith("unabridged: ") and said.count("\n") == 1
    return said.removeprefix("unabridged: ").rstrip("\n")


async def test_a_ledger_in_use_names_who_uses_it(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = await Ledger.connect(f"sqlite:///{tmp_path / 'unabridged.db'}", clock=FakeClock())
    assert str(os.getpid()) in await line(settings, tmp_path, capsys)
    await ledger.close()


async def test_told_to_stop_it_ends_well(settings: Settings, tmp_path: Path) -> None:
    running = asyncio.create_task(run(settings, config_path=tmp_path / "bridge.toml"))
    await until(lambda: running.done() or (tmp_path / "unabridged.sock").exists())
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(10):
        assert await running == 0
    assert not (tmp_path / "unabridged.sock").exists()


async def test_a_file_that_is_no_ledger_is_refused(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "unabridged.db").write_bytes(b"my diary, not a database" * 100)
    assert "not a database" in await line(settings, tmp_path, capsys)
    assert (tmp_path / "unabridged.db").read_bytes().startswith(b"my diary")


async def test_a_ledger_of_a_newer_version_is_refused(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = sqlite3.connect(tmp_path / "unabridged.db")
    ledger.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    ledger.execute("INSERT INTO alembic_version VALUES ('from the future')")
    ledger.commit()
    ledger.close()
    assert "newer" in await line(settings, tmp_path, capsys)


async def test_a_port_in_use_is_named(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        busy = msgspec.structs.replace(settings, bridge=msgspec.structs.replace(settings.bridge, listen=address))
        assert await line(busy, tmp_path, capsys) == f"cannot listen on {address}: Address already in use"
    assert not (tmp_path / "unabridged.sock").exists()


async def test_without_tokens_it_says_where_they_come_from(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "registration.yaml").unlink()
    assert "registration" in await line(settings, tmp_path, capsys)


async def test_a_key_file_that_others_can_read_is_refused(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "bridge.key"
    key.write_text("k" * 64)
    key.chmod(0o644)
    assert await line(settings, tmp_path, capsys) == f"the key file {key} is readable by others: chmod 600 {key}"


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "bridge.key"
    key = read_or_make(file)
    assert len(key) == 64 and file.stat().st_mode & 0o777 == 0o600
    assert read_or_make(file) == key


@pytest.mark.parametrize("content", ["", "short"])
def test_a_damaged_key_is_refused_and_not_replaced(tmp_path: Path, content: str) -> None:
    file = tmp_path / "bridge.key"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(KeyRefused, match="damaged"):
        read_or_make(file)
    assert file.read_text() == content


def test_a_key_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyRefused, match="can't be made"):
        read_or_make(tmp_path / "nowhere" / "bridge.key")
