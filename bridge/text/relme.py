"""What a page says of whose it is: its rel=me links, and the feeds that it calls its own. Pure, and linear in its length."""

from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from bridge.text.tags import attributes_of, tokens

PAGE_CAP = 1024 * 1024
"""Characters of a page that are looked at."""
LINKS_CAP = 20
_LONGEST = 2048
_SILENT = frozenset(("script", "style", "template", "title", "textarea", "noscript"))


class Claims(Struct, frozen=True, kw_only=True):
    """Absolute addresses in the page's order, no more than `LINKS_CAP` of each."""

    me: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()

    def names_me(self, page: str) -> bool:
        """`page` folded."""
        return any(folded(link) == page for link in self.me)

    def names_feed(self, feed: str) -> bool:
        """`feed` folded."""
        return any(folded(link) == feed for link in self.feeds)


def claims_of(html: str, url: str) -> Claims:
    """`url` is where the page was found. What its readers wrote (rel=ugc) counts for nothing. Never raises."""
    base = url
    me: dict[str, str] = {}
    feeds: dict[str, str] = {}
    silent = 0
    for token in tokens(_uncommented(html[:PAGE_CAP])):
        if isinstance(token, str):
            continue
        if token.name in _SILENT:
            silent = max(0, silent + (-1 if token.close else 1))
        if silent or token.close or token.name not in ("a", "link", "base"):
            continue
        attributes = attributes_of(token.attributes)
        if token.name == "base":
            base = _joined(url, attributes.get("href", "")) or base if base == url else base
            continue
        rel = set(attributes.get("rel", "").lower().split())
        found = feeds if "alternate" in rel else me if "me" in rel and "ugc" not in rel else None
        address = _joined(base, attributes.get("href", "")) or ""
        name = folded(address)
        if found is not None and name is not None and len(found) < LINKS_CAP:
            found.setdefault(name, address)
    return Claims(me=tuple(me.values()), feeds=tuple(feeds.values()))


def _uncommented(html: str) -> str:
    """Without comments; what follows one that never ends is one."""
    kept = []
    at = 0
    while (start := html.find("<!--", at)) >= 0:
        kept.append(html[at:start])
        end = html.find("-->", start + 4)
        if end < 0:
            return "".join(kept)
        at = end + 3
    return "".join([*kept, html[at:]])


def folded(url: str) -> str | None:
    """An http(s) address such that equal pages are equal: without scheme, `www.`, usual port, fragment and last slash.

    None for anything else.
    """
    if not url or len(url) > _LONGEST:
        return None
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").removeprefix("www."), parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        return None
    where = host if port in (None, 80, 443) else f"{host}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    return f"{where}{parts.path.rstrip('/')}{query}"


def _joined(base: str, href: str) -> str | None:
    try:
        return urljoin(base, href.strip()) if href.strip() and len(href) <= _LONGEST else None
    except ValueError:
        return None
