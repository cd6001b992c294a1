"""RSS 2.0, as plain as the server writes it."""

from adapters.gnusocial.demo.render.atom import SUP, Head
from adapters.gnusocial.demo.render.xml import Page
from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import Notice

_NAMES = {"xmlns:atom": "http://www.w3.org/2005/Atom", "xmlns:georss": "http://www.georss.org/georss"}


def channel(site: Site, head: Head, notices: list[Notice]) -> bytes:
    page = Page()
    here = head.self.removesuffix(".atom") + ".rss"
    with page.inside("rss", {"version": "2.0", **_NAMES}), page.inside("channel"):
        page.leaf("title", head.title)
        page.leaf("link", head.page)
        page.leaf("atom:link", None, {"type": "application/rss+xml", "href": here, "rel": "self"})
        if head.of is not None:
            sup = {"xmlns": "http://www.w3.org/2005/Atom", "rel": SUP, "href": f"{site.base}/main/sup"}
            page.void("link", {**sup, "type": "application/json"})
        if head.logo is not None:
            with page.inside("image"):
                page.leaf("link", head.page)
                page.leaf("title", head.title)
                page.leaf("url", head.logo)
        page.leaf("description", head.subtitle)
        page.leaf("language", "en-us")
        page.leaf("ttl", "40")
        for notice in notices:
            _item(page, notice)
    return page.done()


def _item(page: Page, notice: Notice) -> None:
    with page.inside("item"):
        page.leaf("title", f"{notice.author.nick}: {notice.text}")
        page.leaf("description", notice.html)
        page.leaf("pubDate", f"{notice.created:%a, %d %b %Y %H:%M:%S} +0000")
        page.leaf("guid", notice.url)
        page.leaf("link", notice.url)
        for file in notice.files:
            page.leaf("enclosure", None, {"url": file.url, "type": file.type, "length": str(len(file.data))})
        for tag in notice.tags:
            page.leaf("category", tag)
