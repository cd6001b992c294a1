"""The rooms that an account is in: `rooms` over the account's own connection, with its owner as the only one of ours there."""

from collections.abc import Callable, Sequence
from xml.etree.ElementTree import Element

from msgspec.structs import replace

from adapters.common.pipeline import Pipeline
from adapters.xmpp.accounts.services import Services, caps
from adapters.xmpp.config import XmppConfig
from adapters.xmpp.rooms.house import House
from adapters.xmpp.rooms.rooms import Rooms
from adapters.xmpp.wire.client import Client
from adapters.xmpp.wire.uploads import Uploads, has_files
from bridge.contract.adapter import Inlet
from bridge.contract.delivery import Delivery
from bridge.contract.errors import Unavailable
from bridge.contract.features import Feature, Features, Level, VoiceKind
from bridge.contract.logins import Login
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import HUB, IdentityId, NetworkName
from bridge.model.people import Identity, Profile

MARK = "mark"
"""The secret of a login that what it says in rooms is known again by."""


class Owner:
    """`rooms.voices.Voices` of an account. `me` is what the server last bound; `nicks` and `passwords` are by room."""

    def __init__(self, network: NetworkName, login: Login, jid: str, config: XmppConfig) -> None:
        self._jid, self._config = jid, config
        self._user = IdentityId(HUB, login.user)
        self._name = jid.partition("@")[0]
        self.me = jid
        self.person: Identity | None = Identity(id=IdentityId(network, jid), profile=Profile(name=self._name))
        self.nicks: dict[str, str] = {}
        self.passwords: dict[str, str] = {}

    def listener(self, room: str) -> str:
        return self.nicks.get(room) or self._name

    def nick(self, room: str, name: str) -> str:
        return self.listener(room)

    def password(self, room: str) -> str | None:
        return self.passwords.get(room) or self._config.room_keys.get(room)

    def jid_of(self, who: IdentityId) -> str:
        return self.me

    def is_ours(self, who: IdentityId) -> bool:
        return who == self._user or (self.person is not None and who == self.person.id)

    def author(self, jid: str) -> IdentityId | None:
        return self._user if jid == self._jid else None

    def caps(self) -> Element:
        return caps()


class Shelf:
    """`rooms.saying.Shelves` of an account: its own server's upload service."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads
        self._client: Client | None = None
        self._services = Services()

    def learned(self, client: Client, services: Services) -> None:
        """A new connection, and what its server offers."""
        self._client, self._services = client, services

    def shown(self, features: Features) -> Features:
        """The owner alone speaks, and needs no name with it."""
        limits, levels = features.limits, features.levels
        if self._services.upload is not None:
            limits = replace(limits, attachment=self._services.upload_limit)
            levels = {**levels, Feature.ATTACHMENT: Level.NATIVE}
        return replace(features, limits=limits, levels=levels, voice=VoiceKind.NAME)

    async def placed(self, delivery: Delivery, sender: str) -> Delivery:
        if not has_files(delivery):
            return delivery
        if self._client is None or not self._client.up:
            raise Unavailable("the connection was lost")
        return await self._uploads.placed(self._client, self._services.upload, self._services.upload_limit, delivery)


class Joined:
    """Of one account, over all its sessions: `rooms` are others with each, since the server knows of none that we were in before.

    `settle` and `reading` are as for `accounts.intake.Intake`.
    """

    def __init__(
        self,
        network: NetworkName,
        login: Login,
        jid: str,
        config: XmppConfig,
        inlet: Inlet,
        tools: Toolbox,
        *,
        uploads: Uploads,
        settle: Callable[[Sequence[int]], None],
        reading: Callable[[bool], None],
    ) -> None:
        self.can = MARK in login.secrets
        """A login made before accounts had rooms has nothing to be known again by in them."""
        self.owner = Owner(network, login, jid, config)
        self._settle, self._shelf = settle, Shelf(uploads)
        self._house = House(network, config, inlet, tools, self.owner, key=login.secrets.get(MARK, ""))
        self._pipeline = Pipeline(
            inlet, tools, name="xmpp_account_rooms", pause=lambda: reading(False), resume=lambda: reading(True)
        )
        self.rooms = Rooms(self._house, self._shelf)
        self.held = self._pipeline.held

    async def run(self) -> None:
        """What was said goes to the ledger, until cancelled; then the rest of it, if the ledger takes it soon."""
        try:
            await self._pipeline.run()
        finally:
            await self._pipeline.rescue()

    def begin(self, client: Client, jid: str, services: Services) -> None:
        """A new session; `jid` is what the server bound."""
        self.end("the account's session is another")
        self.owner.me = jid
        self.rooms = Rooms(self._house, self._shelf)
        self.resume(client, services)

    def resume(self, client: Client, services: Services) -> None:
        """The same session over another connection: we are where we were."""
        self._shelf.learned(client, services)
        self._house.attach(client, self._pipeline)

    def end(self, reason: str) -> None:
        """The session is over. Idempotent."""
        self.rooms.detach(reason)

    def message(self, element: Element, ticket: int) -> bool:
        """Whether it was for a room; then it is settled when the ledger has it."""
        mine = self.rooms.message(element)
        if mine:
            self._pipeline.put((), lambda: self._settle((ticket,)))
        return mine

    def presence(self, element: Element) -> bool:
        return self.rooms.presence(element)
