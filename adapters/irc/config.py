"""The settings of one IRC network, as they stand under `[networks.NAME]`."""

from typing import Literal

from msgspec import Struct, field

from adapters.common.hosts import endpoint

SaslWish = Literal["auto", "plain", "external", "scram-sha-256", "off"]

_SECRETS = frozenset({"password", "sasl_password", "nickserv_password", "channel_keys"})


class Rate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Flood control: `burst` lines at once, then one each `seconds`. The default keeps within what public networks bear."""

    burst: int = 5
    seconds: float = 2.0

    def __post_init__(self) -> None:
        if self.burst < 1 or not 0 < self.seconds <= 3600:
            raise ValueError('rate needs burst >= 1 and 0 < seconds <= 3600; `rate = "off"` turns it off')


class IrcConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Secrets arrive as plain text here (from the environment or a `…_file` beside the configuration) and are never shown."""

    server: str
    """`host`, `host:port` or `[v6]:port`. Without a port: 6697 with TLS, 6667 without."""
    tls: bool = True
    tls_verify: bool = True
    """False accepts any certificate: the link is then open to whoever stands between. Said once in the log at each start."""
    tls_ca: str | None = None
    """A file of certificates to trust instead of the system's."""
    tls_certificate: str | None = None
    """Our own certificate (PEM), for SASL EXTERNAL and CertFP."""
    tls_key: str | None = None
    """Its key, where the certificate's file doesn't hold it."""
    bind: str | None = None
    """The local address to connect from."""

    nick: str = "unabridged"
    username: str = "unabridged"
    realname: str = "Unabridged, a bridge to Matrix"
    password: str | None = None
    """The server's own password (PASS)."""
    sasl: SaslWish = "auto"
    """"auto": EXTERNAL with a certificate and no password, else SCRAM-SHA-256 where the server has it, else PLAIN."""
    sasl_user: str | None = None
    """The account; the nick where not given."""
    sasl_password: str | None = None
    sasl_required: bool = True
    """With SASL configured: never go on without being logged in."""
    nickserv_password: str | None = None
    """For networks without SASL: identifies with NickServ, and regains the nick through it."""

    rate: Literal["off"] | Rate = field(default_factory=Rate)
    """"off" for one's own server."""
    encoding: str = "cp1252"
    """How to read lines that are not UTF-8."""
    channel_keys: dict[str, str] = field(default_factory=dict)
    """Channel → key, in one line: `{ "#den" = "its key" }`."""
    identify_by: Literal["account", "nick"] = "account"
    """What a puppet belongs to: the services account where the server tells it, or the nick alone."""
    relaymsg: bool = True
    """Speak with Matrix people's names where the server offers draft/relaymsg and lets us."""
    show_joins: bool = True
    """Joins, parts and quits become membership on the other side."""
    to_ranks: bool = False
    """Pass on what is said to a channel's operators only (`@#channel`), with that mark: for rooms that only they can read."""
    ping_seconds: float = 60.0
    """Silence after which we ask whether the server is there; twice that without an answer is a dead link."""
    reconnect_cap: float = 900.0
    """Seconds between two tries to connect, at most."""

    def __post_init__(self) -> None:
        address(self.server, self.tls)
        try:
            "".encode(self.encoding)
        except LookupError:
            raise ValueError(f"there is no encoding {self.encoding!r}") from None
        if not self.nick or any(char in self.nick for char in " :,!@*?\r\n\0#&"):
            raise ValueError(f"nick cannot be {self.nick!r}")
        if not self.username or any(char in self.username for char in " :@\r\n\0"):
            raise ValueError(f"username cannot be {self.username!r}")
        for name, text in (
            ("password", self.password),
            ("realname", self.realname),
            ("nickserv_password", self.nickserv_password),
        ):
            if text is not None and any(char in text for char in "\r\n\0"):
                raise ValueError(f"{name} cannot hold a line break")
        for channel, key in self.channel_keys.items():
            if any(char in channel + key for char in " ,\r\n\0"):
                raise ValueError(f"no channel or no key: {channel}")

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in _SECRETS)
        return f"IrcConfig({', '.join(shown)})"


def address(server: str, tls: bool) -> tuple[str, int]:
    """(host, port). Raises `ValueError` with plain words."""
    return endpoint(server, 6697 if tls else 6667)
