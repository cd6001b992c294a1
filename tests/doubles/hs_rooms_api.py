"""What the fake homeserver answers below `/_matrix/client/v3/rooms/{room}/` and where rooms are made and found."""

from typing import Any

from tests.doubles.hs_rooms import Json, Refusal, Room, forbidden
from tests.doubles.hs_wire import Answers, Call


def _room(call: Call) -> Room:
    return call.hs.world.room(call.words[1])


async def send(call: Call) -> Json:
    """`PUT …/send/{type}/{txn}`: the same token and path give the same event, as long as the server remembers."""
    hs = call.hs
    key = (call.token, call.path)
    known = hs.txns.get(key)
    if known is not None:
        return {"event_id": known}
    room = _room(call)
    if hs.send_seconds:
        await hs.wait_turn(room)
        if key in hs.txns:
            return {"event_id": hs.txns[key]}
    kind = call.words[3]
    room.check_send(call.user, kind, state=False)
    event_id = hs.txns[key] = hs.world.event(room, call.user, kind, call.body, **call.stamp)["event_id"]
    return {"event_id": event_id}


def redact(call: Call) -> Json:
    hs = call.hs
    key = (call.token, call.path)
    if key in hs.txns:
        return {"event_id": hs.txns[key]}
    event = hs.redact(call.user, call.words[1], call.words[3], call.body.get("reason"))
    hs.txns[key] = event
    return {"event_id": event}


def put_state(call: Call) -> Json:
    room, kind = _room(call), call.words[3]
    key = call.words[4] if len(call.words) > 4 else ""
    content = call.body
    if kind == "m.room.member":
        return {"event_id": _put_member(call, room, key, content)}
    room.check_send(call.user, kind, state=True)
    if kind == "m.room.power_levels":
        room.check_power_levels(content)
    if room.content(kind, key) == content:
        return {"event_id": room.state[kind, key]["event_id"]}
    return {"event_id": call.hs.world.event(room, call.user, kind, content, key=key, **call.stamp)["event_id"]}


def _put_member(call: Call, room: Room, user: str, content: Json) -> str:
    if content.get("membership") == "join" and user == call.user and user in room.joined:  # a name for this room only
        return str(call.hs.world.event(room, user, "m.room.member", content, key=user)["event_id"])
    return str(call.hs.world.set_member(call.user, room, user, str(content.get("membership")))["event_id"])


def get_state(call: Call) -> Any:
    room = _room(call)
    _must_be_in(call, room)
    if len(call.words) < 4:
        return call.hs.listing(list(room.state.values()))
    event = room.state.get((call.words[3], call.words[4] if len(call.words) > 4 else ""))
    if event is None:
        raise Refusal(404, "M_NOT_FOUND", "Event not found.")
    return event if call.query.get("format") == "event" else event["content"]


def _must_be_in(call: Call, room: Room) -> None:
    if call.user not in room.joined:
        raise forbidden(f"User {call.user} not in room {room.id}")


def move(call: Call) -> Json:
    """invite, leave, kick, ban, unban and join by room id."""
    word, body = call.words[2], call.body
    membership = {"invite": "invite", "ban": "ban", "join": "join"}.get(word, "leave")
    user = call.user if word in ("join", "leave") else str(body.get("user_id"))
    more = {"reason": body["reason"]} if body.get("reason") else {}
    if word == "unban" and _room(call).membership(user) != "ban":
        raise forbidden(f"{user} is not banned")
    call.hs.world.set_member(call.user, _room(call), user, membership, **more)
    return {"room_id": call.words[1]} if word == "join" else {}


def forget(call: Call) -> Json:
    if call.user in _room(call).joined:
        raise Refusal(400, "M_UNKNOWN", "User is in the room")
    return {}


async def join_any(call: Call) -> Json:
    """`POST /join/{id or alias}`; an alias of the appservice's namespace is asked of the appservice."""
    name = call.words[1]
    room_id = await call.hs.find_alias(name) if name.startswith("#") else name
    call.hs.world.set_member(call.user, call.hs.world.room(room_id), call.user, "join")
    return {"room_id": room_id}


