"""Events to bytes and back, the same for ever: MessagePack of the tagged structs."""

import msgspec

from bridge.model.events import Body, Event

_EVENT_ENCODER = msgspec.msgpack.Encoder()
_EVENT_DECODER = msgspec.msgpack.Decoder(Event)
_BODY_DECODER: msgspec.msgpack.Decoder[Body] = msgspec.msgpack.Decoder(Body)


def encode_event(event: Event) -> bytes:
    return _EVENT_ENCODER.encode(event)


def decode_event(stored: bytes) -> Event:
    """Raises `msgspec.DecodeError` where the bytes are no event of any version we wrote."""
    return _EVENT_DECODER.decode(stored)


def encode_body(body: Body) -> bytes:
    return _EVENT_ENCODER.encode(body)


def decode_body(stored: bytes) -> Body:
    """Raises `msgspec.DecodeError` where the bytes are no body of any version we wrote."""
    return _BODY_DECODER.decode(stored)
