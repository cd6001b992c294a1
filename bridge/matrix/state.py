"""What we know of rooms: read from the homeserver when first asked for, forgotten when an event says it changed."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from bridge.contract.errors import DeliveryError
from bridge.matrix.api import Api
from bridge.matrix.ports import Lru
from bridge.matrix.power import PowerLevels, read_power

_ROOMS = 1_000


class RoomFacts(Struct, frozen=True, kw_only=True):
    power: PowerLevels
    version: str = "1"
    predecessor: str | None = None
    """The id of the room that this one continues."""
    encrypted: bool = False
    name: str | None = None
    topic: str | None = None
    bridges: tuple[str, ...] = ()
    """Bots of other bridges that say they are here (MSC2346)."""
    private: bool = False
    """Nobody gets in or sees what is said there without being invited."""


def read_state(events: Sequence[Mapping[str, Any]], bot: str) -> RoomFacts:
    """Pure. Whatever is malformed counts as absent: a room's state is written by its people."""
    found: dict[str, Mapping[str, Any]] = {}
    bridges: dict[str, None] = {}
    creator = ""
    for event in events:
        kind, content = event.get("type"), event.get("content")
        if not isinstance(kind, str) or not isinstance(content, dict):
            continue
        if kind in ("m.bridge", "uk.half-shot.bridge"):
            if (other := foreign_bridge(content, bot)) is not None:
                bridges[other] = None
        elif event.get("state_key") == "":
            found[kind] = content
            if kind == "m.room.create":
                creator = event["sender"] if isinstance(event.get("sender"), str) else ""
    create = found.get("m.room.create", {})
    version = _text(create.get("room_version")) or "1"
    more = create.get("additional_creators")
    creators = [creator, *(user for user in more if isinstance(user, str))] if isinstance(more, list) else [creator]
    before = create.get("predecessor")
    return RoomFacts(
        power=read_power(found.get("m.room.power_levels"), creators, version),
        version=version,
        predecessor=_text(before.get("room_id")) if isinstance(before, dict) else None,
        encrypted="m.room.encryption" in found,
        name=_text(found.get("m.room.name", {}).get("name")),
        topic=_text(found.get("m.room.topic", {}).get("topic")),
        bridges=tuple(bridges),
        private=_is_private(found),
    )


def _is_private(found: Mapping[str, Mapping[str, Any]]) -> bool:
    """A room without join rules is one of invitations; `knock` asks somebody inside."""
    rule = found.get("m.room.join_rules", {}).get("join_rule", "invite")
    history = found.get("m.room.history_visibility", {}).get("history_visibility")
    return rule in ("invite", "knock", "private") and history != "world_readable"


def foreign_bridge(content: Mapping[str, Any], bot: str) -> str | None:
    """Whose bridge an `m.bridge` event announces, where it is alive and not ours."""
    other = content.get("bridgebot")
    return other if isinstance(other, str) and other and other != bot and isinstance(content.get("channel"), dict) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


class RoomStates:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._rooms: Lru[str, RoomFacts] = Lru(_ROOMS)

    async def of(self, room: str) -> RoomFacts:
        """Raises what `Api.state` raises: a `Refusal` where the bot is not in the room."""
        facts = self._rooms.get(room)
        if facts is None:
            facts = read_state(await self._api.state(room), self._api.bot)
            self._rooms.put(room, facts)
        return facts

    async def power_of(self, room: str, user: str) -> int | None:
        """The user's power level; None where they are not in the room, or we can't see it."""
        try:
            member = await self._api.state_content(room, "m.room.member", user)
            if member is None or member.get("membership") != "join":
                return None
            return min((await self.of(room)).power.of(user), 2**31)
        except DeliveryError:
            return None

    async def expects(self, room: str, user: str) -> bool:
        """Whether the user is in the room, or invited. Raises what `Api.state_content` raises."""
        member = await self._api.state_content(room, "m.room.member", user)
        return member is not None and member.get("membership") in ("join", "invite")

    async def is_private(self, room: str) -> bool:
        """As it is now: nobody tells us of new join rules. Raises what `of` raises."""
        self.changed(room)
        return (await self.of(room)).private

    def changed(self, room: str) -> None:
        """Something of it is no longer as we know it."""
        self._rooms.drop(room)
