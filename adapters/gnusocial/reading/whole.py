"""Long posts whole: where a server shows only the beginning, the rest is a page of its own, or behind the post's own address.

A StatusNet server that finds a remote post too long keeps its beginning, with a link to a page that has all of it
(`class="attachment more"`, or a text/html attachment). That page is believed only where it begins as the post does, so that a
link to any other page is never taken for the post.
"""

import asyncio
import re

from msgspec.structs import replace

from adapters.common.html import read
from adapters.common.media import absolute
from adapters.gnusocial.reading.faces import Notice
from adapters.gnusocial.reading.values import table, truth, words
from adapters.gnusocial.wire.client import Client, Revoked
from bridge.contract.errors import DeliveryError
from bridge.contract.toolbox import Toolbox
from bridge.text.tags import SIZE_CAP

AGREEING = 30
"""Characters that the page must begin with, as the post does (fewer where the post has fewer)."""
_MORE = re.compile(r"<a\s[^<>]{1,2000}>", re.IGNORECASE)
_MORE_CLASS = re.compile(r"""class=["'][^"'>]{0,200}\bmore\b""", re.IGNORECASE)
_HREF = re.compile(r"""href=["']([^"'>]{1,2000})["']""", re.IGNORECASE)
_BODY = re.compile(r"<body[^>]{0,500}>(.*?)(?:</body>|\Z)", re.IGNORECASE | re.DOTALL)
_LINK = re.compile(r"https?://\S+")
_TIMEOUT = 15.0


def address_of(notice: Notice) -> str | None:
    """Where the whole of a post may be; None for posts that are whole."""
    html = notice.html or ""
    for link in _MORE.finditer(html) if "more" in html else ():
        if _MORE_CLASS.search(link[0]) and (found := _HREF.search(link[0])) is not None:
            return next(iter(notice.pages), None) or absolute(notice.permalink or "", found[1].replace("&amp;", "&"))
    return next(iter(notice.pages), None)


def is_cut(notice: Notice) -> bool:
    return notice.truncated or address_of(notice) is not None


async def whole(notice: Notice, client: Client, tools: Toolbox) -> Notice:
    """The post in full where that can be had, else as it is. Raises `Revoked` alone."""
    address = address_of(notice)
    if address is not None:
        try:
            answer = await tools.http.request(
                "GET", address, headers={"Accept": "text/html"}, limit=2 * SIZE_CAP, timeout=_TIMEOUT
            )
        except OSError:
            tools.metrics.count("gnusocial_cut_posts")
            return notice
        if answer.status == 200 and "html" in answer.headers.get("content-type", ""):
            html = await asyncio.to_thread(body_of, answer.body, notice)
            if html is not None:
                return replace(notice, html=html, pages=(), truncated=False)
    if notice.truncated and notice.number:
        try:
            status = table((await client.get(f"statuses/show/{notice.number}")).data)
        except Revoked:
            raise
        except DeliveryError:
            tools.metrics.count("gnusocial_cut_posts")
            return notice
        html = words(status.get("statusnet_html"))
        if html is not None and not truth(status.get("truncated")) and len(html) >= len(notice.html or ""):
            return replace(notice, html=html, plain=words(status.get("text")) or notice.plain, truncated=False)
    return notice


def body_of(page: bytes, notice: Notice) -> str | None:
    """What the page says, where it is the whole of this post. Pure."""
    text = page[: 2 * SIZE_CAP].decode("utf-8", "replace")
    found = _BODY.search(text)
    html = found[1].strip() if found is not None else text.strip()
    beginning = _letters(read(notice.html or "").text.plain or notice.plain)[:AGREEING]
    return html if beginning and _letters(read(html).text.plain).startswith(beginning) else None


def _letters(text: str) -> str:
    """Without links, white space and the sign that something was left out."""
    return "".join(_LINK.sub("", text).replace("…", "").replace("...", "").split()).casefold()
