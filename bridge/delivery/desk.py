"""What the lanes of one courier share."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Protocol

from msgspec import Struct

from bridge.contract.delivery import Receipt
from bridge.contract.toolbox import Clock, Metrics
from bridge.delivery.backoff import Backoff
from bridge.delivery.notices import Notices
from bridge.delivery.patience import PatientOutbox
from bridge.delivery.ports import Outlet
from bridge.delivery.settling import Settler
from bridge.model.ids import ChannelId, IdentityId, NetworkName
from bridge.model.people import Identity


class Way:
    """Where the deliveries of one network go, and whether they may go now."""

    __slots__ = ("network", "open", "outlet")

    def __init__(self, network: NetworkName) -> None:
        self.network = network
        self.outlet: Outlet | None = None
        self.open = False


class Proofs:
    """Receipts that came by another way than the answer, by delivery. Bounded: old ones matter to nobody."""

    MOST = 4096

    def __init__(self) -> None:
        self._receipts: OrderedDict[str, Receipt] = OrderedDict()
        self._new: dict[str, Receipt] = {}
        self._buried: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def expect(self, delivery: str, entries: tuple[str, ...]) -> None:
        """It went to the dead letters, with these entries; it may have been sent all the same."""
        self._buried[delivery] = entries
        if len(self._buried) > self.MOST:
            self._buried.popitem(last=False)

    def risen(self, delivery: str) -> tuple[str, ...]:
        """The entries of a dead letter that was proved; none twice."""
        return self._buried.pop(delivery, ())

    def put(self, delivery: str, receipt: Receipt) -> None:
        self._receipts[delivery] = self._new[delivery] = receipt
        if len(self._receipts) > self.MOST:
            old, _ = self._receipts.popitem(last=False)
            self._new.pop(old, None)

    def get(self, delivery: str) -> Receipt | None:
        return self._receipts.get(delivery)

    def answered(self, delivery: str) -> None:
        """The answer came, too, and is settled by whoever waited for it."""
        self._new.pop(delivery, None)

    def fresh(self) -> dict[str, Receipt]:
        """Those that came since this was asked last, and were not answered."""
        fresh, self._new = self._new, {}
        return fresh


class Pace(Struct, frozen=True):
    """More than `burst` posts within so many minutes are no longer shown one by one."""

    burst: int
    minutes: float


def _no_pace(channel: ChannelId) -> Pace | None:
    return None


class Calm(Struct, frozen=True, kw_only=True):
    """What keeps timelines readable: see `bridge.delivery.governor`."""

    pace: Callable[[ChannelId], Pace | None] = _no_pace
    """None: all goes as it comes."""
    own: Callable[[IdentityId], bool] = lambda who: False
    """Whether somebody of a network is one of us: an account of a Matrix user."""
    command: str = "!"
    """What begins a word to the bot."""
    asked: dict[str, None] = {}
    """Deliveries that somebody wants to see one by one."""


class Waker(Protocol):
    """A lane, as far as another lane wakes it."""

    def wake(self) -> None: ...


class Waiting:
    """Who wants to know when a delivery is settled or proved."""

    def __init__(self) -> None:
        self._by_delivery: dict[str, list[Waker]] = {}

    def add(self, delivery: str, waker: Waker) -> None:
        wakers = self._by_delivery.setdefault(delivery, [])
        if waker not in wakers:
            wakers.append(waker)

    def __contains__(self, delivery: str) -> bool:
        return delivery in self._by_delivery

    def remove(self, delivery: str, waker: Waker) -> None:
        wakers = self._by_delivery.get(delivery, [])
        if waker in wakers:
            wakers.remove(waker)
        if not wakers:
            self._by_delivery.pop(delivery, None)

    def wake(self, delivery: str) -> None:
        for waker in self._by_delivery.pop(delivery, ()):
            waker.wake()


class Desk(Struct, frozen=True, kw_only=True):
    outbox: PatientOutbox
    settler: Settler
    notices: Notices
    proofs: Proofs
    waiting: Waiting
    backoff: Callable[[], Backoff]
    new_id: Callable[[], str]
    spawn: Callable[[Coroutine[None, None, None]], None]
    """Runs a coroutine in the courier's task group; those spawned first start first."""
    by_time: Callable[[ChannelId], bool]
    """Whether a channel is the room of a timeline."""
    calm: Calm
    me: Identity
    """The bridge's own bot."""
    clock: Clock
    metrics: Metrics
    log: logging.Logger
