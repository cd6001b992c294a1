"""Room upgrades: a tombstone is followed only where it is honest.

Its sender had the right to set it, we can enter the room it names, and that room names the old one as its predecessor: else
anybody with a moment's power could lead a portal into a room of their own. The mapping moves in one step of the ledger.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from bridge.matrix.api import Api, Refusal
from bridge.matrix.ports import Memory
from bridge.matrix.state import RoomStates
from bridge.model.portals import Portal


class Upgrades:
    """`moving(old, new)`: called before the portal moves, and maybe again; `changed`: after it has."""

    def __init__(
        self,
        api: Api,
        memory: Memory,
        states: RoomStates,
        moving: Callable[[str, str], Awaitable[None]],
        changed: Callable[[], Awaitable[None]],
    ) -> None:
        self._api = api
        self._memory = memory
        self._states = states
        self._moving = moving
        self._changed = changed

    async def follow(self, portal: Portal, raw: Mapping[str, Any]) -> str | None:
        """None: moved. Else, in plain words, why not. Raises `Unavailable`. Repeating it changes nothing."""
        sender, content = raw.get("sender"), raw.get("content")
        new = content.get("replacement_room") if isinstance(content, dict) else None
        if not isinstance(new, str) or new[:1] != "!" or not isinstance(sender, str):
            return "the tombstone names no room"
        if new == portal.room:
            return None
        if any(other.room == new for other in await self._memory.portals()):
            return "the new room is a portal already"
        facts = await self._states.of(portal.room)
        if not facts.power.may_send(sender, "m.room.tombstone", state=True):
            return f"{sender} had not the power to close this room"
        try:
            # room ids have no server part since version 12: who wrote the tombstone is surely in the new room
            await self._api.join(new, via=(sender.partition(":")[2],))
        except Refusal as refusal:
            return f"the bot may not enter the new room: invite {self._api.bot} there ({refusal.reason})"
        self._states.changed(new)
        if (await self._states.of(new)).predecessor != portal.room:
            await self._api.move(new, "leave", reason="this room does not name the room it is said to continue")
            return "the new room does not name this one as its predecessor"
        await self._moving(portal.room, new)
        await self._memory.change_portal(msgspec.structs.replace(portal, room=new))
        await self._memory.forget_room(portal.room)
        self._states.changed(portal.room)
        await self._changed()
        return None
