"""Services that fell: one that starts anew has forgotten all its rooms' people, and tells nobody.

So of each service one silent room is asked now and then whether we are still in it (XEP-0410), the one longest unheard: where we
are not, all its rooms that are silent are asked.
"""

from collections.abc import Callable, Mapping

from adapters.xmpp.ids import Place
from adapters.xmpp.rooms.room import Room

SILENT_SECONDS = 60.0
"""Of a room, and between two questions to one service."""


class Services:
    """`rooms`: all that are wanted, by address."""

    def __init__(self, rooms: Mapping[str, Room], monotonic: Callable[[], float]) -> None:
        self._rooms, self._monotonic = rooms, monotonic
        self._asked: dict[str, float] = {}

    def tick(self) -> None:
        """About once a second."""
        now, silent = self._monotonic(), dict[str, Room]()
        for room in self._silent():
            host = _host(room.place)
            if now - self._asked.get(host, -SILENT_SECONDS) >= SILENT_SECONDS:
                first = silent.setdefault(host, room)
                if room.timers.heard_at < first.timers.heard_at:
                    silent[host] = room
        for host, room in silent.items():
            self._asked[host] = now
            room.timers.after(0.0)

    def forgot_us(self, place: Place) -> None:
        """We are in that room no more, though nobody has told us."""
        for room in self._silent():
            if _host(room.place) == _host(place):
                room.doubted.add(room.me)

    def _silent(self) -> list[Room]:
        since = self._monotonic() - SILENT_SECONDS
        return [room for room in self._rooms.values() if room.open and room.timers.idle and room.timers.heard_at < since]


def _host(place: Place) -> str:
    return place.jid.rpartition("@")[2]
