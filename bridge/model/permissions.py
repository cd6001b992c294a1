"""What a Matrix user may do with the bridge."""

from enum import IntEnum


class Permission(IntEnum):
    """A higher value may do all that a lower one may."""

    NONE = 0
    RELAY = 1
    USER = 2
    ADMIN = 3
