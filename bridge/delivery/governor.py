"""No flood: of a burst the first posts come one by one, the rest as one digest that grows while the burst goes on.

Counted is what gets into a timeline's room, not what happened: so it holds for a burst as for what a night without a network
left behind. What is digested is done for the outbox, with a reason, in the commit that puts the digest there: a kill loses
nothing and brings nothing twice. What speaks to somebody of the room is never digested, and nor is what was asked for (`show`).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import takewhile

import msgspec
from msgspec import Struct

from bridge.contract.delivery import Delivery, Target
from bridge.contract.features import Voice, VoiceKind
from bridge.contract.plan import Draft
from bridge.contract.resting import rest
from bridge.delivery.backlog import Backlog, Item
from bridge.delivery.desk import Desk
from bridge.delivery.digest import MOST_BYTES, Digest, Line, Record, composed, emptied, line_of, size_of
from bridge.delivery.notices import NOTICES
from bridge.ledger.digested import DIGESTED
from bridge.ledger.rows import Settled, State
from bridge.model.events import Body, Edit, Message, Redaction, Ref
from bridge.model.ids import HUB, ChannelId, EventKey

GATHER = 5.0
"""Seconds for which what belongs into a digest waits for company."""
SCOPE = "digests"
"""Of the facts that say what was digested, by room."""
_RECORD = msgspec.json.Decoder(Record)


class Counted(Struct):
    """What a lane knows of its burst. Forgotten by a restart: then a burst may begin anew, with a digest of its own."""

    sent: deque[float]
    """When posts got there; monotonic times."""
    since: float | None = None
    """When the oldest that waits for company began to."""
    whole: EventKey | None = None
    """Of what came in part; the other parts follow."""
    gone: EventKey | None = None
    """Of what was digested in part; the other parts go the same way."""
    open: Digest | None = None
    """The digest of this burst."""
    lines: tuple[Line, ...] = ()


class Governor:
    """Of one lane. `settled` is told of each delivery that is committed for good."""

    def __init__(
        self, channel: ChannelId, desk: Desk, backlog: Backlog, woken: asyncio.Event, settled: Callable[[str], None]
    ) -> None:
        self._channel = channel
        self._desk = desk
        self._backlog = backlog
        self._woken = woken
        self._settled = settled
        self._now = Counted(sent=deque())

    async def holds(self, head: Item) -> bool:
        """Whether it has seen to the head: that waited for company, or is in a digest."""
        pace = self._desk.calm.pace(self._channel)
        if pace is None or not self._is_post(head):
            return False
        now, clock = self._now, self._desk.clock
        while now.sent and now.sent[0] <= clock.monotonic() - pace.minutes * 60:
            now.sent.popleft()
        event = head.delivery.event
        if head.delivery.part and event == now.whole:
            return False
        if len(now.sent) < pace.burst and not (head.delivery.part and event == now.gone):
            now.open, now.since, now.lines = None, None, ()
            return False
        leading = [*takewhile(self._is_post, self._backlog.items)]
        if now.since is None:
            now.since = clock.monotonic()
        left = now.since + GATHER - clock.monotonic()
        if left > 0 and not self._backlog.unread and len(leading) == len(self._backlog.items):
            await rest(clock, self._woken, left)
            return True
        now.since = None
        await self._digest(leading)
        return True

    def landed(self, item: Item) -> None:
        """It got there."""
        delivery = item.delivery
        asked = self._desk.calm.asked.pop(delivery.id, None) is not None
        if asked or self._desk.calm.pace(self._channel) is None or not self._is_post(item):
            return  # nothing is counted where nobody would forget it again
        self._now.whole = delivery.event if delivery.part + 1 < delivery.parts else None
        if not delivery.part:
            self._now.sent.append(self._desk.clock.monotonic())

    async def amended(self, delivery: Delivery) -> tuple[Draft, ...]:
        """A change of what never left: a digest that lists it changes, and what `show` brings."""
        body, target = delivery.body, delivery.target
        if target is None or not isinstance(body, Edit | Redaction) or self._desk.calm.pace(self._channel) is None:
            return ()
        copies = await self._desk.outbox.copies(target.event, self._channel)
        ids = [copy.delivery for copy in copies if not copy.id and copy.delivery is not None]
        record = await self._record() if ids else Record()
        for digest in record.digests:
            for id in ids:
                if id in digest.ids:
                    return await self._changed(record, digest, id, body)
        return ()

    async def _changed(self, record: Record, digest: Digest, id: str, change: Edit | Redaction) -> tuple[Draft, ...]:
        if isinstance(change, Edit):
            await self._desk.outbox.reword(id, change.message)
        else:
            record = record.without(id)
            await self._save(record)
        digest = next(one for one in record.digests if one.id == digest.id)
        found = [(number, await self._desk.outbox.entry(id)) for number, id in enumerate(digest.ids, digest.first) if id]
        lines = tuple(line_of(number, entry.delivery) for number, entry in found if entry is not None)
        if self._now.open is not None and self._now.open.id == digest.id:
            self._now.open, self._now.lines = digest, lines
        message = composed(lines, self._desk.calm.command) if lines else emptied()
        return (self._edit(digest, message),)

    def _is_post(self, item: Item) -> bool:
        """Whether it may come in a digest: a message from elsewhere that speaks to nobody here, and has surely not left."""
        entry, delivery, calm = item.entries[0], item.delivery, self._desk.calm
        body = delivery.body
        if not isinstance(body, Message) or item.batch is not None or item.unsure or entry.waits_for is not None:
            return False
        if delivery.event.network in (HUB, NOTICES) or delivery.id in calm.asked:
            return False
        above = delivery.reply_to.author if delivery.reply_to is not None else None
        people = [delivery.author, *(mention.who for mention in body.mentions), *((above,) if above is not None else ())]
        return not any(one.id.network == HUB or calm.own(one.id) for one in people)

    async def _digest(self, items: Sequence[Item]) -> None:
        """As many of them as one digest holds; where the one of this burst is full, in a new one."""
        desk, now = self._desk, self._now
        record = await self._record()
        digest, lines = now.open or Digest(id=desk.new_id(), first=record.next), [*now.lines]
        taken: list[Item] = []
        for item in items:
            if item.delivery.event != now.gone or not item.delivery.part:
                line = line_of(digest.first + len(digest.ids), item.delivery)
                if lines and size_of(lines) + line.size > MOST_BYTES:
                    break
                lines.append(line)
                digest = msgspec.structs.replace(digest, ids=(*digest.ids, item.delivery.id))
            now.gone = item.delivery.event
            taken.append(item)
        if not taken:
            now.open, now.lines = None, ()
            await self._digest(items)
            return
        if len(lines) > len(now.lines):
            await self._save(record.with_last(digest))
        message = composed(lines, desk.calm.command)
        drafts = (self._edit(digest, message),) if now.open is not None else (self._draft(digest.id, digest.id, message),)
        now.open, now.lines = digest, tuple(lines)
        for item in taken:
            self._backlog.take(item)
        desk.metrics.count("deliveries_digested", len(taken), network=self._channel.network)
        done = [Settled(id=item.delivery.id, state=State.DONE, reason=DIGESTED) for item in taken]
        await desk.settler.settle(done, self._settled, drafts)

    def _edit(self, digest: Digest, message: Message) -> Draft:
        key = EventKey(NOTICES, digest.id)
        body = Edit(target=Ref(key=key, author=self._desk.me), message=message)
        id = self._desk.new_id()
        return self._draft(id, id, body, Target(event=key, author=self._desk.me))

    def _draft(self, id: str, event: str, body: Body, target: Target | None = None) -> Draft:
        me, now = self._desk.me, self._desk.clock.now()
        delivery = Delivery(
            id=id,
            channel=self._channel,
            event=EventKey(NOTICES, event),
            author=me,
            voice=Voice(kind=VoiceKind.PUPPET, name=me.name),
            body=body,
            happened_at=now,
            accepted_at=now,
            target=target,
        )
        return Draft(delivery=delivery)

    async def _record(self) -> Record:
        stored = await self._desk.outbox.fact(SCOPE, self._channel.id)
        return record_of(stored)

    async def _save(self, record: Record) -> None:
        """Before the commit that makes it true: until then what it names too early is on its way by itself."""
        await self._desk.outbox.save_fact(SCOPE, self._channel.id, msgspec.json.encode(record).decode())


def record_of(stored: str | None) -> Record:
    """Of a room. What can't be read is as good as nothing."""
    try:
        return Record() if stored is None else _RECORD.decode(stored)
    except (msgspec.DecodeError, UnicodeError):
        return Record()
