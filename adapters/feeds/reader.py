"""From a document to the ledger: what is new in it, committed together with what is remembered of the feed.

The one place that changes `Feed.state` and writes cursors; whoever calls holds the feed's lock. Entries are not kept in memory:
of ten thousand feeds, one in twenty has news at a time.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from adapters.common.media import site_of
from adapters.common.websub import hubs_of
from adapters.feeds.config import FeedsConfig
from adapters.feeds.feed import Feed
from adapters.feeds.ids import shown
from adapters.feeds.inbound import events
from adapters.feeds.known import Known
from adapters.feeds.parse.entries import ParsedFeed
from adapters.feeds.state import FeedState, Stored, dump, known_of, load
from bridge.contract.adapter import Cursor, Inlet
from bridge.contract.toolbox import Toolbox
from bridge.model.events import Edit, Event
from bridge.model.ids import ChannelId, NetworkName

_BROKEN = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What code raises over input that its author didn't think of: such a feed fails alone."""
HandIn = Callable[[tuple[Event, ...], Cursor], Awaitable[None]]
Page = Callable[[str], Awaitable[ParsedFeed]]
"""Another page of the same feed. Raises `OSError`."""


class Parses(Protocol):
    async def parse(self, body: bytes, headers: Mapping[str, str], url: str) -> ParsedFeed:
        """Raises `OSError` in plain words for what is no feed."""
        ...


class Source(Struct, frozen=True, kw_only=True):
    """A document and where it is from. `headers`: names in lower case."""

    body: bytes
    headers: Mapping[str, str]
    url: str
    whole: bool = True
    """The feed itself, which says what it is called and who pushes it; False: a part that somebody sent."""


class Way(Struct, frozen=True, kw_only=True):
    """How a document is taken in."""

    hand_in: HandIn
    """Raises `LedgerUnavailable`."""
    page: Page | None = None
    """Fetches older pages, where more came than the document holds."""
    ready: Callable[[], None] = lambda: None
    """Called when only the ledger is left to be waited for."""


class Taken(Struct, frozen=True, kw_only=True):
    """What came of a document."""

    events: tuple[Event, ...] = ()

    @property
    def posts(self) -> int:
        """What is new, edits aside."""
        return sum(not isinstance(event.body, Edit) for event in self.events)


