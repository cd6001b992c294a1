"""Reading tags without parsing HTML: linear in the input, whatever it is.

Cost of a real parse grows with the square of the nesting (html5ever: 1 MB of nested tags, minutes), so `fits` bounds it first.
It may only ever overestimate: a close tag counts only while all tags so far are well formed and well nested.
"""

import re
from collections.abc import Iterator
from html import unescape

from msgspec import Struct

SIZE_CAP = 256 * 1024
"""Bytes of UTF-8 that are parsed at all."""
DEPTH_CAP = 100
"""Nesting that clients are told to show (client-server API)."""
TAGS_CAP = 4000
"""Tags of one message that are read on the loop: cleaned, read as plain text and written in another network's marks, each costs
some 10 µs. With more of them its plain text, which came with it, says it."""
_SLOPPY_CAP = 1000
"""Tags in HTML that is not well nested: so deep can it get at most, at a cost of about 2 ms."""

VOID = frozenset(("br", "hr", "img", "wbr", "input", "area", "base", "col", "embed", "link", "meta", "param", "source", "track"))
_IMPLIED_END = frozenset(("p", "li", "dt", "dd", "option", "optgroup", "rp", "rt", "rb", "rtc"))
_OPAQUE = frozenset(
    (
        "script",
        "style",
        "textarea",
        "title",
        "xmp",
        "iframe",
        "noembed",
        "noframes",
        "noscript",
        "plaintext",
        "svg",
        "math",
        "template",
    )
)
"""What stands in these is read by other rules: after one of them no close tag counts."""

# A tag as the standard's tokenizer ends it (no stray quotes), or a comment that both old and new rules end at the same place.
_CLEAN_TAG = re.compile(
    r"<(?P<close>/?)(?P<name>[a-zA-Z][a-zA-Z0-9:-]*+)"
    r"(?P<attributes>(?:\s++[^\s\"'<>=/`]++(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s\"'<>=`]++))?+){0,32}+)\s*+/?>"
    r"|<!--(?!-?>)[^<>-]*+(?:-[^<>-]++)*+-->"
)
_ATTRIBUTE = re.compile(r"\s([^\s\"'<>=/`]++)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'<>=`]++)))?+")
_TAG_START = re.compile("<[a-zA-Z/!?]")


def fits(html: str) -> bool:
    """Whether parsing is bounded: at most `SIZE_CAP` bytes and `DEPTH_CAP` levels."""
    if len(html) > SIZE_CAP or (not html.isascii() and len(html.encode("utf-8", "replace")) > SIZE_CAP):
        return False
    stack: list[str] = []
    sloppy = False
    seen = 0
    deepest = 0
    at = 0
    while start := _TAG_START.search(html, at):
        tag = _CLEAN_TAG.match(html, start.start())
        if tag is None:
            sloppy = True
            seen += 1
            at = start.end()
        else:
            if name := tag["name"]:
                name = name.lower()
                if sloppy or not _step(stack, name, bool(tag["close"])):
                    sloppy = True
                    seen += not tag["close"] and name not in VOID
                deepest = max(deepest, len(stack))
            at = tag.end()
        if deepest > DEPTH_CAP or seen > _SLOPPY_CAP:
            return False
    return True


def _step(stack: list[str], name: str, close: bool) -> bool:
    """Follow one tag; False where the nesting can no longer be known."""
    if close:
        while stack and stack[-1] != name and stack[-1] in _IMPLIED_END:
            stack.pop()
        if not stack or stack[-1] != name:
            return name in VOID or name == "p"
        stack.pop()
        return True
    if name in _OPAQUE:
        return False
    if name in _IMPLIED_END:
        if stack and stack[-1] == "p":
            stack.pop()
        if stack and stack[-1] == name:
            stack.pop()
    if name not in VOID:
        stack.append(name)
    return True


def is_dense(html: str) -> bool:
    """Whether there are more tags than `TAGS_CAP`, or what may be some."""
    return html.count("<") > TAGS_CAP


def attributes_of(tag: str) -> dict[str, str]:
    """Names in lower case, values unescaped; the first of equal names counts."""
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(tag):
        found.setdefault(name.lower(), unescape(double or single or bare))
    return found


class Tag(Struct, frozen=True):
    name: str
    close: bool
    attributes: str


def tokens(html: str) -> Iterator[str | Tag]:
    """Text (entities resolved) and well-formed tags in turn; comments are left out, a stray `<` is text."""
    text_from = at = 0
    while start := _TAG_START.search(html, at):
        at = start.start()
        tag = _CLEAN_TAG.match(html, at)
        if tag is None:
            at += 1
            continue
        if at > text_from:
            yield unescape(html[text_from:at])
        if tag["name"]:
            yield Tag(tag["name"].lower(), bool(tag["close"]), tag["attributes"])
        text_from = at = tag.end()
    if text_from < len(html):
        yield unescape(html[text_from:])
