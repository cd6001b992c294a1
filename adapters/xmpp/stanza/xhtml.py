"""XHTML-IM (XEP-0071) as the Matrix subset of HTML. Old, and still what some clients write beside the plain body."""

import re
from html import escape
from xml.etree.ElementTree import Element

from adapters.xmpp.stanza import ns
from adapters.xmpp.stanza.files import http_url
from bridge.text.html import sanitize
from bridge.text.tags import is_dense

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_KEPT = frozenset(
    ("a", "b", "blockquote", "br", "code", "del", "em", "i", "li", "ol", "p", "pre", "s", "strong", "u", "ul", *_HEADINGS)
)
_OTHER = {"cite": "em", "dfn": "em", "var": "em", "kbd": "code", "samp": "code", "tt": "code", "strike": "del"}
_SILENT = frozenset(("script", "style", "head", "title"))
_DEEPEST = 40
_LARGEST = 128 * 1024
"""Characters; what follows is left out, as what stands too deep is."""
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_SHORT_COLOR = re.compile(r"#([0-9a-fA-F])([0-9a-fA-F])([0-9a-fA-F])")


def to_html(element: Element) -> str | None:
    """Of an `<html/>` its first body. None where it says no more than its plain text does, or all too much."""
    body = element.find(ns.qualified(ns.XHTML, "body"))
    if body is None:
        return None
    page = _Page()
    page.write(body.text)
    page.inside(body, 0)
    html = "".join(page.out)
    return sanitize(html) or None if page.formatted and not is_dense(html) else None


class _Page:
    def __init__(self) -> None:
        self.out: list[str] = []
        self.formatted = False
        self._room = _LARGEST

    def write(self, text: str | None) -> None:
        if text and self._room > 0:
            self.out.append(escape(text[: self._room], quote=False))
            self._room -= len(text)

    def inside(self, element: Element, depth: int) -> None:
        for child in element:
            if self._room <= 0:
                return
            space, name = ns.split(child.tag)
            if space == ns.XHTML and name not in _SILENT and depth < _DEEPEST:
                self._element(child, name, depth)
            self.write(child.tail)

    def _element(self, element: Element, name: str, depth: int) -> None:
        opening, closing = _tags(element, name)
        self.formatted |= bool(opening) and name != "p"
        self._room -= len(opening) + len(closing) + 1
        self.out.append(opening)
        self.write(element.text)
        self.inside(element, depth + 1)
        self.out.append(closing)


def _tags(element: Element, name: str) -> tuple[str, str]:
    """What opens and closes an element; nothing for those that only group others."""
    if name == "br":
        return "<br>", ""
    if name == "img":
        return _picture(element), ""
    opening, closing = "", ""
    name = _OTHER.get(name, name)
    if name == "a":
        href = element.get("href", "")
        if href and len(href) <= 2048:
            opening, closing = f'<a href="{escape(href)}">', "</a>"
    elif name in _KEPT:
        opening, closing = f"<{name}>", f"</{name}>"
    for tag, attributes in _styles(element.get("style", "")):
        opening, closing = f"{opening}<{tag}{attributes}>", f"</{tag}>{closing}"
    return opening, closing


def _picture(element: Element) -> str:
    """Pictures out of the web are links: a reader's client must not fetch what a stranger names."""
    words, url = element.get("alt", "")[:1024], http_url(element.get("src"))
    if url:
        return f'<a href="{escape(url)}">{escape(words or url, quote=False)}</a>'
    return escape(words, quote=False)


def _styles(style: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for rule in style[:1024].split(";"):
        name, _, value = rule.partition(":")
        name, value = name.strip().lower(), value.strip().lower()
        if name == "font-weight" and (value in ("bold", "bolder") or value in ("600", "700", "800", "900")):
            found.append(("strong", ""))
        elif name == "font-style" and value in ("italic", "oblique"):
            found.append(("em", ""))
        elif name == "text-decoration" and "underline" in value:
            found.append(("u", ""))
        elif name == "text-decoration" and "line-through" in value:
            found.append(("del", ""))
        elif name in ("color", "background-color") and (color := _color(value)):
            found.append(("span", f' data-mx-{"bg-color" if name[0] == "b" else "color"}="{color}"'))
    return found


def _color(value: str) -> str:
    short = _SHORT_COLOR.fullmatch(value)
    if short is not None:
        return "#" + "".join(digit * 2 for digit in short.groups())
    return value if _COLOR.fullmatch(value) else ""
