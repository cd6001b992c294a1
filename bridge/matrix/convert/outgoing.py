"""From a delivery to the Matrix events that carry it out, in order.

Almost always one. More where Matrix has no single event for it: several attachments, a set of reactions that changed by
more than one key, a name and a topic at once, the parts of a message that is redacted. None where it is done by calls instead
(membership, a profile), or nothing is left to do.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from bridge.contract.delivery import Delivery
from bridge.ledger.rows import Uploaded
from bridge.matrix.convert.message_out import message_events
from bridge.matrix.convert.people_out import UserOf
from bridge.matrix.convert.size import is_too_big, without_fallback
from bridge.matrix.convert.stamp import STAMP, stamp_for
from bridge.model.events import (
    Boost,
    ChannelChange,
    Edit,
    Membership,
    Message,
    ProfileChange,
    Reactions,
    Redaction,
)

BOOSTED = "🔁"
"""On a message: whoever it is from passed it on. An event of its own beside their other reactions, and taken back alone."""


class Outgoing(Struct, frozen=True, kw_only=True):
    """One request. `redacts`: this event is redacted, the content holds the reason at most. `state_key`: it is room state.

    `txn` is derived from the delivery, so that every attempt is the same request to the homeserver.
    """

    type: str
    content: dict[str, Any]
    txn: str
    state_key: str | None = None
    redacts: str | None = None


class Sending(Struct, frozen=True, kw_only=True):
    """What the bare delivery does not say: Matrix user ids, uploads by source, reactions already sent by key.

    `prefix` goes before the words where somebody else has to speak for the author.
    """

    user_of: UserOf
    uploads: Mapping[str, Uploaded] = {}
    reacted: Mapping[str, str] = {}
    prefix: str = ""


def to_matrix(delivery: Delivery, sending: Sending) -> tuple[Outgoing, ...]:
    """Pure. A boost that comes here is one of what is in the room: shown anew it would be a message."""
    outgoing = _outgoing(delivery, sending)
    for out in outgoing if len(outgoing) > 1 else ():
        if STAMP in out.content:
            out.content[STAMP]["partial"] = True
    return outgoing


def _outgoing(delivery: Delivery, sending: Sending) -> tuple[Outgoing, ...]:
    body = delivery.body
    match body:
        case Message():
            return _messages(delivery, body, sending)
        case Edit():
            return _edits(delivery, body, sending)
        case Redaction():
            ids = delivery.target.ids if delivery.target else ()
            return tuple(_redaction(delivery, native, index, body.reason) for index, native in enumerate(ids))
        case Reactions():
            return _reactions(delivery, body, sending)
        case ChannelChange():
            return _channel(delivery, body, sending)
        case Membership() | ProfileChange():
            return ()
        case Boost():
            ids = delivery.target.ids[:1] if delivery.target else ()
            return tuple(_annotation(delivery, native, BOOSTED, delivery.id) for native in ids)


def _txn(delivery: Delivery, index: int) -> str:
    return delivery.id if index == 0 else f"{delivery.id}.{index}"


def _stamped(delivery: Delivery, content: dict[str, Any]) -> dict[str, Any]:
    content[STAMP] = stamp_for(delivery)
    return content


def _messages(delivery: Delivery, message: Message, sending: Sending) -> tuple[Outgoing, ...]:
    events = message_events(message, delivery, sending.user_of, sending.uploads, sending.prefix)
    return tuple(
        Outgoing(type=kind, content=_stamped(delivery, content), txn=_txn(delivery, index))
        for index, (kind, content) in enumerate(events)
    )


def _edits(delivery: Delivery, edit: Edit, sending: Sending) -> tuple[Outgoing, ...]:
    """Event by event over the old copy: what has grown is added, what has shrunk is redacted (MSC2676)."""
    ids = delivery.target.ids if delivery.target else ()
    old = ids[delivery.part :] if delivery.part + 1 == delivery.parts else ids[delivery.part : delivery.part + 1]
    events = message_events(edit.message, delivery, sending.user_of, sending.uploads, sending.prefix)
    outgoing = []
    for index, (kind, content) in enumerate(events):
        if index < len(old) and kind == "m.room.message":
            content = _replacing(content, old[index])
        outgoing.append(Outgoing(type=kind, content=_stamped(delivery, content), txn=_txn(delivery, index)))
    outgoing += [_redaction(delivery, native, index, None) for index, native in enumerate(old) if index >= len(events)]
    return tuple(outgoing)


def _replacing(new: dict[str, Any], target: str) -> dict[str, Any]:
    new.pop("m.relates_to", None)
    content = {**new, "m.new_content": new, "m.relates_to": {"rel_type": "m.replace", "event_id": target}}
    content["body"] = f"* {new['body']}"
    if "formatted_body" in new:
        content["formatted_body"] = f"* {new['formatted_body']}"
    # people already told by the original are not told again by its correction
    content["m.mentions"] = {}
    return without_fallback(content) if is_too_big(content) else content


def _redaction(delivery: Delivery, native: str, index: int, reason: str | None) -> Outgoing:
    content = {"reason": reason} if reason else {}
    return Outgoing(type="m.room.redaction", content=content, txn=_txn(delivery, index), redacts=native)


def _reactions(delivery: Delivery, body: Reactions, sending: Sending) -> tuple[Outgoing, ...]:
    """The difference between the set wanted and the set sent; each transaction id holds for its own key on every attempt."""
    target = delivery.target
    if target is None or not target.ids:
        return ()
    gone = [
        Outgoing(type="m.room.redaction", content={}, txn=_key_txn(delivery, key, "-"), redacts=native)
        for key, native in sending.reacted.items()
        if key not in body.keys
    ]
    fresh = [
        _annotation(delivery, target.ids[0], key, _key_txn(delivery, key, "+"))
        for key in dict.fromkeys(body.keys)
        if key not in sending.reacted
    ]
    return (*gone, *fresh)


def _annotation(delivery: Delivery, native: str, key: str, txn: str) -> Outgoing:
    content = {"m.relates_to": {"rel_type": "m.annotation", "event_id": native, "key": key}}
    return Outgoing(type="m.reaction", content=_stamped(delivery, content), txn=txn)


def _key_txn(delivery: Delivery, key: str, sign: str) -> str:
    return f"{delivery.id}{sign}{hashlib.blake2b(key.encode(), digest_size=6).hexdigest()}"


def _channel(delivery: Delivery, body: ChannelChange, sending: Sending) -> tuple[Outgoing, ...]:
    contents: list[tuple[str, dict[str, Any]]] = []
    if body.name is not None:
        contents.append(("m.room.name", {"name": body.name}))
    if body.topic is not None:
        contents.append(("m.room.topic", {"topic": body.topic}))
    if body.avatar is not None:
        there = sending.uploads.get(body.avatar)
        source = body.avatar if there is None else there.mxc
        if source.startswith("mxc://"):
            contents.append(("m.room.avatar", {"url": source}))
        elif not source:
            contents.append(("m.room.avatar", {}))
    return tuple(
        Outgoing(type=kind, content=_stamped(delivery, content), txn=_txn(delivery, index), state_key="")
        for index, (kind, content) in enumerate(contents)
    )
