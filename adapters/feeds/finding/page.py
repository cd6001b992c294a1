"""The feeds that a page names. Pure, and linear in the page's length: pages are whatever strangers send.

Only tags are looked for, in the page's first mebibyte: `link` and `a` with rel=alternate or rel=feed (also among several words),
`base`. Comments, scripts and styles are passed over.
"""

import re
from collections.abc import Iterator
from html import unescape

from msgspec import Struct

from adapters.common.media import absolute
from bridge.text.plain import one_line

PAGE_CAP = 1024 * 1024
FEEDS_CAP = 50
_TITLE_CAP = 200
_TYPES = {
    "application/atom+xml": 0,
    "application/feed+json": 1,
    "application/rss+xml": 1,
    "application/rdf+xml": 3,
    "application/json": 3,
    "application/activity+json": 9,
    "text/xml": 4,
    "application/xml": 4,
}
"""By how much each tells. ActivityPub's type is none of ours."""
_NO_FEED = 9
_TAG = re.compile(r"<(?:(!--|script\b|style\b|template\b)|(link|a|base)\b([^<>]{0,4000})>)", re.I)
_ENDS = {name: re.compile(f"</{name}", re.I) for name in ("script", "style", "template")} | {"!--": re.compile("-->")}
_ATTRIBUTE = re.compile(r"([a-zA-Z-]{1,40})\s{0,20}=\s{0,20}(?:\"([^\"]{0,3000})\"|'([^']{0,3000})'|([^\s\"'>]{1,3000}))")
_ASIDE = re.compile(r"comment|kommentar|coment", re.I)


class Named(Struct, frozen=True):
    """A feed as a page names it."""

    url: str
    title: str | None = None


def feeds_on(text: str, url: str) -> tuple[Named, ...]:
    """Best first: Atom before RSS, the page's own before those of its comments, else in the page's order.

    `url` is where the page was found. Never raises.
    """
    base = url
    found: dict[str, tuple[int, Named]] = {}
    for name, attributes in _tags(text[:PAGE_CAP]):
        if name == "base":
            base = absolute(url, attributes.get("href")) or base if base == url else base
        elif len(found) < FEEDS_CAP and (rank := _rank(name, attributes)) is not None:
            address = absolute(base, attributes.get("href"))
            if address is not None:
                called = one_line(attributes.get("title", ""))[:_TITLE_CAP].strip() or None
                aside = bool(_ASIDE.search(f"{called or ''} {address}"))
                found.setdefault(address, (rank + 20 * aside, Named(address, called)))
    return tuple(named for _, named in sorted(found.values(), key=lambda one: one[0]))


def _tags(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    at = 0
    while (tag := _TAG.search(text, at)) is not None:
        at = tag.end()
        if tag[1]:
            close = _ENDS[tag[1].lower()].search(text, at)
            if close is None:
                return
            at = close.end()
        else:
            yield tag[2].lower(), _attributes(tag[3])


def _attributes(written: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(written):
        value = next((group for group in match.groups()[1:] if group is not None), "")
        found.setdefault(match[1].lower(), unescape(value).strip())
    return found


def _rank(name: str, attributes: dict[str, str]) -> int | None:
    """How well that is a feed; None where it isn't."""
    rel = attributes.get("rel", "").lower().split()
    kind = attributes.get("type", "").partition(";")[0].strip().lower()
    if "stylesheet" in rel or not {"alternate", "feed"} & set(rel):
        return None
    rank = _TYPES.get(kind)
    if rank is None:
        return 5 if "feed" in rel and not kind else None
    if rank == _NO_FEED or ("hreflang" in attributes and rank > 1):
        return None
    if kind == "application/json" and "feed" not in attributes.get("href", "").lower():
        return None  # WordPress names its API so
    return rank + (10 if name == "a" else 0)
