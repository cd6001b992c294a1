"""Intake: what happened, from whoever saw it to the ledger, and what comes of it to whoever carries it on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from bridge.contract.adapter import Cursor
from bridge.contract.errors import LedgerUnavailable
from bridge.contract.plan import Draft, Hint, Plan
from bridge.contract.toolbox import Metrics
from bridge.delivery.courier import Courier
from bridge.delivery.ports import Inbox
from bridge.delivery.targets import speaks_of_another
from bridge.ledger.rows import Accepted, Chore
from bridge.model.events import Event, Redaction
from bridge.model.ids import HUB, EventKey, NetworkName


class Intake:
    """The one way in, for adapters and for the hub."""

    def __init__(
        self,
        inbox: Inbox,
        plan: Plan,
        courier: Courier,
        *,
        metrics: Metrics,
        log: logging.Logger,
        chores_waiting: Callable[[], None] = lambda: None,
        redacted: Callable[[EventKey], Awaitable[None]] | None = None,
        first: Callable[[Event, Hint], Awaitable[bool]] | None = None,
        taken: Callable[[Sequence[Event], Accepted], None] = lambda events, accepted: None,
    ) -> None:
        """`chores_waiting` is called when new chores were committed; `redacted` with what a network other than the hub deleted.

        (The hub's homeserver vouches for its redactions, so the receiver tells of those before they are committed.) `first` says
        whether somebody is given a hint for the first time. `taken` hears of every commit; it must be quick.
        """
        self._inbox = inbox
        self._plan = plan
        self._courier = courier
        self._metrics = metrics
        self._log = log
        self._chores_waiting = chores_waiting
        self._redacted = redacted
        self._first = first
        self._taken = taken
        self._under_way: set[asyncio.Task[Accepted]] = set()

    async def accept(
        self, network: NetworkName, events: Sequence[Event], cursor: Cursor | None = None, chores: Sequence[Chore] = ()
    ) -> Accepted:
        """Returns once everything is committed; raises `LedgerUnavailable` where nothing was.

        A caller that is cancelled meanwhile leaves a commit under way, and what that commit brings is still carried on:
        the ledger can't be asked to forget it.
        """
        task = asyncio.create_task(self.take(network, events, cursor, chores))
        self._under_way.add(task)
        task.add_done_callback(self._over)
        return await asyncio.shield(task)

    async def cursor(self, network: NetworkName, scope: str) -> Cursor | None:
        return await self._inbox.cursor(network, scope)

    async def drain(self) -> None:
        """Returns when no commit is under way."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def _over(self, task: asyncio.Task[Accepted]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # a caller that was cancelled does not fetch it; everyone else has it already

    async def take(
        self, network: NetworkName, events: Sequence[Event], cursor: Cursor | None = None, chores: Sequence[Chore] = ()
    ) -> Accepted:
        """`accept` for a caller that is not cancelled before this returns.

        Who is quick answers a copy of ours that was shown to them a moment ago: it must be known by then which copy that is.
        """
        if any(speaks_of_another(event) for event in events):
            await self._courier.recorded()
        accepted = await self._inbox.accept(
            network, events, self._plan, cursor=cursor, chores=chores, lease=self._courier.room_for
        )
        self._courier.offer(accepted.entries)
        if accepted.chores:
            self._chores_waiting()
        self._taken(events, accepted)
        self._count(network, accepted)
        if accepted.refused or accepted.quarantined or accepted.hints:
            await self._tell(events, accepted)
        if self._redacted is not None and network != HUB:
            await self._revoke(events, accepted, self._redacted)
        return accepted

    async def _revoke(self, events: Sequence[Event], accepted: Accepted, redacted: Callable[[EventKey], Awaitable[None]]) -> None:
        """What was deleted with a right to it must not be had by its public links either."""
        void = {key for key, _ in (*accepted.dropped, *accepted.quarantined)} | {event.key for event, _ in accepted.refused}
        for event in events:
            if isinstance(event.body, Redaction) and event.key in accepted.fresh and event.key not in void:
                try:
                    await redacted(event.body.target.key)
                except LedgerUnavailable:
                    self._metrics.count("ledger_unavailable", where="links")

    def _count(self, network: NetworkName, accepted: Accepted) -> None:
        count = self._metrics.count
        if accepted.fresh:
            count("events_accepted", len(accepted.fresh), network=network)
        if accepted.known:
            count("events_known", len(accepted.known), network=network)
        if accepted.echoes:
            count("events_echoed", len(accepted.echoes), network=network)
        for _, reason in accepted.dropped:
            count("events_dropped", network=network, reason=reason)
        if accepted.refused:
            count("events_refused", len(accepted.refused), network=network)
        for key, reason in accepted.quarantined:
            count("events_quarantined", network=network)
            self._log.error("event %s is in quarantine: %s", key, reason)

    async def _is_new(self, event: Event, hint: Hint) -> bool:
        try:
            return self._first is not None and await self._first(event, hint)
        except LedgerUnavailable:
            self._metrics.count("ledger_unavailable", where="hints")
            return False

    async def _tell(self, events: Sequence[Event], accepted: Accepted) -> None:
        """Tell the authors. The events are safe already: nothing that happens here makes them less so."""
        notices = self._courier.notices
        drafts: list[Draft] = []
        for event, words in accepted.refused:
            drafts += notices.refused(event, words)
        for event, hint in accepted.hints:
            if await self._is_new(event, hint):
                drafts += notices.hint(event, hint.words)
        bad = {key for key, _ in accepted.quarantined}
        for event in events:
            if event.key in bad:
                drafts += notices.quarantined(event)
        await self._courier.tell(drafts)
