"""One login's account on its server: who it is, how to speak for it, what its server allows, and what it has written itself."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from adapters.common.oauth1 import Keys
from adapters.gnusocial.ids import number
from adapters.gnusocial.wire.client import Basic, Client, Secret, Site
from adapters.gnusocial.wire.echoes import Echoes
from adapters.gnusocial.wire.statuses import identity_in
from bridge.contract.errors import DeliveryError, Rejected, Unavailable
from bridge.contract.logins import Login
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import NetworkName
from bridge.model.people import Identity

LIMITS_SECONDS = 24 * 3600.0
"""How often a server is asked what it allows."""


class Allowed(Struct, frozen=True):
    """A server's limits. None: no limit that is known."""

    text: int | None = None
    """Characters of a post, the addresses of its pictures included."""
    file: int | None = None
    """Bytes of one upload; 0: none are taken."""
    told: bool = False
    """The server said so; else nothing is known of it."""
    commands: bool = False
    """Posts that are commands are carried out ("follow bob@site")."""


_OTHERS = ("friendica", "hubzilla", "redmatrix", "BlaBlaNet")
"""Servers that have the API but not GNU social's command words say so in their settings."""
SAFE = Allowed(text=140)
"""Before a server was asked: what every one of them took at any time."""


class Account:
    """Raises `ValueError` where the login's secrets are not whole."""

    def __init__(self, network: NetworkName, login: Login, tools: Toolbox) -> None:
        if login.identity is None:
            raise ValueError("the login is not complete")
        secret, site = secret_of(login.secrets), Site(login.secrets.get("root", ""))
        if not site.host:
            raise ValueError("the login has no server")
        self.login = login
        self.me = login.identity
        """Whose account it is."""
        self.number = login.secrets.get("number", "")
        """What the server calls it."""
        self.client = Client(site, secret, tools)
        self.allowed = remembered(login.secrets)
        self.echoes = Echoes(tools.clock)
        self._tools = tools
        self._network = network
        self._asked: float | None = None

    @property
    def name(self) -> str:
        """The login's."""
        return self.login.name

    @property
    def host(self) -> str:
        """As it stands in aliases."""
        return self.client.site.host

    async def verify(self) -> Identity:
        """Whether the server takes the account, and who it is. Raises as `Client`."""
        return me_of(self._network, (await self.client.get("account/verify_credentials")).data, self.host)

    async def learn(self) -> None:
        """Asks for the limits, where that was not done today. Raises as `Client`."""
        now = self._tools.clock.monotonic()
        if self._asked is None or now - self._asked >= LIMITS_SECONDS:
            self.allowed = await allowed_by(self.client)
            self._asked = now

    def forget_limits(self) -> None:
        """They are not what they were: `learn` asks again."""
        self._asked = None


def secret_of(kept: Mapping[str, str]) -> Secret:
    """What a login keeps, as `kept_of` wrote it. Raises `ValueError` where it is not whole."""
    try:
        if "token" in kept:
            return Keys(kept["consumer"], kept["consumer_secret"], kept["token"], kept["token_secret"])
        return Basic(kept["user"], kept["password"])
    except KeyError as error:
        raise ValueError(f"the login lacks its {error.args[0]}") from None


def kept_of(site: Site, secret: Secret, me: str, allowed: Allowed) -> dict[str, str]:
    """What to keep of a login. `me`: the account's number on its server."""
    kept = {"root": site.root, "number": me}
    if allowed.told:
        kept["text"] = str(allowed.text or 0)
    if isinstance(secret, Basic):
        return kept | {"user": secret.user, "password": secret.password}
    return kept | {
        "consumer": secret.consumer,
        "consumer_secret": secret.consumer_secret,
        "token": secret.token or "",
        "token_secret": secret.token_secret or "",
    }


def remembered(kept: Mapping[str, str]) -> Allowed:
    """What a server allowed when somebody logged in: good until it is asked again."""
    return Allowed(text=_count(kept["text"])) if "text" in kept else SAFE


def me_of(network: NetworkName, data: Any, host: str) -> Identity:
    """Of a user as the server describes its own. Raises `Rejected` where it is none."""
    if not isinstance(data, dict) or number(data.get("id")) is None or not isinstance(data.get("screen_name"), str):
        raise Rejected("the server does not say whose account that is")
    found = identity_in(network, data, host)
    if found is None:
        raise Rejected("the server gives the account a name that cannot be")
    return found


async def allowed_by(client: Client) -> Allowed:
    """Asks GNU social's way, then StatusNet's. Raises `Unavailable` where the server can't be asked now."""
    for path in ("gnusocial/config", "statusnet/config"):
        try:
            data = (await client.get(path)).data
        except Unavailable:
            raise
        except DeliveryError:
            continue
        if isinstance(data, dict) and isinstance(data.get("site"), dict):
            return limits_in(data)
    return Allowed()


def limits_in(config: Mapping[str, Any]) -> Allowed:
    site, files = config.get("site"), config.get("attachments")
    text = _count(site.get("textlimit")) if isinstance(site, dict) else None
    commands = isinstance(site, dict) and not any(name in site for name in _OTHERS)
    if not isinstance(files, dict):
        return Allowed(text=text, told=True, commands=commands)
    takes = files.get("uploads") not in (False, "false", 0, "0")
    return Allowed(text=text, file=_count(files.get("file_quota")) if takes else 0, told=True, commands=commands)


def _count(value: object) -> int | None:
    """Numbers as this API writes them: 1000, "1000", or false."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:12])
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
