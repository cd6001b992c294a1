"""Single posts as the Twitter-compatible JSON has them. Pure, and calm about whatever is missing."""

import re
from datetime import UTC, datetime
from typing import Any

from adapters.common.media import absolute
from adapters.gnusocial.ids import alias, host_of, identity_id, number
from bridge.model.ids import NetworkName
from bridge.model.people import Identity, Profile
from bridge.text.plain import one_line

_NAME_CAP = 500
_NOT_IN_NICKS = re.compile(r"[\s@/#:\\]")


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


def identity_in(network: NetworkName, user: Any, host: str) -> Identity | None:
    """Whom a user of a server is: `nick@host`, by where the profile lies (on `host`, the server's own, where that is not said).

    None where that can be nobody: a nick that looks like an address would pass for somebody else.
    """
    if not isinstance(user, dict):
        return None
    nick, page = user.get("screen_name"), _address(user.get("statusnet_profile_url"))
    if not isinstance(nick, str) or len(nick) > _NAME_CAP or _NOT_IN_NICKS.search(nick):
        return None
    try:
        id = identity_id(network, nick, host_of(page or "") or host)
    except ValueError:
        return None
    name = user.get("name")
    shown = one_line(name[: 4 * _NAME_CAP])[:_NAME_CAP] if isinstance(name, str) else ""
    pictures = (user.get("profile_image_url_original"), user.get("profile_image_url_profile_size"), user.get("profile_image_url"))
    avatar = next((found for found in map(_address, pictures) if found), None)
    return Identity(id=id, profile=Profile(name=shown or nick, avatar=avatar, url=page))


def _address(value: object) -> str | None:
    return absolute("", value) if isinstance(value, str) else None


def favourite_names(host: str, me: str, post: str, uri: str, at: datetime) -> tuple[str, ...]:
    """What a server will call the favourite that it has just stored for us, the second before and after included.

    No answer tells it; it is `tag:HOST,DAY:fave:ME:TYPE:POST:TIME`, as recorded, and its notice stands in our own timeline next.
    """
    kind = uri.rpartition(":objectType=")[2] if ":objectType=" in uri else "note"
    times = (datetime.fromtimestamp(int(at.timestamp()) + shift, UTC) for shift in (0, -1, 1))
    return tuple(f"tag:{host},{time:%Y-%m-%d}:fave:{me}:{kind}:{post}:{time.isoformat()}" for time in times)
