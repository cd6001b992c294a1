"""Counting and cutting plain text as people see it: by grapheme clusters (UAX #29)."""

from itertools import islice

import regex  # type: ignore[import-untyped]

from bridge.text.escape import strip_controls

GRAPHEME = regex.compile(r"\X")
# White space that a mark or joiner follows belongs to a grapheme: no place for a cut.
SPACE = regex.compile(r"\s(?![\p{M}\u200c\u200d])")
LAST_SPACE = regex.compile(r"(?r)\s(?![\p{M}\u200c\u200d])")
_LONGEST_GRAPHEME = 32
"""Code points of one cluster that are kept where text is made short: more is not writing but an attack on the reader."""
CUT_SHORT = "… (the rest is too long for here)"
"""Where a text ends that is not whole."""


def graphemes(text: str) -> list[str]:
    """The grapheme clusters; joined they are the text again."""
    found: list[str] = GRAPHEME.findall(text)
    return found


def count_graphemes(text: str) -> int:
    if text.isascii():
        return len(text) - text.count("\r\n")
    return sum(1 for _ in GRAPHEME.finditer(text))


def cut(text: str, limit: int) -> str:
    """At most `limit` graphemes of the text's beginning, none of them monstrous (32 code points at most)."""
    if len(text) <= limit and (text.isascii() or len(text) <= _LONGEST_GRAPHEME):
        return text
    return "".join(match[0][:_LONGEST_GRAPHEME] for match in islice(GRAPHEME.finditer(text), limit))


def one_line(text: str) -> str:
    """Everything on one line: any run of white space is one space, none at the ends, no control characters."""
    return " ".join(strip_controls(text).split())


def excerpt(text: str, limit: int = 32) -> str:
    """The first words on one line, at most `limit` graphemes, ending in "…" where something was left out."""
    window = text[: limit * _LONGEST_GRAPHEME * 2]
    line = one_line(window)
    if len(window) == len(text) and cut(line, limit) == line:
        return line
    short = cut(line, limit - 1)
    space = short.rfind(" ")
    if space > len(short) // 2 and not line.startswith(" ", len(short)):
        short = short[:space]
    return short.rstrip() + "…"
