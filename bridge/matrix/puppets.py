"""Puppets: the Matrix users that stand for people of other networks.

A puppet is registered once, named when its name changed, pictured behind everybody's back (a download must not hold up a
message) and joins a room when it first speaks there. All of that is remembered in the ledger, the recent of it in memory, so
that a known puppet's next message costs one request and none before it.
"""

import asyncio
import logging
from collections.abc import Callable

import msgspec

from bridge.config.settings import VoiceSettings
from bridge.contract.errors import DeliveryError, Rejected
from bridge.contract.toolbox import MediaStore
from bridge.ledger.rows import PuppetRow
from bridge.matrix.api import Api, Refusal
from bridge.matrix.naming import set_profile
from bridge.matrix.ports import Lru, Memory, Turns
from bridge.model.events import Attachment, Media
from bridge.model.ids import HUB, IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from bridge.routing.names import parse_puppet, puppet_id, safe_name

_KNOWN = 10_000
_MEMBERSHIPS = 20_000
_PICTURES_WAITING = 500


class _Known(msgspec.Struct, frozen=True, gc=False):
    """A puppet as set up in this process: enough to see that nothing needs doing."""

    user: str
    name: str | None
    avatar: str | None


class Puppets:
    def __init__(
        self,
        api: Api,
        memory: Memory,
        media: MediaStore,
        *,
        domain: str,
        networks: Callable[[NetworkName], bool],
        voices: Callable[[NetworkName], VoiceSettings],
        log: logging.Logger,
    ) -> None:
        self._api = api
        self._memory = memory
        self._media = media
        self._domain = domain
        self._networks = networks
        self._voices = voices
        self._log = log
        self._known: Lru[IdentityId, _Known] = Lru(_KNOWN)
        self._joined: Lru[tuple[str, str], bool] = Lru(_MEMBERSHIPS)
        self._turns: Turns[str] = Turns()
        self._pictures: asyncio.Queue[tuple[str, str]] = asyncio.Queue(_PICTURES_WAITING)

    def user_of(self, id: IdentityId) -> str:
        """The puppet's user id, whether it exists or not; a person of the hub is themself."""
        return id.id if id.network == HUB else puppet_id(id.network, id.id, self._domain)

    async def met(self, id: IdentityId) -> str | None:
        """The user id of whoever stands for the identity already: a puppet, or the person of the hub that it is."""
        shown = await self._memory.person(id)
        user = self.user_of(shown)
        if shown.network == HUB:
            return user
        row = await self._memory.puppet(user)
        return user if row is not None and row.registered else None

    async def ensure(self, identity: Identity) -> str:
        """The user id of the puppet that speaks for the identity, registered and named.

        Raises `Unavailable` where the homeserver cannot be asked, `Rejected` where it will not have the puppet.
        """
        known = self._known.get(identity.id)
        profile = identity.profile
        if known is not None and known.name == profile.name and known.avatar == profile.avatar:
            return known.user
        shown = await self._shown(identity)
        user = self.user_of(shown.id)
        async with self._turns.of(user):
            row = await self._memory.puppet(user) or PuppetRow(user=user, identity=shown.id)
            if not row.registered:
                row = await self._register(row)
            row = await self._name(row, shown)
            self._picture(row, shown.profile)
        self._known.put(identity.id, _Known(user, profile.name, profile.avatar))
        return user

    async def enter(self, user: str, room: str) -> None:
        """Makes the puppet a member; at once where it is known to be one.

        Raises `Rejected` where the room will not have it, `Unavailable` where the homeserver cannot be asked.
        """
        if self._joined.get((room, user)):
            return
        async with self._turns.of(user):
            if await self._memory.member(room, user) != "join":
                await self._join(user, room)
                await self._memory.save_member(room, user, "join")
            self._joined.put((room, user), True)

    async def recover(self, identity: Identity, room: str) -> str:
        """After the homeserver refused a send of a puppet that should be there: register and join as if for the first time."""
        self._known.drop(identity.id)
        user = self.user_of((await self._shown(identity)).id)
        row = await self._memory.puppet(user)
        if row is not None:
            await self._memory.save_puppet(msgspec.structs.replace(row, registered=False))
        await self.ensure(identity)
        await self.moved(user, room, "leave")
        await self.enter(user, room)
        return user

    async def moved(self, user: str, room: str, membership: str) -> None:
        """The puppet's membership has changed, by whomever."""
        if membership == "join":
            self._joined.put((room, user), True)
        else:
            self._joined.drop((room, user))
        await self._memory.save_member(room, user, membership)

    async def joined(self, user: str, room: str) -> bool:
        return bool(self._joined.get((room, user))) or await self._memory.member(room, user) == "join"

    async def identity_of(self, user: str) -> Identity | None:
        """Whom a user id stands for; None where it is no puppet of ours, however it is spelt.

        Ids too long to be read back are looked up, and those of networks that are no longer configured.
        """
        if not user.startswith("@_"):
            return None
        id = parse_puppet(user, self._domain)
        if id is None or not self._networks(id.network):
            row = await self._memory.puppet(user)
            if row is None:
                return None
            id = row.identity
        return await self._memory.identity(id) or Identity(id=id)

    def forget(self, id: IdentityId) -> None:
        """Whom the identity is shown as has changed."""
        self._known.drop(id)

    async def run(self) -> None:
        """Sets pictures, one after the other, until cancelled. A failed one is tried again when its owner changes."""
        while True:
            user, source = await self._pictures.get()
            try:
                await self._set_picture(user, source)
            except (DeliveryError, OSError) as error:
                self._log.info("no picture for %s: %s", user, error)

    async def _shown(self, identity: Identity) -> Identity:
        """The person's first declared identity stands for all of them (one puppet for one human)."""
        shown = await self._memory.person(identity.id)
        if shown == identity.id or shown.network == HUB:
            return identity
        return await self._memory.identity(shown) or Identity(id=shown)

    async def _register(self, row: PuppetRow) -> PuppetRow:
        await self._api.register(row.user[1:].partition(":")[0])
        row = msgspec.structs.replace(row, registered=True)
        await self._memory.save_puppet(row)
        return row

    async def _name(self, row: PuppetRow, identity: Identity) -> PuppetRow:
        if row.name is not None and identity.profile.name is None:
            return row
        name = self._template(identity)
        if name == row.name:
            return row
        try:
            await set_profile(self._api, row.user, "displayname", name)
        except Refusal as refusal:
            self._log.info("the homeserver refuses the name of %s: %s", row.user, refusal.error)
        row = msgspec.structs.replace(row, name=name)
        await self._memory.save_puppet(row)
        return row

    def _template(self, identity: Identity) -> str:
        """The network's mark comes from the template, after the name was made safe and short: no name can cut it off."""
        name = safe_name(identity.name) or safe_name(identity.id.id) or "?"
        template = self._voices(identity.id.network).puppet
        return template.replace("{network}", identity.id.network).replace("{name}", name)

    def _picture(self, row: PuppetRow, profile: Profile) -> None:
        if profile.avatar is not None and profile.avatar != (row.avatar or "") and not self._pictures.full():
            self._pictures.put_nowait((row.user, profile.avatar))

    async def _set_picture(self, user: str, source: str) -> None:
        address = source
        if source and not source.startswith("mxc://"):
            async with self._media.open(Attachment(source=source, name="avatar", media=Media.IMAGE)) as stream:
                address = await self._media.put(stream)
        await set_profile(self._api, user, "avatar_url", address)
        async with self._turns.of(user):
            row = await self._memory.puppet(user)
            if row is not None:
                await self._memory.save_puppet(msgspec.structs.replace(row, avatar=source, avatar_mxc=address))

    async def _join(self, user: str, room: str) -> None:
        """Most rooms just let it in; the others need the bot's invitation."""
        try:
            await self._api.join(room, user=user)
        except Refusal as first:
            if first.errcode not in ("M_FORBIDDEN", "M_BAD_STATE"):
                raise
            try:
                await self._api.move(room, "invite", target=user)
            except Refusal as refusal:
                if "already in the room" in refusal.error:
                    return
                raise Rejected(await self._why_not(user, room, refusal)) from refusal
            await self._api.join(room, user=user)

    async def _why_not(self, user: str, room: str, refusal: Refusal) -> str:
        try:
            member = await self._api.state_content(room, "m.room.member", user)
        except Refusal:
            return f"the bot is not in the room, so {user} cannot be invited"
        if member is not None and member.get("membership") == "ban":
            await self._memory.save_member(room, user, "ban")
            return f"{user} is banned from the room"
        return f"{user} may not join the room and the bot may not invite ({refusal.error})"
