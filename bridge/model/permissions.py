"""What a Matrix user may do with the bridge."""

from collections.abc import Mapping
from enum import IntEnum


class Permission(IntEnum):
    """A higher value may do all that a lower one may."""

    NONE = 0
    RELAY = 1
    USER = 2
    ADMIN = 3


def permission_of(user: str, permissions: Mapping[str, Permission]) -> Permission:
    """What `[permissions]` grants a Matrix ID: the most particular entry counts, `@user:domain` before `*:domain` before `*`."""
    for entry in (user, f"*:{user.partition(':')[2]}", "*"):
        if entry in permissions:
            return permissions[entry]
    return Permission.NONE
