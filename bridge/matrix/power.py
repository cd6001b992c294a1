"""Power levels, read as the specification counts them, and the rights the bridge needs."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

_CREATOR = 2**53
_DEFAULTS = {"events_default": 0, "state_default": 50, "users_default": 0, "invite": 0, "kick": 50, "ban": 50, "redact": 50}
_V12_AND_LATER = 12


class PowerLevels(Struct, frozen=True, kw_only=True):
    """`m.room.power_levels` of one room. From room version 12 on, creators are above every level."""

    users: Mapping[str, int] = {}
    events: Mapping[str, int] = {}
    levels: Mapping[str, int]
    creators: frozenset[str] = frozenset()

    def of(self, user: str) -> int:
        if user in self.creators:
            return _CREATOR
        return self.users.get(user, self.levels["users_default"])

    def may(self, user: str, action: str) -> bool:
        """`action`: invite, kick, ban or redact."""
        return self.of(user) >= self.levels[action]

    def may_send(self, user: str, kind: str, *, state: bool = False) -> bool:
        return self.of(user) >= self.events.get(kind, self.levels["state_default" if state else "events_default"])


def read_power(content: Mapping[str, Any] | None, creators: Sequence[str], version: str) -> PowerLevels:
    """From the state event's content (None: there is none) and the room's creators. What is no number counts as absent.

    Without a power levels event everybody may send state, and the creator has 100.
    """
    eternal = frozenset(creators) if version.isdigit() and int(version) >= _V12_AND_LATER else frozenset()
    if content is None:
        return PowerLevels(users=dict.fromkeys(creators, 100), levels={**_DEFAULTS, "state_default": 0}, creators=eternal)
    levels = {name: _number(content.get(name), default) for name, default in _DEFAULTS.items()}
    return PowerLevels(
        users=_numbers(content.get("users")), events=_numbers(content.get("events")), levels=levels, creators=eternal
    )


def missing_rights(power: PowerLevels, bot: str, puppet: str = "@_:") -> tuple[str, ...]:
    """What the bridge needs and lacks, in words for people; empty where all is well. `puppet`: any of our puppets."""
    checks = (
        (power.may_send(bot, "m.room.message"), "the bot may not send messages"),
        (power.may_send(puppet, "m.room.message"), "puppets may not send messages"),
        (power.may_send(puppet, "m.reaction"), "puppets may not react"),
        (power.may(bot, "invite"), "the bot may not invite puppets"),
        (power.may(bot, "redact"), "the bot may not redact (deletions by moderators of other networks)"),
        (power.may(bot, "kick"), "the bot may not kick (kicks on other networks)"),
        (power.may(bot, "ban"), "the bot may not ban (bans on other networks)"),
        (power.may_send(bot, "m.room.name", state=True), "the bot may not set the room's name"),
        (power.may_send(bot, "m.room.topic", state=True), "the bot may not set the room's topic"),
        (power.may_send(bot, "m.bridge", state=True), "the bot may not say in the room's state that it is bridged"),
    )
    return tuple(words for held, words in checks if not held)


def held_by_users(content: Mapping[str, Any]) -> dict[str, Any]:
    """The levels of users as an `m.room.power_levels` holds them, to be changed and written back."""
    users = content.get("users")
    return dict(users) if isinstance(users, dict) else {}


def _number(value: Any, default: int) -> int:
    """Old rooms hold numbers as text."""
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return default
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _numbers(value: Any) -> dict[str, int]:
    if not isinstance(value, dict):
        return {}
    read = {name: _number(level, -_CREATOR) for name, level in value.items() if isinstance(name, str)}
    return {name: level for name, level in read.items() if level != -_CREATOR}
