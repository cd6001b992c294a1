"""Whether a Salmon slap is from the one who is followed, sealed with his key. His own server is asked for that key."""

import asyncio

from msgspec import Struct

from adapters.common.media import site_of
from adapters.common.salmon import Refused, check, read_slap
from adapters.common.webfinger import MAGIC_KEY, Resource, Unknown, look_up
from adapters.feeds.config import FeedsConfig
from adapters.feeds.feed import Feed
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import ChannelId

KEYS_SECONDS = 3600.0
ASK_SECONDS = 60.0
"""Between two questions for the keys of one person, however many forged slaps come."""
KEPT = 1000
MOST = 4
"""Keys of one author, and signatures of one slap, that are tried: each costs time."""


class _Keys(Struct):
    keys: tuple[str, ...]
    at: float


class Slaps:
    def __init__(self, config: FeedsConfig, tools: Toolbox) -> None:
        self._config, self._tools = config, tools
        self._keys: dict[ChannelId, _Keys] = {}

    async def proven(self, feed: Feed, body: bytes) -> bytes:
        """The entry that was signed. Raises `Refused`, and `OSError` where the author's server can't be asked now."""
        slap = await asyncio.to_thread(read_slap, body)
        if len(slap.signatures) > MOST:
            raise Refused("it has too many signatures")
        author = feed.state.author
        if author is None or slap.author != author:
            raise Refused("its author isn't the one who is followed")
        now, kept = self._tools.clock.now(), self._keys.get(feed.channel)
        age = None if kept is None else self._tools.clock.monotonic() - kept.at
        if kept is None or age is None or age > KEYS_SECONDS:
            kept, age = await self._ask(feed, author), 0.0
        try:
            check(slap, kept.keys, now, seen=False)
        except Refused:
            if age < ASK_SECONDS:
                raise
            check(slap, (await self._ask(feed, author)).keys, now, seen=False)  # the key may be another by now
        return slap.content

    async def _ask(self, feed: Feed, author: str) -> _Keys:
        """None at all, where his server doesn't know him: that is remembered too."""
        try:
            found = await self._resource(feed, author)
        except Unknown:
            found = Resource()
        while len(self._keys) >= KEPT:
            del self._keys[next(iter(self._keys))]
        usable = tuple(link.href for link in found.all(MAGIC_KEY) if link.href)
        keys = _Keys(usable[:MOST], self._tools.clock.monotonic())
        self._keys[feed.channel] = keys
        return keys

    async def _resource(self, feed: Feed, author: str) -> Resource:
        """What his own server says of him. Raises `OSError`, `Unknown` among them."""
        agent, http = self._config.agent, self._tools.http
        if feed.person is not None:
            user, host = feed.person
            found = await look_up(http, f"acct:{user}@{host}", host, agent=agent)
            if author not in _names(found):
                raise Unknown(f"{host} doesn't call him so")
            return found
        host = site_of(author)
        if not host or host != site_of(feed.state.final or feed.address):
            raise Unknown("its author is on another server than the feed")
        return await look_up(http, author, host, agent=agent)


def _names(found: Resource) -> frozenset[str]:
    """Everything that the server says he is called by: the feed of a person names him by one of these."""
    return frozenset({found.subject or "", *found.aliases, *(link.href for link in found.links)}) - {""}
