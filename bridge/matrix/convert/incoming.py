"""From a Matrix event to a canonical one, or to a piece of the hub's own business.

The whole vocabulary is in `_READERS`, by event type; a type that is not there is none of our business.
Redacted events arrive with empty content: they say nothing, so they give None.
"""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from bridge.matrix.convert.fields import ConvertError, Raw, event_id, maybe_mxc, maybe_text, moment, obj, room_id, text, user_id
from bridge.matrix.convert.message_in import edit_or_message, poll, sticker
from bridge.matrix.convert.stamp import stamp_of
from bridge.model.events import Body, ChannelChange, Event, Membership, Move, ProfileChange, Reactions, Redaction, Ref
from bridge.model.ids import HUB, ChannelId, EventKey
from bridge.model.people import Identity


class Reacted(Struct, frozen=True, kw_only=True):
    """For an `m.reaction`, or the redaction of one: whose it is, on what, and the other keys its author has there."""

    sender: str
    target: str
    others: tuple[str, ...] = ()


class Context(Struct, frozen=True, kw_only=True):
    """What the bare event does not say. `identity_of` gives the network's identity for one of our puppets."""

    bot: str
    identity_of: Callable[[str], Identity]
    reacted: Reacted | None = None


class Business(Struct, frozen=True, kw_only=True):
    """The hub's own affairs, not a thing to carry: done after commit, as a chore of this kind with the raw event as payload.

    Kinds: `invite` and `member` (of the bot or a puppet), `power`, `tombstone`, `encryption`, `bridge` (another's `m.bridge`).
    """

    kind: str
    room: str
    event: str
    sender: str
    target: str | None = None


_BUSINESS = {
    "m.room.power_levels": "power",
    "m.room.tombstone": "tombstone",
    "m.room.encryption": "encryption",
    "m.room.encrypted": "encryption",
    "m.bridge": "bridge",
    "uk.half-shot.bridge": "bridge",
}


def from_matrix(raw: Raw, context: Context) -> Event | Business | None:
    """What the event means to us; None where nothing. Raises `ConvertError`, and nothing else, on whatever else it may hold."""
    kind = text(raw, "type")
    if kind == "m.room.member":
        return _member(raw, context)
    reader = _READERS.get(kind)
    if reader is None:
        return _business(_BUSINESS[kind], raw) if kind in _BUSINESS else None
    sender = user_id(raw, "sender")
    content = obj(raw, "content")
    body = reader(raw, content, context)
    if body is None:
        return None
    author = sender
    if isinstance(body, Reactions) and context.reacted is not None:
        author = context.reacted.sender  # a moderator may redact another's reaction: the set that changes is still the other's
    return _event(raw, context.identity_of(author), body)


def _event(raw: Raw, author: Identity, body: Body) -> Event:
    return Event(
        key=EventKey(HUB, event_id(raw, "event_id")),
        channel=ChannelId(HUB, room_id(raw, "room_id")),
        author=author,
        happened_at=moment(raw, "origin_server_ts"),
        body=body,
        hops=stamp_of(raw).hops,
    )


def _business(kind: str, raw: Raw, target: str | None = None) -> Business:
    return Business(
        kind=kind, room=room_id(raw, "room_id"), event=event_id(raw, "event_id"), sender=user_id(raw, "sender"), target=target
    )


def _ref(native: str) -> Ref:
    return Ref(key=EventKey(HUB, native))


def _taken_back(raw: Raw) -> Body | None:
    """Of what a room has no more: should its words still be on their way to us, they come too late, since its id is known.

    The redaction itself may have come, and have found nothing.
    """
    unsigned = raw.get("unsigned")
    redacted = isinstance(unsigned, dict) and isinstance(unsigned.get("redacted_because"), dict)
    return Redaction(target=_ref(event_id(raw, "event_id"))) if redacted else None


def _message(raw: Raw, content: Raw, context: Context) -> Body | None:
    return edit_or_message(content, context.identity_of) if content else _taken_back(raw)


def _sticker(raw: Raw, content: Raw, context: Context) -> Body | None:
    return sticker(content) if content else _taken_back(raw)


def _poll(raw: Raw, content: Raw, context: Context) -> Body | None:
    return poll(content, context.identity_of) if content else _taken_back(raw)


