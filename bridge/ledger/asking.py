"""What a plan may ask, answered from the transaction that it is part of."""

from datetime import datetime

from bridge.contract.plan import Mark, Seat
from bridge.ledger.columns import moment
from bridge.ledger.recent import Shown
from bridge.ledger.seats import seats_of
from bridge.ledger.work import Work, readable
from bridge.model.events import Event
from bridge.model.ids import ChannelId, EventKey, IdentityId

_FEW = 8
"""Events of one mark that are told, from either end: a conversation may have any number."""
_MARKED = "SELECT event_network, event_id FROM marks WHERE value = ? ORDER BY at, event_network, event_id LIMIT 8"
_MARKED_LAST = (
    "SELECT event_network, event_id FROM marks WHERE value = ? ORDER BY at DESC, event_network DESC, event_id DESC LIMIT 8"
)
_MERGED = "SELECT stored FROM merged WHERE network = ? AND id = ? AND NOT parted"
_PARTED = """SELECT 1 FROM merged WHERE parted AND network = ? AND id = ? AND event_network = ? AND event_id = ?
UNION ALL SELECT 1 FROM merged WHERE parted AND event_network = ? AND event_id = ? AND network = ? AND id = ?"""
_PERSON = "SELECT shown_network, shown_id FROM persons WHERE network = ? AND id = ?"
_SINCE = "SELECT min(at) FROM copies WHERE event_id = ? AND event_network = ? AND network = ? AND channel = ?"
_THREAD = "SELECT root_network, root_id FROM threads WHERE network = ? AND channel = ? AND event_network = ? AND event_id = ?"


class Asking:
    """The `Lookup` that plans are given. Also sees what this group of work has gathered and not written yet."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def root(self, key: EventKey) -> EventKey | None:
        return self._work.root(key)

    def event(self, key: EventKey) -> Event | None:
        return self._work.event(key)

    def has_copy(self, event: EventKey, channel: ChannelId) -> bool:
        return self._work.has_copy(event, channel)

    def since(self, event: EventKey, channel: ChannelId) -> datetime | None:
        row = self._work.bulk.one(self._work.sql, _SINCE, (event.id, event.network, channel.network, channel.id))
        if row is not None and row[0] is not None:
            return moment(row[0])
        return self._work.at if self.has_copy(event, channel) else None

    def seats(self, event: EventKey) -> tuple[Seat, ...]:
        return seats_of(self._work.sql, event)

    def marked(self, mark: Mark) -> tuple[EventKey, ...]:
        gathered = self._work.marked.get(mark.value, [])
        found = self._keys(_MARKED, (mark.value,))
        if len(found) == _FEW:
            found += reversed(self._keys(_MARKED_LAST, (mark.value,)))
        return tuple(dict.fromkeys((*found, *gathered[:_FEW], *gathered[-_FEW:])))

    def merged(self, key: EventKey) -> Event | None:
        row = self._work.bulk.one(self._work.sql, _MERGED, (key.network, key.id))
        return None if row is None else readable(row[0])

    def parted(self, one: EventKey, other: EventKey) -> bool:
        pair = (one.network, one.id, other.network, other.id)
        return self._work.bulk.one(self._work.sql, _PARTED, pair + pair) is not None

    def person(self, who: IdentityId) -> IdentityId | None:
        known = self._work.recent.persons.get(who)
        if known is None:
            row = self._work.bulk.one(self._work.sql, _PERSON, (who.network, who.id))
            known = Shown(None if row is None else IdentityId(*row))
            self._work.recent.persons.put(who, known)
        return known.identity

    def thread(self, event: EventKey, channel: ChannelId) -> EventKey | None:
        gathered = self._work.threads.get((event, channel))
        if gathered is not None:
            return gathered
        found = self._keys(_THREAD, (channel.network, channel.id, event.network, event.id))
        return found[0] if found else None

    def _keys(self, text: str, values: tuple[str, ...]) -> list[EventKey]:
        return [EventKey(row[0], row[1]) for row in self._work.bulk.all(self._work.look, text, values)]
