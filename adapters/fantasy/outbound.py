"""Deliveries to the world's frames. Pure."""

import msgspec

from adapters.fantasy.world import Frame, Kind
from bridge.contract.delivery import Delivery, Target
from bridge.contract.errors import Rejected
from bridge.contract.features import Features, Voice
from bridge.model.events import ChannelChange, Edit, Message, Reactions, Redaction, Style, Text
from bridge.text.escape import strip_controls
from bridge.text.split import split_text

REPEAT = "(possibly sent before) "


def split(message: Message, voice: Voice, features: Features) -> tuple[Message, ...]:
    """Cuts at word bounds. The name travels beside the text, so the text has the whole line, but for the mark of a repeat."""
    limits = features.limits
    room = (limits.text or 400) - len(REPEAT)
    pieces = split_text(message.text.plain, room, limits.unit)
    return tuple(msgspec.structs.replace(message, text=Text(plain=piece)) for piece in pieces)


def to_frame(delivery: Delivery) -> Frame:
    """Raises `Rejected` for what the world has no frame for."""
    body = delivery.body
    if isinstance(body, Message):
        kind = Kind.EMOTE if body.style is Style.EMOTE else Kind.SAY
        text = (REPEAT if delivery.repeat else "") + body.text.plain
        return _frame(delivery, kind, delivery.reply_to, text=text)
    if isinstance(body, Edit):
        grown = delivery.target is not None and delivery.part >= len(delivery.target.ids)  # more lines than there were
        return _frame(
            delivery, Kind.SAY if grown else Kind.EDIT, None if grown else delivery.target, text=body.message.text.plain
        )
    if isinstance(body, Redaction):
        return _frame(delivery, Kind.DELETE, delivery.target)
    if isinstance(body, Reactions):
        return _frame(delivery, Kind.REACT, delivery.target, keys=body.keys)
    if isinstance(body, ChannelChange) and body.topic is not None:
        return _frame(delivery, Kind.TOPIC, None, text=body.topic)
    raise Rejected(f"this network has no way to say {type(body).__name__.lower()}")


def _frame(delivery: Delivery, kind: Kind, target: Target | None, *, text: str = "", keys: tuple[str, ...] = ()) -> Frame:
    ids = target.ids if target is not None else ()
    return Frame(
        channel=delivery.channel.id,
        name=strip_controls(delivery.voice.name),
        label=delivery.id,
        kind=kind,
        text=strip_controls(text),
        target=ids[min(delivery.part, len(ids) - 1)] if ids else None,
        keys=keys,
    )
