"""Worth sending, not worth keeping: typing, presence, read marks, and who moderates."""

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


class Moderators(Struct, frozen=True, kw_only=True):
    """Who moderates `of` now: these, and nobody else. `channel` is where that is told."""

    channel: ChannelId
    of: ChannelId
    who: tuple[IdentityId, ...]


Signal: TypeAlias = Typing | Presence | ReadMark | Moderators
