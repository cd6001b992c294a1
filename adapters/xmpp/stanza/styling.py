"""Message Styling (XEP-0393), read: the marks that people write anyway, as HTML. Linear in the input but for the depth of quotes.

Blocks are lines, preformatted text between ``` fences, and quotes of lines that begin with `>`; spans are `*strong*`,
`_emphasis_`, `~strike~` and `` `code` ``, within one line. `adapters.xmpp.stanza.styled` writes what is read here.
"""

from bisect import bisect_left
from html import escape

_TAGS = {"*": "strong", "_": "em", "~": "del", "`": "code"}
_FENCE = "```"
_DEEPEST = 12
"""Quotes in quotes; deeper ones are shown as they are written."""


def to_html(body: str) -> str | None:
    """The HTML of a styled body; None where nothing in it is styled. Line ends are line feeds."""
    if not any(mark in body for mark in "*_~`>"):
        return None
    pieces, styled = _blocks(body.split("\n"), 0)
    return "".join(pieces) if styled else None


def _blocks(lines: list[str], depth: int) -> tuple[list[str], bool]:
    out: list[str] = []
    styled, broken = False, False
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith(_FENCE):
            end = _fence_end(lines, at + 1)
            inner = escape("\n".join(lines[at + 1 : end]), quote=False)
            out.append(f"<pre><code>{inner}\n</code></pre>" if inner else "<pre><code></code></pre>")
            at, styled, broken = end + 1, True, False
        elif line.startswith(">") and depth < _DEEPEST:
            end = at
            while end < len(lines) and lines[end].startswith(">"):
                end += 1
            inner_lines, _ = _blocks([one[1:].lstrip(" \t") for one in lines[at:end]], depth + 1)
            out.append(f"<blockquote>{''.join(inner_lines)}</blockquote>")
            at, styled, broken = end, True, False
        else:
            if broken:
                out.append("<br>")
            text, marked = _spans(line)
            out.append(text)
            at, styled, broken = at + 1, styled or marked, True
    return out, styled


def _fence_end(lines: list[str], at: int) -> int:
    """The line of the closing fence, or where the block that it stands in ends."""
    while at < len(lines) and lines[at].rstrip() != _FENCE:
        at += 1
    return at


def _spans(line: str) -> tuple[str, bool]:
    if not any(mark in line for mark in _TAGS):
        return escape(line, quote=False), False
    return _Line(line).whole()


class _Line:
    """One line, with the places where a span of each mark can end."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._ends: dict[str, list[int]] = {mark: [] for mark in _TAGS}
        for at in range(1, len(line)):
            if line[at] in self._ends and not line[at - 1].isspace():
                self._ends[line[at]].append(at)
        self._marked = False

    def whole(self) -> tuple[str, bool]:
        return self._within(0, len(self._line)), self._marked

    def _within(self, start: int, stop: int) -> str:
        """A span ends before the span that it is in does, so none holds another of its own kind: depth is bounded."""
        out: list[str] = []
        shown = at = start
        after_opening = True  # a span may open at the start of what it is in
        while at < stop:
            char = self._line[at]
            if char in _TAGS and (after_opening or self._line[at - 1].isspace()):
                end = self._end(char, at, stop)
                if end:
                    out.append(escape(self._line[shown:at], quote=False))
                    out.append(self._span(char, at + 1, end))
                    shown = end + 1
                    at = end
            after_opening = False
            at += 1
        out.append(escape(self._line[shown:stop], quote=False))
        return "".join(out)

    def _end(self, mark: str, at: int, stop: int) -> int:
        """Where the span that begins at `at` ends: the first place that can be an end, with something between; 0: nowhere."""
        if at + 1 >= stop or self._line[at + 1].isspace():
            return 0
        ends = self._ends[mark]
        index = bisect_left(ends, at + 1)
        if index == len(ends) or ends[index] >= stop:
            return 0
        return ends[index] if ends[index] > at + 1 else 0

    def _span(self, mark: str, start: int, stop: int) -> str:
        self._marked = True
        tag = _TAGS[mark]
        inner = escape(self._line[start:stop], quote=False) if mark == "`" else self._within(start, stop)
        return f"<{tag}>{inner}</{tag}>"
