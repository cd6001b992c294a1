"""HTML within the Matrix subset (client-server API, "m.room.message msgtypes"): made safe, made from text, made readable."""

import re
from html import escape, unescape

import nh3

from bridge.text.escape import strip_controls
from bridge.text.quote import quote
from bridge.text.tags import SIZE_CAP, Tag, attributes_of, fits, tokens

_TAGS = {
    *("del", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "p", "a", "ul", "ol", "sup", "sub", "li", "b", "i", "u", "strong"),
    *(
        "em",
        "s",
        "code",
        "hr",
        "br",
        "div",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "caption",
        "pre",
        "span",
        "img",
        "details",
    ),
    "summary",
}
_ATTRIBUTES: dict[str, set[str]] = {
    "*": set(),
    "a": {"href", "target"},
    "img": {"width", "height", "alt", "title", "src"},
    "ol": {"start"},
    "code": {"class"},
    "span": {"data-mx-bg-color", "data-mx-color", "data-mx-spoiler", "data-mx-maths"},
    "div": {"data-mx-maths"},
}
_COLOR = re.compile("#[0-9A-Fa-f]{6}")
_LANGUAGE = re.compile(r"language-[\w+#.-]{1,40}")


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "src":
        return value if value.startswith("mxc://") else None
    if name == "class":
        kept = _LANGUAGE.match(value)
        return kept[0] if kept else None
    if name in ("data-mx-color", "data-mx-bg-color"):
        return value if _COLOR.fullmatch(value) else None
    if name == "href":
        return None if value.startswith("mxc:") else value
    return value


_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    attributes=_ATTRIBUTES,
    attribute_filter=_attribute,
    clean_content_tags={"script", "style", "title", "mx-reply", "iframe", "noembed", "noframes", "xmp", "template"},
    url_schemes={"https", "http", "ftp", "mailto", "magnet", "mxc"},
    url_relative="deny",
    link_rel=None,
)

_AGAIN = 4
"""Further readings of misnested HTML, until nothing moves any more. Most stands still at the first."""


def sanitize(html: str) -> str:
    """The HTML with nothing in it but the Matrix subset, well formed; `mx-reply` goes with its content.

    What is too big or too deep to be parsed comes back as escaped text without its tags, cut at `SIZE_CAP` bytes.
    """
    html = strip_controls(html)
    if "<" not in html:
        return escape(strip_controls(unescape(html)), quote=False)
    if not fits(html):
        return plain_to_html(_untagged(html.encode("utf-8", "replace")[:SIZE_CAP].decode("utf-8", "ignore")))
    clean = _CLEANER.clean(html)
    for _ in range(_AGAIN):  # what a reader puts elsewhere (out of a table, say) may come to lie where the next can't leave it
        settled, clean = clean, _CLEANER.clean(clean)
        if settled == clean:
            break
    # controls written as character references come out as themselves
    return strip_controls(clean)


def _untagged(html: str) -> str:
    """Text with tags taken out by looking at them only once: for what must not be parsed."""
    return unescape(re.sub(r"<[a-zA-Z/!?][^<>]*+>", "", html))


def plain_to_html(plain: str) -> str:
    """HTML that shows the text as it is, line ends included."""
    return escape(strip_controls(plain), quote=False).replace("\n", "<br>")


def html_to_plain(html: str, *, naming: bool = False) -> str:
    """What the HTML says, readable without it: links keep their address, lists their marks, quotes `>`, code its backquotes.

    A link to a person or room shows its text alone, and with `naming` one whose text is a word behind `@`, `#` or `!`, too;
    a spoiler stands in `||…||`. Linear in the input, whatever it is.
    """
    html = strip_controls(html)
    if "<" not in html:
        return strip_controls(unescape(html))
    page = _Page(naming)
    for token in tokens(html):
        if isinstance(token, str):
            page.text(token)
        elif token.close:
            page.leave(token.name)
        else:
            page.enter(token)
    return strip_controls(page.whole())


def below(plain: str, html: str | None, lines: str) -> tuple[str, str | None]:
    """(plain, html) of a text with further lines below it, where there are any."""
    if html is not None:
        html = html + ("<br>" if lines and html else "") + plain_to_html(lines)
    return plain + ("\n" if lines and plain else "") + lines, html


