"""Rooms that nobody enters unasked: a person's timeline, a direct chat. Made once, however often the making breaks off.

`createRoom` can't be repeated without harm: its answer may be lost after the room was made. So the purpose is written down
before, and stands in the room's creation event too; where it is still written down later, the room is looked for first.
"""

import logging
from typing import Any

from mautrix.api import Method

from bridge.contract.errors import DeliveryError
from bridge.matrix.api import Api, Refusal, path
from bridge.matrix.naming import introduce
from bridge.matrix.ports import Memory
from bridge.matrix.power import held_by_users

_MAKING = "room-making"
_PURPOSE = "org.unabridged.purpose"
_SERVICE = "io.element.functional_members"


class PrivateRooms:
    """Whoever makes one tells with `keep` that it is a portal now. All of it raises `Unavailable` and `Refusal`."""

    def __init__(self, api: Api, memory: Memory, *, domain: str, log: logging.Logger) -> None:
        self._api = api
        self._memory = memory
        self._tail = f":{domain}"
        self._log = log

    async def timeline(self, owner: str) -> str:
        """The room id of a new room of the bot's, in which `owner` has full power."""
        await introduce(self._api)
        wish = {"preset": "private_chat", "name": "Timeline"}
        room = await self._made(timeline_purpose(owner), wish, None)
        levels = await self._api.state_content(room, "m.room.power_levels") or {}
        users = {**held_by_users(levels), owner: 100}
        await self._api.put_state(room, "m.room.power_levels", "", {**levels, "users": users})
        await self.bring(owner, room)
        return room

    async def direct(self, purpose: str, *, puppet: str, owner: str, group: str | None = None) -> str:
        """The room id of a chat of the puppet's with `owner`, as clients show direct chats; the bot sits by.

        `group`: the name of a room for many, which clients don't show as a direct chat.
        """
        await introduce(self._api)
        wish: dict[str, Any] = {"preset": "trusted_private_chat", "invite": [self._api.bot, owner]}
        wish |= {"is_direct": True, "initial_state": [self._service()]} if group is None else {"name": group}
        room = await self._made(purpose, wish, puppet)
        await self.sit_by(room, puppet)
        await self.bring(owner, room)
        if group is None:
            await self._call_direct(owner, puppet, room)
        return room

    def _service(self) -> dict[str, Any]:
        """The bot is nobody to talk to: clients call the chat by the other one alone (MSC4171)."""
        return {"type": _SERVICE, "state_key": "", "content": {"service_members": [self._api.bot]}}

    async def sit_by(self, room: str, puppet: str) -> None:
        """The bot comes into a puppet's room; invited by the puppet where nobody has done so."""
        try:
            await self._api.join(room)
        except Refusal:
            await self._api.move(room, "invite", user=puppet, target=self._api.bot)
            await self._api.join(room)

    async def keep(self, purpose: str) -> None:
        """The room of this purpose is written down elsewhere now."""
        await self._memory.save_fact(_MAKING, purpose, None)

    async def bring(self, user: str, room: str) -> None:
        """Invites somebody who is not there, and goes in for them where we may speak for them.

        Who can't be invited is logged: it must not keep the room from being.
        """
        member = await self._api.state_content(room, "m.room.member", user)
        membership = member.get("membership") if member is not None else None
        if membership == "join":
            return
        try:
            if membership != "invite":
                await self._api.move(room, "invite", target=user)
            if self._may_speak_for(user):
                await self._api.join(room, user=user)
        except Refusal as refusal:
            self._log.warning("%s cannot be brought into %s: %s", user, room, refusal.reason)

    async def _made(self, purpose: str, wish: dict[str, Any], user: str | None) -> str:
        if await self._memory.fact(_MAKING, purpose) is not None:
            found = await self._left_over(purpose, user)
            if found is not None:
                return found
        await self._memory.save_fact(_MAKING, purpose, "1")
        wish = {**wish, "visibility": "private", "creation_content": {_PURPOSE: purpose}}
        return str((await self._api.call(Method.POST, path("createRoom"), wish, user=user))["room_id"])

    async def _left_over(self, purpose: str, user: str | None) -> str | None:
        """The room of an attempt whose answer was lost."""
        rooms = (await self._api.call(Method.GET, path("joined_rooms"), user=user)).get("joined_rooms")
        for room in rooms if isinstance(rooms, list) else ():
            try:
                created = await self._api.call(Method.GET, path("rooms", str(room), "state", "m.room.create", ""), user=user)
            except Refusal:
                continue
            if created.get(_PURPOSE) == purpose:
                return str(room)
        return None

    def _may_speak_for(self, user: str) -> bool:
        return self._api.doubles and user.endswith(self._tail)

    async def _call_direct(self, owner: str, puppet: str, room: str) -> None:
        """Who did not accept the invitation by hand has a client that doesn't know what the room is (`m.direct`)."""
        if not self._may_speak_for(owner):
            return
        where = path("user", owner, "account_data", "m.direct")
        try:
            try:
                known = await self._api.call(Method.GET, where, user=owner)
            except Refusal:
                known = {}
            rooms = known.get(puppet)
            rooms = [*(rooms if isinstance(rooms, list) else ()), room]
            await self._api.call(Method.PUT, where, {**known, puppet: list(dict.fromkeys(rooms))}, user=owner)
        except DeliveryError as error:
            self._log.info("%s is not told that %s is a direct chat: %s", owner, room, error.reason)


def timeline_purpose(owner: str) -> str:
    """What `keep` is told of somebody's timeline."""
    return f"timeline {owner}"
