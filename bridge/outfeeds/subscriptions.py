"""Who wants feeds pushed: kept in the ledger, so that what is owed to a subscriber outlives us."""

import hashlib
from typing import Protocol

import msgspec
from msgspec import Struct

from bridge.model.portals import Portal
from bridge.outfeeds.press import Kind

MOST = 100
"""Subscriptions of one room."""
MOST_OF_A_HOST = 10
"""Of these, those of one callback host."""
_SCOPE = "outfeed-subscribers"


class Wish(Struct, frozen=True, kw_only=True):
    """Asked for, and not yet confirmed by who is to be called. `lease` in seconds; 0: to be ended."""

    lease: int
    mark: str
    """Of this one request: whoever asks the same again asks anew."""
    secret: str = ""
    tries: int = 0

    def __repr__(self) -> str:
        return f"Wish(lease={self.lease}, tries={self.tries})"


class Subscription(Struct, frozen=True, kw_only=True):
    """`until`: seconds since 1970; 0 as long as it was never confirmed. `sent`: the version last taken."""

    callback: str
    topic: str
    """As the subscriber named it."""
    kind: Kind
    until: int = 0
    secret: str = ""
    sent: str = ""
    tries: int = 0
    """Pushes in a row that failed."""
    due: int = 0
    """Not to be called before: seconds since 1970."""
    wish: Wish | None = None

    def __repr__(self) -> str:
        return f"Subscription(kind={self.kind}, until={self.until}, tries={self.tries}, wish={self.wish})"


class SubscriberLedger(Protocol):
    async def facts(self, scope: str) -> dict[str, str]: ...

    async def save_fact(self, scope: str, name: str, value: str | None) -> None: ...


class Subscribers:
    """Those of one room, by an id of each (topic, callback). `save` returns after commit."""

    def __init__(self, ledger: SubscriberLedger, portal: Portal) -> None:
        self._ledger = ledger
        self._scope = f"{_SCOPE} {portal.id}"
        self.all: dict[str, Subscription] = {}

    async def load(self) -> None:
        found = await self._ledger.facts(self._scope)
        self.all = {id: msgspec.json.decode(value, type=Subscription) for id, value in found.items()}

    async def save(self, id: str, subscription: Subscription | None) -> None:
        """None forgets it."""
        value = None if subscription is None else msgspec.json.encode(subscription).decode()
        await self._ledger.save_fact(self._scope, id, value)
        if subscription is None:
            self.all.pop(id, None)
        else:
            self.all[id] = subscription

    async def clear(self) -> None:
        for id in list(self.all):
            await self.save(id, None)


def id_of(topic: str, callback: str) -> str:
    return hashlib.sha256(f"{topic} {callback}".encode("utf-8", "replace")).hexdigest()[:32]
