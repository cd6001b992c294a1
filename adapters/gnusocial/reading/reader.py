"""The reader of one login: looks at all its timelines together, again and again, and hands in what is new.

A round brings together what is new on every timeline that is due, sorts it by when it happened, and commits it with one cursor
that says how far each of them is. So whatever ends a reader, the next one goes on where the ledger stopped; what was handed in
but not marked is handed in again, and known.
"""

import asyncio
from contextlib import suppress

from msgspec import Struct, field
from msgspec.structs import replace

from adapters.gnusocial.config import GnuSocialConfig
from adapters.gnusocial.ids import Kind, Place, place_of
from adapters.gnusocial.reading.harvest import Found, Harvest, in_order
from adapters.gnusocial.reading.marks import Mark, Marks, marks_in
from adapters.gnusocial.reading.memory import Memory
from adapters.gnusocial.reading.pace import Pace
from adapters.gnusocial.reading.routes import INBOX, SENT, route_of
from adapters.gnusocial.reading.timeline import Catch, Timeline
from adapters.gnusocial.wire.account import Account
from adapters.gnusocial.wire.answers import Revoked
from adapters.gnusocial.wire.people import People
from bridge.contract.adapter import Cursor, Inlet
from bridge.contract.errors import DeliveryError, Rejected, Unavailable
from bridge.contract.resting import rest
from bridge.contract.toolbox import Toolbox
from bridge.model.events import Event
from bridge.model.ids import ChannelId, NetworkName

REFUSED_SECONDS = 3600.0
"""A timeline that the server refuses is tried again after so long."""
LONGEST_SECONDS = 900.0
"""Between two tries of a timeline that fails."""
HELD_SECONDS = 5.0
"""What is held back is looked at again so soon, then less and less often."""
CLOSED_SECONDS = 7 * 24 * 3600
"""A timeline that was closed for longer begins anew."""
TOGETHER = 50
"""Events in one commit."""
SILENT = 2
"""Timelines in a row without an answer, after which it is looked whether the server is there at all."""


class _Watched(Struct):
    """One timeline, under the name its mark is kept by. `place` None: direct messages."""

    name: str
    place: Place | None
    timeline: Timeline | None = None
    due: float = 0.0
    failures: int = 0
    waits: int = 0
    """Rounds in a row that have held something back."""
    trouble: str | None = None
    looked: asyncio.Event = field(default_factory=asyncio.Event)
    """It was looked at once."""


class _Brought(Struct, frozen=True):
    """What one timeline brought in a round."""

    watched: _Watched
    timeline: Timeline
    catch: Catch
    found: Found


