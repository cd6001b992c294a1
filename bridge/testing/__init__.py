"""For adapters' own tests, ours and strangers': the suite that every adapter passes, and what it is given to stand on.

    class TestMine(AdapterContract):
        @pytest.fixture
        async def rig(self) -> AsyncIterator[Rig]:
            ...

It needs pytest and pytest-asyncio with `asyncio_mode = "auto"`.
"""

from bridge.testing.doubles import RecordingInlet, SystemClock, toolbox, until
from bridge.testing.rig import Rig
from bridge.testing.suite import AdapterContract

__all__ = ["AdapterContract", "RecordingInlet", "Rig", "SystemClock", "toolbox", "until"]
