"""Worth sending, not worth keeping: typing, presence, read marks."""

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from bridge.model.ids import ChannelId, EventKey, IdentityId


class Availability(StrEnum):
    ONLINE = "online"
    AWAY = "away"
    OFFLINE = "offline"


class Typing(Struct, frozen=True, kw_only=True):
    channel: ChannelId
    who: IdentityId
    active: bool


class Presence(Struct, frozen=True, kw_only=True):
    who: IdentityId
    availability: Availability
    status: str | None = None


class ReadMark(Struct, frozen=True, kw_only=True):
    """`who` has read `channel` up to and including `event`."""

    channel: ChannelId
    who: IdentityId
    event: EventKey


Signal: TypeAlias = Typing | Presence | ReadMark