def _reaction(raw: Raw, content: Raw, context: Context) -> Body | None:
    if not content:
        return None
    relation = obj(content, "m.relates_to")
    if maybe_text(relation, "rel_type") != "m.annotation":
        raise ConvertError("a reaction without rel_type m.annotation")
    key, target = text(relation, "key"), event_id(relation, "event_id")
    if not key or len(key) > 1024:
        raise ConvertError("the reaction's key is empty or too long")
    others = context.reacted.others if context.reacted is not None else ()
    return Reactions(target=_ref(target), keys=tuple(dict.fromkeys((*others, key))))


def _redaction(raw: Raw, content: Raw, context: Context) -> Body | None:
    """The target stands in the content since room version 11, above it before."""
    target = event_id(content if content.get("redacts") is not None else raw, "redacts")
    if context.reacted is not None:
        return Reactions(target=_ref(context.reacted.target), keys=context.reacted.others)
    return Redaction(target=_ref(target), reason=maybe_text(content, "reason") or None)


def _name(raw: Raw, content: Raw, context: Context) -> Body | None:
    return ChannelChange(name=maybe_text(content, "name") or "") if raw.get("state_key") == "" else None


def _topic(raw: Raw, content: Raw, context: Context) -> Body | None:
    return ChannelChange(topic=maybe_text(content, "topic") or "") if raw.get("state_key") == "" else None


def _avatar(raw: Raw, content: Raw, context: Context) -> Body | None:
    return ChannelChange(avatar=maybe_mxc(content, "url") or "") if raw.get("state_key") == "" else None


_READERS: Mapping[str, Callable[[Raw, Raw, Context], Body | None]] = {
    "m.room.message": _message,
    "m.sticker": _sticker,
    "m.reaction": _reaction,
    "m.room.redaction": _redaction,
    "m.poll.start": _poll,
    "org.matrix.msc3381.poll.start": _poll,
    "m.room.name": _name,
    "m.room.topic": _topic,
    "m.room.avatar": _avatar,
}


def _member(raw: Raw, context: Context) -> Event | Business | None:
    sender, target = user_id(raw, "sender"), user_id(raw, "state_key")
    content = obj(raw, "content")
    membership = text(content, "membership")
    who = context.identity_of(target)
    if target == context.bot or who.id.network != HUB:
        return None if sender == target else _business("invite" if membership == "invite" else "member", raw, target)
    return member_event(raw, context)


def member_event(raw: Raw, context: Context) -> Event | None:
    """What a member event says of its subject, be it a person or a puppet; None where nobody outside would notice."""
    sender, target = user_id(raw, "sender"), user_id(raw, "state_key")
    content = obj(raw, "content")
    by = context.identity_of(sender)
    body = _step(raw, content, sender == target, context.identity_of(target), by)
    return None if body is None else _event(raw, by, body)


def _move(membership: str, before: str | None, by_self: bool) -> Move | None:
    """What a step from one membership to another is; None where nobody outside the room would notice."""
    if membership == "join":
        return None if before == "join" else Move.JOIN
    if membership == "leave":
        if before == "ban":
            return Move.UNBAN
        if before in ("invite", "knock"):
            return None
        return Move.LEAVE if by_self else Move.KICK
    return {"ban": Move.BAN, "invite": Move.INVITE}.get(membership)


def _previous(raw: Raw) -> Mapping[str, Any]:
    return obj(obj(raw, "unsigned"), "prev_content") or obj(raw, "prev_content")


def _step(raw: Raw, content: Raw, by_self: bool, who: Identity, by: Identity) -> Body | None:
    before, membership = _previous(raw), text(content, "membership")
    was = maybe_text(before, "membership")
    move = _move(membership, was, by_self)
    if move is not None:
        return Membership(who=who, move=move, by=None if by_self else by, reason=maybe_text(content, "reason") or None)
    if membership == was == "join":
        if maybe_text(before, "displayname") != maybe_text(content, "displayname"):
            return Membership(who=who, move=Move.RENAME)
        if maybe_text(before, "avatar_url") != maybe_text(content, "avatar_url"):
            return ProfileChange(who=who.id, profile=who.profile)
    return None
