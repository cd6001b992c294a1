"""What people with accounts of their own ask for, put together: their logins, timelines and direct chats."""

import logging
from collections.abc import Awaitable, Callable

from msgspec import Struct

from bridge.app.directs import Directs
from bridge.app.following import NetworkLinking, Timelines
from bridge.app.ground import Ground
from bridge.app.troubles import Troubles
from bridge.matrix.private import PrivateRooms
from bridge.model.ids import NetworkName


class Reception(Struct, frozen=True, kw_only=True):
    timelines: Timelines
    directs: Directs
    troubles: Troubles
    linking: Callable[[NetworkName], NetworkLinking]


def build_reception(ground: Ground, entered: Callable[[str], Awaitable[None]]) -> Reception:
    """`entered` is told of a room before its first link carries anything."""
    hub, ledger, switchboard = ground.hub, ground.ledger, ground.switchboard
    log = logging.getLogger("unabridged.rooms")
    private = PrivateRooms(hub.api, ledger, domain=ground.settings.homeserver.domain, log=log)
    timelines = Timelines(
        ledger,
        switchboard,
        ground.networks,
        ground.logins,
        ground.settings.portals,
        rooms=hub.rooms,
        private=private,
        states=hub.states,
        entered=entered,
    )
    directs = Directs(
        ledger,
        switchboard,
        ground.networks,
        ground.logins,
        api=hub.api,
        rooms=private,
        states=hub.states,
        puppets=hub.puppets,
        entered=entered,
        log=log,
    )
    troubles = Troubles(ledger, hub.api, hub.states, timelines, ground.clock, logging.getLogger("unabridged.logins"))
    return Reception(
        timelines=timelines,
        directs=directs,
        troubles=troubles,
        linking=lambda network: NetworkLinking(network, switchboard, timelines, directs),
    )
