"""`/health`, `/ready`, `/metrics`, and the forgetting of what is old."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bridge.contract.errors import LedgerUnavailable
from bridge.ops.clock import SystemClock
from bridge.ops.health import Health
from bridge.ops.metrics import PrometheusMetrics
from bridge.ops.retention import EVERY, STEP, Retention
from tests.doubles.clock import START, FakeClock

LOG = logging.getLogger("test.ops")


async def get(health: Health, path: str) -> tuple[int, str, Any]:
    app = web.Application()
    for method, route, answer in health.routes():
        app.router.add_route(method, route, answer)
    async with TestClient(TestServer(app)) as client, client.get(path) as response:
        body = await response.text() if path == "/metrics" else await response.json()
        return response.status, response.headers["Content-Type"], body


def health(
    troubles: Callable[[], Sequence[str]] = list, waiting: Callable[[], Sequence[str]] = list, metrics: str = ""
) -> Health:
    return Health(troubles=troubles, waiting=waiting, metrics=lambda: metrics)


async def test_health_is_200_until_something_is_wrong() -> None:
    troubles: list[str] = []
    checked = health(troubles=lambda: troubles)
    assert await get(checked, "/health") == (200, "application/json; charset=utf-8", {"healthy": True, "troubles": []})
    troubles.append("the ledger can't write")
    status, _, body = await get(checked, "/health")
    assert (status, body["troubles"]) == (503, ["the ledger can't write"])


async def test_ready_waits_for_every_link_and_then_stays() -> None:
    waiting = ["local/#a", "local/#b"]
    checked = health(waiting=lambda: waiting)
    status, _, body = await get(checked, "/ready")
    assert (status, body) == (503, {"ready": False, "waiting": 2})
    waiting.clear()
    assert (await get(checked, "/ready"))[0] == 200
    waiting.append("local/#a")
    assert (await get(checked, "/ready"))[0] == 200


async def test_ready_names_no_channel_to_strangers() -> None:
    assert "#secret" not in str(await get(health(waiting=lambda: ["local/#secret"]), "/ready"))


async def test_metrics_are_served_in_prometheus_form() -> None:
    metrics = PrometheusMetrics()
    metrics.count("x")
    status, kind, body = await get(health(metrics=metrics.text()), "/metrics")
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "unabridged_x_total 1\n" in body


class Old:
    """A ledger with so many rows too old, which notes what it was asked."""

    def __init__(self, rows: int, fails: int = 0) -> None:
        self.rows = rows
        self.fails = fails
        self.asked: list[tuple[datetime, datetime, int]] = []

    async def prune(self, *, done_before: datetime, copies_before: datetime, limit: int) -> int:
        self.asked.append((done_before, copies_before, limit))
        if self.fails:
            self.fails -= 1
            raise LedgerUnavailable("disk full")
        gone = min(self.rows, limit)
        self.rows -= gone
        return gone


def retention(old: Old, clock: FakeClock, *, done: float = 30, copies: float = 365) -> Retention:
    return Retention(old, clock, PrometheusMetrics(), LOG, retention_days=done, copies_days=copies)


async def test_old_rows_go_in_small_steps_until_none_is_left() -> None:
    old, clock = Old(STEP * 2 + 1), FakeClock()
    async with asyncio.TaskGroup() as group:
        round = group.create_task(retention(old, clock).round())
        await clock.advance(60)
    assert round.result() == STEP * 2 + 1
    assert old.rows == 0
    assert {limit for *_, limit in old.asked} == {STEP}
    assert old.asked[0][:2] == (START - timedelta(days=30), START - timedelta(days=365))


async def test_copies_are_never_kept_shorter_than_what_they_are_copies_of() -> None:
    old = Old(0)
    await retention(old, FakeClock(), done=30, copies=1).round()
    assert old.asked[0][0] == old.asked[0][1]


async def test_a_full_disk_does_not_end_the_pruning() -> None:
    old, clock = Old(10, fails=1), FakeClock()
    async with asyncio.TaskGroup() as group:
        run = group.create_task(retention(old, clock).run())
        await clock.advance(EVERY + 1)
        assert old.rows == 10
        await clock.advance(EVERY + 1)
        assert old.rows == 0
        run.cancel()


async def test_the_real_clock_is_aware_and_moves_on() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    assert clock.now().tzinfo is UTC
    await clock.sleep(0)
    assert clock.monotonic() >= before
