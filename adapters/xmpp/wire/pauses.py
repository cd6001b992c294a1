"""How long to wait between the tries of one connection."""

from bridge.contract.errors import Disconnected
from bridge.contract.toolbox import Toolbox

FIRST_SECONDS, CAP_SECONDS = 2.0, 300.0
"""Between two tries of a server that is away."""
REFUSED_SECONDS = 3600.0
"""After which who was refused is tried once more: servers refuse people by mistake, too."""
STABLE_SECONDS = 120.0
"""A connection that lasted so long makes the next failure the first."""


class Pauses:
    """Doubled with each try in vain, and never the same for two who fell together."""

    def __init__(self, tools: Toolbox) -> None:
        self._tools = tools
        self._tries = 0
        self._began = 0.0

    def begin(self) -> None:
        """A try begins."""
        self._began = self._tools.clock.monotonic()

    def after(self, end: Disconnected) -> float:
        """Seconds until the next one."""
        lasted = self._tools.clock.monotonic() - self._began
        self._tries = 0 if lasted > STABLE_SECONDS else self._tries + 1
        pause = REFUSED_SECONDS if end.fatal else min(CAP_SECONDS, FIRST_SECONDS * 2.0 ** min(self._tries - 1, 10))
        return max(pause * (0.75 + self._tools.random.random() / 2), end.retry_after or 0.0)
