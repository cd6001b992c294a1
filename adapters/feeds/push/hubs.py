"""WebSub subscriptions: asked for, confirmed, renewed, given up; and how well each hub does its work.

A slow poll stays behind every hub. While a hub brings what polling would have found, its feeds are polled every few hours; a
post that it should have brought and polling did brings the feed back to its interval, until the hub has brought three in a row.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from adapters.common.media import site_of
from adapters.common.websub import request_form
from adapters.feeds.config import DAY, FeedsConfig
from adapters.feeds.feed import Feed
from adapters.feeds.ids import shown
from adapters.feeds.reader import Reader, Taken
from adapters.feeds.shelf import Shelf
from adapters.feeds.state import FeedState, Subscription
from bridge.contract.errors import LedgerUnavailable
from bridge.contract.resting import rest
from bridge.contract.toolbox import Toolbox
from bridge.model.events import Edit
from bridge.model.ids import NetworkName
from bridge.text.plain import one_line

SECONDS = 15.0
AT_ONCE = 4
AGAIN_SECONDS = 3600
"""After a hub was asked and didn't confirm; twice as long each time, a day at most."""
REFUSED_SECONDS = 7 * 86_400
"""After a hub refused."""
TRUST_AFTER = 3
"""Posts in a row that a hub must bring, once it has missed one, before it is trusted again."""
GRACE = timedelta(minutes=10)
"""What is younger may just be on its way from the hub."""
LEAVING_CAP = 1000
LEAST_LEASE = 60


class Tally(Struct, kw_only=True):
    """How one hub does."""

    feeds: int = 0
    active: int = 0
    pushed: int = 0
    missed: int = 0
    trouble: str | None = None


