"""One request to the API: who asks, what for, in which face; and the ways to answer it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from aiohttp import web

from adapters.gnusocial.demo.ostatus.federation import Federation
from adapters.gnusocial.demo.render import xml
from adapters.gnusocial.demo.render.twitter import encode
from adapters.gnusocial.demo.state import Site, cache_hash
from adapters.gnusocial.demo.things import ApiError, Profile

TYPES = {
    "json": "application/json; charset=utf-8",
    "as": "application/json; charset=utf-8",
    "xml": "application/xml; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "rss": "application/rss+xml; charset=utf-8",
}
PHP = {"X-Powered-By": "PHP/7.4.33"}
_OPEN = {"Access-Control-Allow-Origin": "*", "Vary": "Accept-Encoding,Cookie"}
_MOST = 200


@dataclass(slots=True, frozen=True)
class Upload:
    name: str
    type: str
    data: bytes


@dataclass(slots=True, eq=False, kw_only=True)
class Call:
    site: Site
    federation: Federation
    path: str
    """Below `/api/`, without its ending."""
    face: str
    """json, as, xml, atom or rss."""
    method: str
    where: str
    """The whole path, as errors repeat it."""
    given: Mapping[str, str]
    """Query and form."""
    headers: Mapping[str, str]
    uploads: list[Upload] = field(default_factory=list)
    viewer: Profile | None = None
    source: tuple[str, str] | None = None
    """Name and address of the application, where OAuth says so."""

    @property
    def me(self) -> Profile:
        """Raises `ApiError` where nobody has logged in."""
        if self.viewer is None:
            raise ApiError(401, "Could not authenticate you.", early=True)
        return self.viewer

    def number(self, name: str, default: int = 0) -> int:
        written = self.given.get(name, "")
        return int(written) if written.isascii() and written.isdigit() and len(written) < 12 else default

    @property
    def count(self) -> int:
        return min(self.number("count", 20) or 20, _MOST)

    @property
    def page(self) -> int:
        return max(self.number("page", 1), 1)

    def someone(self, id: str | None = None, *, words: str = "User not found.", early: bool = False) -> Profile:
        """Whom the call names, by number or nick. Raises `ApiError` (404) where there is nobody."""
        given = (id, self.given.get("user_id"), self.given.get("screen_name"), self.given.get("id"))
        found = self.site.named(next((one for one in given if one), None))
        if found is None:
            raise ApiError(404, words, early=early)
        return found


Endpoint = Callable[[Call, str], Awaitable[web.Response]]


def answer(call: Call, data: Any, *, name: str = "", bare: bool = False) -> web.Response:
    """The Twitter face: JSON, or XML with `name` as its root. `bare`: without the headers of most answers."""
    if call.face == "xml" and name:
        body = xml.statuses(data, name) if isinstance(data, list) else xml.single(name, data)
    else:
        body = encode(data)
    return page(call, body, TYPES["xml" if call.face == "xml" else "json"], bare=bare)


def page(call: Call, body: bytes, type: str, *, bare: bool = False) -> web.Response:
    return web.Response(body=body, headers={**PHP, **({} if bare else _OPEN), "Content-Type": type})


def moved(url: str) -> web.Response:
    return web.Response(status=302, headers={**PHP, "Location": url})


def refuse(where: str, face: str, error: ApiError, realm: str) -> web.Response:
    """As recorded: JSON and XML say error and request, the other faces the words alone."""
    headers = {**PHP, **({} if error.early else _OPEN)}
    if error.status == 401:
        headers["WWW-Authenticate"] = f'Basic realm="{realm} API"'
    if face == "json":
        body = encode({"error": error.words, "request": where})
    elif face == "xml":
        body = xml.single("hash", {"error": error.words, "request": where})
    else:
        face, body = "text", error.words.encode()
    return web.Response(
        body=body, status=error.status, headers=headers | {"Content-Type": TYPES.get(face, "text/plain; charset=utf-8")}
    )


def cached(
    call: Call, made: web.Response, action: str, *parts: object, newest: datetime, oldest: datetime | None
) -> web.Response:
    """With an ETag of the first and the last time in it, as the server makes it: what comes within one second goes unseen.

    A reader who has it already is answered with 304 and nothing.
    """
    stamps = [newest] if oldest is None else [newest, oldest]
    facts = (action, cache_hash(call.viewer), "en", *parts, *(int(at.timestamp()) for at in stamps))
    tag = f'"{":".join(str(fact) for fact in facts)}"'
    headers = {
        "ETag": tag,
        "Last-Modified": f"{newest:%a, %d %b %Y %H:%M:%S} +0000",
        "Expires": "Thu, 01 Jan 1970 00:00:00 GMT",
        "Cache-Control": "private, must-revalidate, max-age=0",
    }
    if _has(call, tag, newest):
        return web.Response(status=304, headers={**PHP, **_OPEN, **headers})
    made.headers.update(headers)
    return made


def _has(call: Call, tag: str, newest: datetime) -> bool:
    tags = call.headers.get("If-None-Match")
    if tags is not None:
        return tag in [one.strip().removeprefix("W/") for one in tags.split(",")]
    since = call.headers.get("If-Modified-Since")
    if since is None:
        return False
    try:
        return parsedate_to_datetime(since) >= newest
    except (ValueError, TypeError):
        return False
