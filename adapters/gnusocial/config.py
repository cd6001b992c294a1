"""The settings of one network of accounts, as they stand under `[networks.NAME]`."""

from ipaddress import ip_address

from msgspec import Struct, field

from adapters.gnusocial.ids import fold_host, host_of

FAVOURITES = ("⭐", "🌟", "👍", "❤", "♥")
REPEATS = ("🔁", "♻", "🔄")


class GnuSocialConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Accounts are added with the word `login`; their passwords are not here."""

    server: str | None = None
    """The server (host, or address with http(s)://) of accounts given as a bare name. Accounts on other servers may join in."""
    interval: float = 60.0
    """Seconds between two looks at a timeline."""
    source: str = "Unabridged"
    """The program's name that the server shows with what is posted."""
    activities: bool = False
    """Show who follows whom and who joins which group."""
    favourites: tuple[str, ...] = FAVOURITES
    """The reactions that are a favourite."""
    repeats: tuple[str, ...] = REPEATS
    """The reactions that are a repeat."""
    unencrypted: tuple[str, ...] = ()
    """Hosts that may be spoken to over plain http, which shows passwords to whoever stands between: one's own network only."""
    consumer_keys: dict[str, str] = field(default_factory=dict)
    """OAuth 1.0a: host → "key secret" of an application registered there. Without: user and password."""

    def __post_init__(self) -> None:
        if not 5 <= self.interval <= 86_400:
            raise ValueError("interval is a number of seconds from 5 to 86400")
        if self.server is not None and not self.server_host:
            raise ValueError("server should be a host name or an http(s) address")
        if not self.source.strip() or len(self.source) > 32 or not self.source.isprintable():
            raise ValueError("source is a short name of at most 32 characters")
        if any(len(keys.split()) != 2 for keys in self.consumer_keys.values()):
            raise ValueError('consumer_keys has "key secret" for each host')

    @property
    def server_host(self) -> str:
        """Empty where there is no default server."""
        server = self.server or ""
        return host_of(server) if "//" in server else fold_host(server)

    def may_be_plain(self, host: str) -> bool:
        """Whether plain http may be used: the operator said so, or it is this machine itself (if that is allowed at all)."""
        if (self.server or "").startswith("http://") and host == self.server_host:
            return True
        return any(fold_host(one) == host for one in self.unencrypted) or _is_loopback(host)

    def consumer(self, host: str) -> tuple[str, str] | None:
        """Key and secret of the application registered on a host."""
        for name, keys in self.consumer_keys.items():
            if fold_host(name) == host:
                key, secret = keys.split()
                return key, secret
        return None

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name != "consumer_keys")
        return f"GnuSocialConfig({', '.join(shown)})"


def _is_loopback(host: str) -> bool:
    bare = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if bare == "localhost":
        return True
    try:
        return ip_address(bare.strip("[]")).is_loopback
    except ValueError:
        return False
