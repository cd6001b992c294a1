"""Servers for a whole session, made on first use. A server that can't be started fails the tests that ask for it."""

import gc
import itertools
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

from bridge.demo import synapse as synapse_process
from tests.servers.daemons import Inspircd, Ngircd, Postgres
from tests.servers.install import SYNAPSE_VENV

_databases = itertools.count()

# A loop that spins until something holds would keep the ledger's threads from the interpreter for 5 ms at each of their steps.
sys.setswitchinterval(0.0002)

# What tests keep is to outlive a kill, not a power cut, and where it lies in memory no commit waits for a disk: half of the time
# of tests with a ledger. Not where there is too little of it (a container has 64 MB): the servers keep their databases there too.
_MEMORY = Path("/dev/shm")
if "PYTEST_DEBUG_TEMPROOT" not in os.environ and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > 4 << 30:
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(_MEMORY)

# One profile for all properties; `--hypothesis-profile=deep` looks fifty times as far. No deadline: what else runs on a machine
# is no bug of ours.
_quiet = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("quick", max_examples=40, deadline=None, suppress_health_check=_quiet)
settings.register_profile("deep", max_examples=2000, deadline=None, suppress_health_check=_quiet)
settings.load_profile("quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=2, help="kills each way in tests/chaos")
    parser.addoption("--crash-points", type=int, default=8, help="at how many commits tests/plays ends the bridge's life")
    parser.addoption("--chaos-seed", default="", help="the seed of an earlier run of tests/chaos, to strike at the same points")


def pytest_collection_finish(session: pytest.Session) -> None:
    """What the tests are made of stays until the end: to look it through again and again was a seventh of their time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """After each module: a socket that one of its tests left open is told there, and not in whichever test comes later."""
    if nextitem is not None and nextitem.path == item.path:
        return
    left: list[Exception] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "unraisablehook", lambda found: left.append(found.exc_value))
        gc.collect()
    gc.freeze()
    if left:
        raise ExceptionGroup(f"left by a test of {item.path.name}", left)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres() -> AsyncIterator[Postgres]:
    async with Postgres.running() as server:
        yield server


@pytest_asyncio.fixture
async def postgres_url(postgres: Postgres) -> str:
    """A new empty database."""
    name = f"t{next(_databases)}"
    async with await psycopg.AsyncConnection.connect(postgres.url(), autocommit=True) as connection:
        await connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return postgres.url(name)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def inspircd(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Inspircd]:
    server = Inspircd(tmp_path_factory.mktemp("inspircd"))
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ngircd(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ngircd]:
    server = Ngircd(tmp_path_factory.mktemp("ngircd"))
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def synapse_python() -> Path:
    """The Python of Synapse's own virtual environment; installed by `make servers`, or now."""
    return await synapse_process.install(SYNAPSE_VENV, print)
