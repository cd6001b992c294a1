"""Lines as a server sees them: parsed leniently on the way in, tagged per reader on the way out.

Text is UTF-8 with surrogateescape, so bytes of any other encoding pass through unharmed, as on real networks.
Tag values stay in their escaped form: a server only passes them on.
"""

from collections.abc import Mapping
from typing import NamedTuple

TIME = 1
"""Bits for what a client's capabilities let through: `server-time`,"""
TAGS = 2
"""`message-tags` (msgid, bot and all client-only tags),"""
ACCOUNT = 4
"""`account-tag`,"""
RELAY = 8
"""`draft/relaymsg`."""


class Incoming(NamedTuple):
    command: str
    params: list[str]
    tags: dict[str, str]


def parse(text: str) -> Incoming | None:
    """One line without its end; None where there is no command. A source, if any, is ignored, as RFC 1459 allows."""
    tags: dict[str, str] = {}
    if text.startswith("@"):
        raw, _, text = text.partition(" ")
        for tag in raw[1:].split(";"):
            name, _, value = tag.partition("=")
            if name:
                tags[name] = value
    text = text.lstrip(" ")
    if text.startswith(":"):
        text = text.partition(" ")[2]
    head, colon, trailing = text.partition(" :")
    words = [word for word in head.split(" ") if word]
    if not words:
        return None
    if colon:
        words.append(trailing)
    return Incoming(words[0].upper(), words[1:], tags)


def encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


class Outgoing:
    """One line for many readers: the body is built once, the tags once for each combination of capabilities met."""

    __slots__ = ("_ready", "_tags", "body")

    def __init__(self, body: str, limit: int = 512, tags: Mapping[str, tuple[int, str]] | None = None) -> None:
        """`tags` maps a name to the bits a reader must have and the escaped value. `limit` counts the line end, not the tags."""
        raw = encode(body)
        self.body = (raw if len(raw) <= limit - 2 else raw[: limit - 2]) + b"\r\n"
        self._tags = tags or {}
        self._ready: dict[int, bytes] = {}

    def tags_for(self, bits: int) -> str:
        return ";".join(
            f"{name}={value}" if value else name for name, (needed, value) in self._tags.items() if needed & bits == needed
        )

    def bytes_for(self, bits: int, extra: str = "") -> bytes:
        """`extra` is put before the line's own tags: a label, a batch reference."""
        if not extra and bits in self._ready:
            return self._ready[bits]
        tags = self.tags_for(bits)
        if extra:
            return encode(f"@{extra};{tags} " if tags else f"@{extra} ") + self.body
        self._ready[bits] = ready = encode(f"@{tags} ") + self.body if tags else self.body
        return ready
