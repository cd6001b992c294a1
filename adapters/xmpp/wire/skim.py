"""Copies dropped out of a stream's bytes, before a parser sees them.

With two hundred of us in a room each message comes two hundred times, and so does each presence: parsing them all is most of what
a busy room would cost (a third is left of it like this). So stanzas are looked at from outside, by their start tag alone, as long
as it is beyond doubt where they begin and end: only between whole stanzas, only messages and presences with nothing of their kind
within, and nothing at all in a piece that has a CDATA section or the like in it. Whatever is in doubt, the parser gets.
"""

import re
from collections.abc import Callable

_ATTRIBUTE = rb"""\s+[\w:.-]+\s*=\s*(?:'[^'<]*'|"[^"<]*")"""
_START = re.compile(rb"<(message|presence)((?:" + _ATTRIBUTE + rb")*)\s*(/?)>")
_WHOLE_TAG = re.compile(rb"<(?:/[\w:.-]+\s*|[\w:.-]+(?:" + _ATTRIBUTE + rb")*\s*/)>")
_NAMED = re.compile(rb"""\s+([\w:.-]+)\s*=\s*(?:'([^'<]*)'|"([^"<]*)")""")
"""All attributes are read, one after the other: what looks like one within another's value is none."""

IsCopy = Callable[[str, str, str, str], bool]
"""(message or presence, to, from, type) → whether it may be dropped unread."""


def never(kind: str, to: str, sender: str, type: str) -> bool:
    """Nothing is a copy."""
    return False


class Skim:
    """Of one stream. `data` goes through `copies_out` piece by piece, in order."""

    def __init__(self, is_copy: IsCopy) -> None:
        self._is_copy = is_copy
        self.clean = False
        """The bytes up to now end between two stanzas, as far as a look at their end can tell."""

    def copies_out(self, data: bytes, *, between: bool) -> bytes:
        """What is left for the parser. `between`: it is within no stanza now."""
        begun = between and self.clean
        self.clean = _ends_whole(data)
        if not begun or b"<!" in data or b"<?" in data:
            return data
        kept: list[bytes] = []
        at = since = 0
        while (start := _START.match(data, at)) is not None:
            end = _end(data, start)
            if end is None:
                break
            if self._dispensable(start):
                if since < at:
                    kept.append(data[since:at])
                since = end
            at = end
        if not since:
            return data
        kept.append(data[since:])
        return b"".join(kept)

    def _dispensable(self, start: re.Match[bytes]) -> bool:
        found = {name: single or double for name, single, double in _NAMED.findall(start[2])}
        to, sender = found.get(b"to"), found.get(b"from")
        if to is None or sender is None or b"&" in to or b"&" in sender:
            return False
        try:
            return self._is_copy(start[1].decode(), to.decode(), sender.decode(), found.get(b"type", b"").decode())
        except UnicodeDecodeError:
            return False


def _end(data: bytes, start: re.Match[bytes]) -> int | None:
    """Where the stanza ends; None where that is not in these bytes, or not sure."""
    if start[3]:
        return start.end()
    name = start[1]
    close = b"</" + name + b">"
    end = data.find(close, start.end())
    if end < 0 or data.find(b"<" + name, start.end(), end) >= 0:
        return None
    return end + len(close)


def _ends_whole(data: bytes) -> bool:
    """Whether the last tag is whole, and nothing follows it."""
    if not data.endswith(b">"):
        return False
    last = data.rfind(b"<")
    return last >= 0 and _WHOLE_TAG.fullmatch(data, last) is not None
