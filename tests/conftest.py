"""Servers for a whole session, made on first use. A server that can't be started fails the tests that ask for it."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from bridge.demo import synapse as synapse_process
from tests.servers.daemons import Inspircd, Ngircd, Postgres
from tests.servers.install import SYNAPSE_VENV

_databases = itertools.count()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=2, help="kills each way in tests/chaos")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Postgres]:
    server = Postgres(tmp_path_factory.mktemp("postgres"))
    await server.start()
    yield server
    await server.stop()


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
