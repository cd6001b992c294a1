"""What people with accounts of their own ask for, put together: their logins, timelines, direct chats and feeds."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from bridge.app.accounts import Accounts
from bridge.app.directs import Directs, Entered
from bridge.app.following import NetworkLinking, Timelines
from bridge.app.ground import Ground
from bridge.app.logins import handle_of
from bridge.app.outfeeds import OutfeedDesk, build_outfeeds
from bridge.app.persons import HumanBook
from bridge.app.relme import LinkedPeople
from bridge.app.residents import Residents
from bridge.app.rights import Rights
from bridge.app.roll import Roll
from bridge.app.talks import Talks
from bridge.app.troubles import Troubles
from bridge.app.wishes import Wishes
from bridge.contract.errors import DeliveryError
from bridge.ledger.rows import Accepted
from bridge.matrix.api import Api
from bridge.matrix.private import PrivateRooms
from bridge.model.events import Event
from bridge.model.ids import NetworkName
from bridge.model.permissions import permission_of
from bridge.ops.named import unheld


class Reception(Struct, frozen=True, kw_only=True):
    """`taken` hears of every commit, `run` goes under a task group."""

    rights: Rights
    timelines: Timelines
    directs: Directs
    troubles: Troubles
    talks: Talks
    accounts: Accounts
    wishes: Wishes
    persons: HumanBook
    outfeeds: OutfeedDesk
    linked_people: LinkedPeople | None
    """None: the settings say that pages are not asked."""
    linking: Callable[[NetworkName], NetworkLinking]

    def taken(self, events: Sequence[Event], accepted: Accepted) -> None:
        self.outfeeds.changed(events, accepted)
        if self.linked_people is not None:
            self.linked_people.met(events)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.troubles.run())
            group.create_task(self.talks.run())
            group.create_task(self.outfeeds.run())
            if self.linked_people is not None:
                group.create_task(self.linked_people.run())


async def build_reception(ground: Ground, entered: Entered, roll: Roll, key: bytes) -> Reception:
    """`entered` is told of a room before its first link carries anything. Reads the ledger."""
    hub, ledger, switchboard = ground.hub, ground.ledger, ground.switchboard
    log = logging.getLogger("unabridged.rooms")
    rights = Rights(ground.networks, ground.logins, hub.states)
    private = PrivateRooms(hub.api, ledger, domain=ground.settings.homeserver.domain, log=log)
    timelines = _timelines(ground, rights, private, entered)
    permissions = ground.settings.permissions
    residents = Residents(hub.api, ledger, hub.puppets, lambda user: permission_of(user, permissions))
    tell = _teller(hub.api, log)
    directs = Directs(
        ledger,
        switchboard,
        ground.networks,
        ground.logins,
        api=hub.api,
        rooms=private,
        states=hub.states,
        puppets=hub.puppets,
        residents=residents,
        entered=entered,
        tell=tell,
        log=log,
    )
    troubles = Troubles(ledger, hub.api, hub.states, timelines, ground.clock, logging.getLogger("unabridged.logins"))
    prefix = ground.settings.bridge.command_prefix
    talks = Talks(ledger, ground.clock, tell, logging.getLogger("unabridged.logins"), prefix=prefix)
    await talks.load()
    _warn(ground, log)
    humans = HumanBook(ledger, ground.networks, ground.logins, hub.puppets, hub.doubles)
    return Reception(
        rights=rights,
        timelines=timelines,
        directs=directs,
        troubles=troubles,
        talks=talks,
        accounts=_accounts(ground, talks, timelines, troubles),
        persons=humans,
        linked_people=_linked_people(ground, humans),
        outfeeds=await build_outfeeds(ground, roll, key),
        wishes=Wishes(ledger, switchboard, ground.networks, timelines, hub.api),
        linking=lambda network: NetworkLinking(network, switchboard, timelines, directs, residents),
    )


def _timelines(ground: Ground, rights: Rights, private: PrivateRooms, entered: Callable[[str], Awaitable[None]]) -> Timelines:
    return Timelines(
        ground.ledger,
        ground.switchboard,
        ground.networks,
        ground.logins,
        ground.settings.portals,
        rooms=ground.hub.rooms,
        private=private,
        rights=rights,
        states=ground.hub.states,
        entered=entered,
    )


def _linked_people(ground: Ground, humans: HumanBook) -> LinkedPeople | None:
    if not ground.settings.bridge.rel_me:
        return None
    log = logging.getLogger("unabridged.people")
    return LinkedPeople(ground.ledger, ground.http, ground.clock, humans, ground.metrics, log)


def _warn(ground: Ground, log: logging.Logger) -> None:
    held = {handle_of(login) for login in ground.logins.all()}
    for portal, words in unheld(ground.settings, held, ground.networks.login_of):
        log.warning("%s: %s", portal.room, words)


def _accounts(ground: Ground, talks: Talks, timelines: Timelines, troubles: Troubles) -> Accounts:
    hub = ground.hub
    return Accounts(
        ground.ledger,
        ground.logins,
        ground.networks,
        ground.switchboard,
        ground.settings.portals,
        talks=talks,
        timelines=timelines,
        troubles=troubles,
        states=hub.states,
        doubles=hub.doubles,
        bot=hub.bot,
        domain=ground.settings.homeserver.domain,
        may_double=hub.api.doubles,
        log=logging.getLogger("unabridged.logins"),
    )


def _teller(api: Api, log: logging.Logger) -> Callable[[str, str], Awaitable[None]]:
    async def tell(room: str, words: str) -> None:
        """A notice of the bot's, for which nothing waits: where it can't be said there is the log."""
        content = {"msgtype": "m.notice", "body": words, "m.mentions": {}}
        try:
            await api.send(room, "m.room.message", f"told.{secrets.token_hex(8)}", content)
        except DeliveryError as error:
            log.warning("not said in %s (%s): %s", room, error.reason, words)

    return tell