def create(call: Call) -> Json:
    return {"room_id": call.hs.world.create_room(call.user, call.body).id}


def messages(call: Call) -> Json:
    room = _room(call)
    _must_be_in(call, room)
    back = call.query.get("dir", "b") == "b"
    end = len(room.timeline)
    start = int(call.query.get("from", end if back else 0))
    limit = int(call.query.get("limit", "10"))
    if back:
        chunk, stop = room.timeline[max(0, start - limit) : start][::-1], max(0, start - limit)
    else:
        chunk, stop = room.timeline[start : start + limit], min(end, start + limit)
    more = {"end": str(stop)} if 0 < stop < end or (back and stop) else {}
    return {"chunk": chunk, "start": str(start), **more}


def event(call: Call) -> Json:
    room = _room(call)
    _must_be_in(call, room)
    found = room.by_id.get(call.words[3])
    if found is None:
        raise Refusal(404, "M_NOT_FOUND", "Event not found.")
    return found


def joined_members(call: Call) -> Json:
    room = _room(call)
    _must_be_in(call, room)
    profile = ((user, room.content("m.room.member", user) or {}) for user in room.joined)
    return {
        "joined": {user: {"display_name": who.get("displayname"), "avatar_url": who.get("avatar_url")} for user, who in profile}
    }


def members(call: Call) -> Json:
    room = _room(call)
    _must_be_in(call, room)
    found = [event for (kind, _), event in room.state.items() if kind == "m.room.member"]
    wanted = call.query.get("membership")
    return {"chunk": [event for event in found if wanted is None or event["content"].get("membership") == wanted]}


def joined_rooms(call: Call) -> Json:
    return {"joined_rooms": [room.id for room in call.hs.world.rooms.values() if call.user in room.joined]}


def aliases(call: Call) -> Json:
    return {"aliases": list(_room(call).aliases)}


def typing(call: Call) -> Json:
    room = _room(call)
    _must_be_in(call, room)
    call.hs.type_in(room.id, call.words[3], bool(call.body.get("typing")))
    return {}


def receipt(call: Call) -> Json:
    call.hs.mark_read(call.words[1], call.user, call.words[4])
    return {}


def read_markers(call: Call) -> Json:
    if "m.read" in call.body:
        call.hs.mark_read(call.words[1], call.user, str(call.body["m.read"]))
    return {}


def upgrade(call: Call) -> Json:
    return {"replacement_room": call.hs.upgrade(call.user, call.words[1], str(call.body.get("new_version", "12")))}


async def directory_get(call: Call) -> Json:
    room_id = await call.hs.find_alias(call.words[2])
    return {"room_id": room_id, "servers": [call.hs.domain]}


def directory_put(call: Call) -> Json:
    call.hs.world.set_alias(call.words[2], str(call.body.get("room_id")))
    return {}


def directory_delete(call: Call) -> Json:
    call.hs.world.remove_alias(call.words[2])
    return {}


def listed(call: Call) -> Json:
    return {"visibility": "private"} if call.method == "GET" else {}


IN_ROOMS: Answers = {
    ("PUT", "send"): send,
    ("PUT", "redact"): redact,
    ("PUT", "state"): put_state,
    ("GET", "state"): get_state,
    ("GET", "messages"): messages,
    ("GET", "event"): event,
    ("GET", "joined_members"): joined_members,
    ("GET", "members"): members,
    ("GET", "aliases"): aliases,
    ("PUT", "typing"): typing,
    ("POST", "receipt"): receipt,
    ("POST", "read_markers"): read_markers,
    ("POST", "upgrade"): upgrade,
    ("POST", "forget"): forget,
    **{("POST", word): move for word in ("join", "invite", "leave", "kick", "ban", "unban")},
}

ROOMS: Answers = {
    ("POST", "createRoom"): create,
    ("POST", "join"): join_any,
    ("GET", "joined_rooms"): joined_rooms,
    ("GET", "room"): directory_get,
    ("PUT", "room"): directory_put,
    ("DELETE", "room"): directory_delete,
    ("GET", "list"): listed,
    ("PUT", "list"): listed,
}
