"""Cuts long text into pieces that fit, at word bounds, else between graphemes, and only at last between code points."""

from bridge.text.plain import GRAPHEME, LAST_SPACE, SPACE, count_graphemes

_LONGEST_CHARACTER = 4
"""Bytes of one code point in UTF-8."""


def size_of(text: str, unit: str) -> int:
    """How much of a limit counted in "bytes" (UTF-8), "characters" (code points) or "graphemes" the text uses up."""
    if unit == "graphemes":
        return count_graphemes(text)
    if unit == "characters" or text.isascii():
        return len(text)
    return len(text.encode("utf-8", "surrogatepass"))


def split_text(text: str, limit: int, unit: str) -> tuple[str, ...]:
    """Pieces of at most `limit` units each (see `size_of`), in order; never none. Only white space at a cut is lost.

    Raises `ValueError` where the limit is too small for a single code point.
    """
    if limit < (_LONGEST_CHARACTER if unit == "bytes" else 1):
        raise ValueError(f"a limit of {limit} {unit} cannot hold a character")
    pieces: list[str] = []
    start = 0
    while start < len(text):
        end = _reach(text, start, limit, unit)
        if end >= len(text):
            pieces.append(text[start:])
            break
        stop, resume = _cut(text, start, end)
        if stop > start:
            pieces.append(text[start:stop])
        start = resume
    return tuple(pieces) or ("",)


def _reach(text: str, start: int, limit: int, unit: str) -> int:
    """The greatest index up to which text from `start` fits: a code point bound, not yet a good place."""
    if unit == "graphemes":
        end = start
        for _, match in zip(range(limit), GRAPHEME.finditer(text, start), strict=False):
            end = match.end()
        return end
    if unit == "characters":
        return start + limit
    window = text[start : start + limit]
    if window.isascii():
        return start + limit
    encoded = window.encode("utf-8", "surrogatepass")
    if len(encoded) <= limit:
        return start + len(window)
    cut = limit
    while encoded[cut] & 0xC0 == 0x80:
        cut -= 1
    return start + len(encoded[:cut].decode("utf-8", "surrogatepass"))


def _cut(text: str, start: int, end: int) -> tuple[int, int]:
    """Where a piece that may reach to `end` stops, and where the next one starts."""
    place = end if SPACE.match(text, end) else _break_before(text, start, end)
    if place is not None:
        stop, resume = place, place
        while stop > start and SPACE.match(text, stop - 1):
            stop -= 1
        while resume < len(text) and SPACE.match(text, resume):
            resume += 1
        return stop, resume
    bound = start
    for match in GRAPHEME.finditer(text, start, end + 1):
        if match.end() > end:
            break
        bound = match.end()
    return (bound, bound) if bound > start else (end, end)


def _break_before(text: str, start: int, end: int) -> int | None:
    """The last line end in the piece's second half, else its last white space."""
    newline = text.rfind("\n", start + (end - start) // 2, end)
    if newline > start and SPACE.match(text, newline):
        return newline
    match = LAST_SPACE.search(text, start, end)
    return match.start() if match is not None and match.start() > start else None
