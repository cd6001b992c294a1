"""Where somebody's timeline is, and what is linked to it by a word; how adapters reach the rooms."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from bridge.app.directs import Directs
from bridge.app.linkage import defaults
from bridge.app.logins import AllLogins, handle_of
from bridge.app.networks import Networks
from bridge.app.residents import Residents
from bridge.app.rights import Rights
from bridge.app.switchboard import Switchboard
from bridge.commands.desk import TERMINAL
from bridge.commands.following import Followed, told
from bridge.commands.linking import POWER
from bridge.commands.office import Refused
from bridge.config.settings import PortalSettings
from bridge.contract.errors import DeliveryError
from bridge.contract.logins import Login
from bridge.contract.words import Asker
from bridge.ledger.ledger import Ledger
from bridge.matrix.ports import Turns
from bridge.matrix.private import PrivateRooms, timeline_purpose
from bridge.matrix.rooms import RoomRefused, Rooms
from bridge.matrix.state import RoomStates
from bridge.model.ids import ChannelId, IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from bridge.model.permissions import Permission
from bridge.model.portals import Direction, Portal, PortalKind, Source

_OWN = "own-timeline"

AT_A_TIME = 200
"""Links handed to the ledger together: its writer makes one commit of them."""


class Timelines:
    """`entered` is told of a room before its first link carries anything."""

    def __init__(
        self,
        ledger: Ledger,
        switchboard: Switchboard,
        networks: Networks,
        logins: AllLogins,
        settings: Sequence[PortalSettings],
        *,
        rooms: Rooms,
        private: PrivateRooms,
        rights: Rights,
        states: RoomStates,
        entered: Callable[[str], Awaitable[None]],
    ) -> None:
        self._ledger = ledger
        self._switchboard = switchboard
        self._networks = networks
        self._logins = logins
        self._in_file = {portal.room for portal in settings}
        self._rooms, self._private, self._states = rooms, private, states
        self._rights = rights
        self._entered = entered
        self._turns: Turns[str] = Turns()

    async def follow(self, asker: Asker, channels: Sequence[ChannelId], room: str | None = None) -> Followed:
        """Links channels inward: to `room` where one is named, else to the room the word was said in where that is a
        timeline, else to the asker's own, which is made where there is none. Raises `Refused`.
        """
        personal = [channel for channel in channels if self._rights.personal(channel, asker.user)]
        try:
            portal = await self._place(asker, room, bool(personal))
            return await self.link(portal, channels)
        except (DeliveryError, RoomRefused) as error:
            raise Refused(f"That can't be done now: {error}") from error

    async def link(self, portal: Portal, channels: Sequence[ChannelId]) -> Followed:
        """Whoever asks may do it. One look at the links afterwards, however many there are. Raises `Unavailable`."""
        async with self._turns.of(portal.room):
            here = {link.channel for link in self._switchboard.links if link.portal == portal.id}
            wanted = list(dict.fromkeys(channels))
            fresh = [channel for channel in wanted if channel not in here]
            if fresh and not here:
                await self._entered(portal.room)
            direction, relay = defaults(portal.kind, Direction.IN, None)
            for at in range(0, len(fresh), AT_A_TIME):
                adding = [
                    self._ledger.add_link(
                        portal=portal.id, channel=channel, direction=direction, relay=relay, source=Source.COMMAND
                    )
                    for channel in fresh[at : at + AT_A_TIME]
                ]
                await asyncio.gather(*adding)
            if fresh:
                await self._switchboard.refresh()
        known = tuple(channel for channel in wanted if channel in here)
        return Followed(portal=portal, fresh=tuple(fresh), known=known)

    async def of_login(self, login: Login) -> Portal:
        """Where a login's channels belong: the room that names it, else its owner's timeline, which may be made now.

        Its owner is brought there. Raises `Unavailable`, `Rejected`.
        """
        portal = await self._naming(login) or await self.of(login.user, private=True) or await self._make(login.user)
        if not portal.post_to and not self.is_files(portal):
            portal = replace(portal, post_to=(handle_of(login),))
            await self._ledger.change_portal(portal)
            await self._switchboard.refresh()
        await self._private.bring(login.user, portal.room)
        return portal

    def naming(self, login: Login) -> list[Portal]:
        """The timelines whose links or `post_to` name a login."""
        through = {
            link.portal
            for link in self._switchboard.links
            if link.channel.network == login.network and self._networks.login_of(link.channel) == login.name
        }
        return [portal for portal in self._all() if portal.id in through or handle_of(login) in portal.post_to]

    async def _naming(self, login: Login) -> Portal | None:
        """One that the file made for it may be as open as the operator likes."""
        for portal in self.naming(login):
            if self._files_links(portal, login) or await self._states.is_private(portal.room):
                return portal
        return None

    def _files_links(self, portal: Portal, login: Login) -> bool:
        return any(
            link.portal == portal.id and link.source is Source.FILE and self._networks.login_of(link.channel) == login.name
            for link in self._switchboard.links
            if link.channel.network == login.network
        )

    async def of(self, user: str, *, private: bool = False) -> Portal | None:
        """A timeline that the user is in and may change, first the one that was made for them. None: there is none."""
        own = await self._own(user)
        if own is not None:
            return own
        mine = {handle_of(login) for login in self._logins.all() if login.user == user}
        for portal in sorted(self._all(), key=lambda portal: (not mine & {*portal.post_to}, portal.id)):
            power = await self._states.power_of(portal.room, user)
            if power is not None and power >= POWER and not (private and not await self._states.is_private(portal.room)):
                return portal
        return None

    async def _own(self, user: str) -> Portal | None:
        """The one made for the user, where the invitation at least still stands."""
        portal = self._switchboard.portal_in(await self._ledger.fact(_OWN, user) or "")
        if portal is None or not await self._states.expects(portal.room, user):
            return None
        return portal if await self._states.is_private(portal.room) else None

    async def meant(self, asker: Asker, room: str | None) -> list[Portal]:
        """What the asker speaks of: the room named, the one they are in, or every timeline that is theirs to see.

        Raises `Refused`.
        """
        named = room or (asker.room if asker.room is not None and self._is_timeline(asker.room) else None)
        if named is None and asker.user == TERMINAL:
            return self._all()
        if named is None:
            return [portal for portal in self._all() if await self._rights.sees(asker.user, portal.room)]
        portal = self._switchboard.portal_in(named)
        may_see = asker.permission >= Permission.ADMIN or asker.room == named or await self._rights.sees(asker.user, named)
        if portal is None or not may_see:
            raise Refused("That is no room of the bridge that you are in.")
        return [portal]

    async def may_change(self, asker: Asker, room: str) -> None:
        """As `Rights.may_change`; of a timeline made for them, who has not yet come in too. Raises `Refused`, `Unavailable`."""
        own = await self._own(asker.user)
        if own is None or own.room != room:
            await self._rights.may_change(asker, room)

    def _all(self) -> list[Portal]:
        return [portal for portal in self._switchboard.portals if portal.kind is PortalKind.TIMELINE]

    async def _place(self, asker: Asker, room: str | None, personal: bool) -> Portal:
        named = room or (asker.room if asker.room is not None and self._is_timeline(asker.room) else None)
        if named is not None:
            await self.may_change(asker, named)
            if personal and not await self._states.is_private(named):
                raise Refused("What only a login's owner may see can only be linked to a room that is by invitation.")
            known = self._switchboard.portal_in(named)
            return known or await self._rooms.ensure(PortalSettings(room=named, kind=PortalKind.TIMELINE))
        if asker.user == TERMINAL:
            return self._only_one()
        return await self.of(asker.user, private=personal) or await self._make(asker.user)

    def _only_one(self) -> Portal:
        timelines = self._all()
        if len(timelines) != 1:
            raise Refused("Which room? Name one with --room, or act for somebody with --as @user:domain.")
        return timelines[0]

    async def _make(self, owner: str) -> Portal:
        async with self._turns.of(owner):
            made = await self.of(owner, private=True)
            if made is not None:
                return made
            room = await self._private.timeline(owner)
            portal = await self._ledger.add_portal(room=room, kind=PortalKind.TIMELINE)
            await self._ledger.save_fact(_OWN, owner, room)
            await self._switchboard.refresh()
            await self._private.keep(timeline_purpose(owner))
            return portal

    def _is_timeline(self, room: str) -> bool:
        portal = self._switchboard.portal_in(room)
        return portal is not None and portal.kind is PortalKind.TIMELINE

    def is_files(self, portal: Portal) -> bool:
        """Whether the configuration file says how the portal is."""
        return bool(self._in_file & {portal.room, portal.alias})


class NetworkLinking:
    """`bridge.contract.places.Linking` for one network."""

    def __init__(
        self,
        network: NetworkName,
        switchboard: Switchboard,
        timelines: Timelines,
        directs: Directs,
        residents: Residents,
    ) -> None:
        self._network = network
        self._switchboard = switchboard
        self._timelines = timelines
        self._directs = directs
        self._residents = residents

    def linked(self) -> Sequence[ChannelId]:
        return [channel for channel in self._switchboard.channels if channel.network == self._network]

    def is_linked(self, channel: ChannelId) -> bool:
        return channel in self._switchboard.channels

    async def followed(self, asker: Asker) -> Sequence[ChannelId]:
        portals = {portal.id for portal in await self._timelines.meant(asker, None)}
        links = [link for link in self._switchboard.links if link.portal in portals and link.channel.network == self._network]
        return [*dict.fromkeys(link.channel for link in links if link.inward)]

    async def follow(self, asker: Asker, channels: Sequence[ChannelId]) -> str:
        return told(await self._timelines.follow(asker, channels), {})

    async def direct(self, channel: ChannelId, *, login: str | None = None, peer: Identity, group: bool = False) -> None:
        await self._directs.ensure(channel, login, peer, group=group)

    async def part(self, channel: ChannelId) -> None:
        await self._directs.part(channel)

    async def profile(self, who: IdentityId) -> Profile | None:
        return await self._residents.profile(who)
