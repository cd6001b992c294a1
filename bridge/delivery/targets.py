"""Finding, just before a delivery leaves, what it points at on its destination."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from bridge.contract.delivery import Delivery, Target
from bridge.delivery.joining import amend, combine
from bridge.ledger.rows import Batch, Copy, Entry
from bridge.model.events import Body, Boost, Edit, Event, Message, Reactions, Redaction, Ref
from bridge.model.ids import ChannelId, EventKey

NO_COPY = "no-copy"
"""What it acts on never reached this destination: there is nothing to change there."""
LINE_GONE = "line-gone"
"""The edited line was redacted since, or its message is all gone already."""


class Shelf(Protocol):
    """Which copy is which: the part of the ledger that resolution reads and, for batches, writes."""

    async def entry(self, id: str) -> Entry | None: ...

    async def copies(self, event: EventKey, channel: ChannelId) -> list[Copy]: ...

    async def batch(self, id: str) -> Batch | None: ...

    async def change_batch(self, id: str, bodies: Sequence[Body | None]) -> None: ...


def points_at(delivery: Delivery) -> tuple[EventKey, ...]:
    """The events whose copies must be known before this can leave; none for most messages."""
    if delivery.target is None and delivery.reply_to is None and delivery.thread is None:
        return ()
    return tuple(target.event for target in (delivery.target, delivery.reply_to, delivery.thread) if target is not None)


def speaks_of_another(event: Event) -> bool:
    """Whether it answers, changes or passes on another event."""
    body = event.body
    if isinstance(body, Message):
        return body.reply_to is not None or body.thread is not None
    return isinstance(body, Boost | Edit | Reactions | Redaction)


async def resolve(shelf: Shelf, delivery: Delivery) -> Delivery | str:
    """The delivery with the ids of its targets filled in; a reason code where there is nothing left to send.

    A part of an edit or redaction whose old part never arrived has nothing to act on. A reply to something that has no
    copy here leaves without its reference; but a further part of a thread made of one message does not leave without the part
    before it. An edit or redaction of one line of a batch becomes the re-edit of the whole batch, by the batch's author; the
    batch's new lines are committed first, so that a change after a crash starts from them.
    """
    channel = delivery.channel
    changes: dict[str, object] = {}
    if delivery.reply_to is not None and delivery.reply_to.event == delivery.event:
        changes["reply_to"] = before = await _before(shelf, delivery, delivery.reply_to)
        if before is None:
            return NO_COPY
    elif delivery.reply_to is not None:
        changes["reply_to"], _ = await _found(shelf, delivery.reply_to, channel)
    if delivery.thread is not None:
        changes["thread"], _ = await _found(shelf, delivery.thread, channel)
    if delivery.target is not None:
        target, copies = await _found(shelf, delivery.target, channel)
        if target is None and not isinstance(delivery.body, Boost):
            return NO_COPY
        if target is not None and delivery.parts > 1 and isinstance(delivery.body, Edit | Redaction):
            ids = _in_place(copies)
            if delivery.part < len(ids) and not ids[delivery.part]:
                return NO_COPY
            others = (copy.id for copy in copies if copy.part == delivery.part and copy.id not in ids)
            target = msgspec.structs.replace(target, ids=(*ids, *dict.fromkeys(others)))
        changes["target"] = target or delivery.target
        batched = next((copy for copy in copies if copy.batch is not None), None)
        if batched is not None and isinstance(delivery.body, Edit | Redaction):
            return await _rework(shelf, delivery, target or delivery.target, batched)
        if isinstance(delivery.body, Reactions) and target is not None:
            changes["target"] = msgspec.structs.replace(target, ids=_of_first(copies))
    return msgspec.structs.replace(delivery, **changes)


async def _found(shelf: Shelf, target: Target, channel: ChannelId) -> tuple[Target | None, list[Copy]]:
    copies = [copy for copy in await shelf.copies(target.event, channel) if copy.id]
    if not copies:
        return None, copies
    ids = tuple(dict.fromkeys((*filter(None, _in_place(copies)), *(copy.id for copy in copies))))
    return msgspec.structs.replace(target, ids=ids, ours=copies[0].delivery is not None), copies


async def _before(shelf: Shelf, delivery: Delivery, target: Target) -> Target | None:
    """Of a thread made of one message: the part before this one. None where that never arrived; then nothing may follow it."""
    copies = await shelf.copies(delivery.event, delivery.channel)
    ids = tuple(dict.fromkeys(copy.id for copy in copies if copy.id and copy.part == delivery.part - 1))
    return msgspec.structs.replace(target, ids=ids) if ids else None


def _of_first(copies: Sequence[Copy]) -> tuple[str, ...]:
    """All native ids of the first part."""
    first = min(copy.part for copy in copies)
    return tuple(dict.fromkeys(copy.id for copy in copies if copy.part == first))


def _in_place(copies: Sequence[Copy]) -> tuple[str, ...]:
    """The id of each part in its place; empty for a part that never arrived, so that none after it takes its place."""
    by_part: dict[int, str] = {}
    for copy in copies:
        by_part.setdefault(copy.part, copy.id)
    return tuple(by_part.get(part, "") for part in range(max(by_part) + 1))


async def _rework(shelf: Shelf, delivery: Delivery, target: Target, copy: Copy) -> Delivery | str:
    batch = await shelf.batch(copy.batch) if copy.batch is not None else None
    line = copy.line
    if batch is None or line is None or not 0 <= line < len(batch.bodies):
        return NO_COPY
    bodies = amend(batch.bodies, line, delivery.body)
    if bodies[line] is None and isinstance(delivery.body, Edit):
        return LINE_GONE
    if bodies != batch.bodies:
        await shelf.change_batch(batch.id, bodies)
    whole = combine(bodies)
    ref = Ref(key=target.event, author=target.author)
    if whole is None:
        reason = delivery.body.reason if isinstance(delivery.body, Redaction) else None
        return msgspec.structs.replace(delivery, target=target, body=Redaction(target=ref, reason=reason))
    first = await shelf.entry(batch.deliveries[0])
    speaker = first.delivery if first is not None else delivery
    return msgspec.structs.replace(
        delivery, target=target, author=speaker.author, voice=speaker.voice, body=Edit(target=ref, message=whole)
    )
