"""What the bridge and the parser process say to each other: MessagePack, each frame with its length before it."""

import struct

import msgspec
from msgspec import Struct

from adapters.feeds.parse.entries import ParsedFeed

LENGTH = struct.Struct(">I")
"""Before each frame: its bytes."""
FRAME_CAP = 64 * 1024 * 1024
BODY_CAP = 6 * 1024 * 1024
"""Bytes of one feed that are read at all."""


class Request(Struct, frozen=True, array_like=True):
    body: bytes
    headers: dict[str, str]
    url: str


class Answer(Struct, frozen=True, array_like=True):
    """A feed, or why there is none."""

    feed: ParsedFeed | None = None
    refused: str | None = None
    """Why it can't be read, in plain words."""
    last: bool = False
    """The process ends after this: start another."""


_ENCODER = msgspec.msgpack.Encoder()
REQUESTS = msgspec.msgpack.Decoder(Request)
ANSWERS = msgspec.msgpack.Decoder(Answer)


def frame(message: Request | Answer) -> bytes:
    content = _ENCODER.encode(message)
    return LENGTH.pack(len(content)) + content
