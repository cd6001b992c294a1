"""The configuration file's portals and links, brought into the ledger beside those made by command."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from bridge.app.switchboard import Switchboard
from bridge.config.settings import LinkSettings, PortalSettings
from bridge.contract.errors import DeliveryError
from bridge.contract.toolbox import Clock
from bridge.ledger.ledger import Ledger
from bridge.matrix.rooms import RoomRefused, Rooms
from bridge.model.ids import ChannelId
from bridge.model.portals import Direction, Link, Portal, PortalKind, Source

AGAIN = 5.0
"""Seconds between two tries while the homeserver can't be reached; four times that for rooms that refuse us."""
AT_A_TIME = 8
IN_ONE_LOOK = 64
"""Rooms that are made known together: what is said in one of them before that reaches nobody."""


def defaults(kind: PortalKind, direction: Direction | None, relay: bool | None) -> tuple[Direction, bool]:
    """Timelines come in and feed no other link unless told to (design §6, privacy)."""
    timeline = kind is PortalKind.TIMELINE
    return direction or (Direction.IN if timeline else Direction.BOTH), not timeline if relay is None else relay


class Linkage:
    """`waiting` are the rooms that were not yet tried; `refused` says in plain words why a room has no portal.

    `entered` is told of a room before its links carry anything.
    """

    def __init__(
        self,
        ledger: Ledger,
        rooms: Rooms,
        switchboard: Switchboard,
        wanted: Sequence[PortalSettings],
        clock: Clock,
        log: logging.Logger,
        *,
        entered: Callable[[str], Awaitable[None]],
    ) -> None:
        self._ledger = ledger
        self._rooms = rooms
        self._entered = entered
        self._switchboard = switchboard
        self._wanted = wanted
        self._clock = clock
        self._log = log
        self.waiting: set[str] = {settings.room for settings in wanted}
        self.refused: dict[str, str] = {}

    async def known(self) -> None:
        """What needs no homeserver: links of rooms that are portals already, and those that left the file."""
        changed = False
        for settings in self._wanted:
            portal = self._switchboard.portal_called(settings.room)
            if portal is not None and _same(portal, settings):
                changed |= await self._sync(portal, settings.links)
                self.waiting.discard(settings.room)
        named = {settings.room for settings in self._wanted}
        for portal in self._switchboard.portals:
            if not named & {portal.room, portal.alias}:
                changed |= await self._sync(portal, ())
        if changed:
            await self._switchboard.refresh()

    async def run(self) -> None:
        """Makes or joins the rooms that are left; returns when every one is a portal."""
        left = [settings for settings in self._wanted if settings.room in self.waiting]
        while left:
            linked = {room for at in range(0, len(left), IN_ONE_LOOK) for room in await self._some(left[at : at + IN_ONE_LOOK])}
            left = [settings for settings in left if settings.room not in linked]
            self.waiting.clear()  # not before: until now nothing was carried
            self.refused = {room: reason for room, reason in self.refused.items() if room not in linked}
            if left:
                await self._clock.sleep(AGAIN * (4 if len(left) == len(self.refused) else 1))

    async def _some(self, wanted: Sequence[PortalSettings]) -> list[str]:
        """The rooms of those that are linked now."""
        gate = asyncio.Semaphore(AT_A_TIME)
        done = await asyncio.gather(*(self._one(settings, gate) for settings in wanted))
        linked = [settings.room for settings, is_linked in zip(wanted, done, strict=True) if is_linked]
        if linked:
            await self._switchboard.refresh()
        return linked

    async def _one(self, settings: PortalSettings, gate: asyncio.Semaphore) -> bool:
        async with gate:
            try:
                portal = await self._rooms.ensure(settings)
                await self._entered(portal.room)
                await self._sync(portal, settings.links)
            except (RoomRefused, DeliveryError) as error:
                if self.refused.get(settings.room) != str(error):
                    self._log.warning("%s is not linked: %s", settings.room, error)
                self.refused[settings.room] = str(error)
                return False
            return True

    async def _sync(self, portal: Portal, wanted: Sequence[LinkSettings]) -> bool:
        """Adds, changes and removes the file's links of one portal; a command's links stay. Whether anything changed."""
        here = {link.channel: link for link in self._switchboard.topology.links_of(portal)}
        changed = False
        for settings in wanted:
            direction, relay = defaults(portal.kind, settings.direction, settings.relay)
            link = here.get(settings.channel)
            if link is not None and (link.direction, link.relay, link.source) == (direction, relay, Source.FILE):
                continue
            if link is not None:
                await self._ledger.remove_link(link.id)
            await self._add(portal, settings.channel, direction, relay)
            changed = True
        named = {settings.channel for settings in wanted}
        for link in here.values():
            if link.source is Source.FILE and link.channel not in named:
                await self._ledger.remove_link(link.id)
                changed = True
        return changed

    async def _add(self, portal: Portal, channel: ChannelId, direction: Direction, relay: bool) -> Link:
        return await self._ledger.add_link(
            portal=portal.id, channel=channel, direction=direction, relay=relay, source=Source.FILE
        )


def _same(portal: Portal, settings: PortalSettings) -> bool:
    ours = (portal.kind, portal.order, portal.members, tuple(portal.post_to), portal.timeline)
    return ours == (settings.kind, settings.order, settings.members, tuple(settings.post_to), settings.timeline)
