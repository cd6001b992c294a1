"""Keeps rooms saying what they are linked to, and known by their channel's name and topic: behind, never in a message's way."""

import asyncio
import logging
from collections.abc import Sequence

from bridge.app.moderating import Moderating
from bridge.app.switchboard import Switchboard
from bridge.contract.adapter import ChannelInfo
from bridge.contract.errors import BridgeError
from bridge.contract.toolbox import Clock
from bridge.delivery.supervise import Supervisor
from bridge.matrix.info import BridgeInfo
from bridge.matrix.rooms import Rooms
from bridge.model.ids import NetworkName
from bridge.model.portals import Link, Portal, PortalKind

AGAIN = 30.0
"""Seconds until what could not be done is tried again."""


class Caretaker:
    def __init__(
        self,
        switchboard: Switchboard,
        supervisors: dict[NetworkName, Supervisor],
        info: BridgeInfo,
        rooms: Rooms,
        moderating: Moderating,
        clock: Clock,
        log: logging.Logger,
    ) -> None:
        self._switchboard = switchboard
        self._supervisors = supervisors
        self._info = info
        self._rooms = rooms
        self._moderating = moderating
        self._clock = clock
        self._log = log
        self._changed = asyncio.Event()
        self._done: dict[int, tuple[object, ...]] = {}
        switchboard.tell(self._changed.set)

    async def run(self) -> None:
        """Until cancelled. Looks at every portal when links changed, and at those left over again later."""
        for supervisor in self._supervisors.values():
            await supervisor.ready.wait()
        while True:
            self._changed.clear()
            finished = True
            for portal in self._switchboard.portals:
                finished &= await self._look(portal)
            if finished:
                await self._changed.wait()
            else:
                await self._clock.sleep(AGAIN)

    async def _look(self, portal: Portal) -> bool:
        links = self._told(portal)
        infos = [self._info_of(link) for link in links]
        mark = (portal, tuple(links), tuple(infos))
        if self._done.get(portal.id) == mark:
            return None not in infos
        try:
            await self._info.announce(portal, links)
            for info in infos:
                if info is not None and info.error is None and portal.kind is PortalKind.CHAT:
                    await self._rooms.describe(portal, info)
            if portal.kind is PortalKind.CHAT and links:
                await self._moderating.tell(portal.room)
        except BridgeError as error:
            self._log.info("the room %s could not be looked after: %s", portal.room, error)
            return False
        self._done[portal.id] = mark
        return None not in infos

    def _told(self, portal: Portal) -> Sequence[Link]:
        """What the room says of itself. What only comes into a timeline echoes with no other bridge, and may be thousands."""
        links = self._switchboard.topology.links_of(portal)
        return links if portal.kind is PortalKind.CHAT else [link for link in links if link.outward]

    def _info_of(self, link: Link) -> ChannelInfo | None:
        supervisor = self._supervisors.get(link.channel.network)
        return supervisor.channels.get(link.channel) if supervisor is not None else None
