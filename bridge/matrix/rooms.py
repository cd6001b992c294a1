"""Portal rooms: found, joined or made.

A room that is a portal already costs no request at start. A room of the configuration is found by its alias, or made under it
where the alias is our homeserver's; a room given by its id is joined as it is, and says in plain words why where it is not.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from bridge.config.settings import PortalSettings
from bridge.contract.adapter import ChannelInfo
from bridge.contract.errors import BridgeError
from bridge.matrix.api import Api, Refusal
from bridge.matrix.naming import introduce, point
from bridge.matrix.ports import Memory, Turns
from bridge.matrix.power import held_by_users, missing_rights
from bridge.matrix.state import RoomStates
from bridge.model.ids import ChannelId
from bridge.model.portals import Direction, Portal, Source
from bridge.routing.names import alias_of, asked_channel

_MADE = "room-made"
_SHOWN = "room-shown"


class RoomRefused(BridgeError):
    """A room cannot be a portal. The words are for people and say what to do."""


class Rooms:
    """`is_admin`: who gets full power in a room made for them. `may_open`: channels that anybody may ask for by an alias.
    `is_personal`: channels of a login, whose rooms are by invitation. `changed`: called after portals or links have changed."""

    def __init__(
        self,
        api: Api,
        memory: Memory,
        states: RoomStates,
        *,
        domain: str,
        is_admin: Callable[[str], bool],
        may_open: Callable[[ChannelId], bool],
        is_personal: Callable[[ChannelId], bool],
        changed: Callable[[], Awaitable[None]],
        log: logging.Logger,
    ) -> None:
        self._api = api
        self._memory = memory
        self._states = states
        self._domain = domain
        self._is_admin = is_admin
        self._may_open = may_open
        self._is_personal = is_personal
        self._changed = changed
        self._log = log
        self._turns: Turns[str] = Turns()
        self._index: dict[str, Portal] | None = None
        self._changes = 0
        self._introduced = False

    def forget(self) -> None:
        """Portals were changed by somebody else."""
        self._index = None
        self._changes += 1

    async def ensure(self, settings: PortalSettings) -> Portal:
        """The portal of these settings, the bot in its room. Raises `RoomRefused`, `Unavailable`.

        That portals changed is not said: who asks for a thousand of them says it once.
        """
        async with self._turns.of(settings.room):
            known = await self._known(settings.room)
            if known is not None:
                return await self._renewed(known, settings)
            alias = settings.room if settings.room.startswith("#") else None
            room = await self._found_or_made(alias, settings) if alias else await self._joined(settings.room)
            known = await self._known(room)
            if known is not None:
                return await self._renewed(msgspec.structs.replace(known, alias=alias or known.alias), settings)
            portal = await self._memory.add_portal(
                room=room,
                alias=alias,
                kind=settings.kind,
                order=settings.order,
                members=settings.members,
                post_to=settings.post_to,
                timeline=settings.timeline,
            )
            self._remember(portal)
        return portal

    async def make_for_alias(self, alias: str) -> bool:
        """Somebody joins `#_network_channel:domain`: the room is made and linked. False: no such channel for the asking.

        Whoever writes the channel plainly gets the same room by that name too.
        """
        channel = asked_channel(alias, self._domain)
        if channel is None or not self._may_open(channel):
            return False
        proper = alias_of(channel, self._domain)
        async with self._turns.of(proper):
            portal = await self._known(proper) or await self._opened(channel, proper)
            if alias != proper:
                await point(self._api, alias, portal.room)
        return True

    async def _opened(self, channel: ChannelId, alias: str) -> Portal:
        room = await self._made(alias, {"preset": "public_chat", "name": channel.id})
        portal = await self._memory.add_portal(room=room, alias=alias)
        self._remember(portal)
        await self._memory.add_link(portal=portal.id, channel=channel, direction=Direction.BOTH, relay=True, source=Source.ALIAS)
        await self._changed()
        return portal

    async def describe(self, portal: Portal, info: ChannelInfo) -> None:
        """What a channel is called and about, shown in a room that we made; a room of people's own keeps what they wrote.

        A name is only given to a room without one: the configuration's stays. What was shown of a channel before is not
        shown again: of several in one room, the last that changed counts. Raises `Unavailable`.
        """
        if not await self._memory.fact(_MADE, portal.room):
            return
        place, mark = f"{portal.room} {info.channel}", msgspec.json.encode([info.name, info.topic]).decode()
        if await self._memory.fact(_SHOWN, place) == mark:
            return
        try:
            facts = await self._states.of(portal.room)
            if info.name and not facts.name:
                await self._api.put_state(portal.room, "m.room.name", "", {"name": info.name})
            if info.topic is not None and info.topic != (facts.topic or ""):
                await self._api.put_state(portal.room, "m.room.topic", "", {"topic": info.topic})
        except Refusal as refusal:
            self._log.info("the room %s cannot be named: %s", portal.room, refusal.reason)
        self._states.changed(portal.room)
        await self._memory.save_fact(_SHOWN, place, mark)

    async def problems(self, room: str) -> tuple[str, ...]:
        """What in the room's state keeps the bridge from working well, in plain words; asked when linking and by `check`."""
        try:
            facts = await self._states.of(room)
        except Refusal as refusal:
            return (f"the bot is not in the room ({refusal.reason})",)
        found = list(missing_rights(facts.power, self._api.bot))
        if facts.encrypted:
            found.append("the room is encrypted: the bridge cannot read it")
        found += [f"another bridge is here: {bridge}" for bridge in facts.bridges]
        return tuple(found)

    async def _known(self, room: str) -> Portal | None:
        """By room id or alias; read whole once, since a start asks for every portal of the configuration."""
        while (index := self._index) is None:
            before = self._changes
            portals = await self._memory.portals()
            if before == self._changes:
                self._index = {name: portal for portal in portals for name in (portal.room, portal.alias) if name}
        return index.get(room)

    def _remember(self, portal: Portal) -> None:
        """A start makes all portals of the configuration: reading them all again for each would take the square of the time."""
        self._changes += 1
        if self._index is not None:
            self._index.update({name: portal for name in (portal.room, portal.alias) if name})

    async def _renewed(self, portal: Portal, settings: PortalSettings) -> Portal:
        wanted = msgspec.structs.replace(
            portal,
            kind=settings.kind,
            order=settings.order,
            members=settings.members,
            post_to=settings.post_to,
            timeline=settings.timeline,
        )
        if wanted != await self._known(portal.room):
            await self._memory.change_portal(wanted)
            self._remember(wanted)
        return wanted

    async def _introduce(self) -> None:
        """Before the bot is first seen in a room."""
        if not self._introduced:
            await introduce(self._api)
            self._introduced = True

    async def _found_or_made(self, alias: str, settings: PortalSettings) -> str:
        room = await self._api.resolve(alias)
        if room is not None:
            return await self._joined(room, alias)
        personal = any(self._is_personal(link.channel) for link in settings.links)
        wish: dict[str, Any] = {"preset": "private_chat" if personal else "public_chat", "invite": list(settings.invite)}
        if settings.name:
            wish["name"] = settings.name
        room = await self._made(alias, wish)
        await self._empower(room, [user for user in settings.invite if self._is_admin(user)])
        return room

    async def _joined(self, room: str, alias: str | None = None) -> str:
        """`room` is known to exist; over an alias the homeserver knows which servers to ask."""
        await self._introduce()
        try:
            return await self._api.join(alias or room)
        except Refusal as refusal:
            name = alias or room
            raise RoomRefused(f"the bot may not enter {name}: invite {self._api.bot} there first ({refusal.reason})") from refusal

    async def _made(self, alias: str, wish: dict[str, Any]) -> str:
        local, _, domain = alias[1:].partition(":")
        if domain != self._domain:
            raise RoomRefused(f"there is no room {alias}, and only rooms of {self._domain} can be made here")
        await self._introduce()
        try:
            room = await self._api.create_room({**wish, "room_alias_name": local, "visibility": "private"})
        except Refusal as refusal:
            if refusal.errcode == "M_ROOM_IN_USE" and (taken := await self._api.resolve(alias)) is not None:
                return await self._joined(taken, alias)  # made by an attempt whose answer was lost
            if refusal.errcode == "M_EXCLUSIVE":
                raise RoomRefused(
                    f"the registration does not name {alias}: make that room yourself, or write the registration anew, "
                    "install it and restart the homeserver"
                ) from refusal
            if not wish.get("invite"):
                raise RoomRefused(f"the room {alias} cannot be made: {refusal.reason}") from refusal
            room = await self._made(alias, {**wish, "invite": []})
            await self._invite(room, wish["invite"])
        await self._memory.save_fact(_MADE, room, "1")
        return room

    async def _invite(self, room: str, users: list[str]) -> None:
        """One by one: one who cannot be invited must not keep the others out."""
        for user in users:
            try:
                await self._api.move(room, "invite", target=user)
            except Refusal as refusal:
                self._log.warning("%s cannot be invited to %s: %s", user, room, refusal.reason)

    async def _empower(self, room: str, users: list[str]) -> None:
        if not users:
            return
        levels = await self._api.state_content(room, "m.room.power_levels") or {}
        changed = {**levels, "users": {**held_by_users(levels), **dict.fromkeys(users, 100)}}
        try:
            await self._api.put_state(room, "m.room.power_levels", "", changed)
        except Refusal as refusal:
            self._log.warning("nobody else gets power in %s: %s", room, refusal.reason)
