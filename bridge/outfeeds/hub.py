"""A WebSub hub (W3C Recommendation, 23 January 2018) for the feeds of rooms, and for nothing else.

What is owed to a subscriber follows from what is kept: a wish that nobody confirmed yet, a version that was not taken yet. So a
restart goes on where the last run ended, and nothing waits in a queue. Strangers choose whom we call: only public addresses, a
few at a time, of each host a few, each wish three times at most, and nobody hears from us twice who didn't confirm it.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Mapping
from typing import TypeAlias
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web
from msgspec.structs import replace

from bridge.contract.errors import LedgerUnavailable
from bridge.contract.resting import rest
from bridge.contract.toolbox import Clock, Metrics
from bridge.matrix.server import RouteEntry
from bridge.model.portals import Portal
from bridge.outfeeds.calls import Calls
from bridge.outfeeds.items import web as web_address
from bridge.outfeeds.opened import Opened
from bridge.outfeeds.pages import HEADERS, unknown
from bridge.outfeeds.press import Kind, Press
from bridge.outfeeds.subscriptions import MOST, MOST_OF_A_HOST, SubscriberLedger, Subscribers, Subscription, Wish, id_of

LEASE, SHORTEST_LEASE, LONGEST_LEASE = 10 * 86_400, 3600, 30 * 86_400
AT_ONCE = 8
GATHER = 1.0
"""Seconds after a change in which more may come, so that a burst is one push."""
UNDER_WAY = 5.0
"""Seconds after which a room is looked at again in which something is on its way out."""
LOOK_AGAIN = 300.0
MOST_A_MINUTE = 60
"""Requests of strangers that are taken."""
_BODY, _CALLBACK, _SECRET = 16 * 1024, 2000, 200
"""Bytes: of a request, a callback's address, and what a secret has less than (§5.1)."""

_BODY_SECONDS = 10.0

_Form: TypeAlias = Mapping[str, str]


class _Refused(Exception):
    """With words for who asked."""


