"""A small adapter's settings and a writer of configurations, for the tests of reading."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from bridge.config.load import load
from bridge.config.problems import ConfigError
from bridge.config.settings import Settings
from bridge.contract.features import Features, Manifest


class Rate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    burst: int = 5
    seconds: float = 2.0


class PretendConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    server: str
    tls: bool = True
    nick: str = "unabridged"
    password: str | None = None
    rate: str | Rate = Rate()
    port: Annotated[int, Meta(ge=1, le=65535)] = 1
    keys: dict[str, str] = {}
    alternatives: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.rate, str) and self.rate != "off":
            raise ValueError('rate: must be "off" or a table')


def fold(channel: str) -> str:
    if " " in channel:
        raise ValueError("a channel has no spaces")
    return channel.lower()


PRETEND = Manifest(protocol="pretend", title="Pretend", config=PretendConfig, features=Features(levels={}), fold_channel=fold)
ADAPTERS = {"pretend": PRETEND}

GOOD = """\
[bridge]
listen = "127.0.0.1:29320"

[homeserver]
url = "http://127.0.0.1:8008"
domain = "localhost"

[permissions]
"@admin:localhost" = "admin"
"*" = "relay"

[networks.local]
adapter = "pretend"
server = "127.0.0.1:6667"

[[portals]]
room = "#lobby:localhost"
links = [
  "local/#Lobby",
  { channel = "local/#news", direction = "in", relay = false },
]
"""


def read(folder: Path, text: str, env: Mapping[str, str] | None = None) -> Settings:
    path = folder / "bridge.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, env or {}, ADAPTERS)


def problems(folder: Path, text: str, env: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """What is told about a bad configuration, a line each; none where it is taken."""
    try:
        read(folder, text, env)
    except ConfigError as error:
        return error.lines
    return ()