class Hubs:
    def __init__(self, network: NetworkName, config: FeedsConfig, tools: Toolbox, reader: Reader, shelf: Shelf) -> None:
        self._network, self._config, self._tools = network, config, tools
        self._reader, self._shelf = reader, shelf
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._farewells: deque[tuple[str, Subscription]] = deque()
        self._leaving: dict[str, str] = {}
        """Token → topic of subscriptions that are being ended."""
        self._woken = asyncio.Event()

    def _now(self) -> int:
        return int(self._tools.clock.now().timestamp())

    # seen from polling

    async def tend(self, feed: Feed) -> None:
        """Asks the feed's hub to push, or to go on pushing, if it is time. Raises `LedgerUnavailable`."""
        if self._tools.public_address is None or not self._config.websub or not self._is_time(feed.state):
            return
        async with self._gate:
            if not feed.closed:
                await self._ask(feed)

    def _is_time(self, state: FeedState) -> bool:
        sub, now = state.subscription, self._now()
        if state.hub is None or state.topic is None:
            return False
        if sub is None or (sub.hub, sub.topic) != (state.hub, state.topic):
            return True
        if sub.denied:
            return now - sub.asked > REFUSED_SECONDS
        if sub.until - now > _margin(sub):
            return False
        return sub.tries == 0 or now - sub.asked >= min(AGAIN_SECONDS << min(sub.tries - 1, 10), int(DAY))

    def polled(self, state: FeedState, taken: Taken) -> FeedState:
        sub = state.subscription
        if sub is None or not self._is_active(sub):
            return state
        late = self._tools.clock.now() - GRACE
        missed = sum(1 for event in taken.events if not isinstance(event.body, Edit) and _owed(sub, event.happened_at, late))
        if not missed:
            return state
        self._tools.metrics.count("feeds_hub_missed", missed, network=self._network)
        return replace(state, subscription=replace(sub, missed=sub.missed + missed, streak=0))

    def slow(self, feed: Feed) -> float:
        sub = feed.state.subscription
        if sub is None or not self._is_active(sub):
            return 0.0
        if sub.streak < (TRUST_AFTER if sub.missed else 1):
            return 0.0
        return min(self._config.slow_interval, float(max(sub.until - _margin(sub) - self._now(), 0)))

    def _is_active(self, sub: Subscription) -> bool:
        return sub.until > self._now() and not sub.denied

    # asking

    async def _ask(self, feed: Feed) -> None:
        async with feed.lock:
            state, now = feed.state, self._now()
            if not self._is_time(state) or state.hub is None or state.topic is None:
                return
            token = self._shelf.token_of(feed)
            sub = state.subscription
            if sub is None or (sub.hub, sub.topic) != (state.hub, state.topic):
                sub = Subscription(hub=state.hub, topic=state.topic, secret=secrets.token_hex(32))
            sub = replace(sub, asked=now, tries=sub.tries + 1, denied=False)
            # Before the request: the hub may call back while it still answers.
            await self._reader.keep(feed, replace(state, token=token, subscription=sub))
        trouble = await self._request("subscribe", token, sub)
        self._tools.metrics.count("feeds_hub_asked", network=self._network, outcome="refused" if trouble else "taken")
        async with feed.lock:
            now_sub = feed.state.subscription
            if now_sub is not None and now_sub.asked == sub.asked and now_sub.tries:
                feed.state = replace(feed.state, subscription=replace(now_sub, trouble=trouble))
        if trouble:
            self._tools.log.info("the hub of %s doesn't push: %s", shown(feed.channel.id), trouble)

    async def _request(self, mode: str, token: str, sub: Subscription) -> str | None:
        """None: the hub took it. 307 and 308 are followed."""
        form = request_form(
            mode,
            topic=sub.topic,
            callback=f"{self._tools.public_address}/websub/{token}",
            secret=sub.secret if mode == "subscribe" else "",
            lease=int(self._config.lease) if mode == "subscribe" else 0,
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": self._config.agent}
        try:
            answer = await self._tools.http.request("POST", sub.hub, headers=headers, body=form, limit=64 * 1024, timeout=SECONDS)
        except OSError as error:
            return f"it can't be reached: {error}"
        return None if 200 <= answer.status < 300 else f"it answers {answer.status}"

    # what the hub answers by its own call

    async def confirm(self, feed: Feed, topic: str, lease: str | None) -> bool:
        """Whether we did ask for that: then the subscription holds. Raises `LedgerUnavailable`."""
        async with feed.lock:
            sub, now = feed.state.subscription, self._now()
            if sub is None or sub.topic != topic or not sub.tries or sub.denied or now - sub.asked > DAY:
                return False
            given = int(lease) if lease is not None and lease.isascii() and lease.isdigit() and len(lease) < 12 else None
            seconds = min(max(given or int(self._config.lease), LEAST_LEASE), int(self._config.lease))
            sub = replace(sub, until=now + seconds, tries=0, trouble=None)
            await self._reader.keep(feed, replace(feed.state, subscription=sub))
        self._tools.metrics.count("feeds_hub_confirmed", network=self._network)
        return True

    async def deny(self, feed: Feed, topic: str, reason: str) -> bool:
        """The hub ends it, or never began. Raises `LedgerUnavailable`."""
        async with feed.lock:
            sub = feed.state.subscription
            if sub is None or sub.topic != topic:
                return False
            words = one_line(reason)[:200].strip() or "it gives no reason"
            sub = replace(sub, until=0, denied=True, asked=self._now(), trouble=f"it refuses: {words}", streak=0)
            await self._reader.keep(feed, replace(feed.state, subscription=sub))
        self._tools.log.info("the hub of %s refuses to push: %s", shown(feed.channel.id), words)
        self._tools.metrics.count("feeds_hub_denied", network=self._network)
        return True

    def pushed(self, state: FeedState, posts: int) -> FeedState:
        """The state after a push that brought so many."""
        sub = state.subscription
        if sub is None or not posts:
            return state
        return replace(state, subscription=replace(sub, pushed=sub.pushed + posts, streak=sub.streak + posts))

    # giving up

    async def leave(self, feed: Feed) -> None:
        """Nobody follows the feed any more: its hub is told, if it can be."""
        sub, token = feed.state.subscription, feed.state.token
        if sub is None:
            return
        async with feed.lock:
            try:
                await self._reader.keep(feed, replace(feed.state, subscription=None))
            except LedgerUnavailable:
                self._tools.metrics.count("feeds_ledger_unavailable", network=self._network)
        if self._is_active(sub) and self._tools.public_address is not None:
            while len(self._leaving) >= LEAVING_CAP:
                del self._leaving[next(iter(self._leaving))]
            self._leaving[token] = sub.topic
            self._farewells.append((token, sub))
            self._woken.set()

    def is_leaving(self, token: str, topic: str) -> bool:
        """Whether a hub that asks if it shall end a subscription is right."""
        return self._leaving.get(token) == topic

    async def run(self) -> None:
        """Says goodbye to hubs; until cancelled. What can't be said now needn't be: leases end."""
        while True:
            self._woken.clear()
            while self._farewells:
                token, sub = self._farewells.popleft()
                await self._request("unsubscribe", token, sub)
            await rest(self._tools.clock, self._woken, DAY)

    # health

    def tallies(self) -> dict[str, Tally]:
        """By the hub's host."""
        found: dict[str, Tally] = {}
        for sub in self._subscriptions():
            tally = found.setdefault(site_of(sub.hub), Tally())
            tally.feeds += 1
            tally.active += self._is_active(sub)
            tally.pushed += sub.pushed
            tally.missed += sub.missed
            tally.trouble = sub.trouble or tally.trouble
        return found

    def _subscriptions(self) -> Iterator[Subscription]:
        return (feed.state.subscription for feed in self._shelf if feed.state.subscription is not None)


def _margin(sub: Subscription) -> int:
    """Seconds before the end of a lease at which it is renewed."""
    return min(max(sub.until - sub.asked, 0) // 4, int(DAY))


def _owed(sub: Subscription, happened_at: datetime, late: datetime) -> bool:
    """Whether a hub should have brought what was posted then: since it pushes, and not just now."""
    return sub.asked < happened_at.timestamp() and happened_at < late
