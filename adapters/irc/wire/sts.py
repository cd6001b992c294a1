"""Strict transport security: once a server has said "TLS only", nobody between can talk us out of it.

https://ircv3.net/specs/extensions/sts. The policy outlives the process: it is kept as the cursor "sts" of the network.
"""

from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from bridge.contract.errors import Disconnected

SCOPE = "sts"
MAX_SECONDS = 10 * 365 * 86400


class Upgrade(Disconnected):
    """Over a link in the clear the server said: come again over TLS, on this port."""

    def __init__(self, port: int) -> None:
        super().__init__("the server wants an encrypted connection")
        self.port = port


class Policy(Struct, frozen=True, kw_only=True):
    host: str
    port: int
    until: datetime

    def holds(self, host: str, now: datetime) -> bool:
        return self.host == host.lower() and now < self.until


def advertised(value: str) -> tuple[int | None, int | None]:
    """(port, duration in seconds) of the capability's value; None where a key is missing or no number."""
    keys = dict(item.partition("=")[::2] for item in value.split(","))
    port, duration = _number(keys.get("port", "")), _number(keys.get("duration", ""))
    return (port if port is not None and 0 < port < 65536 else None), duration


def renewed(host: str, port: int, duration: int, now: datetime) -> Policy:
    """As a server over TLS asks: from now for so long; 0 ends the policy."""
    return Policy(host=host.lower(), port=port, until=now + timedelta(seconds=min(duration, MAX_SECONDS)))


def load(stored: str | None) -> Policy | None:
    if stored is None:
        return None
    try:
        return msgspec.json.decode(stored, type=Policy)
    except msgspec.DecodeError:
        return None


def dump(policy: Policy) -> str:
    return msgspec.json.encode(policy).decode()


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None
