"""Copies dropped out of a stream's bytes, before a parser sees them.

With two hundred of us in a room each message comes two hundred times, and so does each presence: parsing them all is most of what
a busy room would cost. So stanzas are looked at from outside, by their start tag alone, as long as it is beyond doubt where they
begin and end: only between whole stanzas, only those with nothing of their kind within, and nothing at all in a piece that has a
CDATA section or the like in it. What is cut off at a piece's end waits for the next one, as it would in a parser. Whatever is in
doubt, the parser gets.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

HELD = 512 * 1024
"""Bytes of a stanza that is not whole yet: of a longer one the parser gets every piece."""
_ATTRIBUTE = rb"""\s+[\w:.-]+\s*=\s*(?:'[^'<]*'|"[^"<]*")"""
_START = re.compile(rb"<(message|presence|iq)((?:" + _ATTRIBUTE + rb")*)\s*(/?)>")
_BEGUN = re.compile(
    rb"<(?:m|me|mes|mess|messa|messag|p|pr|pre|pres|prese|presen|presenc|i)?"
    rb"|<(?:message|presence|iq)(?:" + _ATTRIBUTE + rb""")*\s*(?:/|[\w:.-]+\s*(?:=\s*(?:'[^'<]*|"[^"<]*)?)?)?"""
)
"""A start tag that may yet become one of those."""
_WHOLE_TAG = re.compile(rb"<(?:/[\w:.-]+\s*|[\w:.-]+(?:" + _ATTRIBUTE + rb")*\s*/)>")
_NAMED = re.compile(rb"""\s+([\w:.-]+)\s*=\s*(?:'([^'<]*)'|"([^"<]*)")""")
"""All attributes are read, one after the other: what looks like one within another's value is none."""
_SHAPE = re.compile(rb"<(message|presence|iq)((?:\s+[\w:.-]+\s*=\s*'')+)\s*(/?)")
"""A start tag without its `>` and its values."""
_SHAPES = 64
"""Of start tags, as many as are known at a time; servers have a handful."""
_CLOSE = {name: re.compile(b"</" + name + rb"\s*>") for name in (b"message", b"presence", b"iq")}

IsCopy = Callable[[str, str, str, str], bool]
"""(message or presence, to, from, type) → whether it may be dropped unread."""


def never(kind: str, to: str, sender: str, type: str) -> bool:
    """Nothing is a copy."""
    return False


class _Shape(NamedTuple):
    """What start tags have in common that differ in their values alone: where these stand, -1 where there is none."""

    name: bytes
    kind: str
    to: int
    sender: int
    type: int
    empty: bool


class _Tag(NamedTuple):
    """A start tag, whole. An iq's values don't matter."""

    name: bytes
    end: int
    empty: bool
    kind: str
    to: bytes | None
    sender: bytes | None
    type: bytes


class Skim:
    """Of one stream. `data` goes through `copies_out` piece by piece, in order."""

    def __init__(self, is_copy: IsCopy) -> None:
        self._is_copy = is_copy
        self._shapes: dict[tuple[bytes, ...], _Shape] = {}
        self._held = b""
        """Of a stanza that is not whole yet; the parser has had nothing of it."""
        self.clean = False
        """What the parser has had ends between two stanzas, as far as a look at its end can tell."""

    def copies_out(self, data: bytes, *, between: bool) -> bytes:
        """What is left for the parser, which then lacks no stanza that is whole. `between`: it is within none now."""
        data, self._held = self._held + data, b""
        if not (between and self.clean) or b"<!" in data or b"<?" in data:
            self.clean = _ends_whole(data)
            return data
        kept: list[bytes] = []
        at = since = 0
        while (tag := self._tag(data, at)) is not None:
            end = _end(data, tag)
            if end is None:
                break
            if self._dispensable(tag):
                if since < at:
                    kept.append(data[since:at])
                since = end
            at = end
        if _is_begun(data, at, tag):
            kept.append(data[since:at])
            self._held = data[at:]
        else:
            kept.append(data[since:])
            self.clean = at == len(data) or _ends_whole(data)
        return b"".join(kept)

    def _tag(self, data: bytes, at: int) -> _Tag | None:
        """The start tag that begins there, if one of a stanza does. Most have a shape that was seen before."""
        end = data.find(b">", at)
        pieces = data[at:end].split(b"'") if end >= 0 else []
        outline = tuple(pieces[::2])
        shape = self._shapes.get(outline) or self._shape(outline)
        if shape is None or len(pieces) % 2 == 0:
            return _read(data, at)
        to = pieces[shape.to] if shape.to >= 0 else None
        sender = pieces[shape.sender] if shape.sender >= 0 else None
        type = pieces[shape.type] if shape.type >= 0 else b""
        return _Tag(shape.name, end + 1, shape.empty, shape.kind, to, sender, type)

    def _shape(self, outline: tuple[bytes, ...]) -> _Shape | None:
        """Of what stands around the values in single quotes; None where that is not all there is to a start tag."""
        found = _SHAPE.fullmatch(b"''".join(outline))
        if found is None:
            return None
        names = [name for name, _, _ in _NAMED.findall(found[2])]
        where = {name: 2 * place + 1 for place, name in enumerate(names)}
        to, sender, type = (where.get(name, -1) for name in (b"to", b"from", b"type"))
        shape = _Shape(found[1], found[1].decode(), to, sender, type, bool(found[3]))
        if len(self._shapes) < _SHAPES:
            self._shapes[outline] = shape
        return shape

    def _dispensable(self, tag: _Tag) -> bool:
        to, sender = tag.to, tag.sender
        if tag.kind == "iq" or to is None or sender is None or b"&" in to or b"&" in sender:
            return False
        try:
            return self._is_copy(tag.kind, to.decode(), sender.decode(), tag.type.decode())
        except UnicodeDecodeError:
            return False


def _read(data: bytes, at: int) -> _Tag | None:
    """A start tag of any shape."""
    start = _START.match(data, at)
    if start is None:
        return None
    found = {name: single or double for name, single, double in _NAMED.findall(start[2])}
    kind = start[1].decode()
    return _Tag(start[1], start.end(), bool(start[3]), kind, found.get(b"to"), found.get(b"from"), found.get(b"type", b""))


def _end(data: bytes, tag: _Tag) -> int | None:
    """Where the stanza ends; None where that is not in these bytes, or not sure."""
    if tag.empty:
        return tag.end
    close = b"</" + tag.name + b">"
    end = data.find(close, tag.end)
    if end < 0 or data.find(b"<" + tag.name, tag.end, end) >= 0:
        return None
    return end + len(close)


def _is_begun(data: bytes, at: int, tag: _Tag | None) -> bool:
    """Whether what is left from `at` on is one stanza's beginning, and short enough to wait for the rest.

    Only behind whole ones, as in a burst: what comes alone and is no XML is the parser's to say at once.
    """
    if not 0 < at < len(data) or len(data) - at > HELD:
        return False
    if tag is None:
        return _BEGUN.fullmatch(data, at) is not None
    return _CLOSE[tag.name].search(data, tag.end) is None


def _ends_whole(data: bytes) -> bool:
    """Whether the last tag is whole, and nothing follows it."""
    if not data.endswith(b">"):
        return False
    last = data.rfind(b"<")
    return last >= 0 and _WHOLE_TAG.fullmatch(data, last) is not None
