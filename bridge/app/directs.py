"""Direct chats: each is a portal of its own, between one person here and one over there.

They are had through a login, or without one on networks where everybody here has an address of their own.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from bridge.app.logins import AllLogins
from bridge.app.networks import Networks
from bridge.app.residents import Residents
from bridge.app.switchboard import Switchboard
from bridge.contract.errors import Rejected, Unavailable
from bridge.ledger.ledger import Ledger
from bridge.matrix.api import Api, Refusal
from bridge.matrix.ports import Turns
from bridge.matrix.private import PrivateRooms
from bridge.matrix.puppets import Puppets
from bridge.matrix.state import RoomStates
from bridge.model.ids import ChannelId
from bridge.model.people import Identity
from bridge.model.portals import Direction, Portal, Source


class Entered(Protocol):
    def __call__(self, room: str, since: datetime | None = None) -> Awaitable[None]:
        """Told of a room before its link carries anything. What is said in it is for the link since then, or from now on."""


class Directs:
    def __init__(
        self,
        ledger: Ledger,
        switchboard: Switchboard,
        networks: Networks,
        logins: AllLogins,
        *,
        api: Api,
        rooms: PrivateRooms,
        states: RoomStates,
        puppets: Puppets,
        residents: Residents,
        entered: Entered,
        tell: Callable[[str, str], Awaitable[None]],
        log: logging.Logger,
    ) -> None:
        """`tell(room, words)`: says something as the bot, if it can be said."""
        self._ledger = ledger
        self._switchboard = switchboard
        self._networks = networks
        self._logins = logins
        self._api, self._rooms, self._states, self._puppets = api, rooms, states, puppets
        self._residents = residents
        self._entered, self._tell = entered, tell
        self._log = log
        self._turns: Turns[ChannelId] = Turns()
        self._seen: set[ChannelId] = set()

    async def ensure(self, channel: ChannelId, login: str | None, peer: Identity, *, group: bool = False) -> None:
        """See `bridge.contract.places.Linking.direct`."""
        owner = self._owner_of(channel, login)
        if channel in self._seen and self._portal_of(channel) is not None:
            return
        if login is None:
            await self._residents.admit(owner)
        async with self._turns.of(channel):
            portal = self._portal_of(channel)
            try:
                if portal is None:
                    await self._make(channel, owner, peer, group=group)
                else:
                    await self._look_after(portal, owner, peer)
            except Rejected as refusal:
                self._log.warning("%s has no room yet: %s", channel, refusal.reason)
                raise Unavailable(refusal.reason) from refusal
        self._seen.add(channel)

    def _owner_of(self, channel: ChannelId, login: str | None) -> str:
        if login is not None:
            held = self._logins.get(channel.network, login)
            if held is None:
                raise Unavailable(f"there is no login {login} on {channel.network}")
            return held.user
        owner = self._networks.owner_of(channel)
        if owner is None or not self._residents.may_chat(owner):
            raise Rejected("nobody of that address can be reached through this bridge")
        return owner

    def _portal_of(self, channel: ChannelId) -> Portal | None:
        found = {link.portal for link in self._switchboard.links if link.channel == channel}
        return next((portal for portal in self._switchboard.portals if portal.id in found), None)

    async def _make(self, channel: ChannelId, owner: str, peer: Identity, *, group: bool) -> None:
        purpose = str(channel)
        puppet = await self._puppets.ensure(peer)
        room = await self._rooms.direct(purpose, puppet=puppet, owner=owner, group=peer.name if group else None)
        await self._puppets.moved(puppet, room, "join")
        await self._link(channel, room)
        await self._rooms.keep(purpose)

    async def _link(self, channel: ChannelId, room: str, since: datetime | None = None) -> None:
        """What is said here goes nowhere else: the link feeds no other."""
        await self._entered(room, since)
        portal = await self._ledger.add_portal(room=room)
        await self._ledger.add_link(
            portal=portal.id, channel=channel, direction=Direction.BOTH, relay=False, source=Source.COMMAND
        )
        await self._switchboard.refresh()

    async def _look_after(self, portal: Portal, owner: str, peer: Identity) -> None:
        """Once in each run, and only where it can be done now: the chat is there and what is said in it waits for nobody."""
        try:
            await self._rooms.bring(owner, portal.room)
            await self._puppets.enter(await self._puppets.ensure(peer), portal.room)
        except (Unavailable, Rejected) as error:
            self._log.info("the room of a direct chat could not be looked after: %s", error.reason)

    async def part(self, channel: ChannelId) -> None:
        """See `bridge.contract.places.Linking.part`."""
        async with self._turns.of(channel):
            portal = self._portal_of(channel)
            links = [link for link in self._switchboard.links if link.channel == channel and link.source is Source.COMMAND]
            for link in links:
                await self._ledger.remove_link(link.id)
            self._seen.discard(channel)
            await self._switchboard.refresh()
            if portal is not None and links:
                await self._tell(
                    portal.room, f"This room is linked with {channel} no longer: what is said here goes nowhere else."
                )

    async def adopt(self, room: str, puppet: str, sender: str, invited: datetime) -> str | None:
        """Somebody invites a puppet to a room of theirs. None: it is the direct chat now; else why not, in words.
        What was said there since the invitation is for the puppet, though nobody of ours was there to hear it.

        Raises `Unavailable`.
        """
        peer = await self._puppets.identity_of(puppet)
        channel = None if peer is None else self._channel_with(peer, sender)
        if peer is None or channel is None:
            return self._no_way(peer)
        async with self._turns.of(channel):
            if (portal := self._portal_of(channel)) is not None:
                await self._rooms.bring(sender, portal.room)
                return f"You have a chat with {peer.name} already: https://matrix.to/#/{portal.room}"
            try:
                await self._api.join(room, user=puppet, via=(sender.partition(":")[2],))
                await self._puppets.moved(puppet, room, "join")
                await self._rooms.sit_by(room, puppet)
                why_not = await self._why_not(room, puppet, sender)
                if why_not is None:
                    await self._link(channel, room, since=invited)
                    self._seen.add(channel)
                    return None
            except Refusal as refusal:
                return f"This room can't be a direct chat: {refusal.reason}."
            await self._api.move(room, "leave")
            return why_not

    def _no_way(self, peer: Identity | None) -> str:
        manifest = None if peer is None else self._networks.manifests.get(peer.id.network)
        if peer is None or manifest is None or (manifest.direct_with is None and manifest.direct_for is None):
            return "Direct chats with people of this network are not possible yet. Please write to them in the room."
        if manifest.direct_with is None:
            return f"This bridge's operator has not allowed you a direct chat with {peer.name}."
        return (
            f"A direct chat with {peer.name} needs an account of yours on {peer.id.network}: "
            f'say "login {peer.id.network}" to {self._api.bot} in a chat of its own, then invite me again.'
        )

    def _channel_with(self, peer: Identity, user: str) -> ChannelId | None:
        """Through the user's first login there; without one, where the network knows them by an address of their own."""
        network = peer.id.network
        manifest = self._networks.manifests.get(network)
        mine = sorted(login.name for login in self._logins.of(network) if login.user == user)
        if manifest is None or manifest.direct_with is None or not mine:
            return self._networks.direct_for(peer.id, user) if self._residents.may_chat(user) else None
        channel = manifest.direct_with(peer.id.id, mine[0])
        return None if channel is None else ChannelId(network, channel)

    async def _why_not(self, room: str, puppet: str, sender: str) -> str | None:
        """A direct chat is between two; whoever else could come in would read what was meant for one."""
        if not await self._states.is_private(room):
            return "A direct chat must be by invitation only, and its history for its people."
        if (await self._states.of(room)).encrypted:
            return "This room is encrypted and the bridge cannot read it: please start the chat without encryption."
        if await self._api.joined(room) - {puppet, sender, self._api.bot}:
            return "A direct chat is between two people: somebody else is in this room."
        return None
