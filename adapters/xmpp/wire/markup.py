"""Elements to text for a stream, the last gate: nothing that XML 1.0 forbids can pass it.

One control character ends the whole stream, and every room and chat with it, so it is looked for here once more even though
whoever built the element has cleaned it.
"""

import re
from xml.etree.ElementTree import Element

STREAM_SPACES = frozenset({"jabber:client", "jabber:component:accept", "jabber:server", ""})
"""Content namespaces (RFC 6120 §4.8.3): stanzas in any of them are written in the stream's own, which is not named."""

_XML = "{http://www.w3.org/XML/1998/namespace}"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPECIAL = re.compile("[&<>\"'\r]|" + _FORBIDDEN.pattern)
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\r": "&#13;"}
_QUOTED = "jabber:client"
"""What a stanza within a stanza is in (XEP-0297)."""
_DEEPEST = 64


def written(element: Element) -> str:
    """One stanza as it goes out, in the stream's namespace.

    Raises `ValueError` where it is nested deeper than any stanza is.
    """
    out: list[str] = []
    _write(element, "", out, 0)
    return "".join(out)


def _write(element: Element, space: str, out: list[str], depth: int) -> None:
    if depth > _DEEPEST:
        raise ValueError("a stanza nested too deep")
    own, name = _split(element.tag)
    out.append(f"<{name}")
    if own != space:
        out.append(f' xmlns="{_escape(own) or _QUOTED}"')
    for key, value in element.attrib.items():
        spelled = f"xml:{key[len(_XML) :]}" if key.startswith(_XML) else key
        if "{" not in spelled:  # no stanza of ours has attributes of other namespaces
            out.append(f' {spelled}="{_escape(value)}"')
    if not len(element) and not element.text:
        out.append("/>")
        return
    out.append(">")
    if element.text:
        out.append(_escape(element.text))
    for child in element:
        _write(child, own, out, depth + 1)
        if child.tail:
            out.append(_escape(child.tail))
    out.append(f"</{name}>")


def _split(tag: str) -> tuple[str, str]:
    if not tag.startswith("{"):
        return "", tag
    space, _, name = tag[1:].partition("}")
    return "" if space in STREAM_SPACES else space, name


def _escape(text: str) -> str:
    return _SPECIAL.sub(_escaped, text) if _SPECIAL.search(text) else text


def _escaped(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[0], "\ufffd")
