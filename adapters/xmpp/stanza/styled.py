"""Message Styling (XEP-0393), written: HTML of the Matrix subset as text with the marks that XMPP people write by hand.

A mark is written only where a reader will take it for one: behind white space or another mark, around something that neither
begins nor ends in white space. Everywhere else the text stands without it. Text that only looks styled is disarmed by a word
joiner (U+2060) before its mark, or a space before what would begin a block.
"""

import re
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from msgspec import Struct

from bridge.text.escape import strip_controls
from bridge.text.tags import Tag, attributes_of, tokens

_ORDER = "*_~`"
_MARKS = {"b": "*", "strong": "*", "em": "_", "i": "_", "del": "~", "s": "~", "strike": "~", "code": "`"}
_SILENT = frozenset(("mx-reply", "script", "style", "title"))
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_MARKS |= dict.fromkeys(_HEADINGS, "*")
_LINES = frozenset(
    ("p", "div", "table", "tr", "caption", "details", "summary", "blockquote", "pre", "ul", "ol", "li", "hr", *_HEADINGS)
)
_DEEPEST = 10
_FENCE = "```"
_JOINER = "\u2060"
_SPACE = re.compile(r"[ \t\n\f]+")

_Run = tuple[str, tuple[str, ...]]
"""Words, and the marks around them, outermost first."""


class _Line(Struct):
    """One line being gathered. `start`: a list's mark; `text`: a whole block of preformatted text instead of runs."""

    quotes: int
    start: str = ""
    runs: list[_Run] = []
    text: str | None = None


def from_html(html: str) -> str:
    """Linear in the input, whatever it is. Text that must not be styled is disarmed; without tags it is the text itself."""
    page = _Page()
    for token in tokens(strip_controls(html)):
        if isinstance(token, str):
            page.text(token)
        elif token.close:
            page.leave(token.name)
        else:
            page.enter(token)
    page.end()
    return strip_controls("\n".join(_written(page.lines))).strip("\n").rstrip()


class _Page:
    def __init__(self) -> None:
        self.lines: list[_Line] = []
        self._marks: list[str] = []
        self._quotes = self._silent = 0
        self._pre: list[str] | None = None
        self._lists: list[int | None] = []
        self._links: list[tuple[str, int, int]] = []
        self._gap = False
        self._fresh = True
        self._start = ""

    def text(self, text: str) -> None:
        if self._silent:
            return
        if self._pre is not None:
            self._pre.append(text)
            return
        words = _SPACE.sub(" ", text)
        if self._fresh or (self.lines and self.lines[-1].runs and self.lines[-1].runs[-1][0].endswith(" ")):
            words = words.lstrip(" ")
        self._put(words)

    def enter(self, tag: Tag) -> None:
        name = tag.name
        if name in _SILENT:
            self._silent += 1
        if self._silent:
            return
        if name in _LINES:
            self._fresh = True
        if self._pre is not None:
            if name == "br":
                self._pre.append("\n")
            return
        if name in _MARKS:
            self._marks.append(_MARKS[name])
        if name == "br":
            self._break()
        elif name == "hr":
            self._put("---")
            self._fresh = True
        elif name == "img":
            attributes = attributes_of(tag.attributes)
            self._put(attributes.get("alt") or attributes.get("title") or "")
        elif name == "blockquote":
            self._quotes += 1
        elif name == "pre":
            self._pre = []
        elif name in ("ul", "ol"):
            self._lists.append(_first_number(tag) if name == "ol" else None)
        elif name == "li":
            self._item()
        elif name in ("td", "th") and not self._fresh:
            self._put(" | ")
        elif name == "a":
            self._links.append((attributes_of(tag.attributes).get("href", ""), *self._here()))

    def leave(self, name: str) -> None:
        if name in _SILENT:
            self._silent = max(0, self._silent - 1)
        if self._silent or name in _SILENT:
            return
        if self._pre is not None:
            if name == "pre":
                self._fence()
            return
        if name == "blockquote":
            self._quotes = max(0, self._quotes - 1)
        elif name in ("ul", "ol") and self._lists:
            self._lists.pop()
        elif name == "a" and self._links:
            self._address(*self._links.pop())
        if name in _MARKS and _MARKS[name] in self._marks:
            self._marks.remove(_MARKS[name])
        if name in _LINES:
            self._fresh = True
        if name == "p":
            self._gap = True

    def end(self) -> None:
        if self._pre is not None:
            self._fence()

    def _item(self) -> None:
        number = self._lists[-1] if self._lists else None
        if number is not None:
            self._lists[-1] = number + 1
        indent = "  " * (min(len(self._lists), _DEEPEST) - 1)
        self._start = indent + ("- " if number is None else f"{number}. ")

    def _here(self) -> tuple[int, int]:
        return (len(self.lines), 0) if self._fresh else (len(self.lines) - 1, len(self.lines[-1].runs))

    def _address(self, href: str, line: int, run: int) -> None:
        """Behind a link's words its address, where they don't say it; people and rooms need none."""
        words = "".join(
            text for one in self.lines[line:] for text, _ in (one.runs[run:] if one is self.lines[line] else one.runs)
        )
        bare = href.removeprefix("https://").removeprefix("http://").removeprefix("mailto:").rstrip("/")
        known = words.strip().rstrip("/") in (href.rstrip("/"), bare)
        if href and not known and not href.startswith(("https://matrix.to/#/", "matrix:")):
            self._put(f" ({href})" if words.strip() else href)

    def _put(self, text: str) -> None:
        if not text or (self._fresh and not text.strip()):
            return
        if self._fresh:
            if self._gap and self.lines and self.lines[-1].quotes == self._depth():
                self.lines.append(_Line(self._depth()))
            self._open()
        self.lines[-1].runs.append((text, tuple(dict.fromkeys(self._marks))))

    def _break(self) -> None:
        if self._fresh:
            self._open()
        self.lines.append(_Line(self._depth()))

    def _open(self) -> None:
        self.lines.append(_Line(self._depth(), self._start))
        self._fresh = self._gap = False
        self._start = ""

    def _fence(self) -> None:
        """A whole block; a line that would end it early is moved."""
        text = "".join(self._pre or ()).removeprefix("\n").removesuffix("\n")
        inner = "\n".join(f" {line}" if line.rstrip() == _FENCE else line for line in text.split("\n"))
        self.lines.append(_Line(self._depth(), text=f"{_FENCE}\n{inner}\n{_FENCE}"))
        self._pre, self._fresh, self._gap, self._start = None, True, False, ""

    def _depth(self) -> int:
        return min(self._quotes, _DEEPEST)


