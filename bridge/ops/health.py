"""`/health`, `/ready` and `/metrics` on the listener the homeserver uses. They tell states and counts, no names of people."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from aiohttp import web

from bridge.ops.metrics import CONTENT_TYPE

Route: TypeAlias = tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]


class Health:
    """`troubles` says in plain words what keeps the bridge from working at all (the ledger can't write); none: it is healthy.

    `waiting` names the links that have neither opened nor failed yet. Once it was empty the bridge is ready, and stays so:
    what fails later is for `status`, not a reason to restart.
    """

    def __init__(
        self,
        *,
        troubles: Callable[[], Sequence[str]],
        waiting: Callable[[], Sequence[str]],
        metrics: Callable[[], str],
    ) -> None:
        self._troubles = troubles
        self._waiting = waiting
        self._metrics = metrics
        self._ready = False

    def routes(self) -> tuple[Route, ...]:
        return (("GET", "/health", self._health), ("GET", "/ready", self._readiness), ("GET", "/metrics", self._exposition))

    def ready(self) -> bool:
        self._ready = self._ready or not self._waiting()
        return self._ready

    async def _health(self, request: web.Request) -> web.Response:
        troubles = list(self._troubles())
        return web.json_response({"healthy": not troubles, "troubles": troubles}, status=503 if troubles else 200)

    async def _readiness(self, request: web.Request) -> web.Response:
        if self.ready():
            return web.json_response({"ready": True})
        return web.json_response({"ready": False, "waiting": len(self._waiting())}, status=503)

    async def _exposition(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics().encode(), headers={"Content-Type": CONTENT_TYPE})
