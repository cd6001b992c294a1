"""How adapters reach the rooms: `bridge.contract.places.Linking` over the switchboard."""

from collections.abc import Sequence

from bridge.app.switchboard import Switchboard
from bridge.contract.errors import Unavailable
from bridge.contract.words import Asker
from bridge.model.ids import ChannelId, NetworkName
from bridge.model.people import Identity


class NetworkLinking:
    def __init__(self, network: NetworkName, switchboard: Switchboard) -> None:
        self._network = network
        self._switchboard = switchboard

    def linked(self) -> Sequence[ChannelId]:
        return [*dict.fromkeys(link.channel for link in self._switchboard.links if link.channel.network == self._network)]

    async def follow(self, asker: Asker, channels: Sequence[ChannelId]) -> str:
        raise Unavailable("following by command is being built")

    async def direct(self, channel: ChannelId, *, login: str, peer: Identity) -> None:
        raise Unavailable("direct rooms are being built")
