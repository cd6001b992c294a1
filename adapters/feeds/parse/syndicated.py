"""RSS 0.9 to 2.0, RDF, CDF and plain Atom, through feedparser. Pure.

feedparser's own sanitiser and resolver are off: their cost grows with the square of the input, ours run on capped text.
"""

import io
import re
from calendar import timegm
from collections.abc import Mapping
from datetime import datetime
from time import struct_time
from typing import Any

import feedparser
from lxml import etree
from msgspec import Struct

from adapters.common import html
from adapters.common.atom import Unreadable, load
from adapters.common.dates import moment, seconds_since_1970
from adapters.common.media import absolute, attachment, number
from adapters.feeds.parse.entries import ParsedAuthor, ParsedEntry, ParsedFeed
from adapters.feeds.parse.pieces import NoFeed, ladder, name_of, plain_text, tags_of, title_for, title_from_html
from bridge.model.events import Attachment, Media, Text

_MRSS = ("{http://search.yahoo.com/mrss/}", "{http://search.yahoo.com/mrss}")
_PERIODS = {"hourly": 3600, "daily": 86400, "weekly": 7 * 86400, "monthly": 30 * 86400, "yearly": 365 * 86400}
_TTL_CAP = 7 * 86400
_HTML = ("text/html", "application/xhtml+xml")
_WARNED = re.compile(r"\s*<p>\s*<strong>(?P<label>[^<]{1,60})</strong>(?P<warning>[^<]{1,2000})</p>\s*<hr\s*/?>")
"""How Mastodon's .rss writes a content warning; the label is in the writer's language."""

_MAILED = re.compile(
    r"(?P<before>[^<>()]*?)\s*[<(]?(?:mailto:)?(?P<local>[^\s@<>()]{1,100})@[^\s@<>()]{1,255}[>)]?\s*(?:\((?P<after>[^()]*)\))?"
)


class _Shown(Struct, frozen=True):
    """What Media RSS tells of a picture that feedparser doesn't keep beside it."""

    alt: str | None
    adult: bool


