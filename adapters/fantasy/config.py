"""`[networks.NAME]` with `adapter = "fantasy"`."""

from msgspec import Struct


class FantasyConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    account: str = "unabridged"
    """What the bridge is called in the world."""
