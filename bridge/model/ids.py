"""Names of networks, channels, events and people: plain values, comparable and hashable."""

from typing import NewType

from msgspec import Struct

NetworkName = NewType("NetworkName", str)

HUB = NetworkName("matrix")
"""The network name of the hub itself: Matrix rooms are its channels, event ids its native ids."""


class ChannelId(Struct, frozen=True, order=True):
    """A place on a network: an IRC channel, a MUC, a feed, a direct chat; on the hub, a room id.

    `id` is the network's own spelling after its own folding, so that equal places are equal values.
    """

    network: NetworkName
    id: str

    def __str__(self) -> str:
        return f"{self.network}/{self.id}"

    @classmethod
    def parse(cls, text: str) -> "ChannelId":
        """Read `network/channel`; the channel may itself hold slashes.

        Raises `ValueError` where either half is missing.
        """
        network, slash, channel = text.partition("/")
        if not (network and slash and channel):
            raise ValueError(f"expected network/channel, got {text!r}")
        return cls(NetworkName(network), channel)


class EventKey(Struct, frozen=True, order=True):
    """(network, the network's own id): the same happening has the same key, always.

    `id` is unique within the network over all its channels and over restarts.
    """

    network: NetworkName
    id: str

    def __str__(self) -> str:
        return f"{self.network}/{self.id}"


class IdentityId(Struct, frozen=True, order=True):
    """Who somebody is on a network; on the hub, a Matrix user id."""

    network: NetworkName
    id: str

    def __str__(self) -> str:
        return f"{self.network}/{self.id}"
