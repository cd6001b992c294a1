"""The configured networks: an adapter and its supervisor for each."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping, Sequence

from bridge.app.logins import AllLogins, NetworkLogins, Troubled
from bridge.app.switchboard import Switchboard
from bridge.config.adapters_found import FoundAdapters
from bridge.config.settings import NetworkSettings, Settings
from bridge.contract.adapter import Adapter, Commands, Inlet, Phase
from bridge.contract.features import Features, Manifest
from bridge.contract.logins import Login, LogsIn
from bridge.contract.places import Linking, Searches
from bridge.contract.toolbox import Clock, HttpClient, MediaStore, Metrics, Toolbox
from bridge.contract.words import Word
from bridge.delivery.courier import Courier
from bridge.delivery.intake import Intake
from bridge.delivery.supervise import Supervisor
from bridge.matrix.thirdparty import SearchNetwork
from bridge.model.ids import ChannelId, IdentityId, NetworkName
from bridge.model.signals import Signal
from bridge.routing.plan import Place


class Networks:
    """`supervisors` and `manifests` by network name; filled by `build`."""

    def __init__(self, settings: Settings, found: FoundAdapters, switchboard: Switchboard) -> None:
        self._settings = settings
        self._switchboard = switchboard
        self._found = found
        self._changed = asyncio.Event()
        self.supervisors: dict[NetworkName, Supervisor] = {}
        self.manifests: Mapping[NetworkName, Manifest] = {
            name: found[network.adapter] for name, network in settings.networks.items()
        }

    def build(
        self,
        *,
        intake: Intake,
        courier: Courier,
        signal: Callable[[Signal], None],
        clock: Clock,
        http: HttpClient,
        media: MediaStore,
        metrics: Metrics,
        logins: AllLogins,
        linking: Callable[[NetworkName], Linking],
        troubled: Troubled,
    ) -> None:
        """`linking`: what a network may ask of the rooms; `troubled` is told what accounts say of our logins."""
        address = self._settings.bridge.public_address if self._settings.bridge.public_listen else None
        for name, network in self._settings.networks.items():
            source = random.Random()
            log = logging.getLogger(f"unabridged.network.{name}")
            tools = Toolbox(
                clock=clock,
                random=source,
                http=http,
                media=media,
                metrics=metrics,
                log=log,
                logins=NetworkLogins(name, logins, troubled),
                linking=linking(name),
                public_address=None if address is None else f"{address.rstrip('/')}/net/{name}",
            )
            self.supervisors[name] = Supervisor(
                name,
                self._builder(network, tools),
                self._channels(name),
                intake=intake,
                courier=courier,
                signal=signal,
                clock=clock,
                source=source,
                metrics=metrics,
                log=log,
            )
        self._switchboard.tell(self._changed.set)

    def _builder(self, network: NetworkSettings, tools: Toolbox) -> Callable[[Inlet], Adapter]:
        adapter = self._found.adapter(network.adapter)
        return lambda inlet: adapter(network.name, network.config, inlet, tools)

    def _channels(self, network: NetworkName) -> Iterable[ChannelId]:
        return dict.fromkeys(link.channel for link in self._switchboard.links if link.channel.network == network)

    async def follow(self) -> None:
        """Until cancelled: opens the channels of links that came, closes those of links that went."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            for name, supervisor in self.supervisors.items():
                wanted = set(self._channels(name))
                for channel in wanted - supervisor.channels.keys():
                    supervisor.attach(channel)
                for channel in supervisor.channels.keys() - wanted:
                    await supervisor.detach(channel)

    def place(self, network: NetworkName) -> Place | None:
        """What a plan needs to know of a network; None where it is not configured any more."""
        supervisor = self.supervisors.get(network)
        if supervisor is None:
            return None
        features: Callable[[ChannelId], Features] = supervisor.adapter.features
        settings = self._settings.networks[network]
        return Place(features=features, split=self.manifests[network].split, voice=settings.voice)

    def protocol(self, network: NetworkName) -> tuple[str, str]:
        """Its protocol's name, and its title for people."""
        manifest = self.manifests.get(network)
        return (manifest.protocol, manifest.title) if manifest is not None else (network, network)

    def outlet(self, network: NetworkName) -> Adapter | None:
        supervisor = self.supervisors.get(network)
        return supervisor.adapter if supervisor is not None else None

    def watching(self) -> list[NetworkName]:
        """Which are told whether people of the hub are there."""
        return [name for name in self.supervisors if self.manifests[name].watches]

    def words(self) -> dict[NetworkName, Sequence[Word]]:
        """What the adapters add to the bot's words."""
        adapters = {name: supervisor.adapter for name, supervisor in self.supervisors.items()}
        return {name: adapter.words() for name, adapter in adapters.items() if isinstance(adapter, Commands)}

    def searched(self) -> list[SearchNetwork]:
        """What clients may look through by third-party lookups."""
        return [
            SearchNetwork(name=name, protocol=manifest.protocol, title=name, fold_channel=manifest.fold_channel)
            for name, manifest in self.manifests.items()
        ]

    def searchers(self) -> list[tuple[NetworkName, Searches]]:
        """Who can look for something to follow, in the order of the configuration."""
        adapters = [(name, supervisor.adapter) for name, supervisor in self.supervisors.items()]
        return [(name, adapter) for name, adapter in adapters if isinstance(adapter, Searches)]

    def with_logins(self) -> dict[NetworkName, LogsIn]:
        """Where one can log in."""
        adapters = {name: supervisor.adapter for name, supervisor in self.supervisors.items()}
        return {name: adapter for name, adapter in adapters.items() if isinstance(adapter, LogsIn)}

    async def login_changed(self, login: Login) -> None:
        """It came or went: its network is told, and what is seen through it is opened anew."""
        adapter = self.with_logins().get(login.network)
        if adapter is None:
            return
        await adapter.changed()
        supervisor = self.supervisors[login.network]
        if supervisor.state.phase in (Phase.TRANSIENT, Phase.FAILED):
            supervisor.retry()  # what keeps the network from running may be no matter for this login
        for channel in supervisor.channels:
            if self.login_of(channel) == login.name:
                supervisor.look_again(channel)

    def login_of(self, channel: ChannelId) -> str | None:
        """Whose login a channel is seen through, by the login's name; None: anybody's."""
        manifest = self.manifests.get(channel.network)
        return None if manifest is None else manifest.login_of(channel.id)

    def owner_of(self, channel: ChannelId) -> str | None:
        """The Matrix user whose own a channel without a login is."""
        manifest = self.manifests.get(channel.network)
        return None if manifest is None else manifest.owner_of(channel.id)

    def is_personal(self, channel: ChannelId) -> bool:
        """Whether one person alone hears and writes through a channel."""
        return self.login_of(channel) is not None or self.owner_of(channel) is not None

    def direct_for(self, peer: IdentityId, user: str) -> ChannelId | None:
        """The direct chat of a Matrix user with somebody over there, without a login. None: there is none."""
        manifest = self.manifests.get(peer.network)
        if manifest is None or manifest.direct_for is None:
            return None
        channel = manifest.direct_for(self._settings.networks[peer.network].config, peer.id, user)
        return None if channel is None else ChannelId(peer.network, channel)

    def waiting(self) -> list[str]:
        """Networks that have neither connected nor failed; of those connected, the links that have neither opened nor failed."""
        found: list[str] = []
        for name, supervisor in self.supervisors.items():
            if not supervisor.ready.is_set():
                found.append(name)
            elif supervisor.state.phase is Phase.CONNECTED:
                found += [str(channel) for channel in self._channels(name) if supervisor.channels.get(channel) is None]
        return found

    def may_open(self, channel: ChannelId) -> bool:
        """Whether anybody may ask for the channel by joining its alias: of a configured network, and nobody's own."""
        manifest = self.manifests.get(channel.network)
        if manifest is None or self.is_personal(channel):
            return False
        try:
            return manifest.fold_channel(channel.id) == channel.id
        except ValueError:
            return False
