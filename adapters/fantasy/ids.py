"""How the world's names become ids."""

from bridge.model.ids import ChannelId, EventKey, IdentityId, NetworkName


def fold_channel(name: str) -> str:
    """Channels are the same in upper and lower case."""
    return name.lower()


def channel_id(network: NetworkName, name: str) -> ChannelId:
    return ChannelId(network, fold_channel(name))


def identity_id(network: NetworkName, account: str) -> IdentityId:
    """Accounts are told apart exactly as they are spelt."""
    return IdentityId(network, account)


def event_key(network: NetworkName, line: str) -> EventKey:
    """The world numbers its lines over all channels and for ever."""
    return EventKey(network, line)
