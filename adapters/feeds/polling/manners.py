"""When to ask again: what servers and feeds ask for, and how failures are spaced. Pure.

The interval is the longest of ours, the answer's freshness (Cache-Control or Expires, RFC 9111 §4.2) and what the feed says of
itself (`ttl`, `sy:updatePeriod`). A wish of more than a day is taken for a mistake, and is a day.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from adapters.common.dates import moment
from adapters.feeds.config import DAY

JITTER = 0.1
"""Of each wait, so much is added at random: feeds that were followed together must not stay together."""
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,12})", re.I)
_SECONDS = re.compile(r"\d{1,12}")


def freshness(headers: Mapping[str, str], now: datetime) -> float:
    """For how many seconds the answer says that it needs no second look; 0 where it says nothing. Names in lower case."""
    found = _MAX_AGE.search(headers.get("cache-control", ""))
    if found is not None:
        return min(max(float(found[1]) - _seconds(headers.get("age")), 0.0), DAY)
    expires = moment(headers.get("expires"))
    if expires is None:
        return 0.0
    sent = moment(headers.get("date")) or now
    return min(max((expires - sent).total_seconds(), 0.0), DAY)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Retry-After in seconds, given so or as a date (RFC 9110 §10.2.3); None where there is none that can be read."""
    written = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(written):
        return min(float(written), DAY)
    at = moment(written)
    return None if at is None else min(max((at - now).total_seconds(), 0.0), DAY)


def backed_off(interval: float, failures: int) -> float:
    """Seconds until the next try after so many failures in a row: twice as long each time, a day at most, never for ever."""
    return max(interval, min(interval * 2.0 ** min(max(failures - 1, 0), 20), DAY))


def _seconds(written: str | None) -> float:
    return float(written) if written is not None and _SECONDS.fullmatch(written.strip()) else 0.0
