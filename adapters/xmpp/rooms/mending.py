"""Staying in a room: coming back, making sure, reading again what could not be read."""

from collections.abc import Callable

from adapters.xmpp.ids import Place
from adapters.xmpp.rooms.deeds import self_ping
from adapters.xmpp.rooms.participant import Participant
from adapters.xmpp.rooms.refusals import AWAY, Refused
from adapters.xmpp.rooms.room import Room
from adapters.xmpp.wire.verdicts import Refusal

FORGOTTEN = "the room's server has forgotten us"
UNSURE_SECONDS = 30.0
"""Until a room that could not tell whether we are in is asked again."""
_NOT_IN = frozenset({"not-acceptable", "not-allowed", "bad-request"})


class Mending:
    """Of one room; one thing at a time. `changed` is told where it is in again, or shut still; `forgot` where it forgot us."""

    def __init__(self, room: Room, changed: Callable[[Place], None], forgot: Callable[[Place], None]) -> None:
        self.room, self._changed, self._forgot = room, changed, forgot
        self._busy = False

    def due(self) -> bool:
        """Whether `mend` has something to do."""
        room, timers = self.room, self.room.timers
        return not self._busy and (timers.due or (room.open and (bool(room.doubted) or timers.quiet)))

    async def mend(self) -> None:
        """The one thing that matters most. Raises `Unavailable`."""
        room, timers = self.room, self.room.timers
        self._busy = True
        try:
            if not room.open:
                timers.clear()
                await room.enter()
                if not room.open:
                    timers.later()
                self._changed(room.place)
            elif room.doubted:
                one = room.me if room.me in room.doubted else next(iter(room.doubted))
                try:
                    await self._make_sure(one)
                finally:
                    room.doubted.discard(one)
                    room.outgoing.pump()
            elif room.reading.behind:
                timers.clear()
                await room.catch_up()
            else:
                timers.clear()
                await self._make_sure(room.me)
        finally:
            self._busy = False

    async def _make_sure(self, one: Participant) -> None:
        room = self.room
        room.timers.heard()
        mine, known = one is room.me, await self._is_in(one)
        if known is None and mine:
            room.timers.after(UNSURE_SECONDS)
        if known is not False:
            return
        room.outgoing.forsake(None if mine else one, FORGOTTEN)
        if not mine:
            room.doubted.add(room.me)  # what forgot one of us may have forgotten all
            room.cast.out(one, Refused(FORGOTTEN))
            return
        room.cast.forget_all(Refused(FORGOTTEN), lost=False)
        room.timers.after(0.0)
        self._forgot(room.place)

    async def _is_in(self, one: Participant) -> bool | None:
        """Asks the room (XEP-0410). None: it can't be told now."""
        try:
            await self.room.ask(self_ping(f"{self.room.place.jid}/{one.nick}"), one)
        except Refusal as refusal:
            return None if refusal.condition in AWAY else refusal.condition not in _NOT_IN
        except TimeoutError:
            return None
        return True
