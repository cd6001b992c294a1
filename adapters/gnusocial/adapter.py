"""The GNU social adapter: every signed-in account of one network, each read and written through its own desk."""

from collections.abc import AsyncGenerator, Sequence
from typing import ClassVar

from msgspec.structs import replace

from adapters.gnusocial.commands import Words
from adapters.gnusocial.config import GnuSocialConfig
from adapters.gnusocial.ids import Kind, Place, person_of, place_of
from adapters.gnusocial.login import Dialogue
from adapters.gnusocial.manifest import MANIFEST, features_of
from adapters.gnusocial.outbound import Marks, Outgoing, Repeat, State, outgoing
from adapters.gnusocial.reading.reader import Reader
from adapters.gnusocial.wire.account import SAFE, remembered
from adapters.gnusocial.wire.client import Refused, Revoked
from adapters.gnusocial.wire.crew import Crew
from adapters.gnusocial.wire.desk import Desk
from bridge.contract.adapter import ChannelInfo, Demonstration, Inlet, NetworkState, Phase
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import DeliveryError, Rejected, Unavailable
from bridge.contract.features import Features, Manifest
from bridge.contract.logins import LoggedIn, Question
from bridge.contract.toolbox import Toolbox
from bridge.contract.words import Word
from bridge.model.ids import HUB, ChannelId, IdentityId, NetworkName
from bridge.model.people import Profile

DELETED, TOO_LONG = 410, 413


class GnuSocial:
    """`bridge.contract.adapter.Adapter`; also Reconciles, LogsIn, Describes, Commands, Demonstrates."""

    manifest: ClassVar[Manifest] = MANIFEST

    def __init__(self, network: NetworkName, config: GnuSocialConfig, inlet: Inlet, tools: Toolbox) -> None:
        self._network, self._config, self._inlet, self._tools = network, config, inlet, tools
        self._crew = Crew(network, config, tools, lambda desk: Reader(network, desk.account, inlet, tools, config))
        self._words = Words(network, self._crew.desk, tools)

    # life

    async def run(self) -> None:
        """Until every account's server is away: with others in reach, those of one server only wait for theirs."""
        self._report(Phase.CONNECTING)
        lost = await self._crew.work(lambda: self._report(Phase.CONNECTED))
        raise lost

    def _report(self, phase: Phase) -> None:
        self._inlet.report(NetworkState(network=self._network, phase=phase))

    async def changed(self) -> None:
        self._crew.muster()

    def steps(self, name: str) -> AsyncGenerator[Question | LoggedIn, str]:
        return Dialogue(self._network, name, self._config, self._tools).steps()

    # channels

    async def open(self, *channels: ChannelId) -> list[ChannelInfo]:
        """Waits for the first look at each, so that what the server doesn't have or won't show is told."""
        found = [self._open(channel) for channel in channels]
        await self._crew.looked(*(info.channel for info in found if info.error is None))
        return [replace(info, error=info.error or self._crew.trouble(info.channel)) for info in found]

    def _open(self, channel: ChannelId) -> ChannelInfo:
        try:
            place = place_of(channel.id)
        except ValueError as error:
            return ChannelInfo(channel=channel, error=str(error))
        self._crew.wish(channel, place.login)
        desk = self._crew.desk(place.login)
        if desk is None:
            return ChannelInfo(channel=channel, error=f"there is no login named {place.login}: say `login {self._network}`")
        return ChannelInfo(channel=channel, name=_title(place, desk), error=desk.trouble)

    async def close(self, *channels: ChannelId) -> None:
        for channel in channels:
            self._crew.forget(channel)

    # posts

    async def deliver(self, delivery: Delivery) -> Receipt:
        desk, out = self._asked(delivery)
        desk.need()
        try:
            await desk.account.learn()
            return await desk.writer.write(delivery, out)
        except Refused as error:
            if error.status == TOO_LONG:
                desk.account.forget_limits()
            elif error.status == DELETED and isinstance(out, Marks | Repeat):
                self._crew.gone(desk, out.number)
            raise
        except Revoked as error:
            self._crew.refuse(desk, error.reason)
            raise

    async def find(self, delivery: Delivery) -> Receipt | None:
        """Raises `Unavailable` where the server can't be asked now, so nothing is sent in doubt."""
        try:
            desk, out = self._asked(delivery, whole=False)
        except Rejected:
            return None  # there is no form for it, so it can't have been sent
        desk.need()
        return await desk.finder.find(delivery, out)

    def _check_owner(self, delivery: Delivery, name: str) -> None:
        """What is written stands under the account's name, so nobody else's words may, whoever is in the room.

        Raises `Rejected`.
        """
        login = self._tools.logins.get(name)
        if login is not None and delivery.author.id != IdentityId(HUB, login.user):
            raise Rejected(f"only its owner writes with the account {name}")

    def _asked(self, delivery: Delivery, *, whole: bool = True) -> tuple[Desk, Outgoing]:
        """Who is to do it, and what; `whole`: it must fit as it is.

        Raises `Rejected`, and `Unavailable` where nobody is at the desk yet.
        """
        try:
            place = place_of(delivery.channel.id)
        except ValueError as error:
            raise Rejected(str(error)) from None
        desk = self._crew.desk(place.login)
        if desk is None:
            if self._tools.logins.get(place.login) is None:
                raise Rejected(f"there is no login named {place.login} any more")
            raise Unavailable("the network is not connected")
        self._check_owner(delivery, place.login)
        state = State(
            host=desk.account.host,
            text=desk.account.allowed.text if whole else None,
            favourites=self._config.favourites,
            repeats=self._config.repeats,
        )
        return desk, outgoing(delivery, state)

    def features(self, channel: ChannelId) -> Features:
        try:
            place = place_of(channel.id)
        except ValueError:
            return MANIFEST.features
        desk, login = self._crew.desk(place.login), self._tools.logins.get(place.login)
        if desk is not None:
            return features_of(place, desk.account.allowed)
        return features_of(place, remembered(login.secrets) if login is not None else SAFE)

    # and all else

    async def profile(self, who: IdentityId) -> Profile:
        """Asked of an account on their own server, else of any that knows them; empty where nobody does."""
        _, host = person_of(who.id)
        desks = sorted(self._crew.desks(), key=lambda desk: person_of(desk.account.me.id)[1] != host)
        for desk in desks:
            try:
                known = await desk.people.shown(who) if desk.trouble is None else None
            except DeliveryError:
                continue
            if known is not None:
                return known.identity.profile
        return Profile()

    def words(self) -> Sequence[Word]:
        return self._words.all()

    @classmethod
    async def demonstrate(cls, host: str, port: int) -> Demonstration:
        from adapters.gnusocial.demo.stage import demonstrate

        return await demonstrate(host, port)


def _title(place: Place, desk: Desk) -> str:
    """What a channel is called where people see it."""
    me = desk.account.me.id
    match place.kind:
        case Kind.HOME:
            return f"Home of {me}"
        case Kind.MENTIONS:
            return f"Mentions of {me}"
        case Kind.GROUP:
            return f"!{place.what} on {desk.account.host}"
        case Kind.TAG:
            return f"#{place.what} on {desk.account.host}"
        case Kind.SEARCH:
            return f"“{place.what}” on {desk.account.host}"
        case _:
            return place.what
