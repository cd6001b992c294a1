"""What a test may do to a server: make it slow, deaf, forgetful or rude."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from aiohttp import web

Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Fault(Enum):
    LOST = auto()
    """The work is done, and the connection cut instead of an answer."""
    CUT = auto()
    """The connection is cut, and nothing done."""
    REFUSED = auto()
    """Nothing is done, and a status answered."""
    HELD = auto()
    """The work is done, and the answer held back until `release`."""
    WAITING = auto()
    """Nothing is done until `release`."""


@dataclass(slots=True)
class _Rule:
    fault: Fault
    path: str
    method: str | None
    times: int | None
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)


class Faults:
    """Of one server. A rule is for requests whose path contains `path`; after `times` of them it is over (None: never)."""

    def __init__(self) -> None:
        self.latency = 0.0
        """Seconds before anything is done."""
        self._rules: list[_Rule] = []
        self._open = asyncio.Event()
        self._waiting = 0

    def lose(self, path: str, *, times: int | None = 1, method: str | None = None) -> None:
        self._rules.append(_Rule(Fault.LOST, path, method, times))

    def cut(self, path: str, *, times: int | None = 1, method: str | None = None) -> None:
        self._rules.append(_Rule(Fault.CUT, path, method, times))

    def refuse(
        self, path: str, status: int, *, retry_after: str | None = None, times: int | None = 1, method: str | None = None
    ) -> None:
        """`retry_after` in seconds or as a date, as it shall stand in the header."""
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        self._rules.append(_Rule(Fault.REFUSED, path, method, times, status, headers))

    def hold(self, path: str, *, before: bool = False, times: int | None = 1, method: str | None = None) -> None:
        """`before`: nothing is done yet; else all is done but the answer."""
        self._open.clear()
        self._rules.append(_Rule(Fault.WAITING if before else Fault.HELD, path, method, times))

    def release(self) -> None:
        """Whatever is held goes on."""
        self._open.set()

    @property
    def held(self) -> int:
        """How many requests wait for `release`."""
        return self._waiting

    def clear(self) -> None:
        self._rules.clear()
        self.latency = 0.0
        self.release()

    async def serve(self, request: web.Request, serve: Serve) -> web.StreamResponse:
        if self.latency:
            await asyncio.sleep(self.latency)
        rule = self._rule(request)
        match rule.fault if rule is not None else None:
            case Fault.CUT:
                return _cut(request)
            case Fault.LOST:
                await serve(request)
                return _cut(request)
            case Fault.REFUSED:
                assert rule is not None
                return web.Response(status=rule.status, headers=rule.headers, text="<title>Not now</title>")
            case Fault.WAITING:
                await self._wait()
                return await serve(request)
            case Fault.HELD:
                answer = await serve(request)
                await self._wait()
                return answer
            case _:
                return await serve(request)

    async def _wait(self) -> None:
        self._waiting += 1
        try:
            await self._open.wait()
        finally:
            self._waiting -= 1

    def _rule(self, request: web.Request) -> _Rule | None:
        for rule in self._rules:
            if rule.path in request.path and rule.method in (None, request.method):
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times <= 0:
                        self._rules.remove(rule)
                return rule
        return None


def _cut(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
