"""Dates as foreign documents write them. Pure."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_ISO = re.compile(r"\d{4}-\d\d-\d\d")
_FRACTION = re.compile(r"(\.\d{6})\d+")


def moment(text: object) -> datetime | None:
    """An ISO 8601 / RFC 3339 or RFC 5322 date, aware and UTC; a date without a zone is UTC, not local. None for anything else."""
    if not isinstance(text, str) or not (text := text.strip()) or len(text) > 80:
        return None
    try:
        found = datetime.fromisoformat(_FRACTION.sub(r"\1", text.replace("z", "Z")))
    except ValueError:
        if _ISO.match(text):
            return None
        try:
            found = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    return utc(found)


def utc(found: datetime) -> datetime | None:
    """Aware and UTC; without a zone it is meant as UTC. None where that lies outside the years there are."""
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def seconds_since_1970(count: float) -> datetime | None:
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=count)
    except OverflowError:
        return None
