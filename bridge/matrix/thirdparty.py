"""Third-party lookups (AS API, "Third-party networks"): clients search our networks by protocol, channel and nick.

A protocol is an adapter's name, an instance one configured network. A homeserver takes `{}` for an error, so every
answer names its fields, though there be no instance.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from bridge.model.ids import ChannelId, NetworkName
from bridge.routing.names import alias_of, parse_alias, parse_puppet, puppet_id

_MOST_CHARACTERS = 512


class SearchNetwork(Struct, frozen=True, kw_only=True):
    """One network as clients are to see it. `title` is for people; `fold_channel` spells a channel as its id does."""

    name: NetworkName
    protocol: str
    title: str
    fold_channel: Callable[[str], str] = str
    icon: str = ""
    """An mxc URI, where there is one."""


class ThirdParty:
    """The `Lookups` of the server: pure, from names alone; whether somebody is there shows on joining or writing."""

    def __init__(self, domain: str, networks: Sequence[SearchNetwork]) -> None:
        self._domain = domain
        self._networks = {network.name: network for network in networks}

    def protocol(self, name: str) -> Mapping[str, Any] | None:
        mine = self._of(name)
        if not mine:
            return None
        anything = {"regexp": r"\S.*", "placeholder": ""}
        return {
            "user_fields": ["network", "user"],
            "location_fields": ["network", "channel"],
            "icon": next((network.icon for network in mine if network.icon), ""),
            "field_types": {
                "network": {"regexp": "[a-z0-9-]+", "placeholder": mine[0].name},
                "user": anything | {"placeholder": "name"},
                "channel": anything | {"placeholder": "channel"},
            },
            "instances": [
                {"desc": network.title, "network_id": network.name, "fields": {"network": network.name}}
                | ({"icon": network.icon} if network.icon else {})
                for network in mine
            ],
        }

    def users(self, protocol: str, fields: Mapping[str, str]) -> Sequence[Mapping[str, Any]] | None:
        """Of every network of that protocol, or the one named."""
        wanted = fields.get("user", "")
        if not self._of(protocol):
            return None
        found = (self._user(network, wanted) for network in self._of(protocol, fields.get("network")) if _sane(wanted))
        return [user for user in found if user is not None]

    def locations(self, protocol: str, fields: Mapping[str, str]) -> Sequence[Mapping[str, Any]] | None:
        wanted = fields.get("channel", "")
        if not self._of(protocol):
            return None
        found = (self._location(network, wanted) for network in self._of(protocol, fields.get("network")) if _sane(wanted))
        return [location for location in found if location is not None]

    def who_is(self, user: str) -> Sequence[Mapping[str, Any]]:
        """Whom a puppet stands for."""
        identity = parse_puppet(user, self._domain)
        network = self._networks.get(identity.network) if identity is not None else None
        if identity is None or network is None:
            return []
        return [_user(network, user, identity.id)]

    def where_is(self, alias: str) -> Sequence[Mapping[str, Any]]:
        """What channel an alias of ours stands for."""
        channel = parse_alias(alias, self._domain)
        network = self._networks.get(channel.network) if channel is not None else None
        if channel is None or network is None:
            return []
        return [_location(network, alias, channel.id)]

    def _of(self, protocol: str, name: str | None = None) -> list[SearchNetwork]:
        return [
            network for network in self._networks.values() if network.protocol == protocol and name in (None, "", network.name)
        ]

    def _user(self, network: SearchNetwork, wanted: str) -> Mapping[str, Any] | None:
        try:
            return _user(network, puppet_id(network.name, wanted, self._domain), wanted)
        except ValueError:  # the domain leaves no room for any name
            return None

    def _location(self, network: SearchNetwork, wanted: str) -> Mapping[str, Any] | None:
        try:
            channel = ChannelId(network.name, network.fold_channel(wanted))
            return _location(network, alias_of(channel, self._domain), channel.id)
        except ValueError:  # no name of a channel there, or no room for any
            return None


def _sane(wanted: str) -> bool:
    return 0 < len(wanted) <= _MOST_CHARACTERS and wanted.isprintable()


def _user(network: SearchNetwork, user: str, name: str) -> Mapping[str, Any]:
    return {"userid": user, "protocol": network.protocol, "fields": {"network": network.name, "user": name}}


def _location(network: SearchNetwork, alias: str, channel: str) -> Mapping[str, Any]:
    return {"alias": alias, "protocol": network.protocol, "fields": {"network": network.name, "channel": channel}}