_MARKS = {"code": "`", "del": "~~", "s": "~~"}
_NAMING = ("@", "#", "!")
_SILENT = frozenset(("mx-reply", "script", "style", "title"))
_BLOCKS = frozenset(
    ("p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "table", "tr", "caption", "details", "summary", "blockquote", "pre")
)
_SPACE = re.compile(r"[ \t\n\f]+")
_LEVELS = 20
"""Of quotes and lists that are shown as such."""


class _Page:
    """Plain text being written. A frame is what a quote, a link or a spoiler has gathered so far, settled when it ends."""

    def __init__(self, naming: bool) -> None:
        self._naming = naming
        self._frames: list[tuple[Tag, list[str]]] = [(Tag("", False, ""), [])]
        self._lists: list[int | None] = []
        self._pre = 0
        self._silent = 0

    def whole(self) -> str:
        while len(self._frames) > 1:
            self._settle()
        return "".join(self._frames[0][1]).strip("\n").rstrip()

    def text(self, text: str) -> None:
        if self._silent:
            return
        if not self._pre:
            text = _SPACE.sub(" ", text)
            if text.startswith(" ") and self._ends(" ", "\n"):
                text = text[1:]
        self._write(text)

    def enter(self, tag: Tag) -> None:
        name = tag.name
        if name in _SILENT:
            self._silent += 1
        if self._silent:
            return
        if name in _BLOCKS or name in ("ul", "ol", "hr"):
            self._line()
        if name == "br":
            self._write("\n")
        elif name == "hr":
            self._write("---\n")
        elif name == "img":
            attributes = attributes_of(tag.attributes)
            self._write(attributes.get("alt") or attributes.get("title") or "")
        elif name in ("td", "th") and not self._ends("\n"):
            self._write(" | ")
        elif name in ("ul", "ol"):
            self._lists.append(_start(tag) if name == "ol" else None)
        elif name == "li":
            self._item()
        elif name == "pre":
            self._pre += 1
        elif name in _MARKS and not self._pre:
            self._write(_MARKS[name])
        elif name in ("a", "span", "blockquote"):
            self._open(tag)

    def leave(self, name: str) -> None:
        if name in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif self._silent:
            return
        elif name in ("ul", "ol"):
            if self._lists:
                self._lists.pop()
            self._line()
        elif name == "pre":
            self._pre = max(0, self._pre - 1)
        elif name in _MARKS and not self._pre:
            self._write(_MARKS[name])
        elif name in ("a", "span", "blockquote"):
            self._close(name)
        if name in _BLOCKS or name == "li":
            self._line()
        if name == "p":
            self._gap()

    def _open(self, tag: Tag) -> None:
        if len(self._frames) <= _LEVELS:
            self._frames.append((tag, []))

    def _close(self, name: str) -> None:
        if any(tag.name == name for tag, _ in self._frames):
            while self._frames[-1][0].name != name:
                self._settle()
            self._settle()

    def _settle(self) -> None:
        tag, pieces = self._frames.pop()
        inner = "".join(pieces)
        if tag.name == "blockquote":
            inner = quote(inner.strip("\n")) + "\n"
        elif tag.name == "a" and not (self._naming and self._names(inner)):
            inner = _link(inner, attributes_of(tag.attributes).get("href", ""))
        elif "data-mx-spoiler" in tag.attributes:
            reason = attributes_of(tag.attributes).get("data-mx-spoiler")
            inner = f"({reason}) ||{inner}||" if reason else f"||{inner}||"
        self._write(inner)

    def _names(self, inner: str) -> bool:
        """Whether the text of a link, with what is right before it, names somebody or a tag."""
        before = next((pieces[-1][-1:] for _, pieces in reversed(self._frames) if pieces), "")
        return (inner[:1] in _NAMING or before in _NAMING) and " " not in inner and "\n" not in inner

    def _item(self) -> None:
        self._line()
        depth = min(len(self._lists), _LEVELS)
        number = self._lists[-1] if self._lists else None
        if number is not None:
            self._lists[-1] = number + 1
        self._write("  " * (depth - 1) + ("- " if number is None else f"{number}. "))

    def _write(self, text: str) -> None:
        if text:
            self._frames[-1][1].append(text)

    def _ends(self, *ends: str) -> bool:
        pieces = self._frames[-1][1]
        return not pieces or pieces[-1].endswith(ends)

    def _line(self) -> None:
        pieces = self._frames[-1][1]
        if pieces and not pieces[-1].endswith("\n"):
            pieces[-1] = pieces[-1].rstrip(" ")
            pieces.append("\n")

    def _gap(self) -> None:
        pieces = self._frames[-1][1]
        if len(pieces) > 1 and not (pieces[-1] == "\n" and pieces[-2].endswith("\n")):
            pieces.append("\n")


def _start(tag: Tag) -> int:
    start = attributes_of(tag.attributes).get("start", "1")
    return int(start) if start.isascii() and start.isdigit() and len(start) < 10 else 1


def _link(text: str, href: str) -> str:
    if not href or href == text or href.startswith(("https://matrix.to/#/", "matrix:")):
        return text
    if not text.strip():
        return href
    bare = href.removeprefix("https://").removeprefix("http://").removeprefix("mailto:").rstrip("/")
    return href if text.strip().rstrip("/") == bare and not href.startswith("mailto:") else f"{text} ({href})"
