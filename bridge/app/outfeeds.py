"""Rooms read outside: `bridge.commands.outfeed.Outfeeds` over `bridge.outfeeds`, and how its parts are joined."""

import random
from collections.abc import Sequence

from bridge.app.ground import Ground
from bridge.app.roll import Roll
from bridge.commands.outfeed import Outfeed
from bridge.ledger.rows import Accepted
from bridge.matrix.server import RouteEntry
from bridge.model.events import Event
from bridge.model.ids import HUB
from bridge.model.portals import Portal
from bridge.outfeeds.calls import Calls
from bridge.outfeeds.hub import Hub
from bridge.outfeeds.opened import Opened
from bridge.outfeeds.pages import Pages
from bridge.outfeeds.press import Kind, Press


class OutfeedDesk:
    """`run` under a task group; `changed` after each commit."""

    def __init__(self, opened: Opened, press: Press, hub: Hub, pages: Pages, *, reachable: bool) -> None:
        self._opened = opened
        self._press = press
        self._hub = hub
        self._pages = pages
        self.can = reachable

    def routes(self) -> list[RouteEntry]:
        return [*self._pages.routes(), *self._hub.routes()]

    async def run(self) -> None:
        """Until cancelled."""
        await self._hub.run()

    def changed(self, events: Sequence[Event], accepted: Accepted) -> None:
        """Quick: rooms that may show something new now, or something less."""
        rooms = {entry.delivery.channel.id for entry in accepted.entries if entry.delivery.channel.network == HUB}
        rooms |= {event.channel.id for event in events if event.channel.network == HUB}
        rooms |= {channel.id for channel, _ in accepted.withdrawn if channel.network == HUB}
        for room in rooms:
            self._press.changed(room)
        if rooms:
            self._hub.changed()

    async def outfeed(self, portal: Portal) -> Outfeed:
        if not (self.can and self._opened.is_on(portal)):
            return Outfeed()
        addresses = tuple(self._press.url(portal, kind) for kind in Kind)
        return Outfeed(addresses=addresses, subscribers=await self._hub.count(portal))

    async def turn(self, portal: Portal, *, on: bool) -> None:
        await self._opened.turn(portal, on=on)
        if not on:
            await self._hub.forget(portal)
            self._press.forget(portal)

    async def move(self, portal: Portal) -> None:
        await self._opened.move(portal)
        await self._hub.forget(portal)
        self._press.forget(portal)


async def build_outfeeds(ground: Ground, roll: Roll, key: bytes) -> OutfeedDesk:
    """Reads the ledger."""
    settings, ledger, clock = ground.settings.bridge, ground.ledger, ground.clock
    names = {portal.room: portal.name for portal in ground.settings.portals if portal.name}

    def title_of(portal: Portal) -> str:
        """As its settings name it; what an alias says of the homeserver is nobody's business."""
        known = names.get(portal.alias or "") or names.get(portal.room)
        return known or (portal.alias or "").partition(":")[0].lstrip("#") or "Timeline"

    opened = Opened(ledger, key, lambda: ground.switchboard.portals)
    await opened.load()
    press = Press(
        ledger,
        opened,
        clock,
        address=settings.public_address or "",
        accounts=roll.accounts,
        link_for=ground.hub.links.link_for,
        title_of=title_of,
    )
    calls = Calls(ground.http, clock, random.Random(), ground.metrics)
    hub = Hub(ledger, opened, press, calls, clock, ground.metrics)
    reachable = settings.public_listen is not None and settings.public_address is not None
    return OutfeedDesk(opened, press, hub, Pages(opened, press, ground.metrics), reachable=reachable)
