"""Cuts rich text into pieces that fit, each well formed: what is open at a cut is closed there and opened again behind it."""

import re
from collections.abc import Iterator
from enum import IntEnum
from html import escape

from msgspec import Struct
from msgspec.structs import replace

from bridge.text.html import html_to_plain
from bridge.text.split import size_of, split_text
from bridge.text.tags import VOID, Tag, attributes_of, tokens

_LEAST = 1000
"""Bytes of a piece, at least: less would be all tags."""
_WORDS = re.compile(r"\s+|\S+")
_HEADS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = frozenset((*_HEADS, "p", "div", "table", "caption", "details", "summary", "blockquote", "pre", "ul", "ol", "hr"))
_LINES = frozenset(("li", "tr", "br"))


class _Good(IntEnum):
    """How good a place for a cut is."""

    ANY = 0
    WORD = 1
    LINE = 2
    BLOCK = 3


class _Open(Struct, frozen=True):
    """A tag that is open, and all that it is in. `items`: of a numbered list, how many have begun."""

    outer: "_Open | None"
    name: str
    attributes: str
    pre: bool
    """Whether white space counts in there."""
    size: int
    """Bytes to close and open it all again."""
    items: int = 0

    def again(self, inside: bool) -> str:
        """Its tag behind a cut. A list goes on with the number it has come to; `inside`: the cut is in that item."""
        if self.name != "ol" or not self.items:
            return f"<{self.name}{self.attributes}>"
        start = attributes_of(self.attributes).get("start", "1")
        first = int(start) if start.isascii() and start.isdigit() and len(start) < 10 else 1
        return f'<ol start="{first + self.items - inside}">'


def _opened(outer: _Open | None, tag: Tag) -> _Open:
    size = len(tag.name) * 2 + len(tag.attributes.encode()) + len("<></>") + len(' start="123456789"')
    return _Open(
        outer,
        tag.name,
        tag.attributes,
        tag.name == "pre" or (outer is not None and outer.pre),
        size + (outer.size if outer is not None else 0),
    )


class _Unit(Struct, frozen=True):
    """What is not cut apart, with what is open before and behind it."""

    written: str
    size: int
    before: _Open | None
    behind: _Open | None
    good: _Good
    """Of a cut right before it."""
    space: bool = False


def split_html(html: str, limit: int, plain_limit: int) -> tuple[tuple[str, str | None], ...]:
    """(plain, html) of each piece: at most `plain_limit` bytes of plain text and `limit` of HTML; only white space is lost.

    Cut between paragraphs where a piece's second half has any, else between lines, words, graphemes. Where so much is open at
    once that there is no room for words, a piece is without HTML. `html` is within the Matrix subset. Never empty.
    """
    pieces = _pieces(html, limit)
    if pieces is None:
        plain = html_to_plain(html, naming=True)
        return tuple((part, None) for part in split_text(plain, plain_limit, "bytes"))
    found: list[tuple[str, str | None]] = []
    for piece in pieces:
        plain = html_to_plain(piece, naming=True)
        if len(plain) * 4 <= plain_limit or size_of(plain, "bytes") <= plain_limit:
            found.append((plain, piece))
        elif limit >= 2 * _LEAST:
            found += split_html(piece, limit // 2, plain_limit)
        else:
            found += ((part, None) for part in split_text(plain, plain_limit, "bytes"))
    return tuple((plain, piece) for plain, piece in found if plain.strip()) or (("", None),)


def _pieces(html: str, limit: int) -> list[str] | None:
    """None where tags take up all the room."""
    units = list(_units(html, limit // 4))
    pieces = []
    at = 0
    while at < len(units):
        end = _end(units, at, limit)
        if end < len(units) and (open := units[end].before) is not None and open.size > limit // 2:
            return None
        pieces.append(_written(units, at, end))
        at = end
        while at < len(units) and units[at].space and not _keeps_space(units[at].before):
            at += 1
    return pieces


def _end(units: list[_Unit], start: int, limit: int) -> int:
    """Where the piece that begins at `start` ends: as far as it fits, or before that at the best place of its second half."""
    open = units[start].before
    size = 0 if open is None else open.size
    best: tuple[_Good, int] | None = None
    for index in range(start, len(units)):
        unit = units[index]
        if index > start and size >= limit // 2 and (best is None or unit.good >= best[0]):
            best = (unit.good, index)
        size += unit.size
        if index > start and size + (0 if unit.behind is None else unit.behind.size) > limit:
            return best[1] if best is not None else index
    return len(units)


def _written(units: list[_Unit], start: int, end: int) -> str:
    inner = "".join(unit.written for unit in units[start:end])
    return _opening(units[start].before) + inner + _closing(units[end - 1].behind)


def _opening(open: _Open | None) -> str:
    tags: list[str] = []
    while open is not None:
        tags.append(open.again(inside=bool(tags)))
        open = open.outer
    return "".join(reversed(tags))


def _closing(open: _Open | None) -> str:
    tags = []
    while open is not None:
        tags.append(f"</{open.name}>")
        open = open.outer
    return "".join(tags)


def _keeps_space(open: _Open | None) -> bool:
    return open is not None and open.pre


def _units(html: str, longest: int) -> Iterator[_Unit]:
    open: _Open | None = None
    after = _Good.ANY
    for token in tokens(html):
        if isinstance(token, str):
            for written, space, good in _words(token, longest, _keeps_space(open)):
                yield _Unit(written, len(written.encode()), open, open, max(after, good), space)
                after = _Good.WORD if space else _Good.ANY
            continue
        moved = _moved(open, token)
        if moved is None:
            continue
        written, behind = moved
        good = _good(token.name)
        # before a paragraph begins or behind its end; a line only behind its end
        here = _Good.ANY if token.close else after if token.name == "br" else max(after, good)
        yield _Unit(written, len(written.encode()), open, behind, here)
        after = good if token.close or token.name in VOID else _Good.ANY
        open = behind


def _words(text: str, longest: int, pre: bool) -> Iterator[tuple[str, bool, _Good]]:
    for word in _WORDS.findall(text):
        if word.isspace():
            yield word[:longest] if not pre else word, True, _Good.LINE if pre and "\n" in word else _Good.WORD
            continue
        parts = (word,) if len(word) * 5 <= longest else split_text(word, longest // 5, "bytes")
        for part in parts:
            yield escape(part, quote=False), False, _Good.ANY


def _good(name: str) -> _Good:
    return _Good.BLOCK if name in _BLOCKS else _Good.LINE if name in _LINES else _Good.ANY


def _moved(open: _Open | None, tag: Tag) -> tuple[str, _Open | None] | None:
    """What a tag is written as, and what is open behind it; None for one that closes nothing."""
    if tag.name in VOID:
        return None if tag.close else (f"<{tag.name}{tag.attributes}>", open)
    if not tag.close:
        if tag.name == "li" and open is not None and open.name == "ol":
            open = replace(open, items=open.items + 1)
        return f"<{tag.name}{tag.attributes}>", _opened(open, tag)
    written, outer = "", open
    while outer is not None:
        written += f"</{outer.name}>"
        if outer.name == tag.name:
            return written, outer.outer
        outer = outer.outer
    return None
