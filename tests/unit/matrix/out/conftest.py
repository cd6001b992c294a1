from collections.abc import AsyncIterator

import pytest

from tests.doubles.homeserver import FakeHomeserver
from tests.unit.matrix.out.rig import Rig


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with FakeHomeserver() as hs, Rig(hs) as rig:
        yield rig
