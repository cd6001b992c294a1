"""A feed that is followed, as it is at this moment."""

import asyncio

from adapters.feeds.ids import person_of
from adapters.feeds.state import FeedState
from bridge.model.ids import ChannelId


class Feed:
    """`state` is changed only by who holds `lock`."""

    __slots__ = ("busy", "channel", "closed", "due", "lock", "state", "woken")

    def __init__(self, channel: ChannelId, state: FeedState) -> None:
        self.channel = channel
        self.state = state
        self.lock = asyncio.Lock()
        self.due = 0.0
        """When it is looked at next, by the monotonic clock."""
        self.busy = False
        """It is being looked at."""
        self.woken = False
        """Somebody wants another look when that is done."""
        self.closed = False

    @property
    def person(self) -> tuple[str, str] | None:
        """User and host, where a person is followed."""
        return person_of(self.channel.id)

    @property
    def address(self) -> str:
        """Where it is fetched; empty where that must first be found out."""
        return self.state.address or ("" if self.person is not None else self.channel.id)
