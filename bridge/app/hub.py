"""The Matrix floor of one bridge, put together."""

import logging
from collections.abc import Callable

import aiohttp
from msgspec import Struct

from bridge.app.names import Names
from bridge.app.networks import Networks
from bridge.app.switchboard import Switchboard
from bridge.config.settings import PortalSettings, Settings, Tokens, VoiceSettings
from bridge.contract.toolbox import Clock, HttpClient
from bridge.ledger.ledger import Ledger
from bridge.matrix.api import Api
from bridge.matrix.badges import Badges
from bridge.matrix.doubles import Doubles
from bridge.matrix.gaps import LookBack
from bridge.matrix.info import BridgeInfo
from bridge.matrix.links import Links
from bridge.matrix.media import HomeserverMedia
from bridge.matrix.membership import Memberships
from bridge.matrix.outlet import MatrixOutlet
from bridge.matrix.people import People
from bridge.matrix.puppets import Puppets
from bridge.matrix.registration import ownership
from bridge.matrix.rooms import Rooms
from bridge.matrix.state import RoomStates
from bridge.matrix.uploads import Uploads
from bridge.model.events import Attachment, Event
from bridge.model.ids import NetworkName
from bridge.model.people import Identity
from bridge.model.permissions import Permission, permission_of
from bridge.routing.topology import Leg


class PlanLinks(Struct, frozen=True):
    """What the planner asks of others: addresses and names."""

    links: Links
    names: Names

    def link_for(self, attachment: Attachment, event: Event) -> str | None:
        return self.links.link_for(attachment, event)

    def page_for(self, event: Event) -> str | None:
        return self.links.page_for(event)

    def name_of(self, identity: Identity, leg: Leg) -> str:
        return self.names.of(identity, leg)


class Hub(Struct, frozen=True, kw_only=True):
    bot: str
    ours: Callable[[str], bool]
    """Whether a user is the bot or one of our puppets."""
    api: Api
    media: HomeserverMedia
    links: Links
    puppets: Puppets
    doubles: Doubles
    people: People
    states: RoomStates
    rooms: Rooms
    info: BridgeInfo
    outlet: MatrixOutlet
    look_back: LookBack
    badges: Badges


def build_hub(
    settings: Settings,
    tokens: Tokens,
    ledger: Ledger,
    session: aiohttp.ClientSession,
    http: HttpClient,
    clock: Clock,
    switchboard: Switchboard,
    networks: Networks,
    key: bytes,
) -> Hub:
    domain, cap = settings.homeserver.domain, settings.bridge.media_cap
    bot = f"@{tokens.bot}:{domain}"
    log = logging.getLogger("unabridged.matrix")
    api = Api(session, settings.homeserver.url, tokens.appservice, bot=bot, double_token=tokens.double_puppet)
    media = HomeserverMedia(session, settings.homeserver.url, tokens.appservice, http, cap=cap)
    networks_here = settings.networks.__contains__
    puppets = Puppets(api, ledger, media, domain=domain, networks=networks_here, voices=_voices(settings), log=log)
    doubles = Doubles(api, ledger, domain=domain)
    states = RoomStates(api)
    memberships = Memberships(api, ledger, puppets, states, cap=_caps(settings, switchboard))
    uploads = Uploads(ledger, media, cap=cap, log=log)
    ours = ownership(settings.networks, tokens.bot, domain)
    badges = _badges(api, ledger, states, puppets, switchboard, clock, ours)
    return Hub(
        bot=bot,
        ours=ours,
        api=api,
        media=media,
        links=Links(key, clock, address=settings.bridge.public_address, days=settings.bridge.media_link_days),
        puppets=puppets,
        doubles=doubles,
        people=People(api, ledger, puppets, doubles),
        states=states,
        rooms=Rooms(
            api,
            ledger,
            states,
            domain=domain,
            is_admin=lambda user: permission_of(user, settings.permissions) is Permission.ADMIN,
            may_open=networks.may_open,
            is_personal=networks.is_personal,
            changed=switchboard.refresh,
            log=log,
        ),
        info=BridgeInfo(api, ledger, networks.protocol),
        look_back=LookBack(api, ledger, ledger.root, ledger.knows_chore, clock, log),
        outlet=MatrixOutlet(api, ledger, puppets, doubles, memberships, uploads, badges, clock, log=log),
        badges=badges,
    )


def _badges(
    api: Api,
    ledger: Ledger,
    states: RoomStates,
    puppets: Puppets,
    switchboard: Switchboard,
    clock: Clock,
    ours: Callable[[str], bool],
) -> Badges:
    return Badges(
        api,
        ledger,
        states,
        user_of=puppets.user_of,
        linked=switchboard.channels_of,
        rooms_of=switchboard.rooms_of,
        is_ours=ours,
        clock=clock,
        log=logging.getLogger("unabridged.matrix"),
    )


def _voices(settings: Settings) -> Callable[[NetworkName], VoiceSettings]:
    usual = VoiceSettings()
    return lambda network: settings.networks[network].voice if network in settings.networks else usual


def _caps(settings: Settings, switchboard: Switchboard) -> Callable[[str], int]:
    """How many puppets may join a room unasked: the cap of its settings where its members are "full"."""
    usual = PortalSettings(room="").members_cap
    caps = {portal.room: portal.members_cap for portal in settings.portals}

    def cap(room: str) -> int:
        portal = switchboard.portal_in(room)
        if portal is None or portal.members != "full":
            return 0
        return caps.get(portal.alias or room, caps.get(room, usual))

    return cap