def read_syndicated(body: bytes, headers: Mapping[str, str], url: str) -> ParsedFeed:
    """Raises `NoFeed`."""
    found: Any = feedparser.parse(
        io.BytesIO(body),
        response_headers=_content_headers(headers),  # no location: ids stay as they are written
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    if not found.version and not found.entries:
        page = b"<html" in body[:2000].lower()
        raise NoFeed("it is a page, not a feed" if page else "it is no feed")
    head: Any = found.feed
    generator = str(head.get("generator") or "")
    shown = _media_facts(body)
    outside = url if str(found.version).startswith("atom") else None
    title = head.get("title_detail") or {}
    links = head.get("links") or []
    hubs = (absolute(url, link.get("href")) for link in links if link.get("rel") == "hub")
    return ParsedFeed(
        url=url,
        kind=str(found.version or "xml"),
        title=title_from_html(title.get("value")) if title.get("type") in _HTML else name_of(title.get("value")),
        page=absolute(url, head.get("link")),
        self_url=_link(links, "self", url),
        hubs=tuple(dict.fromkeys(hub for hub in hubs if hub)),
        next_url=_link(links, "next", url),
        ttl_seconds=_ttl(head),
        updated=_time(head, "updated"),
        salmon=_link(links, "salmon", url),
        icon=absolute(url, head.get("icon") or (head.get("image") or {}).get("href") or head.get("logo")),
        language=name_of(head.get("language")),
        author=_author(head, url),
        entries=tuple(_entry(entry, url, generator, shown, outside) for entry in found.entries),
        trouble=_trouble(found),
    )


def _content_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Its own defaults where none is given: without a charset XML says for itself what it is, whatever RFC 3023 once wanted."""
    kind, _, rest = headers.get("content-type", "").partition(";")
    given = {"content-type": f"application/xml;{rest}" if "charset" in rest.lower() else "application/xml"}
    if kind.strip().lower().endswith("+xml"):
        given["content-type"] = f"{kind.strip()};{rest}" if rest else kind.strip()
    return given


def _trouble(found: Any) -> str | None:
    if not found.get("bozo"):
        return None
    error = found.get("bozo_exception")
    if isinstance(error, feedparser.CharacterEncodingOverride | feedparser.NonXMLContentType):
        return None
    return "it is not well-formed"


def _entry(entry: Any, url: str, generator: str, shown: Mapping[str, _Shown], outside: str | None) -> ParsedEntry:
    """`outside`: where relative addresses are seen from without an `xml:base`; None: from the entry's page, as RSS does."""
    link = absolute(url, entry.get("link"))
    adult = any(fact.adult for fact in shown.values()) and _adult(entry)
    files = _files(entry, url, shown, adult)
    take = not any(one.media is Media.IMAGE for one in files)
    detail = _said(entry, {fact.alt for fact in shown.values()})
    written, base = str(detail.get("value") or ""), absolute(url, detail.get("base")) or outside or link or url
    warning = None
    if detail.get("type") not in _HTML:
        page = html.Page(text=plain_text(written))
    else:
        warned = _WARNED.match(written)
        if warned is not None and (generator.startswith("Mastodon") or warned["label"].lower().startswith("content warning")):
            warning, written = title_from_html(warned["warning"]), written[warned.end() :]
        page = html.read(written, base, shown=frozenset(one.source for one in files), take_images=take)
    titled = entry.get("title_detail") or {}
    title = title_from_html(titled.get("value")) if titled.get("type") in _HTML else name_of(titled.get("value"))
    said, title = page.text, title_for(title, page.text.plain)
    if not said.plain and title is not None and not files and not page.attachments:
        said, title = Text(plain=title), None
    return ParsedEntry(
        ids=ladder(str(entry.get("id") or ""), link, title, said.plain),
        title=title,
        text=said,
        link=link,
        published=_time(entry, "published") or _time(entry, "created"),
        updated=_time(entry, "updated"),
        author=_author(entry, url),
        attachments=(*files, *page.attachments),
        tags=tags_of(tag.get("term") or tag.get("label") for tag in entry.get("tags") or []),
        language=name_of(detail.get("language")),
        warning=warning,
        location=_place(entry),
    )


def _said(entry: Any, alts: set[str | None]) -> Mapping[str, Any]:
    """The fullest text there is. What describes a picture (feedparser takes it for content) is none."""
    contents = [
        one for one in entry.get("content") or [] if (one.get("value") or "").strip() and one.get("value").strip() not in alts
    ]
    summary = entry.get("summary_detail") or {}
    best = next((one for one in contents if one.get("type") in _HTML), contents[0] if contents else None)
    return best if best is not None else summary


def _files(entry: Any, url: str, shown: Mapping[str, _Shown], adult: bool) -> tuple[Attachment, ...]:
    files: dict[str, Attachment] = {}
    for link in entry.get("links") or []:
        if link.get("rel") == "enclosure":
            _add(files, link.get("href"), link, link.get("length"), url, shown, adult)
    for media in entry.get("media_content") or []:
        _add(files, media.get("url"), media, media.get("filesize"), url, shown, adult)
    if not files:
        for picture in entry.get("media_thumbnail") or []:
            _add(files, picture.get("url"), {**picture, "medium": "image"}, None, url, shown, adult)
    return tuple(files.values())


def _add(
    files: dict[str, Attachment],
    address: str | None,
    facts: Mapping[str, Any],
    size: object,
    url: str,
    shown: Mapping[str, _Shown],
    adult: bool,
) -> None:
    source = absolute(url, address)
    fact = shown.get(source or "")
    media = {"image": Media.IMAGE, "video": Media.VIDEO, "audio": Media.AUDIO}.get(str(facts.get("medium") or ""))
    found = attachment(
        source,
        type=facts.get("type"),
        media=media,
        size=number(size),
        alt=fact.alt if fact is not None else None,
        width=number(facts.get("width")),
        height=number(facts.get("height")),
        sensitive=adult or (fact is not None and fact.adult),
    )
    if found is not None and found.type != "text/html":
        files.setdefault(found.source, found)


def _media_facts(body: bytes) -> dict[str, _Shown]:
    """By address of the picture. Empty for a document that isn't well formed."""
    if b"search.yahoo.com/mrss" not in body:
        return {}
    try:
        root = load(body)
    except Unreadable:
        return {}
    found = {}
    for name in _MRSS:
        for media in root.iter(f"{name}content"):
            address = absolute("", media.get("url"))
            if address:
                found[address] = _Shown(_within(media, f"{name}description"), _within(media, f"{name}rating") == "adult")
    return found


def _within(media: etree._Element, name: str) -> str | None:
    element = media.find(name)
    return (element.text or "").strip() or None if element is not None else None


def _adult(entry: Any) -> bool:
    rating = entry.get("media_rating") or {}
    return rating.get("content") == "adult"


def _time(found: Any, key: str) -> datetime | None:
    """As feedparser understands it, else (it knows no date without a zone) as we do."""
    parsed, written = (found.get(name) if name in found else None for name in (f"{key}_parsed", key))
    return seconds_since_1970(timegm(parsed)) if isinstance(parsed, struct_time) else moment(written)


def _author(found: Any, url: str) -> ParsedAuthor | None:
    detail = found.get("author_detail") or {}
    name = _person(found.get("author")) or name_of(detail.get("name"))
    if name is None and not detail.get("href"):
        return None
    return ParsedAuthor(name=name, uri=name_of(detail.get("href")), page=absolute(url, detail.get("href")))


def _person(written: object) -> str | None:
    """The name in "me@host (Me)", "Me (me@host)" or "Me <me@host>"; of an address alone what stands before its @."""
    found = _MAILED.fullmatch(name_of(str(written or "")) or "")
    if found is None:
        return name_of(str(written or ""))
    return name_of(found["after"] or found["before"] or found["local"])


def _link(links: list[Any], rel: str, url: str) -> str | None:
    return next((found for link in links if link.get("rel") == rel and (found := absolute(url, link.get("href")))), None)


def _ttl(head: Any) -> int | None:
    """RSS counts minutes, the syndication module updates in a period. The longer of the two, a week at most."""
    minutes = number(head.get("ttl"))
    wished = [minutes * 60] if minutes else []
    period = _PERIODS.get(str(head.get("sy_updateperiod") or "").strip().lower())
    if period is not None:
        wished.append(period // max(1, number(head.get("sy_updatefrequency")) or 1))
    return min(max(wished), _TTL_CAP) if wished else None


def _place(entry: Any) -> tuple[float, float] | None:
    """GeoJSON order in feedparser: longitude first."""
    where = entry.get("where") or {}
    point = where.get("coordinates")
    if where.get("type") != "Point" or not isinstance(point, tuple) or len(point) < 2:
        return None
    longitude, latitude = float(point[0]), float(point[1])
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None
