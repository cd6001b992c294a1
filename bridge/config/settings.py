"""The settings, typed. Their names are those of `bridge.toml`; the field's default is the setting's default."""

from typing import Any, Literal

from msgspec import Struct, field

from bridge.model.ids import ChannelId, NetworkName
from bridge.model.permissions import Permission
from bridge.model.portals import Direction, PortalKind, TimelineOptions


class BridgeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bridge itself. Paths that are not absolute begin at the folder of the configuration file."""

    listen: str = "127.0.0.1:29320"
    """Where the homeserver pushes to us: host:port. `/health`, `/ready` and `/metrics` are here too."""
    public_url: str = "http://127.0.0.1:29320"
    """The address under which the homeserver reaches `listen`; it is written into the registration."""
    database: str = "sqlite:///unabridged.db"
    """`sqlite:///PATH` or `postgresql://USER@HOST/NAME`. A password in it must come from the environment."""
    registration: str = "registration.yaml"
    """The registration file that the homeserver was given. The tokens live there, never in this file."""
    key_file: str = "bridge.key"
    """Encrypts stored credentials; made at the first run with mode 0600. Back it up with the database."""
    public_listen: str | None = None
    """host:port for what strangers may call: networks' callbacks, media links, feeds. Off unless set."""
    public_address: str | None = None
    """The address under which strangers reach `public_listen`, for links in messages."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is worth a line."""
    log_format: Literal["auto", "human", "json"] = "auto"
    """`auto`: lines for people on a terminal, one JSON object a line otherwise."""
    command_prefix: str = "!"
    """What begins a word to the bot in a room."""
    retention_days: float = 30
    """Done events and deliveries are pruned after this many days."""
    copies_days: float = 365
    """The map of copies is kept this many days: edits and replies find their target for so long."""
    delivery_hours: float = 48
    """A delivery older than this many hours goes to the dead letters with a notice to its author."""
    media_cap: int = 50 * 1024 * 1024
    """Bytes of one attachment."""
    media_link_days: float = 30
    """Public links to media expire after this many days."""
    rel_me: bool = True
    """People are known to be one where their own pages link to each other by rel=me; asked for slowly, and once a week."""
    allow_addresses: tuple[str, ...] = ()
    """Networks (CIDR) that outgoing requests may reach although private."""


class HomeserverSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Matrix homeserver that the bridge is an application service of."""

    url: str = "http://127.0.0.1:8008"
    """Its client-server API, as the bridge reaches it."""
    domain: str = "localhost"
    """Its server name: what stands after the colon in Matrix IDs."""


class VoiceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Templates with `{name}`, `{network}`; how foreign authors are written on a network, or its people on Matrix."""

    puppet: str = "{name} ({network})"
    """Display name of this network's people on Matrix."""
    name: str = "{name}"
    """Where a message can carry a name without a presence."""
    prefix: str = "<{name}> "
    """Written before the text where a message can't carry a name."""
    emote: str = "* {name} "
    """The same before an emote (`/me`)."""
    foreign: str = "{name} [{network}]"
    """What `{name}` becomes in the two above for authors of other networks than Matrix."""


class NetworkSettings(Struct, frozen=True, kw_only=True):
    """One `[networks.NAME]`: what the core reads, and the adapter's own settings, already typed by its manifest."""

    name: NetworkName
    adapter: str
    config: Any
    voice: VoiceSettings = VoiceSettings()


class LinkSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One link of a portal: `"network/channel"`, or a table with these keys."""

    channel: ChannelId
    """`network/channel`, in the network's own spelling."""
    direction: Direction | None = None
    """Seen from the room. Unset: `both`, in a timeline `in`."""
    relay: bool | None = None
    """Whether what comes in here goes on to the room's other links. Unset: yes, in a timeline no."""


class PortalSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[portals]]`: a Matrix room and the channels linked to it."""

    room: str
    """An alias (made if missing) or a room id."""
    links: tuple[LinkSettings, ...] = ()
    """The channels it joins."""
    kind: PortalKind = PortalKind.CHAT
    """`timeline` for posts: its links are inward and feed no other link unless told to."""
    order: Literal["network", "room"] = "network"
    """`room`: its other links wait for the room's receipt, so that all see the room's order."""
    members: Literal["lazy", "full"] = "lazy"
    """`lazy`: a puppet joins when it speaks. `full`: all join at once, up to `members_cap`."""
    members_cap: int = 200
    """With `members = "full"`: at most this many puppets join unasked."""
    post_to: tuple[str, ...] = ()
    """Logins (`network@name`) that post what is written in a timeline room."""
    timeline: TimelineOptions = TimelineOptions()
    """How a timeline room behaves: `timeline = { boost_hours = 24 }`."""
    name: str | None = None
    """The room's name when it is made; the first channel's otherwise."""
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
