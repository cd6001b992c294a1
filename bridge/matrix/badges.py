"""Who moderates a channel over there is shown to moderate in the room, by a power level that the bridge itself never asks about.

What people of other networks do here the bridge does for them, by its own rules: the level opens them no door. It is given only
where nobody gave one, and only what was given here is taken back. Which that is is kept over a start.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from bridge.contract.errors import DeliveryError, LedgerUnavailable
from bridge.contract.toolbox import Clock
from bridge.matrix.api import Api, Refusal
from bridge.matrix.ports import Memory
from bridge.matrix.power import PowerLevels, held_by_users, read_power
from bridge.matrix.state import RoomStates
from bridge.model.ids import HUB, ChannelId, IdentityId
from bridge.model.signals import Moderators

LEVEL = 50
MOST = 50
"""Of one room: each makes an event larger that every member reads."""
GATHER_SECONDS = 2.0
"""So long what changes is gathered into one event."""
AGAIN_SECONDS = 60.0
_GIVEN = "badges"
_POWER = "m.room.power_levels"
_Given = dict[str, str]
"""User id → the channel they moderate."""


class Badges:
    """`linked(room)`: the channels that come into a room now; `rooms_of(channel)`: the rooms that one comes into. `user_of`: a
    puppet's user id; `is_ours(user)`: the bot, or a puppet of ours."""

    def __init__(
        self,
        api: Api,
        memory: Memory,
        states: RoomStates,
        *,
        user_of: Callable[[IdentityId], str],
        linked: Callable[[str], Collection[ChannelId]],
        rooms_of: Callable[[ChannelId], Collection[str]],
        is_ours: Callable[[str], bool],
        clock: Clock,
        log: logging.Logger,
    ) -> None:
        self._api, self._memory, self._states = api, memory, states
        self._user_of, self._linked = user_of, linked
        self._rooms_of, self._is_ours = rooms_of, is_ours
        self._clock, self._log = clock, log
        self._told: dict[ChannelId, Sequence[IdentityId]] = {}
        self._given: dict[str, _Given] = {}
        self._due: set[str] = set()
        self._woken = asyncio.Event()
        self._refused: set[str] = set()

    def told(self, signal: Moderators) -> None:
        """Never blocks."""
        self._told[signal.of] = signal.who
        self._look((signal.channel.id,))

    def relinked(self) -> None:
        """Some room may have other channels than before: also one more of which all was told when only another room had it."""
        rooms = {of: self._rooms_of(of) for of in self._told}
        self._told = {of: who for of, who in self._told.items() if rooms[of]}
        self._look({*self._given, *(room for found in rooms.values() for room in found)})

    def repowered(self, room: str) -> None:
        """The bot may be allowed there what it wasn't."""
        self._refused.discard(room)
        if any(of in self._told for of in self._linked(room)):
            self._look((room,))

    async def moved(self, old: str, new: str) -> None:
        """The room goes on in another, which was made with the levels of the old one. Doing it twice changes nothing."""
        if given := self._given.get(old):
            await self._keep(new, given | self._given.get(new, {}))
            await self._keep(old, {})

    def _look(self, rooms: Collection[str]) -> None:
        if rooms:
            self._due.update(rooms)
            self._woken.set()

    async def run(self) -> None:
        """Until cancelled. Reads the ledger first."""
        for room, kept in (await self._memory.facts(_GIVEN)).items():
            self._given[room] = msgspec.json.decode(kept, type=_Given)
        self._look(self._given)
        while True:
            await self._woken.wait()
            await self._clock.sleep(GATHER_SECONDS)
            self._woken.clear()
            rooms, self._due = self._due, set()
            if left := {room for room in rooms if not await self._settled(room)}:
                await self._clock.sleep(AGAIN_SECONDS)
                self._look(left)

    async def _settled(self, room: str) -> bool:
        """False: it is to be tried again."""
        try:
            await self._settle(room)
        except Refusal as refusal:
            self._may_not(room, refusal.reason)
        except (DeliveryError, LedgerUnavailable) as error:
            self._log.info("who moderates over there is not shown in %s yet: %s", room, error)
            return False
        return True

    def _may_not(self, room: str, why: str) -> None:
        """Said once, until its power levels change."""
        if room not in self._refused:
            self._log.info("who moderates over there is not shown in %s: %s", room, why)
            self._refused.add(room)

    async def _settle(self, room: str) -> None:
        channels = self._linked(room)
        linked = {str(channel) for channel in channels}
        told = {str(of): self._told[of] for of in channels if of in self._told}
        given = self._given.get(room, {})
        named = ((self._user_of(one), of) for of, who in told.items() for one in who if one.network != HUB)
        wanted = dict(list(dict(named).items())[:MOST])
        over = [user for user, of in given.items() if user not in wanted and (of in told or of not in linked)]
        fresh = {user: of for user, of in wanted.items() if user not in given}
        if not over and not fresh:
            return
        content = await self._api.state_content(room, _POWER)
        if content is None:
            return
        held = held_by_users(content)
        power = await self._power(room, content)
        if power.of(self._api.bot) <= LEVEL or not power.may_send(self._api.bot, _POWER, state=True):
            self._may_not(room, "the bot may not change power levels there")
            return
        new = {} if self._outranks(power) else {one: of for one, of in fresh.items() if one not in held and power.of(one) < LEVEL}
        lapsed = [user for user in over if held.get(user) == LEVEL]
        after = {user: level for user, level in held.items() if user not in lapsed} | dict.fromkeys(new, LEVEL)
        await self._keep(room, given | new)  # before it is done: what we don't know of, nobody would take back
        if after != held:
            try:
                await self._api.put_state(room, _POWER, "", {**content, "users": after})
            except Refusal:
                await self._keep(room, given)
                raise
            self._states.changed(room)
        await self._keep(room, {user: of for user, of in (given | new).items() if user not in over})

    def _outranks(self, power: PowerLevels) -> bool:
        """Whether it would put somebody of elsewhere above all people of the room who were given power there."""
        usual = power.levels["users_default"]
        given = [power.of(user) for user in (*power.creators, *power.users) if not self._is_ours(user)]
        return usual < max(given, default=usual) < LEVEL

    async def _power(self, room: str, content: Mapping[str, Any]) -> PowerLevels:
        facts = await self._states.of(room)
        return read_power(content, sorted(facts.power.creators), facts.version)

    async def _keep(self, room: str, given: _Given) -> None:
        if given == self._given.get(room, {}):
            return
        await self._memory.save_fact(_GIVEN, room, msgspec.json.encode(given).decode() if given else None)
        if given:
            self._given[room] = given
        else:
            self._given.pop(room, None)
