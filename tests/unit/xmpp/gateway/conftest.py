from collections.abc import AsyncIterator

import pytest

from tests.unit.xmpp.gateway.parlour import Street


@pytest.fixture
async def street() -> AsyncIterator[Street]:
    street = await Street.start()
    try:
        yield street
    finally:
        await street.stop()
