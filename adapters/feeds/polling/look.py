"""One look at a feed, from its address to the ledger, and what the answer means for the next."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec.structs import replace

from adapters.feeds.config import FeedsConfig
from adapters.feeds.feed import Feed
from adapters.feeds.ids import shown
from adapters.feeds.parse.entries import ParsedFeed
from adapters.feeds.polling.fetch import BODY_CAP, SECONDS, Fetched, Outcome, fetch
from adapters.feeds.polling.gates import Gates
from adapters.feeds.polling.manners import backed_off
from adapters.feeds.reader import HandIn, Parses, Reader, Source, Taken, Way
from adapters.feeds.state import FeedState, Moved
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import NetworkName

KEPT_SECONDS = 900.0
"""A wait as long as this is written down, so that it holds after a restart too."""
_FOUND_SECONDS = 7 * 86_400
"""How long it is believed where a person's feed is."""

Resolve = Callable[[str, str], Awaitable[str]]
"""Where the feed of user, host is. Raises `OSError` in plain words."""


class Hubs(Protocol):
    """Who pushes."""

    async def tend(self, feed: Feed) -> None:
        """Asks the feed's hub, if it has one, and it is time. Raises `LedgerUnavailable`."""
        ...

    def polled(self, state: FeedState, taken: Taken) -> FeedState:
        """The state after a look that brought something which the hub may have owed us."""
        ...

    def slow(self, feed: Feed) -> float:
        """In how many seconds to look again, as the hub goes on so well; 0 where it doesn't."""
        ...


