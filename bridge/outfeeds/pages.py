"""`/feeds/<token>/feed.atom` and `feed.json`, for the public listener. Who doesn't know an address learns nothing here."""

from datetime import UTC
from email.utils import format_datetime

from aiohttp import web

from bridge.contract.errors import LedgerUnavailable
from bridge.contract.toolbox import Metrics
from bridge.matrix.server import RouteEntry
from bridge.outfeeds.opened import Opened
from bridge.outfeeds.press import Document, Kind, Press

FRESH_SECONDS = 120
"""For which a reader need not ask again; a deletion must not be outlived by much."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}


class Pages:
    def __init__(self, opened: Opened, press: Press, metrics: Metrics) -> None:
        self._opened = opened
        self._press = press
        self._metrics = metrics

    def routes(self) -> list[RouteEntry]:
        return [(method, "/feeds/{token}/" + kind, self._feed) for kind in Kind for method in ("GET", "HEAD")]

    async def _feed(self, request: web.Request) -> web.Response:
        portal = self._opened.called(request.match_info["token"])
        if portal is None:
            return unknown(self._metrics)
        try:
            document = await self._press.document(portal, Kind(request.path.rpartition("/")[2]))
        except LedgerUnavailable:
            self._metrics.count("ledger_unavailable", where="outfeeds")
            return web.Response(status=503, headers={**HEADERS, "Retry-After": "60"})
        headers = _headers(document)
        if _has_it(request, document):
            self._metrics.count("outfeed_reads", outcome="unchanged")
            return web.Response(status=304, headers=headers)
        self._metrics.count("outfeed_reads", outcome="sent")
        headers["Content-Type"] = f"{document.type}; charset=utf-8"
        if _takes_gzip(request):
            return web.Response(body=document.packed, headers={**headers, "Content-Encoding": "gzip"})
        return web.Response(body=document.body, headers=headers)


def unknown(metrics: Metrics) -> web.Response:
    metrics.count("outfeed_reads", outcome="unknown")
    return web.Response(status=404, text="There is nothing here, or not any more.\n", headers=HEADERS)


def link_header(document: Document) -> str:
    """As a subscriber looks for them first (WebSub §4)."""
    return f'<{document.hub}>; rel="hub", <{document.self_url}>; rel="self"'


def _headers(document: Document) -> dict[str, str]:
    return {
        **HEADERS,
        "Cache-Control": f"private, max-age={FRESH_SECONDS}",
        "ETag": f'W/"{document.etag}"',  # weak: it is the same packed and unpacked
        "Last-Modified": format_datetime(document.updated.astimezone(UTC), usegmt=True),
        "Link": link_header(document),
        "Vary": "Accept-Encoding",
    }


def _has_it(request: web.Request, document: Document) -> bool:
    """RFC 9110 §13.2.2: the tag decides where one is named.

    A date alone does not: a post may go without a newer one having come.
    """
    tags = request.if_none_match
    return tags is not None and any(tag.value in ("*", document.etag) for tag in tags)


def _takes_gzip(request: web.Request) -> bool:
    accepted = request.headers.get("Accept-Encoding", "").lower()
    for one in accepted.split(","):
        name, _, weight = one.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
