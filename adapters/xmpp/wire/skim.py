"""Copies dropped out of a stream's bytes, before a parser sees them.

With two hundred of us in a room each message comes two hundred times, and so does each presence: parsing them all is most of what
a busy room would cost. So stanzas are looked at from outside, by their start tag alone, as long as it is beyond doubt where they
begin and end: only between whole stanzas, only those with nothing of their kind within, and nothing at all in a piece that has a
CDATA section or the like in it. What is cut off at a piece's end waits for the next one, as it would in a parser. Whatever is in
doubt, the parser gets.
"""

import re
from collections.abc import Callable

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
_CLOSE = {name: re.compile(b"</" + name + rb"\s*>") for name in (b"message", b"presence", b"iq")}

IsCopy = Callable[[str, str, str, str], bool]
"""(message or presence, to, from, type) → whether it may be dropped unread."""


def never(kind: str, to: str, sender: str, type: str) -> bool:
    """Nothing is a copy."""
    return False


class Skim:
    """Of one stream. `data` goes through `copies_out` piece by piece, in order."""

    def __init__(self, is_copy: IsCopy) -> None:
        self._is_copy = is_copy
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
        while (start := _START.match(data, at)) is not None:
            end = _end(data, start)
            if end is None:
                break
            if self._dispensable(start):
                if since < at:
                    kept.append(data[since:at])
                since = end
            at = end
        if _is_begun(data, at, start):
            kept.append(data[since:at])
            self._held = data[at:]
        else:
            kept.append(data[since:])
            self.clean = at == len(data) or _ends_whole(data)
        return b"".join(kept)

    def _dispensable(self, start: re.Match[bytes]) -> bool:
        kind = start[1]
        if kind == b"iq":
            return False
        found = {name: single or double for name, single, double in _NAMED.findall(start[2])}
        to, sender = found.get(b"to"), found.get(b"from")
        if to is None or sender is None or b"&" in to or b"&" in sender:
            return False
        try:
            return self._is_copy(kind.decode(), to.decode(), sender.decode(), found.get(b"type", b"").decode())
        except UnicodeDecodeError:
            return False


def _end(data: bytes, start: re.Match[bytes]) -> int | None:
    """Where the stanza ends; None where that is not in these bytes, or not sure."""
    if start[3]:
        return start.end()
    begin, close = start.end(), b"</" + start[1] + b">"
    end = data.find(close, begin)
    if end < 0 or data.find(b"<" + start[1], begin, end) >= 0:
        return None
    return end + len(close)


def _is_begun(data: bytes, at: int, start: re.Match[bytes] | None) -> bool:
    """Whether what is left from `at` on is one stanza's beginning, and short enough to wait for the rest.

    Only behind whole ones, as in a burst: what comes alone and is no XML is the parser's to say at once.
    """
    if not 0 < at < len(data) or len(data) - at > HELD:
        return False
    if start is None:
        return _BEGUN.fullmatch(data, at) is not None
    return _CLOSE[start[1]].search(data, start.end()) is None


def _ends_whole(data: bytes) -> bool:
    """Whether the last tag is whole, and nothing follows it."""
    if not data.endswith(b">"):
        return False
    last = data.rfind(b"<")
    return last >= 0 and _WHOLE_TAG.fullmatch(data, last) is not None
