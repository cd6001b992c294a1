"""What an adapter is given to hand in what happened on its network."""

import asyncio
from collections import deque
from collections.abc import Callable

from bridge.contract.adapter import Cursor, NetworkState
from bridge.contract.delivery import Receipt
from bridge.contract.errors import LedgerUnavailable
from bridge.delivery.intake import Intake
from bridge.model.events import Event
from bridge.model.ids import ChannelId, NetworkName
from bridge.model.signals import Signal

MOST_EVENTS = 500
"""Of one commit: a burst shares commits, and no commit keeps others waiting for long."""


class _Call:
    __slots__ = ("cursor", "done", "events")

    def __init__(self, events: tuple[Event, ...], cursor: Cursor | None, done: asyncio.Future[None]) -> None:
        self.events = events
        self.cursor = cursor
        self.done = done


class NetworkInlet:
    """An `Inlet` over the intake.

    Calls made while a commit is under way share the next one. So they keep their order, and where a commit fails,
    every later call fails with it: no cursor can pass over an event that was not stored.
    """

    def __init__(
        self,
        network: NetworkName,
        intake: Intake,
        *,
        proved: Callable[[str, Receipt], None],
        signal: Callable[[Signal], None],
        report: Callable[[NetworkState], None],
        look_again: Callable[[ChannelId], None],
    ) -> None:
        self._network = network
        self._intake = intake
        self._proved = proved
        self._signal = signal
        self._report = report
        self._look_again = look_again
        self._calls: deque[_Call] = deque()
        self._pump: asyncio.Task[None] | None = None

    async def accept(self, *events: Event, cursor: Cursor | None = None) -> None:
        """See `Inlet.accept`. Raises `ValueError` for an event of another network: that is a bug of the adapter."""
        if not events and cursor is None:
            return
        for event in events:
            if event.key.network != self._network or event.channel.network != self._network:
                raise ValueError(f"{event.key} in {event.channel} isn't an event of {self._network}")
        call = _Call(events, cursor, asyncio.get_running_loop().create_future())
        self._calls.append(call)
        if self._pump is None:
            self._pump = asyncio.create_task(self._run())
        await asyncio.shield(call.done)

    async def cursor(self, scope: str) -> Cursor | None:
        return await self._intake.cursor(self._network, scope)

    def signal(self, signal: Signal) -> None:
        self._signal(signal)

    def report(self, state: NetworkState) -> None:
        self._report(state)

    def look_again(self, *channels: ChannelId) -> None:
        for channel in channels:
            self._look_again(channel)

    def proved(self, delivery: str, receipt: Receipt) -> None:
        self._proved(delivery, receipt)

    async def drain(self) -> None:
        """Returns when every call made so far is committed or has failed."""
        if self._pump is not None:
            await asyncio.wait([self._pump])

    async def _run(self) -> None:
        """Ends when no call waits; the next call starts it again."""
        try:
            while self._calls:
                await self._commit(self._next_group())
        finally:
            self._pump = None

    async def _commit(self, group: list[_Call]) -> None:
        error: LedgerUnavailable | None = LedgerUnavailable("the intake failed")
        events = [event for call in group for event in call.events]
        cursor = next((call.cursor for call in reversed(group) if call.cursor is not None), None)
        try:
            await self._intake.take(self._network, events, cursor)
            error = None
        except LedgerUnavailable as said:
            error = said
        finally:
            if error is not None:
                group.extend(self._calls)
                self._calls.clear()
            for call in group:
                _end(call.done, error)

    def _next_group(self) -> list[_Call]:
        """Calls that one commit can hold: it stores one cursor, the last of those that share a scope."""
        group = [self._calls.popleft()]
        size = len(group[0].events)
        scope = group[0].cursor and group[0].cursor.scope
        while self._calls:
            call = self._calls[0]
            size += len(call.events)
            if size > MOST_EVENTS or (scope and call.cursor and call.cursor.scope != scope):
                break
            scope = scope or (call.cursor and call.cursor.scope)
            group.append(self._calls.popleft())
        return group


def _end(done: asyncio.Future[None], error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
        done.exception()  # a caller that was cancelled does not fetch it
