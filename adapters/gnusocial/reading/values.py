"""Values out of foreign JSON: of the right type, or not there. Pure, and never raises."""

import math
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from adapters.common import dates
from adapters.common.media import attachment
from adapters.common.media import number as count
from adapters.gnusocial.wire.statuses import posted_at
from bridge.model.events import Attachment, Location
from bridge.text.plain import one_line

ATTACHMENTS_CAP = 32
NAME_CAP = 500
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_POSITION = re.compile(r"\s*([+-]?\d{1,3}(?:\.\d+)?)[\s,]*([+-]\d{1,3}(?:\.\d+)?|(?<=[\s,])\d{1,3}(?:\.\d+)?)/?.*")


def words(value: object) -> str | None:
    """Text that says something."""
    return value if isinstance(value, str) and value.strip() else None


def line(value: object) -> str | None:
    """A name or another short text, on one line."""
    return one_line(value[: 4 * NAME_CAP])[:NAME_CAP].strip() or None if isinstance(value, str) else None


def table(value: object) -> dict[str, Any]:
    """Empty for what is no object."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[dict[str, Any]]:
    """The objects in a list; nothing for what is none."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def truth(value: object) -> bool:
    """Flags as these servers write them: true, "true", 1."""
    return value in (True, 1, "true", "1") if isinstance(value, bool | int | str) else False


def moment(value: object) -> datetime | None:
    """Twitter's spelling or ISO 8601, aware and UTC; without a zone it is UTC."""
    return posted_at(value) or dates.moment(value)


def files(value: object) -> Iterator[Attachment]:
    """Of a status' `attachments`, without pages for people: those are links in the text."""
    seen = set()
    for row in rows(value)[:ATTACHMENTS_CAP]:
        found = attachment(
            words(row.get("url")),
            type=words(row.get("mimetype")),
            size=count(row.get("size")),
            alt=words(row.get("description")),
            width=count(row.get("width")),
            height=count(row.get("height")),
        )
        if found is not None and found.type not in _PAGES and found.source not in seen:
            seen.add(found.source)
            yield found


def pages(value: object) -> Iterator[str]:
    """Addresses of the HTML pages among a status' `attachments`: a long post's whole text may be one."""
    for row in rows(value)[:ATTACHMENTS_CAP]:
        found = attachment(words(row.get("url")), type=words(row.get("mimetype")))
        if found is not None and found.type in _PAGES:
            yield found.source


def place(geo: object, location: object) -> Location | None:
    """Where a post was written: Twitter's `geo` (latitude first) or ActivityStreams' `location`."""
    about = table(location)
    name = line(about.get("displayName"))
    pair = table(geo).get("coordinates")
    if isinstance(pair, list) and len(pair) == 2:
        found = _point(pair[0], pair[1], name)
        if found is not None:
            return found
    position = about.get("position")
    written = _POSITION.fullmatch(position[:100]) if isinstance(position, str) else None
    return _point(written[1], written[2], name) if written is not None else None


def _point(latitude: object, longitude: object, name: str | None) -> Location | None:
    found = []
    for value, most in ((latitude, 90.0), (longitude, 180.0)):
        try:
            degrees = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
        except (ValueError, OverflowError):
            return None
        if not abs(degrees) <= most:
            return None
        found.append(degrees)
    return Location(latitude=found[0], longitude=found[1], name=name)
