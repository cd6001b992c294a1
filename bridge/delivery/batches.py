"""Making a batch of what waits, and putting one together again after a restart."""

from collections.abc import Callable
from itertools import islice, takewhile

import msgspec

from bridge.delivery.backlog import Backlog, Item
from bridge.delivery.joining import MOST_LINES, leading
from bridge.delivery.ports import Outbox
from bridge.ledger.rows import Batch, State
from bridge.model.ids import ChannelId


async def join_head(backlog: Backlog, outbox: Outbox, channel: ChannelId, new_id: Callable[[], str]) -> int:
    """Join to the head what may join it, committed and leased before anything of it is attempted.

    Returns the lines joined; 0: none.
    """
    fresh = takewhile(lambda item: not (item.unsure or item.repeat or item.alone), islice(backlog.items, MOST_LINES))
    items = list(islice(backlog.items, leading(item.entries[0] for item in fresh)))
    if len(items) < 2:
        return 0
    id = new_id()
    entries = [item.entries[0] for item in items]
    deliveries = tuple(entry.delivery.id for entry in entries)
    bodies = tuple(entry.delivery.body for entry in entries)
    await outbox.make_batch(Batch(id=id, channel=channel, deliveries=deliveries, bodies=bodies))
    head = items[0]
    head.join(id, entries)
    head.leased = True
    backlog.merge(head, items)
    return len(items)


async def part(outbox: Outbox, item: Item) -> list[Item]:
    """A message of many lines that is refused may have one bad line: each of them for itself from now on."""
    await outbox.part_batch(item.batch or "")
    return [Item(msgspec.structs.replace(entry, batch=None, state=State.PENDING), alone=True) for entry in item.entries]


async def restore(backlog: Backlog, outbox: Outbox, head: Item) -> None:
    """The batch that the head was a line of before a restart: the same lines under the same id, wherever they wait now.

    Where any line may have been sent, the batch may: it leaves as one message.
    """
    batch = await outbox.batch(head.batch or "")
    if batch is None:
        head.batch = None
        return
    found = [await outbox.entry(id) for id in batch.deliveries]
    entries = [entry for entry in found if entry is not None and entry.batch == batch.id]
    if not entries:
        head.batch = None
        return
    backlog.adopt([entry.delivery.id for entry in entries])
    head.join(batch.id, entries)
    head.unsure = any(entry.state in (State.LEASED, State.UNCERTAIN) for entry in entries)
    if head not in backlog.items:
        backlog.put_back(head)