class Looks:
    def __init__(
        self,
        network: NetworkName,
        config: FeedsConfig,
        tools: Toolbox,
        *,
        reader: Reader,
        parser: Parses,
        gates: Gates,
        hubs: Hubs,
        hand_in: HandIn,
        resolve: Resolve,
        host_of: Callable[[Feed], str],
    ) -> None:
        self._network, self._config, self._tools = network, config, tools
        self._reader, self._parser, self._gates, self._hubs = reader, parser, gates, hubs
        self._hand_in, self._resolve = hand_in, resolve
        self._host_of = host_of

    async def look(self, feed: Feed, done_with_host: Callable[[], None]) -> float | None:
        """See `adapters.feeds.polling.poller.Look`."""
        if feed.state.gone:
            return None
        host = self._host_of(feed)
        fetched = await self._fetch(feed)
        self._gates.mark(host, slow=fetched.slow)
        if fetched.outcome is Outcome.BUSY:
            self._gates.rest(host, self._tools.clock.monotonic() + fetched.wait)
        async with feed.lock:
            if feed.closed:
                return None
            where = feed.state.address, feed.state.moved
            await self._apply(feed, fetched, done_with_host)
            if where != (feed.state.address, feed.state.moved):
                await self._reader.keep(feed, feed.state)
        done_with_host()
        if feed.state.gone:
            return None
        await self._hubs.tend(feed)
        wait = self._wait(feed, fetched)
        if wait >= KEPT_SECONDS:
            async with feed.lock:
                until = int(self._tools.clock.now().timestamp() + wait)
                await self._reader.keep(feed, replace(feed.state, rest_until=until))
        return wait

    async def _fetch(self, feed: Feed) -> Fetched:
        """The feed, by way of its person's server where that must be asked first."""
        address, person = feed.address, feed.person
        now = int(self._tools.clock.now().timestamp())
        if person is not None and (not address or now - feed.state.found > _FOUND_SECONDS):
            try:
                found = await self._resolve(*person)
            except OSError as error:
                if not address:
                    return Fetched(outcome=Outcome.FAILED, url="", words=str(error), slow=True)
            else:
                async with feed.lock:
                    feed.state = replace(feed.state, address=found, found=now)
                address = found
        fetched = await fetch(address, feed.state, self._tools, self._config.agent)
        self._tools.metrics.count("feeds_polls", network=self._network, outcome=fetched.outcome.name.lower())
        return fetched

    async def _apply(self, feed: Feed, fetched: Fetched, ready: Callable[[], None]) -> None:
        match fetched.outcome:
            case Outcome.CONTENT:
                await self._content(feed, fetched, ready)
            case Outcome.SAME:
                feed.state = self._well(feed, fetched)
            case Outcome.GONE if not self._elsewhere(feed):
                await self._gone(feed, fetched)
            case Outcome.BUSY:
                feed.state = replace(feed.state, trouble=fetched.words)
            case _:
                self._failed(feed, fetched.words, missing=fetched.missing or fetched.outcome is Outcome.GONE)

    async def _content(self, feed: Feed, fetched: Fetched, ready: Callable[[], None]) -> None:
        headers = fetched.headers
        etag, modified = headers.get("etag"), headers.get("last-modified")
        state = replace(self._well(feed, fetched), final=fetched.url, etag=_sendable(etag), modified=_sendable(modified))
        source = Source(body=fetched.body, headers=headers, url=fetched.url)
        try:
            taken = await self._reader.take(feed, source, state, Way(hand_in=self._hand_in, page=self._page, ready=ready))
        except OSError as error:
            self._tools.metrics.count("feeds_unreadable", network=self._network)
            self._failed(feed, str(error) or type(error).__name__, missing=False)
            return
        if taken.posts:
            feed.state = self._hubs.polled(feed.state, taken)

    async def _page(self, url: str) -> ParsedFeed:
        headers = {"User-Agent": self._config.agent}
        answer = await self._tools.http.request("GET", url, headers=headers, limit=BODY_CAP, timeout=SECONDS)
        if answer.status != 200:
            raise OSError(f"it answers {answer.status}")
        return await self._parser.parse(answer.body, answer.headers, url)

    def _well(self, feed: Feed, fetched: Fetched) -> FeedState:
        """It answered: failures are forgotten, and where it moved to is remembered."""
        state = feed.state
        if state.trouble:
            self._tools.log.info("%s can be read again", shown(feed.channel.id))
        state = replace(state, failures=0, trouble=None, rest_until=0)
        today = self._tools.clock.now().date().isoformat()
        if fetched.moved is None or fetched.moved == feed.address:
            return replace(state, moved=None)
        if state.moved is None or state.moved.to != fetched.moved:
            return replace(state, moved=Moved(fetched.moved, today))
        if state.moved.day == today:
            return state
        self._tools.log.info("%s has moved to %s", shown(feed.channel.id), shown(fetched.moved))
        return replace(state, moved=None, address=fetched.moved)

    async def _gone(self, feed: Feed, fetched: Fetched) -> None:
        self._tools.log.warning("%s is not asked any more: %s", shown(feed.channel.id), fetched.words)
        await self._reader.keep(feed, replace(feed.state, gone=True, trouble=fetched.words))

    @staticmethod
    def _elsewhere(feed: Feed) -> bool:
        """Whether it is fetched at another address than it was followed by."""
        return feed.state.address not in ("", feed.channel.id)

    def _failed(self, feed: Feed, words: str, *, missing: bool) -> None:
        """Later again. What moved to where there is nothing is looked for again where it was."""
        state = feed.state
        self._tools.metrics.count("feeds_failures", network=self._network)
        if words != state.trouble:
            self._tools.log.info("%s can't be read now: %s", shown(feed.channel.id), words)
        state = replace(state, failures=state.failures + 1, trouble=words)
        if missing and self._elsewhere(feed):
            state = replace(state, address="", found=0, moved=None)
        feed.state = state

    def _wait(self, feed: Feed, fetched: Fetched) -> float:
        state, interval = feed.state, self._config.interval
        if fetched.outcome is Outcome.BUSY:
            return max(fetched.wait, interval)
        if state.failures:
            return backed_off(interval, state.failures)
        return max(interval, fetched.wait, float(min(state.ttl, 86_400)), self._hubs.slow(feed))


def _sendable(value: str | None) -> str | None:
    """What can be given back as it came."""
    try:
        return value if value and value.encode() else None
    except UnicodeEncodeError:
        return None
