"""The fake homeserver's HTTP face: who calls, what is asked, which answer. No framework routing: it is a benchmark floor."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qs, unquote

import msgspec
from aiohttp import web

from tests.doubles.hs_rooms import Json, Refusal

if TYPE_CHECKING:
    from tests.doubles.homeserver import FakeHomeserver

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Call:
    """One request: `words` are the decoded path segments after `/_matrix/client/v3/` (or `/_matrix/media/v3/`)."""

    hs: "FakeHomeserver"
    method: str
    path: str
    words: list[str]
    query: dict[str, str]
    user: str
    token: str
    raw: bytes
    type: str

    @property
    def body(self) -> Json:
        if not self.raw:
            return {}
        try:
            value = _decode(self.raw)
        except msgspec.DecodeError:
            raise Refusal(400, "M_NOT_JSON", "Content not JSON.") from None
        if not isinstance(value, dict):
            raise Refusal(400, "M_BAD_JSON", "Content must be a JSON object.")
        return value

    @property
    def stamp(self) -> Json:
        """Timestamp massaging: an appservice's `ts`, in milliseconds."""
        return {"origin_server_ts": int(self.query["ts"])} if "ts" in self.query else {}


Answer: TypeAlias = Json | web.StreamResponse | Awaitable[Json | web.StreamResponse]
Answers: TypeAlias = dict[tuple[str, str], Callable[[Call], Answer]]

_OPEN = {"versions"}


def _kind(words: list[str]) -> str:
    if words[0] == "rooms" and len(words) > 2:
        return words[2]
    if words[0] in ("appservice", "media", "directory"):
        return words[2] if words[0] == "appservice" else words[1]
    return words[0]


class Face:
    """Turns aiohttp requests into calls. `answers` maps (method, kind) to what does it; rooms have a table of their own."""

    def __init__(self, hs: "FakeHomeserver", answers: Answers, in_rooms: Answers) -> None:
        self._hs = hs
        self._answers, self._in_rooms = answers, in_rooms

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        parts = path.split("/")
        words = [unquote(word) if "%" in word else word for word in parts[4:]] if len(parts) > 4 else parts[3:]
        if len(parts) < 4 or parts[1] != "_matrix" or parts[2] not in ("client", "media") or not words:
            return _refuse(Refusal(404, "M_UNRECOGNIZED", "Unrecognized request"))
        try:
            action = None
            kind = _kind(words)
            self._hs.calls[kind] += 1
            if self._hs.faults.armed:
                action = await self._hs.faults.meet(kind)
                if action == "drop_before":
                    return _cut(request)
            asked = {key: values[0] for key, values in parse_qs(query).items()} if query else {}
            call = Call(self._hs, request.method, path, words, asked, "", "", b"", request.headers.get("Content-Type", ""))
            if kind not in _OPEN:
                call.token = _token(request, asked)
                call.user = self._hs.caller(call.token, asked.get("user_id"), kind)
            call.raw = await request.content.read()  # request.read() would refuse more than 1 MiB
            do = (self._in_rooms if words[0] == "rooms" and len(words) > 2 else self._answers).get((call.method, kind))
            if do is None:
                raise Refusal(404, "M_UNRECOGNIZED", "Unrecognized request")
            answer = do(call)
            if not isinstance(answer, dict | web.StreamResponse):
                answer = await answer
        except Refusal as refusal:
            return _refuse(refusal)
        if action == "drop_after":
            return _cut(request)
        if action == "late":
            await self._hs.faults.released()
        if isinstance(answer, dict):
            return web.Response(body=_encode(answer), content_type="application/json")
        return answer


def _token(request: web.BaseRequest, query: dict[str, str]) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token if scheme == "Bearer" else query.get("access_token", "")
    if not token:
        raise Refusal(401, "M_MISSING_TOKEN", "Missing access token.")
    return token


def _refuse(refusal: Refusal) -> web.Response:
    headers = {}
    if refusal.body.get("retry_after_ms", 1) % 1000 == 0:  # the header knows whole seconds only
        headers["Retry-After"] = str(refusal.body["retry_after_ms"] // 1000)
    return web.Response(status=refusal.status, body=_encode(refusal.body), content_type="application/json", headers=headers)


def _cut(request: web.BaseRequest) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
