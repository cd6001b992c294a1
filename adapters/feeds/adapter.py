"""The feeds adapter: every feed of one network, polled politely and pushed where a hub does it."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar, Protocol

from msgspec.structs import replace

from adapters.common.media import site_of
from adapters.feeds.commands import Words
from adapters.feeds.config import FeedsConfig
from adapters.feeds.feed import Feed
from adapters.feeds.finding.finder import Finder
from adapters.feeds.ids import fold_channel
from adapters.feeds.manifest import FEATURES, MANIFEST
from adapters.feeds.parse.apart import Parsers
from adapters.feeds.polling.gates import Gates
from adapters.feeds.polling.look import Looks
from adapters.feeds.polling.poller import Poller
from adapters.feeds.polling.round import Round
from adapters.feeds.push.callbacks import Callbacks, Route
from adapters.feeds.push.hubs import Hubs
from adapters.feeds.push.slaps import Slaps
from adapters.feeds.reader import Parses, Reader
from adapters.feeds.shelf import Shelf
from bridge.contract.adapter import ChannelInfo, Inlet, NetworkState, Phase
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import Disconnected, Rejected
from bridge.contract.features import Features, Manifest
from bridge.contract.places import Finding
from bridge.contract.toolbox import Toolbox
from bridge.contract.words import Word
from bridge.model.ids import ChannelId, NetworkName

REMEMBERED = 5000
"""Findings of searches whose titles are kept, until their feeds are read."""


class Parser(Parses, Protocol):
    """What reads documents, while the adapter runs."""

    async def start(self) -> None:
        """Raises `OSError`."""
        ...

    async def close(self) -> None: ...


class Feeds:
    """`bridge.contract.adapter.Adapter`; also Searches, Listens, Commands, Examines."""

    manifest: ClassVar[Manifest] = MANIFEST

    def __init__(
        self, network: NetworkName, config: FeedsConfig, inlet: Inlet, tools: Toolbox, *, parser: Parser | None = None
    ) -> None:
        """`parser` replaces the parser processes (for tests)."""
        self._network, self._inlet, self._tools = network, inlet, tools
        self._parser = parser or Parsers()
        self._shelf = Shelf()
        self._found: dict[ChannelId, str] = {}
        round = Round(inlet)
        gates = Gates(per_host=config.per_host, at_once=config.at_once)
        self._reader = Reader(network, config, inlet, tools, self._parser)
        self._hubs = Hubs(network, config, tools, self._reader, self._shelf)
        self._finder = Finder(network, config, tools, self._parser)
        self._poller = Poller(network, config, tools, gates, round, _host_of)
        self._looks = Looks(
            network,
            config,
            tools,
            reader=self._reader,
            parser=self._parser,
            gates=gates,
            hubs=self._hubs,
            hand_in=round.hand_in,
            resolve=self._finder.resolve,
            host_of=_host_of,
        )
        self._callbacks = Callbacks(
            network,
            tools,
            shelf=self._shelf,
            reader=self._reader,
            hubs=self._hubs,
            slaps=Slaps(config, tools),
            poller=self._poller,
        )
        self._words = Words(network, tools, shelf=self._shelf, hubs=self._hubs, search=self.search, refresh=self.refresh)

    # life

    async def run(self) -> None:
        """Until cancelled: no feed's trouble ends it."""
        self._inlet.report(NetworkState(network=self._network, phase=Phase.CONNECTING))
        try:
            await self._parser.start()
        except OSError as error:
            raise Disconnected(f"the parser can't be started: {error}") from error
        try:
            self._inlet.report(NetworkState(network=self._network, phase=Phase.CONNECTED))
            async with asyncio.TaskGroup() as group:
                group.create_task(self._hubs.run())
                group.create_task(self._poller.run(self._looks.look))
        finally:
            await self._parser.close()

    # channels

    async def open(self, *channels: ChannelId) -> list[ChannelInfo]:
        """Feeds are not asked here: that is when they are due."""
        fresh = [feed for channel in channels if (feed := await self._feed(channel)) is not None]
        known = []
        for feed in fresh:
            if self._shelf.get(feed.channel) is None:  # nobody else was as quick
                self._shelf.put(feed)
                known.append(feed)
        self._poller.add(feed for feed in known if not feed.state.gone)
        self._shelf.ready = True
        return [self._info(channel) for channel in channels]

    async def _feed(self, channel: ChannelId) -> Feed | None:
        """One that isn't followed yet, with what was known of it."""
        if self._shelf.get(channel) is not None or _wrong(channel) is not None:
            return None
        feed = Feed(channel, await self._reader.recall(channel))
        if feed.state.gone and channel in self._found:
            await self._revive(feed)
        return feed

    def _info(self, channel: ChannelId) -> ChannelInfo:
        feed = self._shelf.get(channel)
        if feed is None:
            return ChannelInfo(channel=channel, error=_wrong(channel) or "it is not followed")
        name = feed.state.title or self._found.get(channel)
        return ChannelInfo(channel=channel, name=name, error=feed.state.trouble if feed.state.gone else None)

    async def close(self, *channels: ChannelId) -> None:
        for channel in channels:
            feed = self._shelf.take_down(channel)
            if feed is not None:
                self._poller.drop(feed)
                await self._hubs.leave(feed)

    # all that is not read

    async def deliver(self, delivery: Delivery) -> Receipt:
        raise Rejected("feeds can only be read: nobody would see it there")

    def features(self, channel: ChannelId) -> Features:
        return FEATURES

    # and all else

    async def search(self, words: str) -> Sequence[Finding]:
        findings = await self._finder.search(words)
        for finding in findings:
            while len(self._found) >= REMEMBERED:
                del self._found[next(iter(self._found))]
            self._found[finding.channel] = finding.title
            feed = self._shelf.get(finding.channel)
            if feed is not None and feed.state.gone and not finding.of_list:
                await self.refresh(feed)
        return findings

    async def refresh(self, feed: Feed) -> None:
        """It is looked at as soon as its host may be asked, also where it was given up. Raises `LedgerUnavailable`."""
        if feed.state.gone:
            await self._revive(feed)
        self._poller.wake(feed)

    async def _revive(self, feed: Feed) -> None:
        async with feed.lock:
            await self._reader.keep(feed, replace(feed.state, gone=False, failures=0, trouble=None, rest_until=0))

    def routes(self) -> Sequence[Route]:
        return self._callbacks.routes()

    def words(self) -> Sequence[Word]:
        return self._words.all()

    @classmethod
    async def examine(cls, config: FeedsConfig) -> str:
        contact = "" if config.contact else "; with `contact` set, sites that are asked can ask back"
        return f"each feed is asked every {config.interval:g} s at most{contact}"


def _wrong(channel: ChannelId) -> str | None:
    """Why that can be no feed."""
    try:
        return None if fold_channel(channel.id) == channel.id else f"its one spelling is {fold_channel(channel.id)}"
    except ValueError as error:
        return str(error)


def _host_of(feed: Feed) -> str:
    person = feed.person
    return site_of(feed.address) or (person[1] if person is not None else "")
