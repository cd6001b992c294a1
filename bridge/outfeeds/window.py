"""The newest posts that a room shows, kept from the ledger: read once from its end backwards, then on from there.

The outbox is the truth: what was planned for the room is in it, and an edit or a redaction that had no right to be is not.
Nothing is kept beside it, so that a kill loses nothing and a post that is gone is gone here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from bridge.ledger.rows import Copy, Entry, State
from bridge.model.events import Boost, Edit, Event, Message, Redaction
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId
from bridge.model.people import Identity
from bridge.outfeeds.items import Posted, is_open
from bridge.routing.accounts import Accounts

MOST = 50
"""Posts in a feed."""
FARTHEST = 400_000
"""Deliveries, of all rooms, that are looked back over for them."""
MOST_WAITING = 500
"""Deliveries under way that are looked at again."""
_STEP, _LONGEST_STEP = 500, 8_000
_CONVERSATION = 50
"""Posts of a conversation that are followed up; longer ones count as not for everybody."""


class RoomLedger(Protocol):
    """The verbs of the ledger that a window needs."""

    async def newest_entry(self) -> int: ...

    async def shown_in(self, room: str, after: int, until: int) -> list[Entry]: ...

    async def states(self, seqs: Sequence[int]) -> Mapping[int, State]: ...

    async def event(self, key: EventKey) -> Event | None: ...

    async def root(self, key: EventKey) -> EventKey | None: ...

    async def copies(self, event: EventKey, channel: ChannelId) -> list[Copy]: ...

    async def identity(self, id: IdentityId) -> Identity | None: ...

    async def link_revoked(self, event: EventKey) -> bool: ...


class _Row(Struct, kw_only=True):
    seq: int
    state: State
    event: Event
    channel: ChannelId
    posted: Posted | None = None
    """None: not of the kind that is shown, or not known yet."""


class Window:
    """`accounts` are those of now. Not for two callers at a time."""

    def __init__(self, ledger: RoomLedger, room: str, accounts: Callable[[], Accounts]) -> None:
        self.room = room
        self._ledger = ledger
        self._accounts = accounts
        self._rows: dict[int, _Row] = {}
        self._until: int | None = None
        self.posts: Sequence[Posted] = ()
        """Newest first."""

    @property
    def waits(self) -> bool:
        """Whether what was written in the room is still on its way, so that it may come to be shown without a new event."""
        return any(row.channel.network != HUB for row in self._under_way())

    async def refresh(self) -> None:
        """Raises `LedgerUnavailable`."""
        newest = await self._ledger.newest_entry()
        if self._until is None:
            await self._look_back(newest)
        elif newest > self._until:
            await self._take(await self._ledger.shown_in(self.room, self._until, newest))
        self._until = newest
        await self._look_again()
        await self._show()

    async def _look_back(self, newest: int) -> None:
        step, until, end = _STEP, newest, max(newest - FARTHEST, 0)
        while until > end and sum(_may_stand(row.event) for row in self._rows.values()) < MOST:
            after = max(until - step, end)
            await self._take(await self._ledger.shown_in(self.room, after, until))
            until, step = after, min(step * 2, _LONGEST_STEP)

    async def _take(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            delivery = entry.delivery
            event = await self._ledger.event(delivery.event)
            if event is None or not isinstance(event.body, Message | Boost | Edit | Redaction):
                continue
            if isinstance(event.body, Boost) and not isinstance(delivery.body, Message):
                continue  # a mark on a post that is there
            self._rows[entry.seq] = _Row(seq=entry.seq, state=entry.state, event=event, channel=delivery.channel)

    async def _look_again(self) -> None:
        waiting = self._under_way()
        states = await self._ledger.states([row.seq for row in waiting]) if waiting else {}
        for row in waiting:
            row.state = states.get(row.seq, State.DEAD)

    async def _show(self) -> None:
        """What the rows come to, and of these only what that needs."""
        shown: dict[EventKey, _Row] = {}
        edits: dict[EventKey, _Row] = {}
        for _, row in sorted(self._rows.items()):
            body = row.event.body
            if isinstance(body, Redaction):
                target = await self._target(body.target.key)
                shown.pop(target, None)
                edits.pop(target, None)
            elif isinstance(body, Edit):
                if row.state is State.DONE or (row.channel.network == HUB and row.state is not State.DEAD):
                    edits[await self._target(body.target.key)] = row
            elif await self._stands(row):
                shown[row.event.key] = row
        kept = dict(list(shown.items())[-MOST:])
        found = []
        for key, row in reversed(kept.items()):
            edit = edits.get(key)
            if row.posted is None or await self._ledger.link_revoked(key) or (edit is not None and _hides(edit.event)):
                continue
            found.append(row.posted if edit is None else replace(row.posted, edit=edit.event))
        self.posts = tuple(found)
        useful = [*kept.values(), *(row for key, row in edits.items() if key in kept), *self._under_way()[-MOST_WAITING:]]
        self._rows = {row.seq: row for row in useful}

    def _under_way(self) -> list[_Row]:
        return [row for _, row in sorted(self._rows.items()) if row.state not in (State.DONE, State.DEAD)]

    async def _stands(self, row: _Row) -> bool:
        """Whether the post is in the room, and for everybody."""
        if row.state is State.DEAD:
            return False
        if row.posted is None:
            row.posted = await (self._seen(row) if row.channel.network == HUB else self._written(row))
        return row.posted is not None

    async def _seen(self, row: _Row) -> Posted | None:
        event = row.event
        if event.key.network == HUB or not is_open(event):
            return None
        if isinstance(event.body, Boost):
            target = await self._known(event.body.target.key)
            return None if target is not None and await self._confined(target) else Posted(event=event)
        if await self._confined(event):
            return None
        reply = event.body.reply_to if isinstance(event.body, Message) else None
        return Posted(event=event, answered=None if reply is None else await self._known(reply.key))

    async def _written(self, row: _Row) -> Posted | None:
        """By a Matrix user, with an account: where it was posted, and where everybody reads what that account posts."""
        event, accounts = row.event, self._accounts()
        account = accounts.of(row.channel)
        if row.state is not State.DONE or not isinstance(event.body, Message) or account is None:
            return None
        if account.posts_to is None or account.identity is None or not account.is_of(event.author.id):
            return None
        answered = None
        if event.body.reply_to is None:
            if row.channel != account.posts_to:
                return None
        else:
            answered = await self._known(event.body.reply_to.key)
            if answered is None or not (is_open(answered) or self._is_shown(answered)) or await self._confined(answered):
                return None  # of a conversation, or with somebody alone
        copies = await self._ledger.copies(event.key, row.channel)
        ids = tuple(copy.id for copy in copies if copy.part == 0 and copy.delivery is not None and copy.id)
        whose = await self._ledger.identity(account.identity) or Identity(id=account.identity)
        return Posted(event=event, account=whose, ids=ids, answered=answered)

    def _is_shown(self, event: Event) -> bool:
        return any(row.posted is not None and row.event.key == event.key for row in self._rows.values())

    # what is known

    async def _target(self, key: EventKey) -> EventKey:
        """The post that an edit or a redaction is about, named by whatever id."""
        known = await self._known(key)
        return key if known is None else known.key

    async def _known(self, key: EventKey) -> Event | None:
        """What stands under a native id; an edit stands for what it changes. None where that is forgotten."""
        for _ in range(_CONVERSATION):
            root = await self._ledger.root(key)
            event = None if root is None else await self._ledger.event(root)
            if event is None or not isinstance(event.body, Edit):
                return event
            key = event.body.target.key
        return None

    async def _confined(self, event: Event) -> bool:
        """Whether it, or anything it answers, was not for everybody."""
        waiting, seen = [event], set[EventKey]()
        for _ in range(_CONVERSATION):
            if not waiting:
                return False
            one = waiting.pop()
            if one.key in seen:
                continue
            seen.add(one.key)
            if one.key.network != HUB and not is_open(one):
                return True
            if isinstance(one.body, Message):
                refs = [ref for ref in (one.body.reply_to, one.body.thread) if ref is not None]
                waiting += [known for ref in refs if (known := await self._known(ref.key)) is not None]
        return True


def _may_stand(event: Event) -> bool:
    return isinstance(event.body, Message | Boost)


def _hides(edit: Event) -> bool:
    """Whether it is no longer for everybody."""
    body = edit.body
    return isinstance(body, Edit) and body.message.post is not None and not is_open(edit)
