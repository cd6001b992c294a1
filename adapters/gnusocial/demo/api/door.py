"""Everything below `/api/`: finds out who asks, and what for, and hands it to what answers."""

import re
from base64 import b64decode
from collections.abc import Mapping
from secrets import compare_digest

from aiohttp import web
from aiohttp.web_request import FileField
from multidict import MultiMapping

from adapters.gnusocial.demo.api import about, notices, people, timelines
from adapters.gnusocial.demo.api.call import PHP, Call, Endpoint, Upload, moved, refuse
from adapters.gnusocial.demo.oauth import Doorkeeper, Hop
from adapters.gnusocial.demo.ostatus.federation import Federation
from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import ApiError, Profile

_FACES = ("json", "as", "xml", "atom", "rss")
_FORM = "application/x-www-form-urlencoded"
_NO_SECRET = ApiError(401, "Could not authenticate you.", early=True)


class Door:
    def __init__(self, site: Site, federation: Federation, keeper: Doorkeeper) -> None:
        self._site = site
        self._federation = federation
        self._keeper = keeper
        self._ways = {
            "GET": _compiled({**about.GET, **timelines.GET, **notices.GET, **people.GET}),
            "POST": _compiled({**notices.POST, **people.POST}),
        }

    async def serve(self, request: web.Request) -> web.StreamResponse:
        path, face = _faced(request.match_info["path"])
        try:
            return await self._serve(request, path, face)
        except ApiError as error:
            return refuse(request.path, face, error, self._site.settings.name)

    async def oauth(self, request: web.Request) -> web.StreamResponse:
        """`request_token` and `access_token`."""
        hop = await self._hop(request)
        try:
            step = self._keeper.request_token if request.path.endswith("request_token") else self._keeper.access_token
            return web.Response(body=step(hop), headers=PHP, content_type=_FORM)
        except ApiError as error:
            return web.Response(text=error.words, status=error.status, headers=PHP)

    async def authorize(self, request: web.Request) -> web.StreamResponse:
        """The page, and what comes of it."""
        form = await request.post()
        key = str(form.get("oauth_token") or request.query.get("oauth_token", ""))
        try:
            if request.method == "GET":
                return web.Response(text=self._keeper.form(key), content_type="text/html")
            granted = self._keeper.grant(key, str(form.get("nickname", "")), str(form.get("password", "")))
        except ApiError as error:
            return web.Response(text=f"<p>{error.words}</p>", status=error.status, content_type="text/html")
        if granted.isdigit():
            return web.Response(text=f'<p>Your number: <b id="pin">{granted}</b></p>', content_type="text/html")
        return moved(granted)

    async def _serve(self, request: web.Request, path: str, face: str) -> web.StreamResponse:
        endpoint, id = self._find(request.method, path)
        form = await request.post()
        call = Call(
            site=self._site,
            federation=self._federation,
            path=path,
            face=face,
            method=request.method,
            where=request.path,
            given=_given(request, form),
            headers=request.headers,
            uploads=_uploads(form),
        )
        await self._recognise(request, call)
        return await endpoint(call, id)

    def _find(self, method: str, path: str) -> tuple[Endpoint, str]:
        for pattern, endpoint in self._ways.get(method, ()):
            found = pattern.fullmatch(path)
            if found is not None:
                return endpoint, (found[1] if found.re.groups else "") or ""
        if any(pattern.fullmatch(path) for ways in self._ways.values() for pattern, _ in ways):
            raise ApiError(400, "This method requires a POST." if method == "GET" else "This method requires a GET.")
        raise ApiError(404, "API method not found.", early=True)

    async def _recognise(self, request: web.Request, call: Call) -> None:
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "basic":
            call.viewer = self._by_password(secret)
        elif kind.lower() == "oauth":
            call.viewer, application = self._keeper.who(await self._hop(request))
            call.source = (application.name, application.url)

    def _by_password(self, secret: str) -> Profile:
        try:
            nick, _, password = b64decode(secret, validate=True).decode().partition(":")
        except ValueError:
            raise _NO_SECRET from None
        user = self._site.user(nick)
        if user is None or user.password is None or not compare_digest(user.password.encode(), password.encode()):
            raise _NO_SECRET
        return user

    async def _hop(self, request: web.Request) -> Hop:
        body = await request.read() if request.content_type == _FORM else b""
        url = f"http://{request.host}{request.raw_path}"
        return Hop(request.method, url, request.headers.get("Authorization", ""), body)


def _compiled(ways: Mapping[str, Endpoint]) -> list[tuple[re.Pattern[str], Endpoint]]:
    return [(re.compile(way), endpoint) for way, endpoint in ways.items()]


def _faced(path: str) -> tuple[str, str]:
    """The path without its ending, and what the ending means; without one it is XML."""
    before, _, ending = path.rpartition(".")
    return (before, ending) if before and ending in _FACES else (path, "xml")


def _given(request: web.Request, form: MultiMapping[str | bytearray | FileField | bytes]) -> dict[str, str]:
    return {**request.query, **{name: value for name, value in form.items() if isinstance(value, str)}}


def _uploads(form: MultiMapping[str | bytearray | FileField | bytes]) -> list[Upload]:
    found = [value for name, value in form.items() if name in ("media", "media[]") and isinstance(value, FileField)]
    return [Upload(one.filename, one.content_type, one.file.read()) for one in found]
