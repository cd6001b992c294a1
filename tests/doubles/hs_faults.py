"""Faults on demand for the fake homeserver: each is armed for a kind of call and fires a given number of times."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from tests.doubles.hs_rooms import Refusal

Action = Literal["limit", "status", "hang", "late", "drop_before", "drop_after"]


@dataclass(slots=True)
class Fault:
    kind: str
    action: Action
    times: int
    value: int


class Faults:
    """`kind` is the last fixed word of the path (`send`, `state`, `join`, `register`, `upload`, `ping` …) or `*`."""

    def __init__(self) -> None:
        self.armed: list[Fault] = []
        self._released = asyncio.Event()

    def limit(self, kind: str = "*", *, times: int = 1, retry_after_ms: int = 5) -> None:
        """Answer 429 M_LIMIT_EXCEEDED."""
        self.armed.append(Fault(kind, "limit", times, retry_after_ms))

    def status(self, status: int, kind: str = "*", *, times: int = 1) -> None:
        """Answer with this status and M_UNKNOWN, nothing done."""
        self.armed.append(Fault(kind, "status", times, status))

    def hang(self, kind: str = "*", *, times: int = 1) -> None:
        """Answer only after `release()`, and do it only then."""
        self._released.clear()
        self.armed.append(Fault(kind, "hang", times, 0))

    def late(self, kind: str = "*", *, times: int = 1) -> None:
        """Do it at once, and answer only after `release()`."""
        self._released.clear()
        self.armed.append(Fault(kind, "late", times, 0))

    def release(self) -> None:
        self._released.set()

    async def released(self) -> None:
        await self._released.wait()

    def drop_before(self, kind: str = "*", *, times: int = 1) -> None:
        """Cut the connection with nothing done."""
        self.armed.append(Fault(kind, "drop_before", times, 0))

    def drop_after(self, kind: str = "*", *, times: int = 1) -> None:
        """Do it, then cut the connection without an answer."""
        self.armed.append(Fault(kind, "drop_after", times, 0))

    async def meet(self, kind: str) -> Action | None:
        """What the call is to suffer. Raises `Refusal` where that is an answer."""
        for fault in self.armed:
            if fault.kind in (kind, "*"):
                fault.times -= 1
                if not fault.times:
                    self.armed.remove(fault)
                if fault.action == "limit":
                    raise Refusal(429, "M_LIMIT_EXCEEDED", "Too Many Requests", retry_after_ms=fault.value)
                if fault.action == "status":
                    raise Refusal(fault.value, "M_UNKNOWN", "Internal server error")
                if fault.action == "hang":
                    await self._released.wait()
                return fault.action
        return None
