"""Comings and goings of other networks' people, as the room's members.

Lazily, the default, a puppet is in the room once it has spoken, until its owner leaves. In full, all are, up to a cap.
A kick or ban over there removes the puppet here, with the bot's power where it has it, else the puppet leaves by itself;
of a Matrix person, only the bot's power will do, and who moderates the room is removed by nobody of another network.
"""

from collections.abc import Callable

from bridge.contract.delivery import Delivery
from bridge.contract.errors import Rejected
from bridge.matrix.api import Api, Refusal
from bridge.matrix.ports import Memory
from bridge.matrix.puppets import Puppets
from bridge.matrix.state import RoomStates
from bridge.model.events import Membership, Move
from bridge.model.ids import HUB


class Memberships:
    """`cap(room)`: how many puppets may join unasked; 0 where members are lazy."""

    def __init__(self, api: Api, memory: Memory, puppets: Puppets, states: RoomStates, cap: Callable[[str], int]) -> None:
        self._api = api
        self._states = states
        self._memory = memory
        self._puppets = puppets
        self._cap = cap

    async def enact(self, delivery: Delivery, body: Membership) -> None:
        """Idempotent. Raises `Rejected` where the room's power levels forbid it, `Unavailable`."""
        room, user = delivery.channel.id, self._puppets.user_of(body.who.id)
        by = f"{body.by.name}: {body.reason}" if body.by is not None and body.reason else body.reason
        if body.who.id.network == HUB:
            await self._move_person(room, user, body.move, by)
        elif body.move is Move.JOIN:
            await self._join(room, user, body)
        elif body.move is Move.RENAME:
            if await self._puppets.joined(user, room):
                await self._puppets.ensure(body.who)
        elif body.move is Move.UNBAN:
            await self._unban(room, user)
        elif body.move is not Move.INVITE:
            await self._remove(room, user, body.move, by)

    async def _join(self, room: str, user: str, body: Membership) -> None:
        cap = self._cap(room)
        if not cap or await self._puppets.joined(user, room):
            return
        members = await self._memory.members(room)
        if sum(membership == "join" for membership in members.values()) < cap:
            await self._puppets.enter(await self._puppets.ensure(body.who), room)

    async def _remove(self, room: str, user: str, move: Move, reason: str | None) -> None:
        there = await self._puppets.joined(user, room)
        if move is Move.BAN:
            try:
                await self._api.move(room, "ban", target=user, reason=reason)
                await self._puppets.moved(user, room, "ban")
                return
            except Refusal:
                if not there:
                    return
        if not there:
            return
        if move is Move.KICK:
            try:
                await self._api.move(room, "kick", target=user, reason=reason)
                await self._puppets.moved(user, room, "leave")
                return
            except Refusal:
                pass  # without the power to kick, or with nobody there to be kicked: leaving is all there is to do
        try:
            await self._api.move(room, "leave", user=user, reason=reason)
        except Refusal as refusal:
            if refusal.errcode not in ("M_FORBIDDEN", "M_NOT_FOUND"):
                raise
        await self._puppets.moved(user, room, "leave")

    async def _unban(self, room: str, user: str) -> None:
        if await self._memory.member(room, user) != "ban":
            return
        try:
            await self._api.move(room, "unban", target=user)
        except Refusal as refusal:
            raise Rejected(f"the bot may not lift the ban of {user} ({refusal.error})") from refusal
        await self._puppets.moved(user, room, "leave")

    async def _move_person(self, room: str, user: str, move: Move, reason: str | None) -> None:
        """Of a Matrix person other networks' people can only wish: the room's power levels decide what the bot may do."""
        word = {Move.KICK: "kick", Move.BAN: "ban", Move.UNBAN: "unban", Move.INVITE: "invite"}.get(move)
        if word is None:
            return
        if move in (Move.KICK, Move.BAN) and (await self._states.of(room)).power.may(user, "kick"):
            raise Rejected(f"{user} moderates the room, so nobody of another network removes them")
        try:
            await self._api.move(room, word, target=user, reason=reason)
        except Refusal as refusal:
            if "already in the room" not in refusal.error:
                raise Rejected(f"the room does not let the bot {word} {user} ({refusal.error})") from refusal
