"""One post once: what posts are known by, other ways by which they were seen, and what was merged into them.

A post that comes again by another name is no event of its own: it is kept whole in `merged`, and its names become names of
the first one in the channel it came by. So it can be parted again, and acts have a place there.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, select, update

from bridge.contract.plan import Mark, Same
from bridge.ledger import schema
from bridge.ledger.rows import Copy
from bridge.ledger.work import Work, readable
from bridge.model.events import Boost, Event, Message
from bridge.model.ids import ChannelId, EventKey

BOOSTED = "somebody had passed it on before"
_THERE = "SELECT 1 FROM merged WHERE network = ? AND id = ?"
_copies, _merged = schema.copies.c, schema.merged.c


def put_marks(work: Work, event: EventKey, marks: Sequence[Mark]) -> None:
    """From now on it is known by these."""
    for mark in marks:
        work.marked.setdefault(mark.value, []).append(event)
        work.insert(schema.marks, (mark.value, event.network, event.id, int(mark.kind), work.now))


def put_names(work: Work, root: EventKey, channel: ChannelId, names: Sequence[str]) -> None:
    """Native ids by which an event is known in a channel from now on, beside those that it has there."""
    for name in dict.fromkeys(names):
        work.add_copy(Copy(event=root, channel=channel, id=name, at=work.at))


def see(work: Work, root: EventKey, event: Event, stored: bytes) -> bool:
    """Note that a known event came again. Whether it came in a way that may bring it to more rooms."""
    channel = event.channel
    work.insert(schema.sightings, (root.network, root.id, channel.network, channel.id, work.now))
    first = work.event(root)
    if event.key != root and isinstance(event.body, Message) and first is not None and isinstance(first.body, Boost):
        if work.bulk.one(work.sql, _THERE, (event.key.network, event.key.id)) is not None:
            return False
        _keep(work, event, stored, Same(event=root, reason=BOOSTED))
    elif (first is not None and first.channel == channel) or work.has_copy(root, channel):
        return False
    put_names(work, root, channel, (event.key.id, *event.aliases))
    return True


def merge(work: Work, event: Event, stored: bytes, same: Same) -> None:
    """It was there already, by another name: it is no event of its own."""
    key, root, channel = event.key, same.event, event.channel
    work.forget(key, ())
    put_names(work, root, channel, (key.id, *event.aliases))
    work.insert(schema.sightings, (root.network, root.id, channel.network, channel.id, work.now))
    _keep(work, event, stored, same)


def _keep(work: Work, event: Event, stored: bytes, same: Same) -> None:
    key, root = event.key, same.event
    work.insert(schema.merged, (key.network, key.id, root.network, root.id, stored, same.reason, False, work.now))


def part(work: Work, key: EventKey) -> list[tuple[Event, bytes]]:
    """Undo merges: of the event of this key, or of all that was merged into it. Returns them, to be taken as their own."""
    here = schema.merged.c
    own = (here.network == key.network) & (here.id == key.id)
    into = (here.event_network == key.network) & (here.event_id == key.id)
    query = select(schema.merged).where(own | into, ~here.parted).order_by(here.at, here.network, here.id)
    found = []
    for row in work.sql.execute(query).all():
        event = readable(row.stored)
        if event is not None:
            _unname(work, event, row)
            found.append((event, row.stored))
    return found


def _unname(work: Work, event: Event, row: Row[Any]) -> None:
    """Names that the event had brought along stand for it alone again; those of the first one stay."""
    root = EventKey(row.event_network, row.event_id)
    first = work.event(root)
    kept = {first.key.id, *first.aliases} if first is not None and first.key.network == event.key.network else set()
    names = [name for name in dict.fromkeys((event.key.id, *event.aliases)) if name not in kept]
    work.sql.execute(
        delete(schema.copies).where(
            _copies.network == event.key.network,
            _copies.native.in_(names),
            _copies.event_network == root.network,
            _copies.event_id == root.id,
            _copies.delivery.is_(None),
        )
    )
    work.sql.execute(update(schema.merged).where(_merged.network == row.network, _merged.id == row.id).values(parted=True))
    work.forget(root, [EventKey(event.key.network, name) for name in names])
