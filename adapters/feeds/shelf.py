"""The feeds that are followed now, by channel and by the token of their callbacks."""

import secrets
from collections.abc import Iterator

from adapters.feeds.feed import Feed
from bridge.model.ids import ChannelId

TOKEN_BYTES = 24


class Shelf:
    """`ready`: everything that was linked at the start is on it; before, a token that is not here may still come."""

    def __init__(self) -> None:
        self._feeds: dict[ChannelId, Feed] = {}
        self._tokens: dict[str, Feed] = {}
        self.ready = False

    def __iter__(self) -> Iterator[Feed]:
        return iter(list(self._feeds.values()))

    def get(self, channel: ChannelId) -> Feed | None:
        return self._feeds.get(channel)

    def put(self, feed: Feed) -> None:
        self._feeds[feed.channel] = feed
        if feed.state.token:
            self._tokens[feed.state.token] = feed

    def take_down(self, channel: ChannelId) -> Feed | None:
        feed = self._feeds.pop(channel, None)
        if feed is not None:
            self._tokens.pop(feed.state.token, None)
        return feed

    def called(self, token: str) -> Feed | None:
        return self._tokens.get(token)

    def token_of(self, feed: Feed) -> str:
        """The feed's own, or a fresh one that nobody can guess, which is the caller's to keep in its state."""
        token = feed.state.token or secrets.token_urlsafe(TOKEN_BYTES)
        if self._feeds.get(feed.channel) is feed:
            self._tokens[token] = feed
        return token
