"""Rooms of the fake homeserver: state, membership and power as a real one judges them, without a wire."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]

_LEVELS = {"ban": 50, "kick": 50, "redact": 50, "invite": 0}


class Refusal(Exception):
    """An answer other than 200, with a Matrix error code."""

    def __init__(self, status: int, errcode: str, error: str, /, **more: Any) -> None:
        super().__init__(error)
        self.status = status
        self.body: Json = {"errcode": errcode, "error": error, **more}


def forbidden(error: str) -> Refusal:
    return Refusal(403, "M_FORBIDDEN", error)


class Room:
    """One room: its timeline, its present state and who may do what (power levels; creators above all in version 12)."""

    def __init__(self, room_id: str, version: str, creators: tuple[str, ...]) -> None:
        self.id = room_id
        self.version = version
        self.creators = creators if int(version) >= 12 else ()
        self.timeline: list[Json] = []
        self.by_id: dict[str, Json] = {}
        self.state: dict[tuple[str, str], Json] = {}
        self.joined: dict[str, None] = {}
        self.aliases: dict[str, None] = {}

    def content(self, kind: str, key: str = "") -> Json | None:
        event = self.state.get((kind, key))
        return None if event is None else event["content"]

    def membership(self, user: str) -> str:
        content = self.content("m.room.member", user)
        return "leave" if content is None else str(content.get("membership", "leave"))

    def power(self, user: str) -> float:
        if user in self.creators:
            return math.inf
        levels = self.content("m.room.power_levels") or {}
        return float(levels.get("users", {}).get(user, levels.get("users_default", 0)))

    def needed(self, action: str) -> int:
        """For ban, kick, redact and invite."""
        return int((self.content("m.room.power_levels") or {}).get(action, _LEVELS[action]))

    def needed_for(self, kind: str, state: bool) -> int:
        levels = self.content("m.room.power_levels") or {}
        default = levels.get("state_default", 50) if state else levels.get("events_default", 0)
        return int(levels.get("events", {}).get(kind, default))

    def check_send(self, user: str, kind: str, *, state: bool) -> None:
        if user not in self.joined:
            raise forbidden(f"User {user} not in room {self.id}")
        if self.power(user) < self.needed_for(kind, state):
            raise forbidden(f"You don't have permission to post {kind} to the room")

    def check_power_levels(self, content: Mapping[str, Any]) -> None:
        if self.creators and any(user in content.get("users", {}) for user in self.creators):
            raise Refusal(400, "M_BAD_JSON", "Creators must not be in the power levels")

    def check_membership(self, sender: str, user: str, membership: str) -> None:
        """May `sender` make `user` be that (rules of authorization, shortened)? Raises `Refusal`."""
        before = self.membership(user)
        if membership == "join":
            rule = (self.content("m.room.join_rules") or {}).get("join_rule", "invite")
            if before == "ban":
                raise forbidden("You are banned from this room")
            if before not in ("join", "invite") and rule != "public" and user not in self.creators:
                raise forbidden("You are not invited to this room.")
            return
        if membership == "leave" and sender == user:
            if before not in ("join", "invite", "knock"):
                raise forbidden("You are not in the room")
            return
        if sender not in self.joined:
            raise forbidden(f"{sender} not in room {self.id}.")
        if membership == "invite":
            if before == "ban":
                raise forbidden(f"{user} is banned from the room")
            if before == "join":
                raise forbidden(f"{user} is already in the room.")
        action = {"invite": "invite", "ban": "ban", "leave": "ban" if before == "ban" else "kick"}[membership]
        outranked = membership != "invite" and self.power(user) >= self.power(sender)
        if self.power(sender) < self.needed(action) or outranked:
            raise forbidden(f"You don't have permission to {action} {user}")

    def add(self, event: Json) -> None:
        """Append to the timeline; state events take effect."""
        self.timeline.append(event)
        self.by_id[event["event_id"]] = event
        key = event.get("state_key")
        if key is not None:
            self.state[event["type"], key] = event
            if event["type"] == "m.room.member":
                if event["content"].get("membership") == "join":
                    self.joined[key] = None
                else:
                    self.joined.pop(key, None)


class World:
    """Every room and user of one fake homeserver, without any wire. `add` is the one way in for events."""

    def __init__(self, domain: str, room_version: str) -> None:
        self.domain = domain
        self.room_version = room_version
        self.rooms: dict[str, Room] = {}
        self.aliases: dict[str, str] = {}
        self.users: dict[str, Json] = {}
        self.listeners: list[Callable[[Room, Json], None]] = []
        """Told of every event, once it is in its room."""
        self._numbers = 0

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def room(self, room_id: str) -> Room:
        room = self.rooms.get(room_id)
        if room is None:
            raise Refusal(404, "M_NOT_FOUND", f"Unknown room {room_id}")
        return room

    def resolve(self, alias: str) -> str:
        room_id = self.aliases.get(alias)
        if room_id is None:
            raise Refusal(404, "M_NOT_FOUND", f"Room alias {alias} not found")
        return room_id

    def set_alias(self, alias: str, room_id: str) -> None:
        if not alias.startswith("#") or not alias.endswith(":" + self.domain):
            raise Refusal(400, "M_INVALID_PARAM", "Room alias must be local")
        if alias in self.aliases:
            raise Refusal(409, "M_UNKNOWN", f"Room alias {alias} already exists.")
        self.aliases[alias] = room_id
        self.room(room_id).aliases[alias] = None

    def remove_alias(self, alias: str) -> None:
        room = self.rooms.get(self.resolve(alias))
        del self.aliases[alias]
        if room is not None:
            room.aliases.pop(alias, None)

    def event(self, room: Room, sender: str, kind: str, content: Json, *, key: str | None = None, **top: Any) -> Json:
        """Make and add an event; no rights are asked. `top` may hold `origin_server_ts`, `redacts` and the like."""
        event: Json = {
            "type": kind,
            "room_id": room.id,
            "sender": sender,
            "content": content,
            "origin_server_ts": int(time.time() * 1000),
            "event_id": f"${self._number():043d}",
            "unsigned": {},
            **top,
        }
        if key is not None:
            before = room.state.get((kind, key))
            if before is not None:
                event["unsigned"] = {"prev_content": before["content"], "replaces_state": before["event_id"]}
            event["state_key"] = key
        room.add(event)
        for listener in self.listeners:
            listener(room, event)
        return event

    def member_content(self, user: str, membership: str, **more: Any) -> Json:
        profile = self.users.get(user, {}) if membership in ("join", "invite") else {}
        return {"membership": membership, **{key: value for key, value in profile.items() if value}, **more}

    def new_room_id(self) -> str:
        number = self._number()
        return f"!{number:043d}" if int(self.room_version) >= 12 else f"!room{number}:{self.domain}"

    def set_member(self, sender: str, room: Room, user: str, membership: str, **more: Any) -> Json:
        """Checked as the rules say; a repeated join is no new event. Raises `Refusal`."""
        if membership == "join" and user in room.joined:
            return room.state["m.room.member", user]
        room.check_membership(sender, user, membership)
        return self.event(room, sender, "m.room.member", self.member_content(user, membership, **more), key=user)

    def create_room(self, user: str, wish: Json) -> Room:
        """What `createRoom` does, as far as the wish asks for known things."""
        preset = wish.get("preset") or ("public_chat" if wish.get("visibility") == "public" else "private_chat")
        alias = None
        if wish.get("room_alias_name"):
            alias = f"#{wish['room_alias_name']}:{self.domain}"
            if alias in self.aliases:
                raise Refusal(400, "M_ROOM_IN_USE", "Room alias already taken")
        invited = list(wish.get("invite", ()))
        extra = wish.get("creation_content", {})
        creators = (user, *extra.get("additional_creators", ()), *(invited if preset == "trusted_private_chat" else ()))
        version = str(wish.get("room_version", self.room_version))
        room = Room(self.new_room_id(), version, creators)
        self.rooms[room.id] = room
        self.event(room, user, "m.room.create", {"creator": user, "room_version": version, **extra}, key="")
        self.event(room, user, "m.room.member", self.member_content(user, "join"), key=user)
        levels = {"users": {} if room.creators else dict.fromkeys(creators, 100), "users_default": 0, "invite": 0, "kick": 50}
        levels |= {"ban": 50, "redact": 50, "state_default": 50, "events_default": 0, "events": {"m.room.power_levels": 100}}
        levels |= wish.get("power_level_content_override", {})
        room.check_power_levels(levels)
        rule = "public" if preset == "public_chat" else "invite"
        first: list[tuple[str, str, Json]] = [("m.room.power_levels", "", levels), ("m.room.join_rules", "", {"join_rule": rule})]
        first.append(("m.room.history_visibility", "", {"history_visibility": "shared"}))
        if alias is not None:
            self.set_alias(alias, room.id)
            first.append(("m.room.canonical_alias", "", {"alias": alias}))
        first += [(piece["type"], piece.get("state_key", ""), piece["content"]) for piece in wish.get("initial_state", ())]
        first += [(f"m.room.{key}", "", {key: wish[key]}) for key in ("name", "topic") if wish.get(key)]
        for kind, key, content in first:
            self.event(room, user, kind, content, key=key)
        for guest in invited:
            self.set_member(user, room, guest, "invite", **({"is_direct": True} if wish.get("is_direct") else {}))
        return room

    def redact(self, user: str, room: Room, target: str, reason: str | None = None) -> Json:
        """Empties the target; one's own with the right to send, another's with the right to redact. Raises `Refusal`."""
        event = room.by_id.get(target)
        if event is None:
            raise Refusal(404, "M_NOT_FOUND", "Event not found.")
        room.check_send(user, "m.room.redaction", state=False)
        if event["sender"] != user and room.power(user) < room.needed("redact"):
            raise forbidden("You don't have permission to redact events")
        content = {"redacts": target, **({"reason": reason} if reason else {})}
        redaction = self.event(room, user, "m.room.redaction", content, redacts=target)
        event["content"] = {}
        event["unsigned"] = {**event["unsigned"], "redacted_because": redaction}
        return redaction

    def upgrade(self, user: str, room: Room, version: str) -> Room:
        """A new room that names the old, and a tombstone that names the new."""
        wish = {"preset": "public_chat", "room_version": version, "creation_content": {"predecessor": {"room_id": room.id}}}
        room.check_send(user, "m.room.tombstone", state=True)
        new = self.create_room(user, wish)
        self.event(room, user, "m.room.tombstone", {"body": "This room moved", "replacement_room": new.id}, key="")
        return new

    def set_profile(self, user: str, key: str, value: Any) -> None:
        """A changed name or picture shows in every room of the user as a membership event."""
        facts = self.users[user]
        if facts.get(key) == value:
            return
        facts[key] = value
        for room in self.rooms.values():
            if user in room.joined:
                self.event(room, user, "m.room.member", self.member_content(user, "join"), key=user)
