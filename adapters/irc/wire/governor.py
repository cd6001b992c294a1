"""When to connect again: the care that keeps a network from banning us.

Delays double from `base` to `cap` with full jitter in their upper half; only a connection that stood for `stable` seconds starts
again from `base`. What a server says as it throws us out counts more: a ban is for a human, a throttle is a long wait.
"""

import random
import re

from msgspec import Struct

from bridge.contract.errors import Disconnected

BANNED = re.compile(
    r"k-?lined|g-?lined|z-?lined|d-?lined|akill|\bbanned\b|you are not welcome|not authorized|no authori[sz]ation", re.I
)
THROTTLED = re.compile(
    r"throttl|too fast|too many (?:user )?connect|reconnect|trying to (?:re)?connect|try again later|"
    r"too many (?:host|clones|sessions|simultaneous)|session limit|excess flood|max sendq|recvq",
    re.I,
)
THROTTLE_SECONDS = 120.0


class Verdict(Struct, frozen=True):
    """What a closing text means: `fatal`, a human must act; `wait`, at least so many seconds."""

    fatal: bool = False
    wait: float = 0.0


def judge(text: str) -> Verdict:
    """Read an ERROR or a 465 as an operator would. A throttle that mentions a ban is a throttle: it passes."""
    if THROTTLED.search(text):
        return Verdict(wait=THROTTLE_SECONDS)
    return Verdict(fatal=BANNED.search(text) is not None)


class Governor:
    """One for each network, over all its connections. Times in seconds of the monotonic clock."""

    def __init__(self, rng: random.Random, *, base: float = 1.0, cap: float = 900.0, stable: float = 120.0) -> None:
        self._rng = rng
        self._base, self._cap, self._stable = base, cap, stable
        self._failures = 0

    def lost(self, reason: str, *, up_since: float | None, now: float, verdict: Verdict | None = None) -> Disconnected:
        """The error to raise for an ended connection; `up_since` is None where it never got to work."""
        verdict = verdict or Verdict()
        if up_since is not None and now - up_since >= self._stable:
            self._failures = 0
        delay = min(self._cap, self._base * 2.0 ** min(self._failures, 30))
        self._failures += 1
        delay *= self._rng.uniform(0.5, 1.0)
        return Disconnected(reason, retry_after=max(delay, verdict.wait), fatal=verdict.fatal)
