"""mIRC formatting codes ⇄ the Matrix HTML subset, through styled runs of text.

The codes are toggles in a line, so a run knows its whole style and what stands between two runs is worked out when writing.
Colours are kept as `#rrggbb`: the 99 colours of clients today are a table, and code 04 names any. Equal text and background
colour is how IRC hides text, hence a spoiler. One-way losses: colours outside the table are written as the nearest in it; reverse
video becomes a pair of colours; lists, tables, headings and quotes become plain lines with marks.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from html import escape, unescape
from typing import NamedTuple

from bridge.model.events import Text
from bridge.text.escape import strip_controls

BOLD, ITALIC, UNDERLINE, STRIKE, MONO = 1, 2, 4, 8, 16
_REVERSE = 32
_TOGGLES = {"\x02": BOLD, "\x1d": ITALIC, "\x1f": UNDERLINE, "\x1e": STRIKE, "\x11": MONO, "\x16": _REVERSE}
_WRITTEN = ((BOLD, "\x02"), (ITALIC, "\x1d"), (UNDERLINE, "\x1f"), (STRIKE, "\x1e"), (MONO, "\x11"))
_ELEMENTS = ((BOLD, "b"), (ITALIC, "i"), (UNDERLINE, "u"), (STRIKE, "del"), (MONO, "code"))
_CODE = re.compile(
    "([\x02\x0f\x11\x16\x1d\x1e\x1f])|\x03(?:([0-9]{1,2})(?:,([0-9]{1,2}))?)?|\x04(?:([0-9a-fA-F]{6})(?:,([0-9a-fA-F]{6}))?)?"
)
_LONGEST_OPENING = len("\x0f") + len(_WRITTEN) + len("\x03NN,NN") + len("\x02\x02")

_COLOURS = (
    "ffffff 000000 00007f 009300 ff0000 7f0000 9c009c fc7f00 ffff00 00fc00 009393 00ffff 0000fc ff00ff 7f7f7f d2d2d2 "
    "470000 472100 474700 324700 004700 00472c 004747 002747 000047 2e0047 470047 47002a "
    "740000 743a00 747400 517400 007400 007449 007474 004074 000074 4b0074 740074 740045 "
    "b50000 b56300 b5b500 7db500 00b500 00b571 00b5b5 0063b5 0000b5 7500b5 b500b5 b5006b "
    "ff0000 ff8c00 ffff00 b2ff00 00ff00 00ffa0 00ffff 008cff 0000ff a500ff ff00ff ff0098 "
    "ff5959 ffb459 ffff71 cfff60 6fff6f 65ffc9 6dffff 59b4ff 5959ff c459ff ff66ff ff59bc "
    "ff9c9c ffd39c ffff9c e2ff9c 9cff9c 9cffdb 9cffff 9cd3ff 9c9cff dc9cff ff9cff ff94d3 "
    "000000 131313 282828 363636 4d4d4d 656565 818181 9f9f9f bcbcbc e2e2e2 ffffff"
)
PALETTE = tuple(f"#{colour}" for colour in _COLOURS.split())
"""The colours 0–98 as clients show them; 99 is the default."""


class Style(NamedTuple):
    flags: int = 0
    fg: str | None = None
    bg: str | None = None

    @property
    def hidden(self) -> bool:
        return self.fg is not None and self.fg == self.bg


PLAIN = Style()
HIDDEN = Style(0, "#000000", "#000000")


class Run(NamedTuple):
    text: str
    style: Style = PLAIN


def one_line(text: str) -> str:
    """No control characters; what Unicode calls a line end is a space."""
    return text if text.isprintable() else strip_controls(text).replace("\n", " ")


def text_of(raw: str) -> Text:
    """What an IRC line says; html only where it is formatted."""
    if raw.isprintable():
        return Text(plain=raw)
    runs = from_irc(raw)
    plain = "".join(run.text for run in runs)
    if all(run.style == PLAIN for run in runs):
        return Text(plain=plain)
    return Text(plain=plain, html=to_html(runs))


def from_irc(raw: str) -> list[Run]:
    """Runs of one style each, none empty, no two neighbours alike; every other control character is left out."""
    runs: list[Run] = []
    flags, fg, bg = 0, None, None
    start = 0
    for code in _CODE.finditer(raw):
        _add(runs, one_line(raw[start : code.start()]), _style(flags, fg, bg))
        start = code.end()
        toggle, fg_index, bg_index, fg_hex, bg_hex = code.groups()
        if toggle == "\x0f":
            flags, fg, bg = 0, None, None
        elif toggle:
            flags ^= _TOGGLES[toggle]
        elif fg_index is not None or fg_hex is not None:
            fg = f"#{fg_hex.lower()}" if fg_hex else _colour(fg_index)
            if bg_index is not None or bg_hex is not None:
                bg = f"#{bg_hex.lower()}" if bg_hex else _colour(bg_index)
        else:
            fg = bg = None
    _add(runs, one_line(raw[start:]), _style(flags, fg, bg))
    return runs


def _style(flags: int, fg: str | None, bg: str | None) -> Style:
    if flags & _REVERSE:
        return Style(flags ^ _REVERSE, bg or "#ffffff", fg or "#000000")
    return Style(flags, fg, bg)


def _colour(index: str) -> str | None:
    number = int(index)
    return PALETTE[number] if number < len(PALETTE) else None


def _add(runs: list[Run], text: str, style: Style) -> None:
    if not text:
        return
    if runs and runs[-1].style == style:
        runs[-1] = Run(runs[-1].text + text, style)
    else:
        runs.append(Run(text, style))


def joined(runs: Iterable[Run]) -> list[Run]:
    """The same with neighbours of one style made one, and empty ones left out."""
    out: list[Run] = []
    for run in runs:
        _add(out, run.text, run.style)
    return out


def to_irc(runs: Sequence[Run]) -> str:
    """One line with its codes; what is open at its end ends with the line."""
    out: list[str] = []
    now = PLAIN
    for run in runs:
        if run.style != now:
            out.append(transition(now, run.style, run.text))
            now = run.style
        out.append(run.text)
    return "".join(out)


def transition(now: Style, then: Style, text: str) -> str:
    """The codes that lead from one style to another before `text`, whose first character must not be read as part of them.

    Colours are taken back only by a full reset, since a bare `\\x03` before a digit would be a colour.
    """
    if then == PLAIN:
        return "\x0f" if now != PLAIN else ""
    out = ""
    if (now.fg and not then.fg) or (now.bg and not then.bg):
        out, now = "\x0f", PLAIN
    out += "".join(code for flag, code in _WRITTEN if (now.flags ^ then.flags) & flag)
    if (now.fg, now.bg) != (then.fg, then.bg):
        out += f"\x03{99 if then.fg is None else nearest(then.fg):02}"
        if then.bg is not None:
            out += f",{nearest(then.bg):02}"
        elif text.startswith(","):
            out += "\x02\x02"
    return out


def opening_bound(now: Style, then: Style) -> int:
    """At least as many bytes as `transition` takes, whatever text follows."""
    return 0 if now == then else _LONGEST_OPENING


@lru_cache(maxsize=1024)
def nearest(colour: str) -> int:
    """The number of the colour in the table that looks most like `#rrggbb`; the lowest of equals."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))

    def distance(index: int) -> int:
        there = PALETTE[index]
        apart = (int(there[1:3], 16) - red, int(there[3:5], 16) - green, int(there[5:7], 16) - blue)
        return 2 * apart[0] ** 2 + 4 * apart[1] ** 2 + 3 * apart[2] ** 2

    return min(range(len(PALETTE)), key=distance)