def _first_number(tag: Tag) -> int:
    start = attributes_of(tag.attributes).get("start", "1")
    return int(start) if start.isascii() and start.isdigit() and len(start) < 10 else 1


# from lines to text


def _written(lines: list[_Line]) -> Iterator[str]:
    for line in lines:
        text = line.text if line.text is not None else _line(line)
        for one in text.split("\n"):
            yield f"{'>' * line.quotes} {one}".rstrip() if line.quotes else one.rstrip()


def _line(line: _Line) -> str:
    runs = [("".join(text for text, _ in alike), marks) for marks, alike in groupby(line.runs, itemgetter(1))]
    plain = "".join(text for text, _ in runs)
    used = frozenset[str]().union(*(marks for _, marks in runs))
    risky = frozenset(mark for mark in _ORDER if plain.count(mark) + 2 * (mark in used) > 1)
    text = line.start + _spans(runs, _ORDER, risky, may_open=True)
    return f" {text}" if text.startswith((">", _FENCE)) else text


def _spans(runs: list[_Run], order: str, risky: frozenset[str], *, may_open: bool) -> str:
    """`order`: the marks that may still be written; `may_open`: a span may begin at the very start."""
    out: list[str] = []

    def opens() -> bool:
        return out[-1][-1].isspace() if out else may_open

    at = 0
    while at < len(runs):
        mark, end = _longest(runs, at, order)
        if not mark:
            out.append(_disarmed(runs[at][0], risky, may_open=opens()))
            at += 1
            continue
        before, inner, after = _trimmed(runs[at:end])
        if before:
            out.append(before)
        words = "".join(text for text, _ in inner)
        rest = order.replace(mark, "")
        if not words or mark in words or not opens():
            written = _spans(inner, rest, risky, may_open=opens())
        elif mark == "`":
            written = f"`{words}`"
        else:
            written = mark + _spans(inner, rest, risky, may_open=True) + mark
        out += (part for part in (written, after) if part)
        at = end
    return "".join(out)


def _longest(runs: list[_Run], at: int, order: str) -> tuple[str, int]:
    """Of the marks on a run the one that goes on furthest, and where it ends."""
    best, best_end = "", at
    for mark in (one for one in runs[at][1] if one in order):
        end = at
        while end < len(runs) and mark in runs[end][1]:
            end += 1
        if end > best_end:
            best, best_end = mark, end
    return best, best_end


def _trimmed(runs: list[_Run]) -> tuple[str, list[_Run], str]:
    """White space, what stands between, white space."""
    inner = list(runs)
    before = after = ""
    while inner and (stripped := inner[0][0].lstrip()) != inner[0][0]:
        before += inner[0][0][: len(inner[0][0]) - len(stripped)]
        inner[0] = (stripped, inner[0][1])
        if not stripped:
            del inner[0]
    while inner and (stripped := inner[-1][0].rstrip()) != inner[-1][0]:
        after = inner[-1][0][len(stripped) :] + after
        inner[-1] = (stripped, inner[-1][1])
        if not stripped:
            del inner[-1]
    return before, inner, after


def _disarmed(text: str, risky: frozenset[str], *, may_open: bool) -> str:
    """A joiner before each mark that could begin a span."""
    if not any(mark in text for mark in risky):
        return text
    out: list[str] = []
    for char in text:
        if char in risky and may_open:
            out.append(_JOINER)
        out.append(char)
        may_open = char.isspace()
    return "".join(out)
