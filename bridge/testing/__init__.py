"""For adapters' own tests, ours and strangers': the suite that every adapter passes, and what it is given to stand on.

    class TestMine(AdapterContract):
        @pytest.fixture
        async def rig(self) -> AsyncIterator[Rig]:
            ...

Networks that can only be read take `InwardContract` and an `InwardRig`.
It needs pytest and pytest-asyncio with `asyncio_mode = "auto"`.
"""

from bridge.testing.doubles import RecordingInlet, SystemClock, toolbox, until
from bridge.testing.inward import InwardContract
from bridge.testing.rig import InwardRig, Rig
from bridge.testing.suite import AdapterContract

__all__ = ["AdapterContract", "InwardContract", "InwardRig", "RecordingInlet", "Rig", "SystemClock", "toolbox", "until"]