def to_html(runs: Iterable[Run]) -> str:
    """One line of the Matrix subset. Spaces that HTML would swallow are no-break spaces."""
    out: list[str] = []
    after_space = True
    for text, style in runs:
        kept = []
        for char in text:
            kept.append("\u00a0" if char == " " and after_space else char)
            after_space = char == " " and not after_space
        piece = escape("".join(kept), quote=False)
        for flag, element in reversed(_ELEMENTS):
            if style.flags & flag:
                piece = f"<{element}>{piece}</{element}>"
        if style.hidden:
            piece = f"<span data-mx-spoiler>{piece}</span>"
        elif style.fg or style.bg:
            colours = (f' data-mx-color="{style.fg}"' if style.fg else "") + (
                f' data-mx-bg-color="{style.bg}"' if style.bg else ""
            )
            piece = f"<span{colours}>{piece}</span>"
        out.append(piece)
    return "".join(out)


_MARKUP = re.compile(r"""<!--.*?(?:-->|\Z)|<(/?)([a-zA-Z][a-zA-Z0-9-]*)((?:[^<>"']++|"[^"]*+"|'[^']*+')*+)>|[^<]+|<""", re.DOTALL)
_ATTRIBUTE = re.compile(r"""([a-zA-Z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_RGB = re.compile("#[0-9a-fA-F]{6}")
_SPACES = re.compile("[ \t\n\r\f]+")
_FLAGS = {
    **dict.fromkeys(("b", "strong", "h1", "h2", "h3", "h4", "h5", "h6", "th", "summary"), BOLD),
    **dict.fromkeys(("i", "em", "cite"), ITALIC),
    **dict.fromkeys(("u", "ins"), UNDERLINE),
    **dict.fromkeys(("s", "del", "strike"), STRIKE),
    **dict.fromkeys(("code", "pre", "tt", "kbd"), MONO),
}
_BLOCK_NAMES = "p div h1 h2 h3 h4 h5 h6 blockquote ul ol li pre table thead tbody tr caption details summary dl dt dd"
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_VOID = frozenset(("br", "hr", "img"))
_UNSEEN = frozenset(("mx-reply", "script", "style", "head", "title"))
_DEEPEST = 100
"""Elements within elements; further in, tags count for nothing."""


def from_html(html: str) -> list[list[Run]]:
    """The lines of a text in the Matrix subset, empty ones left out. Any text is read, in time linear to its length."""
    reader = _HtmlReader()
    for piece in _MARKUP.finditer(html):
        closing, name, attributes = piece.groups()
        if name is None:
            if not piece[0].startswith("<!--"):
                reader.text(unescape(piece[0]))
        elif closing:
            reader.close(name.lower())
        else:
            reader.open(name.lower(), attributes)
    return reader.finish()


class _Open(NamedTuple):
    name: str
    style: Style
    """That of the text around it."""
    ending: str = ""
    """What is written where it closes."""


class _HtmlReader:
    """Follows the tags as they come; a closing tag without its opening is nothing, one too few is closed with its parent."""

    def __init__(self) -> None:
        self._lines: list[list[Run]] = []
        self._line: list[Run] = []
        self._stack: list[_Open] = []
        self._style = PLAIN
        self._lists: list[int | None] = []
        self._quotes = self._hidden = self._literal = 0
        self._mark = ""
        self._since_link: list[str] = []

    def text(self, text: str) -> None:
        if self._hidden:
            return
        self._since_link.append(text)
        if self._literal:
            first, *rest = text.replace("\r\n", "\n").split("\n")
            self._write(first)
            for line in rest:
                self._break()
                self._write(line)
            return
        text = _SPACES.sub(" ", text)
        if not self._line or self._line[-1].text.endswith(" "):
            text = text.removeprefix(" ")
        self._write(text)

    def open(self, name: str, attributes: str) -> None:
        if name in _BLOCKS or name == "br":
            self._break()
        if name in _VOID:
            self._void(name, attributes)
            return
        if len(self._stack) >= _DEEPEST:
            return
        wanted, before, after = self._style, "", ""
        if name in _FLAGS:
            wanted = wanted._replace(flags=wanted.flags | _FLAGS[name])
        elif name in ("span", "font", "a"):
            wanted, before, after = self._inline(name, _attributes(attributes))
        self._enter(name, attributes)
        self._write(before)
        self._stack.append(_Open(name, self._style, after))
        self._style = wanted
        if name == "a":
            self._since_link = []

    def _enter(self, name: str, attributes: str) -> None:
        match name:
            case "pre":
                self._literal += 1
            case "blockquote":
                self._quotes += 1
            case "ul":
                self._lists.append(None)
            case "ol":
                start = _attributes(attributes).get("start", "")
                self._lists.append(int(start) if start.isdecimal() and len(start) < 6 else 1)
            case "li":
                self._item()
            case "td" | "th" if self._line:
                self._write(" | ")
            case _ if name in _UNSEEN:
                self._hidden += 1

    def _inline(self, name: str, attributes: dict[str, str]) -> tuple[Style, str, str]:
        if name == "a":
            href = attributes.get("href", "")
            return self._style, "", "" if "matrix.to/#/" in href or href.startswith("matrix:") else href
        if "data-mx-spoiler" in attributes:
            reason = attributes["data-mx-spoiler"]
            return self._style._replace(fg=HIDDEN.fg, bg=HIDDEN.bg), f"({reason}) " if reason else "", ""
        fg = attributes.get("data-mx-color") or attributes.get("color") or ""
        bg = attributes.get("data-mx-bg-color") or ""
        style = self._style._replace(fg=fg.lower()) if _RGB.fullmatch(fg) else self._style
        return style._replace(bg=bg.lower()) if _RGB.fullmatch(bg) else style, "", ""

    def close(self, name: str) -> None:
        if name in _VOID or not any(opened.name == name for opened in self._stack):
            return
        while self._stack:
            opened = self._stack.pop()
            if opened.name == "a" and opened.ending and opened.ending not in ("".join(self._since_link), ""):
                said = "".join(self._since_link).strip()
                if said.removeprefix("mailto:") != opened.ending.removeprefix("mailto:"):
                    self._write(f" ({opened.ending})" if said else opened.ending)
            self._style = opened.style
            self._leave(opened.name)
            if opened.name == name:
                return

    def _leave(self, name: str) -> None:
        if name in _BLOCKS:
            self._break()
        match name:
            case "pre":
                self._literal -= 1
            case "blockquote":
                self._quotes -= 1
            case "ul" | "ol":
                self._lists.pop()
            case _ if name in _UNSEEN:
                self._hidden -= 1

    def _void(self, name: str, attributes: str) -> None:
        if name == "img":
            named = _attributes(attributes)
            self.text(named.get("alt") or named.get("title") or "")
        elif name == "hr":
            self._break()
            self._write("---")
            self._break()

    def _item(self) -> None:
        depth = max(len(self._lists) - 1, 0)
        number = self._lists[-1] if self._lists else None
        if number is not None:
            self._lists[-1] = number + 1
        self._mark = "  " * depth + ("• " if number is None else f"{number}. ")

    def _write(self, text: str) -> None:
        if not text or self._hidden:
            return
        if not self._line:
            start = "> " * min(self._quotes, 5) + self._mark
            if start:
                self._line.append(Run(start))
            self._mark = ""
        self._line.append(Run(text, self._style))

    def _break(self) -> None:
        line, self._line = self._line, []
        runs = joined(Run(one_line(text).replace("\u00a0", " "), style) for text, style in line)
        while runs and not runs[-1].text.strip():
            runs.pop()
        if runs:
            runs[-1] = Run(runs[-1].text.rstrip(), runs[-1].style)
            self._lines.append(runs)

    def finish(self) -> list[list[Run]]:
        self._break()
        return self._lines


def _attributes(text: str) -> dict[str, str]:
    return {name.lower(): unescape(double or single or bare) for name, double, single, bare in _ATTRIBUTE.findall(text) if name}
