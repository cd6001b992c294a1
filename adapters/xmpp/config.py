"""The settings of one XMPP network, as they stand under `[networks.NAME]`."""

from msgspec import Struct, field

from adapters.common.hosts import endpoint

_SECRETS = frozenset({"secret", "room_keys"})


class XmppConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Secrets arrive as plain text here (from the environment or a `…_file` beside the configuration) and are never shown.

    With `component` the network has rooms and a JID for each Matrix user; without it, people's own accounts only.
    """

    component: str | None = None
    """The host that is ours on the XMPP server, as in `matrix.example.org` (XEP-0114)."""
    server: str = "127.0.0.1"
    """Where the server listens for components: `host`, `host:port` or `[v6]:port`. Without a port: 5347."""
    secret: str | None = None
    """What the server's settings call the component's secret or password."""
    tls: bool = False
    """The component's port speaks TLS from the start (ejabberd can; Prosody can't, and is best on the same machine)."""
    tls_ca: str | None = None
    """A file of certificates to trust instead of the system's."""

    nick: str = "unabridged"
    """The bridge's own nick in rooms: it listens there, and says nothing."""
    nick_pattern: str = "{name}"
    """The nick of a Matrix user in rooms; `{name}` stands for their name."""
    room_keys: dict[str, str] = field(default_factory=dict)
    """Room → its password, in one line: `{ "den@muc.example.org" = "its password" }`."""
    show_joins: bool = True
    """Joins, leaves and changed nicks of a room become membership on the other side."""
    kicks_reach_matrix: bool = True
    """Whom a room kicks or bans is removed from the Matrix room, too, where the bot may; else that is only said there.

    Who moderates the Matrix room stays in it. Who was kicked speaks in the room again ten minutes later, or when they have
    come into the Matrix room anew."""
    show_moderators: bool = True
    """Who moderates a room is shown so on Matrix: power level 50, where the bot may give it. It opens them no door."""
    grant_moderators: bool = False
    """Who may kick, ban and delete in the Matrix room is a moderator over there while they are in, where the bridge's own nick is
    made an admin or owner of the room.

    Off unless you say so: whoever may link a room to that one then says who has a voice, and the topic, there."""
    idle_hours: float = 72.0
    """A Matrix user who said nothing for so long leaves the room there until they speak again; 0: never."""
    ping_seconds: float = 60.0
    """Silence after which we ask whether the server, or a room, is there; twice that without an answer is a dead link."""
    stanza_bytes: int = 200_000
    """The largest stanza we send. Servers end the whole connection at theirs (Prosody: 512 KiB, for clients 256 KiB)."""

    client_servers: dict[str, str] = field(default_factory=dict)
    """Where accounts of a host connect, in place of what the DNS says, in one line: `{ "example.org" = "127.0.0.1:5222" }`."""
    private_servers: bool = False
    """People may log in to servers at private addresses, too. Those in `client_servers` may be anywhere."""
    plain_passwords: bool = False
    """Log in to servers that can't do better than take the password itself (SASL PLAIN), over TLS."""
    upload_service: str | None = None
    """Where files for rooms, and from people of the component, are put (XEP-0363): the service, or a host that lists it.

    Where none is named, the host above the component's is asked."""
    follow_presence: bool = True
    """An account shows itself as its owner is on Matrix, with their status; who is offline there is shown as away for long."""
    history_days: float = 7.0
    """How far back the chats of a new login begin, where its server keeps an archive; 0: with what comes next."""

    def __post_init__(self) -> None:
        if self.component is not None:
            _check_component(self.component, self.secret)
        address(self.server)
        if not self.nick.strip() or len(self.nick) > 60 or not self.nick.isprintable():
            raise ValueError(f"nick cannot be {self.nick!r}")
        if "{name}" not in self.nick_pattern or not self.nick_pattern.isprintable() or len(self.nick_pattern) > 60:
            raise ValueError('nick_pattern needs {name} in it, as in "{name} [m]"')
        if not self.idle_hours >= 0:
            raise ValueError("idle_hours is 0 or more")
        if not self.ping_seconds >= 1:
            raise ValueError("ping_seconds is 1 or more")
        if not 0 <= self.history_days <= 3650:
            raise ValueError("history_days is between 0 and 3650")
        for host, at in self.client_servers.items():
            endpoint(at, 5222)
            if host != host.lower() or not host:
                raise ValueError(f"client_servers names hosts in lower case, not {host!r}")
        if self.stanza_bytes < 10_000:
            raise ValueError("stanza_bytes is 10000 or more: servers must take that much (RFC 6120 §13.12)")

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in _SECRETS)
        return f"XmppConfig({', '.join(shown)})"


def address(server: str) -> tuple[str, int]:
    """(host, port). Raises `ValueError` with plain words."""
    return endpoint(server, 5347)


def _check_component(host: str, secret: str | None) -> None:
    if not host or any(char in host for char in "@/ <>&'\"") or not host.isprintable() or host != host.lower():
        raise ValueError(f"component cannot be {host!r}: it is a host name in lower case")
    if not secret:
        raise ValueError("a component needs a secret: the one in the server's settings")
    if not secret.isprintable():
        raise ValueError("secret cannot hold control characters")
