"""Cuts a message into IRC lines that fit, counted in bytes as they go over the wire.

A line break starts a new wire message and an empty line is dropped. A line too long is cut at a word bound, else between
graphemes; its formatting goes on in the next part, whose re-opened codes count. The voice's prefix counts in every part, and so
does the room that the mark of a possible repeat would take, since a part cannot grow when it is sent again.
"""

from collections.abc import Iterator
from functools import lru_cache

from msgspec.structs import replace

from adapters.irc.formatting import PLAIN, Run, from_html, joined, one_line, opening_bound, to_html, to_irc
from bridge.contract.features import Features, Unit, Voice
from bridge.model.events import Message, Style, Text
from bridge.text.escape import strip_controls
from bridge.text.plain import graphemes
from bridge.text.split import split_text

REPEAT = "(possible repeat) "
ACTION = "\x01ACTION {}\x01"

SAFE_LIMIT = 350
"""Bytes of text where the limit is unknown: 512 less the longest source that networks today give, command and channel."""
LONGEST_CALL = 32
"""Bytes of a name that an answer may begin with."""
SMALLEST_LIMIT = 64
"""Below this no limit is believed."""
_LONGEST_HTML = 16 * 1024
"""Characters; more is read as its plain text, since every one costs time and most of such a message goes to a page anyway."""
_BIG_GRAPHEME = 24
"""Bytes from which a grapheme may be cut between its code points."""


def split(message: Message, voice: Voice, features: Features) -> tuple[Message, ...]:
    """The message itself where it fits in one line. Never none; reply and all else that happens once stay with the first part."""
    room = room_for(message.style, voice, features.limits.text) - size(call(message))
    if message.text.html is None and _fits(message.text.plain, room):
        return (message,)
    lines = lines_of(message.text)
    parts = [part for line in lines for part in _cut(line, room)]
    if len(parts) < 2 and len(lines) < 2 and (not parts or parts[0] == lines[0]):
        return (message,)
    return tuple(_part(message, runs, first=index == 0) for index, runs in enumerate(parts))


def room_for(style: Style, voice: Voice, limit: int | None) -> int:
    """Bytes left for the text itself, in each wire message."""
    limit = believed(limit)
    prefix = prefix_of(voice, limit)
    return limit - size(prefix) - len(REPEAT) - (size(ACTION) - 2 if is_action(style, prefix) else 0)


def call(message: Message, nick: str | None = None) -> str:
    """Who is answered, as IRC people write it, before an answer with the tags of one: most clients show no tags."""
    author = message.reply_to.author if message.reply_to is not None and message.style is not Style.EMOTE else None
    name = one_line(nick or author.name).strip() if author is not None else ""
    return f"{name}: " if name and size(name) <= LONGEST_CALL else ""


def believed(limit: int | None) -> int:
    return max(limit or SAFE_LIMIT, SMALLEST_LIMIT)


def is_action(style: Style, prefix: str) -> bool:
    """CTCP ACTION is for those who speak as themselves; behind a prefix that names the actor, the line is plain text."""
    return style is Style.EMOTE and not prefix


def prefix_of(voice: Voice, limit: int) -> str:
    """The prefix, cut where it would take more than a third of the room: a name must not crowd out what is said."""
    prefix = one_line(voice.prefix)
    if size(prefix) <= limit // 3:
        return prefix
    return split_text(prefix, limit // 3 - size("…> "), Unit.BYTES)[0].rstrip() + "…> "


def size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


_read = lru_cache(maxsize=64)(from_html)
"""A message that fits is read when it is split and again when it is written."""


def lines_of(text: Text) -> list[list[Run]]:
    """What the text says, line by line, none of them empty."""
    if text.html is not None and len(text.html) <= _LONGEST_HTML:
        return _read(text.html)
    lines = (line.rstrip() for line in strip_controls(text.plain).split("\n"))
    return [[Run(line)] for line in lines if line]


def _fits(plain: str, room: int) -> bool:
    return len(plain) <= room and "\n" not in plain and "\r" not in plain and (plain.isascii() or size(one_line(plain)) <= room)


def _part(message: Message, runs: list[Run], *, first: bool) -> Message:
    plain = "".join(run.text for run in runs)
    text = Text(plain=plain, html=to_html(runs) if any(run.style != PLAIN for run in runs) else None)
    mentions = tuple(mention for mention in message.mentions if mention.text in plain)
    if first:
        return replace(message, text=text, mentions=mentions)
    return Message(text=text, style=message.style, mentions=mentions, thread=message.thread)


def _cut(line: list[Run], room: int) -> Iterator[list[Run]]:
    if size(to_irc(line)) <= room:
        yield line
    elif len(line) == 1 and line[0].style == PLAIN:
        for piece in split_text(line[0].text, room, Unit.BYTES):
            if piece.strip():
                yield [Run(piece)]
    else:
        yield from _cut_styled(line, room)


def _cut_styled(line: list[Run], room: int) -> Iterator[list[Run]]:
    """Greedy, one pass over the graphemes; the codes' bytes are bounded from above, since they depend on what follows them."""
    piece: list[Run] = []
    used, space = 0, -1
    for unit in _units(line):
        cost = opening_bound(piece[-1].style if piece else PLAIN, unit.style) + size(unit.text)
        if piece and used + cost > room:
            keep, piece = (piece[:space], piece[space + 1 :]) if space > 0 else (piece, [])
            yield from _trimmed(keep)
            used, space = _cost(piece), -1
            cost = opening_bound(piece[-1].style if piece else PLAIN, unit.style) + size(unit.text)
        if unit.text.isspace():
            space = len(piece)
        piece.append(unit)
        used += cost
    yield from _trimmed(piece)


def _units(line: list[Run]) -> Iterator[Run]:
    for run in line:
        for grapheme in graphemes(run.text):
            for unit in grapheme if size(grapheme) > _BIG_GRAPHEME else (grapheme,):
                yield Run(unit, run.style)


def _cost(piece: list[Run]) -> int:
    total, now = 0, PLAIN
    for unit in piece:
        total += opening_bound(now, unit.style) + size(unit.text)
        now = unit.style
    return total


def _trimmed(piece: list[Run]) -> Iterator[list[Run]]:
    """Without the white space at the cut; nothing where nothing is left."""
    start, end = 0, len(piece)
    while start < end and piece[start].text.isspace():
        start += 1
    while end > start and piece[end - 1].text.isspace():
        end -= 1
    if start < end:
        yield joined(piece[start:end])
