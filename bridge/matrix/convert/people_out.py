"""People in a text: as links to the Matrix users that stand for them, else to their own pages."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from html import escape
from urllib.parse import quote

from bridge.model.events import Mention
from bridge.model.ids import IdentityId
from bridge.model.people import Identity
from bridge.routing.voice import in_text
from bridge.text.html import plain_to_html, sanitize
from bridge.text.tags import attributes_of

UserOf = Callable[[IdentityId], str | None]
"""The Matrix user that stands for somebody; None where there is no such user."""

_LINK = re.compile(r"<a((?:\s[^<>]*)?)>")
_WEB = re.compile(r"https?://[^\s\"'<>\\]+", re.IGNORECASE)
_LONGEST = 2048
"""Bytes of an address."""


@lru_cache(maxsize=2048)
def web(address: str | None) -> str | None:
    """The address where it is one of the web that clients will link; None for any other."""
    if address is None or not address.isprintable() or len(address.encode()) > _LONGEST or not _WEB.fullmatch(address):
        return None
    return address if " href=" in sanitize(f'<a href="{escape(address)}">x</a>') else None


def anchor(address: str | None, inner: str) -> str:
    """A link around HTML; the HTML alone where the address is none to link to."""
    return f'<a href="{escape(address)}">{inner}</a>' if web(address) and address else inner


def pill(user: str, inner: str) -> str:
    return f'<a href="https://matrix.to/#/{quote(user, safe="@:=+")}">{inner}</a>'


def called(who: Identity, user_of: UserOf) -> tuple[str, str]:
    """(name, HTML of it) in the middle of a sentence."""
    name = in_text(who.name) or in_text(who.id.id) or "?"
    shown, user = escape(name, quote=False), user_of(who.id)
    return name, pill(user, shown) if user else anchor(who.profile.url, shown)


def linked(plain: str, html: str | None, mentions: Sequence[Mention], user_of: UserOf) -> str | None:
    """The HTML with its people linked; None where neither a link nor the HTML given says more than the plain text."""
    if not mentions:
        return html
    return _in_plain(plain, mentions, user_of) if html is None else _in_html(html, mentions, user_of)


def _in_html(html: str, mentions: Sequence[Mention], user_of: UserOf) -> str:
    """Links to people's own pages lead to those who stand for them here."""
    users = {mention.who.profile.url: user for mention in mentions if (user := user_of(mention.who.id))}
    users.pop(None, None)
    if not users:
        return html

    def led(link: re.Match[str]) -> str:
        user = users.get(attributes_of(link[1]).get("href"))
        return link[0] if user is None else pill(user, "").removesuffix("</a>")

    return _LINK.sub(led, html)


def _in_plain(plain: str, mentions: Sequence[Mention], user_of: UserOf) -> str | None:
    """The first place of each name, longest names first."""
    spans: list[tuple[int, int, Identity]] = []
    for mention in sorted(mentions, key=lambda mention: -len(mention.text)):
        start = plain.find(mention.text) if mention.text else -1
        end = start + len(mention.text)
        if start >= 0 and all(end <= other[0] or start >= other[1] for other in spans):
            spans.append((start, end, mention.who))
    pieces, at = [], 0
    for start, end, who in sorted(spans, key=lambda span: span[0]):
        inner, user = escape(plain[start:end], quote=False), user_of(who.id)
        pieces += [plain_to_html(plain[at:start]), pill(user, inner) if user else anchor(who.profile.url, inner)]
        at = end
    html = "".join((*pieces, plain_to_html(plain[at:])))
    return html if "<a " in html else None