class Reader:
    def __init__(self, network: NetworkName, config: FeedsConfig, inlet: Inlet, tools: Toolbox, parser: Parses) -> None:
        self._network, self._config, self._inlet, self._tools = network, config, inlet, tools
        self._parser = parser

    async def recall(self, channel: ChannelId) -> FeedState:
        """What was known of a feed when the bridge last ran; nothing, for one that is new or was written in no way we know."""
        return (await self._stored(channel)).state

    async def _stored(self, channel: ChannelId) -> Stored:
        cursor = await self._inlet.cursor(channel.id)
        if cursor is None:
            return Stored()
        try:
            return load(cursor.value)
        except ValueError:
            self._tools.log.warning("what was remembered of %s can't be read: it begins anew", shown(channel.id))
            self._tools.metrics.count("feeds_forgotten", network=self._network)
            return Stored()

    async def keep(self, feed: Feed, state: FeedState) -> None:
        """The feed is so from now on, and after a restart. Raises `LedgerUnavailable`: then it is as it was."""
        stored = await self._stored(feed.channel)
        await self._inlet.accept(cursor=Cursor(scope=feed.channel.id, value=dump(state, None, stored)))
        feed.state = state

    async def take(self, feed: Feed, source: Source, state: FeedState, way: Way | None = None) -> Taken:
        """Reads a document; when it returns, its news are on disk, and the feed is `state` with what the document changed in it.

        Raises `OSError` in plain words for what is no feed, `LedgerUnavailable` where nothing could be stored; the feed is then
        as it was.
        """
        way = way or Way(hand_in=self._accept)
        digest = hashlib.sha256(source.body).hexdigest()[:32]
        if source.whole and digest == feed.state.digest and not feed.state.pending:
            feed.state = state
            return Taken()
        parsed = await self._parser.parse(source.body, source.headers, source.url)
        if not source.whole:
            parsed = _of(state, parsed)
        stored = await self._stored(feed.channel)
        known = self._known(feed, stored)
        if way.page is not None and known.since:
            parsed = await self._with_older(parsed, known, way.page)
        now = self._tools.clock.now()
        seconds = int(now.timestamp())
        new, after = self._compared(feed, parsed, known, now)
        if source.whole:
            state = replace(_described(state, parsed, source), digest=digest, pending=after.pending, read=seconds)
        elif after.pending:
            state = replace(state, pending=True)
        way.ready()
        if new or _worth_writing(known, after) or _worth_keeping(feed.state, state):
            await way.hand_in(new, Cursor(scope=feed.channel.id, value=dump(state, after, stored)))
        feed.state = state
        if new:
            self._tools.metrics.count("feeds_events", len(new), network=self._network)
        return Taken(events=new)

    async def _accept(self, new: tuple[Event, ...], cursor: Cursor) -> None:
        await self._inlet.accept(*new, cursor=cursor)

    def _compared(self, feed: Feed, parsed: ParsedFeed, known: Known, now: datetime) -> tuple[tuple[Event, ...], Known]:
        try:
            return events(
                self._network, feed.channel, parsed, known, now, first=not known.since, activities=self._config.activities
            )
        except _BROKEN as error:
            self._tools.log.error("a bug over the entries of %s", shown(feed.channel.id), exc_info=error)
            self._tools.metrics.count("feeds_broken", network=self._network)
            raise OSError(f"its entries can't be made sense of ({type(error).__name__})") from error

    def _known(self, feed: Feed, stored: Stored) -> Known:
        try:
            return known_of(stored)
        except ValueError:
            self._tools.log.warning("the entries remembered of %s can't be read: it begins anew", shown(feed.channel.id))
            self._tools.metrics.count("feeds_forgotten", network=self._network)
            return Known()

    async def _with_older(self, parsed: ParsedFeed, known: Known, page: Page) -> ParsedFeed:
        """With the entries of older pages, back to one that is known; as it is, where it has no gap to them."""
        remembered = {one.id for one in known.seen}
        entries, at, site = parsed.entries, parsed, site_of(parsed.url)
        for _ in range(self._config.pages):
            strange = all(entry.marks.id not in remembered for entry in at.entries)
            if not at.entries or not strange or at.next_url is None or site_of(at.next_url) != site:
                break
            try:
                at = await page(at.next_url)
            except OSError as error:
                self._tools.log.info("an older page of %s can't be had: %s", site, error)
                break
            entries += at.entries
        if entries is not parsed.entries:
            self._tools.metrics.count("feeds_gaps", network=self._network)
        return replace(parsed, entries=entries)


def _described(state: FeedState, parsed: ParsedFeed, source: Source) -> FeedState:
    hubs, topic = hubs_of(source.headers, source.url)
    hub = next(iter(hubs or parsed.hubs), None)
    return replace(
        state,
        title=parsed.title,
        page=parsed.page,
        author=parsed.author.uri if parsed.author is not None else None,
        ttl=parsed.ttl_seconds or 0,
        hub=hub,
        topic=(topic or parsed.self_url or source.url) if hub else None,
    )


def _of(state: FeedState, part: ParsedFeed) -> ParsedFeed:
    """A part that doesn't say whose it is, is of whom the feed named: a lone entry of that author is the feed's own."""
    if part.author is not None or state.author is None:
        return part
    author = next((one.author for one in part.entries if one.author is not None and one.author.uri == state.author), None)
    return replace(part, author=author, title=part.title or state.title)


def _worth_writing(known: Known, after: Known) -> bool:
    """Documents that only shuffle themselves are not written down again each time."""
    marks = {(one.id, one.said, one.shown) for one in known.seen}
    return known.since != after.since or any((one.id, one.said, one.shown) not in marks for one in after.seen)


def _worth_keeping(before: FeedState, after: FeedState) -> bool:
    names = ("address", "moved", "title", "author", "hub", "topic", "subscription", "failures", "gone")
    return any(getattr(before, name) != getattr(after, name) for name in names)