class Hub:
    """`run` under a task group. `changed` when a room may show something new."""

    def __init__(
        self,
        ledger: SubscriberLedger,
        opened: Opened,
        press: Press,
        calls: Calls,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._ledger = ledger
        self._opened = opened
        self._press = press
        self._calls = calls
        self._clock = clock
        self._metrics = metrics
        self._subscribers: dict[int, Subscribers] = {}
        self._busy: set[str] = set()
        self._recent: deque[float] = deque(maxlen=MOST_A_MINUTE)
        self._woken = asyncio.Event()

    def routes(self) -> list[RouteEntry]:
        return [("POST", "/feeds/{token}/hub", self._asked)]

    def changed(self) -> None:
        self._woken.set()

    async def forget(self, portal: Portal) -> None:
        """Nobody is called any more: the room's address is no longer what they asked for. Raises `LedgerUnavailable`."""
        await (await self._of(portal)).clear()

    async def count(self, portal: Portal) -> int:
        """Of subscriptions that are confirmed. Raises `LedgerUnavailable`."""
        return sum(1 for one in (await self._of(portal)).all.values() if one.until)

    async def _of(self, portal: Portal) -> Subscribers:
        known = self._subscribers.get(portal.id)
        if known is None:
            fresh = Subscribers(self._ledger, portal)
            await fresh.load()
            known = self._subscribers.setdefault(portal.id, fresh)
        return known

    # who asks

    async def _asked(self, request: web.Request) -> web.Response:
        """§5.1; the answer tells only that it was taken: whom it is for must confirm it."""
        portal = self._opened.called(request.match_info["token"])
        if portal is None:
            return unknown(self._metrics)
        if not self._is_calm():
            return self._answer(503, "busy", "Too many requests; try again soon.")
        try:
            form = _read(await _body(request))
            await self._take(portal, form)
        except _Refused as refused:
            return self._answer(400, "refused", str(refused))
        except LedgerUnavailable:
            self._metrics.count("ledger_unavailable", where="outfeeds")
            return self._answer(503, "later", "Nothing could be stored; try again soon.")
        self._woken.set()
        return self._answer(202, "taken", "You are asked in a moment whether you wish that.")

    def _is_calm(self) -> bool:
        now = self._clock.monotonic()
        if len(self._recent) == MOST_A_MINUTE and now - self._recent[0] < 60:
            return False
        self._recent.append(now)
        return True

    async def _take(self, portal: Portal, form: _Form) -> None:
        topic, callback, mode = (form.get(f"hub.{name}", "") for name in ("topic", "callback", "mode"))
        kind = next((kind for kind in Kind if topic == self._press.url(portal, kind)), None)
        if kind is None:
            raise _Refused("This hub has no such topic.")
        if len(callback) > _CALLBACK or web_address(callback) is None or "#" in callback:
            raise _Refused("hub.callback must be an http(s) address.")
        subscribers, id = await self._of(portal), id_of(topic, callback)
        known = subscribers.all.get(id)
        if mode == "unsubscribe":
            if known is not None:
                await subscribers.save(id, replace(known, wish=_wish(0), due=0))
            return
        if mode != "subscribe":
            raise _Refused('hub.mode must be "subscribe" or "unsubscribe".')
        secret = form.get("hub.secret", "")
        if len(secret.encode("utf-8", "replace")) >= _SECRET:
            raise _Refused(f"hub.secret must have less than {_SECRET} bytes.")
        if known is None:
            _check_room(subscribers, callback)
            known = Subscription(callback=callback, topic=topic, kind=kind)
        await subscribers.save(id, replace(known, wish=_wish(_lease(form), secret), due=0))

    def _answer(self, status: int, outcome: str, words: str) -> web.Response:
        self._metrics.count("outfeed_hub_requests", outcome=outcome)
        headers = {**HEADERS, "Retry-After": "60"} if status == 503 else HEADERS
        return web.Response(status=status, text=f"{words}\n", headers=headers)

    # who is called

    async def run(self) -> None:
        """Until cancelled."""
        gate = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            while True:
                self._woken.clear()
                try:
                    pause = await self._look(group, gate)
                except LedgerUnavailable:
                    self._metrics.count("ledger_unavailable", where="outfeeds")
                    pause = LOOK_AGAIN
                await rest(self._clock, self._woken, pause)
                await self._clock.sleep(GATHER)

    async def _look(self, group: asyncio.TaskGroup, gate: asyncio.Semaphore) -> float:
        """Begins what is due; returns the seconds until something else is."""
        pause = LOOK_AGAIN
        for portal in self._opened.portals():
            subscribers = await self._of(portal)
            for id, one in list(subscribers.all.items()):
                if id in self._busy:
                    continue
                now = self._clock.now().timestamp()
                if one.due > now:
                    pause = min(pause, one.due - now)
                elif await self._is_owed(portal, subscribers, id, one, int(now)):
                    self._busy.add(id)
                    group.create_task(self._call(portal, subscribers, id, gate))
            if subscribers.all and self._press.waits(portal):
                pause = min(pause, UNDER_WAY)
        return pause

    async def _is_owed(self, portal: Portal, subscribers: Subscribers, id: str, one: Subscription, now: int) -> bool:
        if one.wish is not None:
            return True
        if one.until <= now:
            await subscribers.save(id, None)
            return False
        return (await self._press.document(portal, one.kind)).version != one.sent

    async def _call(self, portal: Portal, subscribers: Subscribers, id: str, gate: asyncio.Semaphore) -> None:
        try:
            async with gate:
                one = subscribers.all.get(id)
                if one is None:
                    return
                document = await self._press.document(portal, one.kind)
                after = await (self._calls.ask(one, document) if one.wish is not None else self._calls.push(one, document))
                now = subscribers.all.get(id)
                if now is None or (now.wish and now.wish.mark) != (one.wish and one.wish.mark):
                    return  # asked for anew, or ended, while it was called
                await subscribers.save(id, after)
        except LedgerUnavailable:
            self._metrics.count("ledger_unavailable", where="outfeeds")
        finally:
            self._busy.discard(id)
            self._woken.set()


async def _body(request: web.Request) -> bytes:
    """Raises `_Refused` where it is too big or comes too slowly."""
    found = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.content.iter_chunked(_BODY):
                found += chunk
                if len(found) > _BODY:
                    raise _Refused("That is too long.")
    except (TimeoutError, ConnectionError, web.RequestPayloadError):
        raise _Refused("It came too slowly, or ended early.") from None
    return bytes(found)


def _read(body: bytes) -> _Form:
    """The first of equal names counts; nothing where it is no form."""
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), max_num_fields=50)
    except ValueError:
        return {}
    return dict(reversed(pairs))


def _wish(lease: int, secret: str = "") -> Wish:
    return Wish(lease=lease, secret=secret, mark=secrets.token_hex(8))


def _lease(form: _Form) -> int:
    asked = form.get("hub.lease_seconds", "")
    wanted = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 12 else LEASE
    return min(max(wanted or LEASE, SHORTEST_LEASE), LONGEST_LEASE)


def _check_room(subscribers: Subscribers, callback: str) -> None:
    host = urlsplit(callback).hostname
    same = sum(1 for one in subscribers.all.values() if urlsplit(one.callback).hostname == host)
    if len(subscribers.all) >= MOST or same >= MOST_OF_A_HOST:
        raise _Refused("This feed has as many subscribers as it takes.")
