"""The hub's own affairs, as chores: each is done after commit, may be done twice, and is keyed by the Matrix event's id.

Nothing here speaks to other networks but by `accept`: a kick of a puppet is an event like any other.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from bridge.contract.toolbox import Clock
from bridge.ledger.rows import Chore
from bridge.matrix.api import Api, Refusal
from bridge.matrix.convert.fields import obj, text, user_id
from bridge.matrix.convert.incoming import Context, member_event
from bridge.matrix.gaps import happened
from bridge.matrix.people import People
from bridge.matrix.ports import Memory
from bridge.matrix.power import missing_rights
from bridge.matrix.puppets import Puppets
from bridge.matrix.state import RoomStates, foreign_bridge
from bridge.matrix.upgrade import Upgrades
from bridge.model.events import Event
from bridge.model.permissions import Permission
from bridge.model.portals import Portal

STATUS = "room-status"
"""Facts of this scope say, by room, what is wrong there: "encrypted", or plain words. Empty: nothing."""

_ENCRYPTED = "This room is encrypted and the bridge cannot read it: nothing written here reaches the linked networks."
_AGAIN = timedelta(hours=1)

Task = Callable[[Chore], Awaitable[None]]


class Affairs:
    def __init__(
        self,
        api: Api,
        memory: Memory,
        states: RoomStates,
        puppets: Puppets,
        people: People,
        upgrades: Upgrades,
        clock: Clock,
        *,
        accept: Callable[[Event], Awaitable[None]],
        permission: Callable[[str], Permission],
        portal_in: Callable[[str], Portal | None],
        adopt: Callable[[str, str, str, datetime], Awaitable[str | None]],
        adopted: Callable[[str], Awaitable[None]],
        log: logging.Logger,
    ) -> None:
        """`adopt(room, puppet, sender, invited at)` makes a room the direct chat of a puppet, or says in words why it doesn't;
        `adopted(room)` is told when a puppet is in a portal, and may be told again.
        """
        self._api, self._memory, self._states = api, memory, states
        self._puppets, self._people, self._upgrades = puppets, people, upgrades
        self._clock = clock
        self._accept = accept
        self._permission = permission
        self._portal_in = portal_in
        self._adopt, self._adopted = adopt, adopted
        self._log = log

    def tasks(self) -> Mapping[str, Task]:
        """By the chore's kind; each takes the raw event as payload. They raise `Unavailable` to be tried again."""
        return {
            "invite": self._invited,
            "member": self._moved,
            "power": self._power,
            "tombstone": self._tombstone,
            "encryption": self._encryption,
            "bridge": self._bridge,
        }

    async def _invited(self, chore: Chore) -> None:
        raw = _raw(chore)
        room, user, sender = text(raw, "room_id"), user_id(raw, "state_key"), user_id(raw, "sender")
        if user == self._api.bot:
            await self._bot_invited(room, sender)
            return
        if self._portal_in(room) is not None:
            await self._puppets.enter(user, room)
            await self._adopted(room)
            return
        why_not = await self._adopt(room, user, sender, happened(raw))
        if why_not is None:
            await self._adopted(room)
            return
        try:
            await self._api.join(room, user=user, via=(sender.partition(":")[2],))
            await self._api.send(room, "m.room.message", f"{chore.id}.declined", _notice(why_not), user=user)
        except Refusal as refusal:
            self._log.info("an invitation of %s is declined without a word: %s", user, refusal.reason)
        await self._leave(room, user, why_not)

    async def _bot_invited(self, room: str, sender: str) -> None:
        if self._permission(sender) < Permission.USER:
            await self._leave(room, None, f"{sender} may not invite this bridge; its operator can allow it")
            return
        try:
            await self._api.join(room, via=(sender.partition(":")[2],))
        except Refusal as refusal:
            self._log.info("the bot was invited to %s and may not enter: %s", room, refusal.reason)
        await self._memory.save_fact(STATUS, room, "")

    async def _leave(self, room: str, user: str | None, reason: str) -> None:
        try:
            await self._api.move(room, "leave", user=user, reason=reason)
        except Refusal as refusal:
            self._log.info("%s had left %s already: %s", user or "the bot", room, refusal.reason)

    async def _moved(self, chore: Chore) -> None:
        """Somebody moved the bot or a puppet: remembered, and told to the puppet's network if that is a kick or a ban."""
        raw = _raw(chore)
        room, user = text(raw, "room_id"), user_id(raw, "state_key")
        membership = text(obj(raw, "content"), "membership")
        if user == self._api.bot:
            self._states.changed(room)
            lost = f"the bot was removed by {user_id(raw, 'sender')}" if membership in ("leave", "ban") else ""
            await self._memory.save_fact(STATUS, room, lost)
            return
        await self._puppets.moved(user, room, membership)
        if self._portal_in(room) is None:
            return
        await self._people.know(raw)
        event = member_event(raw, Context(bot=self._api.bot, identity_of=self._people.identity_of))
        if event is not None:
            await self._accept(event)

    async def _power(self, chore: Chore) -> None:
        """Told once for each change of what is missing, while we can still say it."""
        room = text(_raw(chore), "room_id")
        self._states.changed(room)
        missing = "; ".join(missing_rights((await self._states.of(room)).power, self._api.bot))
        if missing == (await self._memory.fact("missing-rights", room) or ""):
            return
        if missing:
            await self._say(room, f"{chore.id}.power", f"The bridge lacks rights it needs here: {missing}.")
        await self._memory.save_fact("missing-rights", room, missing)

    async def _tombstone(self, chore: Chore) -> None:
        raw = _raw(chore)
        portal = self._portal_in(text(raw, "room_id"))
        if portal is None:
            return
        why_not = await self._upgrades.follow(portal, raw)
        if why_not is not None:
            await self._say(portal.room, f"{chore.id}.upgrade", f"The bridge does not follow this room's upgrade: {why_not}.")
            await self._memory.save_fact(STATUS, portal.room, why_not)

    async def _encryption(self, chore: Chore) -> None:
        """Said at once, and again at most every hour while people write what we cannot read."""
        raw = _raw(chore)
        room = text(raw, "room_id")
        self._states.changed(room)
        said = await self._memory.fact("encrypted-notice", room)
        now = self._clock.now()
        if said and now - datetime.fromisoformat(said) < _AGAIN:
            return
        await self._memory.save_fact(STATUS, room, "encrypted")
        await self._say(room, f"{chore.id}.encrypted", _ENCRYPTED)
        await self._memory.save_fact("encrypted-notice", room, now.isoformat())

    async def _bridge(self, chore: Chore) -> None:
        """Two bridges that carry the same channel would echo each other: people should know before they wonder."""
        raw = _raw(chore)
        room, other = text(raw, "room_id"), foreign_bridge(obj(raw, "content"), self._api.bot)
        if other is None or await self._memory.fact(f"bridges:{room}", other):
            return
        self._states.changed(room)
        words = f"Another bridge is in this room ({other}). If both carry the same channel, one of them should go."
        await self._say(room, f"{chore.id}.bridge", words)
        await self._memory.save_fact(f"bridges:{room}", other, "seen")

    async def _say(self, room: str, txn: str, words: str) -> None:
        """A notice by the bot; where it may not speak there is nobody to tell but the log."""
        try:
            await self._api.send(room, "m.room.message", txn, _notice(words))
        except Refusal as refusal:
            self._log.warning("not said in %s (%s): %s", room, refusal.reason, words)


def _raw(chore: Chore) -> dict[str, Any]:
    return msgspec.json.decode(chore.payload, type=dict[str, Any])


def _notice(words: str) -> dict[str, Any]:
    return {"msgtype": "m.notice", "body": words, "m.mentions": {}}
