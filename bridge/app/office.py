"""What words do in this bridge: `bridge.commands.office.Office` over the ledger, the switchboard and the networks."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from bridge.app.linkage import Linkage, defaults
from bridge.app.networks import Networks
from bridge.app.pulse import Pulse
from bridge.app.switchboard import Switchboard
from bridge.commands.office import Refused
from bridge.config.settings import PortalSettings, Settings
from bridge.contract.adapter import ChannelInfo, NetworkState
from bridge.contract.errors import DeliveryError
from bridge.contract.logins import Login
from bridge.delivery.courier import Courier
from bridge.ledger.ledger import Ledger
from bridge.ledger.rows import Entry, Trace
from bridge.matrix.api import Api
from bridge.matrix.doubles import Doubles
from bridge.matrix.rooms import RoomRefused, Rooms
from bridge.matrix.state import RoomStates
from bridge.model.ids import ChannelId, EventKey, IdentityId
from bridge.model.permissions import Permission
from bridge.model.portals import Direction, Link, Portal, PortalKind, Source

T = TypeVar("T")


class BridgeOffice:
    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        switchboard: Switchboard,
        courier: Courier,
        networks: Networks,
        *,
        api: Api,
        rooms: Rooms,
        states: RoomStates,
        linkage: Linkage,
        pulse: Pulse,
        entered: Callable[[str], Awaitable[None]],
        doubles: Doubles,
        check: Callable[[ChannelId, str, str], Awaitable[None]],
        troubles: Callable[[], Sequence[tuple[Login, str]]],
    ) -> None:
        """`check(channel, room, user)` raises `Refused` where the user may not link the channel there; `troubles`: of logins."""
        self._settings = settings
        self._ledger = ledger
        self._switchboard = switchboard
        self._courier = courier
        self._supervisors = networks.supervisors
        self._manifests = networks.manifests
        self._api, self._rooms, self._states = api, rooms, states
        self._linkage = linkage
        self._pulse = pulse
        self._entered = entered
        self._doubles = doubles
        self._check = check
        self._troubles = troubles

    def permissions(self) -> Mapping[str, Permission]:
        return self._settings.permissions

    def portals(self) -> Sequence[Portal]:
        return self._switchboard.portals

    def links(self) -> Sequence[Link]:
        return self._switchboard.links

    def networks(self) -> Sequence[NetworkState]:
        refused = "; ".join(f"{room}: {reason}" for room, reason in self._linkage.refused.items())
        hub = self._pulse.state
        return [
            msgspec.structs.replace(hub, reason=hub.reason or refused or None),
            *(supervisor.state for supervisor in self._supervisors.values()),
        ]

    def login_troubles(self) -> Sequence[tuple[Login, str]]:
        return self._troubles()

    def opened(self, channel: ChannelId) -> ChannelInfo | None:
        supervisor = self._supervisors.get(channel.network)
        return supervisor.channels.get(channel) if supervisor is not None else None

    def channel(self, text: str) -> ChannelId:
        try:
            channel = ChannelId.parse(text)
        except ValueError:
            raise Refused('A channel is written "network/channel", like local/#lobby.') from None
        manifest = self._manifests.get(channel.network)
        if manifest is None:
            known = ", ".join(sorted(self._manifests)) or "none"
            raise Refused(f"There is no network {channel.network!r}; there are: {known}.")
        try:
            return ChannelId(channel.network, manifest.fold_channel(channel.id))
        except ValueError as error:
            raise Refused(f"{channel.id} is no channel of {channel.network}: {error}") from None

    async def room_id(self, room: str) -> str:
        if not room.startswith("#"):
            return room
        known = self._switchboard.portal_called(room)
        if known is not None:
            return known.room
        found = await _asked(self._api.resolve(room))
        if found is None:
            raise Refused(f"There is no room {room}.")
        return found

    async def power(self, room_id: str, user: str) -> int | None:
        return await self._states.power_of(room_id, user)

    async def link(self, *, room_id: str, channel: ChannelId, direction: Direction | None, relay: bool | None, by: str) -> Link:
        await _asked(self._check(channel, room_id, by))
        portal = self._switchboard.portal_in(room_id)
        if portal is None:
            try:
                portal = await _asked(self._rooms.ensure(PortalSettings(room=room_id)))
            except RoomRefused as error:
                raise Refused(str(error)) from error
        await _asked(self._entered(room_id))
        way, feeds = defaults(PortalKind(portal.kind), direction, relay)
        link = await self._ledger.add_link(portal=portal.id, channel=channel, direction=way, relay=feeds, source=Source.COMMAND)
        await self._switchboard.refresh()
        return link

    async def problems(self, room_id: str) -> Sequence[str]:
        try:
            return await self._rooms.problems(room_id)
        except DeliveryError as error:
            return (f"the homeserver could not be asked about the room ({error.reason})",)

    async def unlink(self, link: Link) -> None:
        await self._ledger.remove_link(link.id)
        await self._switchboard.refresh()

    async def claim(self, identity: IdentityId, user: str) -> None:
        if user and not self._api.doubles:
            raise Refused("Double puppeting is not set up: `unabridged registration --double-puppet` writes what it needs.")
        if user and not user.endswith(f":{self._settings.homeserver.domain}"):
            raise Refused(f"Only users of {self._settings.homeserver.domain} can be spoken for.")
        await self._doubles.claim(identity, user)

    async def claims(self) -> Mapping[str, str]:
        return await self._doubles.claims()

    async def counts(self) -> Mapping[str, int]:
        return await self._ledger.counts()

    async def trace(self, key: EventKey) -> Trace | None:
        return await self._ledger.trace(key)

    async def dead(self, limit: int, channel: ChannelId | None) -> Sequence[Entry]:
        return await self._ledger.dead(limit, channel)

    async def replay(self, ids: Sequence[str] | None, channel: ChannelId | None) -> Sequence[Entry]:
        entries = await self._ledger.replay(ids, channel)
        self._courier.offer(entries)
        return entries


async def _asked(question: Awaitable[T]) -> T:
    try:
        return await question
    except DeliveryError as error:
        raise Refused(f"The homeserver could not be asked: {error.reason}") from error