class Reader:
    """`adapters.gnusocial.wire.desk.Reads`."""

    def __init__(self, network: NetworkName, account: Account, inlet: Inlet, tools: Toolbox, config: GnuSocialConfig) -> None:
        self._network, self._account, self._inlet, self._tools = network, account, inlet, tools
        self._people = People(account)
        self._harvest = Harvest(account, config, Memory(), tools)
        self._pace = Pace(account.client, tools, config.interval)
        self._marks = Marks(host=account.host)
        self._directs = [_Watched(route.path, None, Timeline(route, account.client, tools)) for route in (INBOX, SENT)]
        self._channels: dict[str, _Watched] = {}
        self._gone: list[Event] = []
        self._next = 0.0
        self._woken = asyncio.Event()

    def open(self, channel: ChannelId) -> None:
        """Reads a channel, beginning soon. Direct messages are read anyway."""
        try:
            place = place_of(channel.id)
        except ValueError:
            return
        if place.kind is not Kind.DIRECT and channel.id not in self._channels:
            self._channels[channel.id] = _Watched(channel.id, place)
            self._woken.set()

    def close(self, channel: ChannelId) -> None:
        self._channels.pop(channel.id, None)

    def trouble(self, channel: ChannelId) -> str | None:
        """Why a channel can't be read, in plain words; None: nothing is wrong with it as far as is known."""
        watched = self._channels.get(channel.id)
        return watched.trouble if watched is not None else None

    def gone(self, number: str) -> None:
        """The server says that a post was deleted. Where it is one that was handed in, that is told, too."""
        channel = next(iter(self._channels), None)
        event = self._harvest.gone(number, ChannelId(self._network, channel)) if channel is not None else None
        if event is not None:
            self._gone.append(event)
            self._woken.set()

    async def looked(self, channel: ChannelId, seconds: float) -> None:
        """Until it was looked at once, this reader has ended, or so many seconds have passed: then `trouble` knows."""
        watched = self._channels.get(channel.id)
        if watched is not None:
            await rest(self._tools.clock, watched.looked, seconds)

    async def run(self) -> None:
        """Until cancelled. Raises `Revoked`, `Unavailable` where the server can't be asked now, `LedgerUnavailable`."""
        cursor = await self._inlet.cursor(self._scope)
        self._marks = marks_in(cursor.value if cursor is not None else None, self._account.host)
        self._account.echoes.begin()
        clock = self._tools.clock
        try:
            while True:
                self._woken.clear()
                await self._pace.learn()
                await self._round()
                await rest(clock, self._woken, min(one.due for one in self._watched()) - clock.monotonic())
        finally:
            for one in self._watched():
                one.looked.set()

    @property
    def _scope(self) -> str:
        return f"login/{self._account.name}"

    def _watched(self) -> list[_Watched]:
        return [*self._channels.values(), *self._directs]

    async def _round(self) -> None:
        """What was brought before an error is handed in before it is raised."""
        now = self._tools.clock.monotonic()
        brought: list[_Brought] = []
        self._harvest.begin()
        if self._next <= now:
            self._next = now + self._pace.pause(len(self._watched()))
        try:
            await self._look_around([one for one in self._watched() if one.due <= now], brought)
        except DeliveryError:
            await self._commit(brought)
            raise
        await self._commit(brought)

    async def _look_around(self, due: list[_Watched], brought: list[_Brought]) -> None:
        silent, alive = 0, False
        for one in due:
            one.due = self._next
            try:
                found = await self._look(one)
                brought += found
                alive = True
                one.failures, one.trouble = 0, None
            except Revoked:
                raise
            except Unavailable as error:
                self._fail(one, error.reason)
                if error.retry_after is not None:
                    raise
                silent += 1
                if not alive and (silent == SILENT or one is due[-1]):
                    await self._need_server()
                    alive = True
            except Rejected as error:
                alive = True
                self._fail(one, error.reason, refused=True)
            finally:
                one.looked.set()

    async def _need_server(self) -> None:
        """Is it the server that fails, or only what was asked of it? Raises where it is the server."""
        with suppress(Rejected):
            await self._account.verify()

    async def _look(self, one: _Watched) -> list[_Brought]:
        if one.timeline is None and one.place is not None:
            one.timeline = Timeline(await route_of(one.place, self._account, self._people), self._account.client, self._tools)
        timeline = one.timeline
        catch = await timeline.look(self._mark(one.name)) if timeline is not None else None
        if catch is None or timeline is None:
            one.waits = 0
            return []
        if one.place is None:
            found = await self._harvest.directs(catch)
        else:
            found = await self._harvest.notices(catch, ChannelId(self._network, one.name))
        return [_Brought(one, timeline, catch, found)]

    def _mark(self, name: str) -> Mark | None:
        mark = self._marks.timelines.get(name)
        if mark is not None and mark.closed is not None and self._seconds() - mark.closed > CLOSED_SECONDS:
            return None
        return mark

    def _fail(self, one: _Watched, reason: str, *, refused: bool = False) -> None:
        now = self._tools.clock.monotonic()
        one.failures += 1
        pause = REFUSED_SECONDS if refused else min(LONGEST_SECONDS, (self._next - now) * 2.0 ** min(one.failures - 1, 10))
        one.due = now + pause
        self._tools.metrics.count("gnusocial_timelines_failed", network=self._network)
        if one.trouble != reason:
            one.trouble = reason
            self._tools.log.warning("%s/%s can't be read: %s", self._network, one.name, reason)

    # handing in

    async def _commit(self, brought: list[_Brought]) -> None:
        marks = self._stamped({**self._marks.timelines, **{one.watched.name: one.found.mark for one in brought}})
        gone = len(self._gone)
        events = [*in_order([event for one in brought for event in one.found.events]), *self._gone]
        if events or marks != self._marks.timelines:
            kept = Marks(host=self._account.host, timelines=marks)
            await self._hand_in(events, Cursor(scope=self._scope, value=kept.write()))
            self._marks = kept
            del self._gone[:gone]
        for one in brought:
            one.timeline.done(one.catch)
            self._settle(one)

    async def _hand_in(self, events: list[Event], cursor: Cursor) -> None:
        rest = len(events) % TOGETHER or min(len(events), TOGETHER)
        for start in range(0, len(events) - rest, TOGETHER):
            await self._inlet.accept(*events[start : start + TOGETHER])
        await self._inlet.accept(*events[len(events) - rest :], cursor=cursor)

    def _settle(self, one: _Brought) -> None:
        mark, before, watched = one.found.mark, one.catch.mark, one.watched
        watched.waits = watched.waits + 1 if mark.held else 0
        if mark.held:
            soon = HELD_SECONDS * 2.0 ** min(watched.waits - 1, 10)
            watched.due = min(watched.due, self._tools.clock.monotonic() + soon)
        if before is not None and len(mark.gaps) > len(before.gaps):
            self._tools.metrics.count("gnusocial_gaps", network=self._network)
            words = "%s/%s: more has come than is read at once; the rest follows, as history"
            self._tools.log.warning(words, self._network, watched.name)

    def _stamped(self, marks: dict[str, Mark]) -> dict[str, Mark]:
        """Timelines that are not watched were closed; after long their marks are forgotten."""
        now, watched = self._seconds(), {one.name for one in self._watched()}
        stamped = {name: mark if name in watched or mark.closed else replace(mark, closed=now) for name, mark in marks.items()}
        return {name: mark for name, mark in stamped.items() if mark.closed is None or now - mark.closed <= CLOSED_SECONDS}

    def _seconds(self) -> int:
        return int(self._tools.clock.now().timestamp())
