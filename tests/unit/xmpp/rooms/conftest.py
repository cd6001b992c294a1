from collections.abc import AsyncIterator

import pytest

from tests.doubles.component_server import ComponentServer


@pytest.fixture
async def server() -> AsyncIterator[ComponentServer]:
    server = await ComponentServer.start()
    try:
        yield server
    finally:
        await server.stop()
