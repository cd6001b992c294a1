"""A feed as JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/). Pure."""

from collections.abc import Sequence
from typing import Any

import msgspec

from bridge.model.events import Media
from bridge.outfeeds.atom import Head, shown_html
from bridge.outfeeds.items import File, Item, Writer, moment
from bridge.text.escape import strip_controls

TYPE = "application/feed+json"


def write_json(head: Head, items: Sequence[Item]) -> bytes:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": head.title,
        "feed_url": head.self_url,
        "hubs": [{"type": "WebSub", "url": head.hub}],
        "items": [_item(item) for item in items],
    }
    return msgspec.json.encode(_clean(feed))


def _item(item: Item) -> dict[str, Any]:
    pictures = [file.url for file in item.files if file.media is Media.IMAGE]
    found: dict[str, Any] = {
        "id": item.id,
        "url": item.link,
        "title": item.title if item.titled else None,
        "content_html": shown_html(item) or "<p></p>",
        "summary": item.warning,
        "image": pictures[0] if pictures and item.warning is None and not item.sensitive else None,
        "date_published": moment(item.published),
        "date_modified": moment(item.updated) if item.updated != item.published else None,
        "authors": [_author(item.writer)],
        "tags": list(item.tags) or None,
        "language": item.language,
        "attachments": [_attachment(file) for file in item.files] or None,
    }
    if item.boosted is not None:
        found["external_url"] = item.boosted.link
    return _given(found)


def _author(writer: Writer) -> dict[str, Any]:
    return _given({"name": writer.name, "url": writer.url, "avatar": writer.picture})


def _attachment(file: File) -> dict[str, Any]:
    return _given(
        {
            "url": file.url,
            "mime_type": file.type,
            "title": file.alt or file.name or None,
            "size_in_bytes": file.size,
            "duration_in_seconds": file.seconds,
        }
    )


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return strip_controls(value)
    if isinstance(value, list):
        return [_clean(one) for one in value]
    if isinstance(value, dict):
        return {name: _clean(one) for name, one in value.items()}
    return value
