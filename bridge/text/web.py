"""HTML of the Matrix subset as it may be shown outside Matrix. Pure."""

import nh3

from bridge.text.html import sanitize

_CLEANER = nh3.Cleaner(
    tags={
        *("del", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "p", "a", "ul", "ol", "sup", "sub", "li", "b", "i", "u"),
        *("strong", "em", "s", "code", "hr", "br", "div", "table", "thead", "tbody", "tr", "th", "td", "caption", "pre", "span"),
        *("details", "summary"),
    },
    attributes={"*": set(), "a": {"href"}, "ol": {"start"}},
    attribute_filter=lambda tag, name, value: None if name == "href" and _is_of_matrix(value) else value,
    url_schemes={"https", "http", "ftp", "mailto", "magnet"},
    url_relative="deny",
    link_rel=None,
)


def _is_of_matrix(address: str) -> bool:
    """Addresses that name people and rooms: they are nobody's business outside."""
    bare = address.strip().lower().partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0].rstrip(".")
    return bare == "matrix.to" or bare.endswith(".matrix.to")


def for_the_web(html: str) -> str:
    """Safe, and nothing that means something in Matrix only: links to its people and rooms are their text, its pictures go."""
    return _CLEANER.clean(sanitize(html))
