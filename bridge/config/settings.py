"""The settings, typed. Their names are those of `bridge.toml`; the field's default is the setting's default."""

from typing import Any

from msgspec import Struct, field

from bridge.model.ids import ChannelId, NetworkName
from bridge.model.permissions import Permission
from bridge.model.portals import Direction, PortalKind


class BridgeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    listen: str = "127.0.0.1:29320"
    public_url: str = "http://127.0.0.1:29320"
    database: str = "sqlite:///unabridged.db"
    registration: str = "registration.yaml"
    key_file: str = "bridge.key"
    public_listen: str | None = None
    public_address: str | None = None
    log_level: str = "info"
    command_prefix: str = "!"
    retention_days: float = 30
    """Done events and deliveries are pruned after this many days."""
    copies_days: float = 365
    """The map of copies is kept this long."""
    delivery_hours: float = 48
    """A delivery older than this goes to the dead letters with a notice to its author."""
    media_cap: int = 50 * 1024 * 1024
    """Bytes of one attachment."""
    media_link_days: float = 30
    allow_addresses: tuple[str, ...] = ()
    """Networks (CIDR) that outgoing requests may reach although private."""


class HomeserverSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: str = "http://127.0.0.1:8008"
    domain: str = "localhost"


class VoiceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Templates with `{name}`, `{network}`; how foreign authors are written on a network, or its people on Matrix."""

    puppet: str = "{name} ({network})"
    """Display name of this network's people on Matrix."""
    name: str = "{name}"
    """Where a message can carry a name without a presence."""
    prefix: str = "<{name}> "
    emote: str = "* {name} "
    foreign: str = "{name} [{network}]"
    """What `{name}` becomes in the two above for authors of other networks than Matrix."""


class NetworkSettings(Struct, frozen=True, kw_only=True):
    """One `[networks.NAME]`: what the core reads, and the adapter's own settings, already typed by its manifest."""

    name: NetworkName
    adapter: str
    config: Any
    voice: VoiceSettings = VoiceSettings()


class LinkSettings(Struct, frozen=True, kw_only=True):
    channel: ChannelId
    direction: Direction | None = None
    relay: bool | None = None


class PortalSettings(Struct, frozen=True, kw_only=True):
    room: str
    """An alias or a room id."""
    links: tuple[LinkSettings, ...] = ()
    kind: PortalKind = PortalKind.CHAT
    order: str = "network"
    members: str = "lazy"
    members_cap: int = 200
    """With `members = "full"`: at most this many puppets join unasked."""
    post_to: tuple[str, ...] = ()
    name: str | None = None
    invite: tuple[str, ...] = ()
    """Matrix users invited when the room is made."""


class Tokens(Struct, frozen=True, kw_only=True):
    """From the registration file or the environment; `repr` shows neither."""

    appservice: str
    homeserver: str
    appservice_id: str = "unabridged"
    bot: str = "unabridged"
    """Localpart of the bot."""
    double_puppet: str | None = None

    def __repr__(self) -> str:
        return f"Tokens(appservice_id={self.appservice_id!r}, bot={self.bot!r})"


class Settings(Struct, frozen=True, kw_only=True):
    bridge: BridgeSettings = BridgeSettings()
    homeserver: HomeserverSettings = HomeserverSettings()
    permissions: dict[str, Permission] = field(default_factory=dict)
    networks: dict[NetworkName, NetworkSettings] = field(default_factory=dict)
    portals: tuple[PortalSettings, ...] = ()
