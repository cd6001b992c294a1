"""JSON Feed 1.0 and 1.1. Pure. Every member may be missing or of another type than the specification says; what fits is taken."""

import json
from collections.abc import Iterator
from typing import Any

from adapters.common import html
from adapters.common.dates import moment
from adapters.common.media import absolute, attachment, number
from adapters.feeds.parse.entries import ParsedAuthor, ParsedEntry, ParsedFeed
from adapters.feeds.parse.pieces import NoFeed, ladder, name_of, plain_text, tags_of, title_for
from bridge.model.events import Attachment, Media, Text


def read_json(body: bytes, url: str) -> ParsedFeed:
    """Raises `NoFeed`."""
    try:
        # Numbers stay as they are written: an id may be one, and longer than a float can tell.
        found = json.loads(body.decode("utf-8-sig"), parse_int=str, parse_float=str, parse_constant=str)
    except UnicodeDecodeError:
        raise NoFeed("it is not written in UTF-8") from None
    except RecursionError:
        raise NoFeed("it is nested too deep") from None
    except ValueError:
        raise NoFeed("it is no well-formed JSON") from None
    if not isinstance(found, dict) or not ("jsonfeed.org/version/" in str(found.get("version")) or _looks_like_one(found)):
        raise NoFeed("it is JSON, but no JSON Feed")
    hubs = (absolute(url, hub.get("url")) for hub in _dicts(found, "hubs") if str(hub.get("type")).lower() == "websub")
    return ParsedFeed(
        url=url,
        kind="json",
        title=name_of(_text(found, "title")),
        page=absolute(url, _text(found, "home_page_url")),
        self_url=absolute(url, _text(found, "feed_url")),
        hubs=tuple(dict.fromkeys(hub for hub in hubs if hub)),
        next_url=absolute(url, _text(found, "next_url")),
        icon=absolute(url, _text(found, "icon")) or absolute(url, _text(found, "favicon")),
        language=name_of(_text(found, "language")),
        author=_author(found, url),
        entries=tuple(_entry(item, url) for item in _dicts(found, "items")),
    )


def _looks_like_one(found: dict[str, Any]) -> bool:
    """Some forget to say what they write."""
    return any(_text(item, "content_html") or _text(item, "content_text") for item in _dicts(found, "items"))


def _entry(item: dict[str, Any], url: str) -> ParsedEntry:
    link = absolute(url, _text(item, "url")) or absolute(url, _text(item, "external_url"))
    files = tuple(_files(item, url))
    written, plain = _text(item, "content_html"), _text(item, "content_text")
    if written:
        shown = frozenset(one.source for one in files)
        take = not any(one.media is Media.IMAGE for one in files)
        page = html.read(written, link or url, shown=shown, take_images=take)
    else:
        page = html.Page(text=plain_text(plain or _text(item, "summary") or ""))
    said, title = page.text, title_for(_text(item, "title"), page.text.plain)
    attachments = (*files, *page.attachments)
    if not said.plain and title is not None and not attachments:
        said, title = Text(plain=title), None
    picture = attachment(_text(item, "image") or _text(item, "banner_image"), base=url, media=Media.IMAGE)
    if picture is not None and not any(one.media is Media.IMAGE for one in attachments):
        attachments = (*attachments, picture)
    return ParsedEntry(
        ids=ladder(_text(item, "id"), link, title, said.plain),
        title=title,
        text=said,
        link=link,
        published=moment(_text(item, "date_published")),
        updated=moment(_text(item, "date_modified")),
        author=_author(item, url),
        attachments=attachments,
        tags=tags_of(tag for tag in _list(item, "tags") if isinstance(tag, str)),
        language=name_of(_text(item, "language")),
    )


def _files(item: dict[str, Any], url: str) -> Iterator[Attachment]:
    for one in _dicts(item, "attachments"):
        seconds = number(one.get("duration_in_seconds"))
        found = attachment(
            _text(one, "url"),
            base=url,
            type=_text(one, "mime_type"),
            size=number(one.get("size_in_bytes")),
            alt=_text(one, "title"),
            duration=seconds * 1000 if seconds else None,
        )
        if found is not None:
            yield found


def _author(found: dict[str, Any], url: str) -> ParsedAuthor | None:
    """`authors` since 1.1, `author` before; the first is who speaks."""
    people = [*_dicts(found, "authors"), *([found["author"]] if isinstance(found.get("author"), dict) else [])]
    for person in people:
        page = absolute(url, _text(person, "url"))
        author = ParsedAuthor(
            name=name_of(_text(person, "name")), uri=page, page=page, avatar=absolute(url, _text(person, "avatar"))
        )
        if author.name or author.uri:
            return author
    return None


def _text(found: dict[str, Any], name: str) -> str | None:
    value = found.get(name)
    return value.strip() or None if isinstance(value, str) else None


def _list(found: dict[str, Any], name: str) -> list[Any]:
    value = found.get(name)
    return value if isinstance(value, list) else []


def _dicts(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [one for one in _list(found, name) if isinstance(one, dict)]
