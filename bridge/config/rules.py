"""What a setting of the core must be beyond its type. Each rule returns what is wrong, in words that follow the key, or None."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bridge.config.reader import Rules, show
from bridge.config.settings import BridgeSettings, HomeserverSettings, PortalSettings, VoiceSettings
from bridge.model.portals import HERE, NOWHERE, Rule, TimelineOptions
from bridge.text.pattern import BadPattern, Pattern

NETWORK_NAME = re.compile(r"[a-z0-9-]+\Z")
DOMAIN = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?\Z")
USER_ID = re.compile(r"@[^:\s\x00-\x1f]+:\S+\Z")
ROOM = re.compile(r"(?:#[^:\s\x00-\x1f]+:\S+|![^\s\x00-\x1f]+)\Z")


def split_address(address: str) -> tuple[str, int]:
    """`host:port` or `[v6]:port`, taken apart. Raises `ValueError`."""
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError(f"expected host:port, got {address!r}")
    if host.startswith("[") and host.endswith("]"):
        return str(ipaddress.IPv6Address(host[1:-1])), int(port)
    if ":" in host:
        raise ValueError(f"an IPv6 address stands in brackets: [{host}]:{port}")
    return host, int(port)


def _address(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        split_address(value)
    except ValueError:
        return f'must be host:port, like "127.0.0.1:29320", not {show(value)}'
    return None


def _url(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    return None if good else f'must be an address like "https://bridge.example.org", not {show(value)}'


def _database(value: str) -> str | None:
    if value.startswith("sqlite:///") and len(value) > len("sqlite:///"):
        return None
    if re.match(r"postgresql(?:\+psycopg)?://", value):
        return None
    return 'must be "sqlite:///PATH" or "postgresql://USER@HOST/NAME"'


def _not_empty(value: str) -> str | None:
    return None if value.strip() else "must not be empty"


def _prefix(value: str) -> str | None:
    return None if value and not any(char.isspace() for char in value) else "must be at least one character and no space"


def _above_zero(value: float) -> str | None:
    return None if 0 < value < 1e6 else f"must be more than 0, not {show(value)}"


def _not_negative(value: int) -> str | None:
    return None if value >= 0 else f"must not be less than 0, not {show(value)}"


def _networks(value: tuple[str, ...]) -> str | None:
    for entry in value:
        try:
            ipaddress.ip_network(entry)
        except ValueError:
            return f'must hold networks like "10.0.0.0/8", not {show(entry)}'
    return None


def _domain(value: str) -> str | None:
    return None if DOMAIN.match(value) else f'must be a server name like "example.org", not {show(value)}'


def _room(value: str) -> str | None:
    if ROOM.match(value):
        return None
    return f'must be an alias like "#room:example.org" or a room id that begins with "!", not {show(value)}'


def _users(value: tuple[str, ...]) -> str | None:
    wrong = next((entry for entry in value if not USER_ID.match(entry)), None)
    return None if wrong is None else f'must hold Matrix IDs like "@alice:example.org", not {show(wrong)}'


def _goes_to(value: str) -> str | None:
    if value in (HERE, NOWHERE) or ROOM.match(value):
        return None
    return f'must be "{HERE}", "{NOWHERE}", an alias like "#room:example.org" or a room id, not {show(value)}'


def _pattern(value: str) -> str | None:
    try:
        Pattern(value)
    except BadPattern as error:
        return f"does not work: {error}"
    return None


def _not_for_all(value: tuple[Rule, ...]) -> str | None:
    for number, rule in enumerate(value, 1):
        if msgspec.structs.replace(rule, name="", to=NOWHERE, answers=False) == Rule():
            return f"number {number} fits everything: a rule needs words, people, kinds or the like to go by"
    return None


def _names(value: tuple[str, ...]) -> str | None:
    long = next((name for name in value if len(name) > 256), None)
    return None if long is None else f"must hold names of at most 256 characters, not {show(long)}"


def _template(value: str) -> str | None:
    try:
        names = [name for _, name, _, _ in Formatter().parse(value) if name is not None]
    except ValueError as error:
        return f"is no template: {error}"
    odd = [name for name in names if name not in ("name", "network")]
    if odd:
        return f"may hold {{name}} and {{network}} only, not {{{odd[0]}}}"
    return None if "name" in names else "must hold {name}, so that people can be told apart"


def _rules(kind: type, checks: Mapping[str, Callable[[Any], str | None]]) -> Rules:
    return {(kind, name): check for name, check in checks.items()}


RULES: Rules = {
    **_rules(
        BridgeSettings,
        {
            "listen": _address,
            "public_url": _url,
            "database": _database,
            "registration": _not_empty,
            "key_file": _not_empty,
            "public_listen": _address,
            "public_address": _url,
            "command_prefix": _prefix,
            "retention_days": _above_zero,
            "copies_days": _above_zero,
            "delivery_hours": _above_zero,
            "media_cap": _not_negative,
            "media_link_days": _above_zero,
            "allow_addresses": _networks,
        },
    ),
    **_rules(TimelineOptions, {"rules": _not_for_all, "burst": _not_negative, "burst_minutes": _above_zero}),
    **_rules(Rule, {"to": _goes_to, "pattern": _pattern, "people": _names}),
    **_rules(HomeserverSettings, {"url": _url, "domain": _domain}),
    **_rules(VoiceSettings, dict.fromkeys(("puppet", "name", "prefix", "emote", "foreign"), _template)),
    **_rules(PortalSettings, {"room": _room, "invite": _users, "members_cap": _not_negative}),
}
