"""Single posts as the Twitter-compatible JSON has them. Pure, and calm about whatever is missing."""

from datetime import UTC, datetime
from typing import Any

from adapters.gnusocial.ids import alias, number


def posted_at(value: object) -> datetime | None:
    """`Sun Nov 22 19:16:01 +0000 2026`; aware, UTC. None where it is no date."""
    if not isinstance(value, str):
        return None
    try:
        return datetime.strptime(value, "%a %b %d %H:%M:%S %z %Y").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def names_of(status: Any, host: str) -> tuple[str, ...]:
    """The global name, where it has one, then the server's own; empty for what is no post."""
    if not isinstance(status, dict):
        return ()
    uri, id = status.get("uri"), number(status.get("id"))
    found = [uri] if isinstance(uri, str) and uri else []
    return (*found, alias(host, id)) if id is not None else tuple(found)


def author_number(status: Any) -> str | None:
    user = status.get("user") if isinstance(status, dict) else None
    return number(user.get("id")) if isinstance(user, dict) else None


def favourite_names(host: str, me: str, post: str, uri: str, at: datetime) -> tuple[str, ...]:
    """What a server will call the favourite that it has just stored for us, the second before and after included.

    No answer tells it; it is `tag:HOST,DAY:fave:ME:TYPE:POST:TIME`, as recorded, and its notice stands in our own timeline next.
    """
    kind = uri.rpartition(":objectType=")[2] if ":objectType=" in uri else "note"
    times = (datetime.fromtimestamp(int(at.timestamp()) + shift, UTC) for shift in (0, -1, 1))
    return tuple(f"tag:{host},{time:%Y-%m-%d}:fave:{me}:{kind}:{post}:{time.isoformat()}" for time in times)
