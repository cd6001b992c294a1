"""The homeserver's client-server API, as the appservice speaks it: the only place that opens connections to it.

mautrix's `HTTPAPI` builds and sends the requests; its `_send` is replaced, because it forgets `Retry-After` and tells "never
left" from "answer lost" by nothing. What comes of a request is one of the outcomes of `bridge.contract.errors`:

    never left: no connection, 429, 503, our token refused, a proxy's page    Unavailable
    may have been done: other 5xx, the answer lost or unreadable               Uncertain (Unavailable where a repeat does no harm)
    refused by the homeserver, with its errcode                                Refusal, a Rejected

Nothing here retries: the courier does, with the same transaction id.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
from mautrix.api import HTTPAPI, Method, PathBuilder
from yarl import URL

from bridge.contract.errors import DeliveryError, Rejected, Unavailable, Uncertain

Json = dict[str, Any]

_BASE = "_matrix/client/v3"
_JSON = "application/json"
_LONGEST_WAIT = 3600.0
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

_WORDS = {
    "M_FORBIDDEN": "the homeserver does not allow it",
    "M_TOO_LARGE": "it is too large for the homeserver",
    "M_LIMIT_EXCEEDED": "the homeserver asks us to slow down",
    "M_USER_DEACTIVATED": "the puppet's account was deactivated",
    "M_GUEST_ACCESS_FORBIDDEN": "the room is closed to guests",
    "M_NOT_FOUND": "the homeserver does not know it",
    "M_EXCLUSIVE": "the registration file does not cover it: write it anew, install it and restart the homeserver",
}
_OUR_FAULT = frozenset({"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN"})


class Refusal(Rejected):
    """The homeserver's no. `errcode` as the specification names it; `error` is its own words, for logs."""

    def __init__(self, status: int, errcode: str, error: str) -> None:
        words = _WORDS.get(errcode)
        super().__init__(f"{words} ({error})" if words and error else words or error or errcode)
        self.status = status
        self.errcode = errcode
        self.error = error


def make_session(connections: int = 64) -> aiohttp.ClientSession:
    """One session for all calls: at most so many connections, 10 s to connect, 90 s for an answer."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=60, ttl_dns_cache=60),
        timeout=aiohttp.ClientTimeout(total=90, sock_connect=10),
        trace_configs=[_noting_use()],
    )


class _Use:
    """Of one request: whether it was written to a connection that stood already."""

    __slots__ = ("begun",)

    def __init__(self) -> None:
        self.begun = False


def _noting_use() -> aiohttp.TraceConfig:
    """Where a connection that stood already ends without an answer, aiohttp asks again over a new one and tells of that one's
    failure only."""
    config = aiohttp.TraceConfig()

    async def reused(session: aiohttp.ClientSession, context: Any, params: aiohttp.TraceConnectionReuseconnParams) -> None:
        if isinstance(context.trace_request_ctx, _Use):
            context.trace_request_ctx.begun = True

    config.on_connection_reuseconn.append(reused)
    return config


class _Wire(HTTPAPI):
    """One access token. Requests end in our own outcomes and are never logged: their addresses name people."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        super().__init__(url, token, client_session=session)
        self._root = url.rstrip("/") + "/"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": _JSON}

    async def _send(
        self, method: Method, url: URL, content: Any, query_params: dict[str, str] | None, headers: dict[str, str]
    ) -> tuple[Any, aiohttp.ClientResponse]:
        use = _Use()
        try:
            async with self.session.request(
                method.value,
                url,
                data=content,
                params=query_params,
                headers=headers,
                allow_redirects=False,
                trace_request_ctx=use,
            ) as response:
                body = await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            outcome = Uncertain if use.begun else Unavailable
            raise outcome(f"the homeserver cannot be reached: {type(error).__name__}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Uncertain(f"the homeserver's answer was lost: {type(error).__name__}") from error
        if 200 <= response.status < 300:
            try:
                return _decode(body), response
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise Uncertain("the homeserver's answer is not JSON") from error
        raise _failure(response.status, response.headers, body)

    async def put(self, path: str, body: bytes) -> Any:
        """The short way, for what is sent with every message: `path` is already a path and query as they go on the wire."""
        return (await self._send(Method.PUT, URL(self._root + path, encoded=True), body, None, self._headers))[0]

    def _log_request(self, *args: Any, **kwargs: Any) -> None:
        return

    def _log_request_done(self, *args: Any, **kwargs: Any) -> None:
        return


def _failure(status: int, headers: Mapping[str, str], body: bytes) -> DeliveryError:
    try:
        answer = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        answer = {}
    errcode = answer.get("errcode") if isinstance(answer, dict) else None
    if status == HTTPStatus.TOO_MANY_REQUESTS or errcode == "M_LIMIT_EXCEEDED":
        return Unavailable(_WORDS["M_LIMIT_EXCEEDED"], retry_after=_retry_after(headers, answer))
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return Unavailable("the homeserver is not ready (503)", retry_after=_retry_after(headers, answer))
    if status >= 500:
        return Uncertain(f"the homeserver failed ({status})")
    if errcode in _OUR_FAULT:
        return Unavailable("the homeserver does not accept our token: install the registration file and restart it")
    if not isinstance(errcode, str):
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return Refusal(status, "M_TOO_LARGE", "")
        return Unavailable(f"something before the homeserver answered {status}")
    error = answer.get("error")
    return Refusal(status, errcode, error if isinstance(error, str) else "")


def _retry_after(headers: Mapping[str, str], answer: Any) -> float | None:
    """Seconds. The header since 1.10, `retry_after_ms` before. A date is not worth a clock: the courier's back-off does."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return min(float(value), _LONGEST_WAIT)
    milliseconds = answer.get("retry_after_ms") if isinstance(answer, dict) else None
    if isinstance(milliseconds, int | float) and milliseconds >= 0:
        return min(milliseconds / 1000, _LONGEST_WAIT)
    return None


@lru_cache(maxsize=4096)
def _quoted(word: str) -> str:
    return quote(word, safe="")


def path(*words: str) -> str:
    """Below the client-server API; each word stays one, whatever is in it."""
    return "/".join((_BASE, *(quote(word, safe="") for word in words)))


class Api:
    """Calls as the bot, as a puppet or, with the second token, as a person. `user` None is the bot.

    All of it raises `Unavailable` or `Refusal`; `send` and `redact` also `Uncertain`.
    """

    def __init__(
        self, session: aiohttp.ClientSession, url: str, token: str, *, bot: str, double_token: str | None = None
    ) -> None:
        self.bot = bot
        self._main = _Wire(session, url, token)
        self._doubles = _Wire(session, url, double_token) if double_token else None

    @property
    def doubles(self) -> bool:
        """Whether people may be spoken for."""
        return self._doubles is not None

    async def send(self, room: str, kind: str, txn: str, content: Json, *, user: str | None = None, ts: int | None = None) -> str:
        """`PUT …/send`; the event id. The same `txn` is the same event for as long as the homeserver remembers it. `ts` in ms."""
        stamp = "" if ts is None else f"&ts={ts}"
        words = f"{_quoted(room)}/send/{_quoted(kind)}/{quote(txn, safe='')}?user_id={_quoted(user or self.bot)}{stamp}"
        return _event_id(await self._wire(user).put(f"{_BASE}/rooms/{words}", _encode(content)))

    async def redact(self, room: str, event: str, txn: str, *, user: str | None = None, reason: str | None = None) -> str:
        """The redaction's event id."""
        content = {"reason": reason} if reason else {}
        return _event_id(await self._ask(Method.PUT, path("rooms", room, "redact", event, txn), content, user, {}))

    async def put_state(self, room: str, kind: str, key: str, content: Json, *, user: str | None = None) -> str:
        """The event id; state that is already so makes no new event."""
        return _event_id(await self.call(Method.PUT, path("rooms", room, "state", kind, key), content, user=user))

    async def call(
        self, method: Method, path: str, content: Json | None = None, *, user: str | None = None, query: Mapping[str, str] = {}
    ) -> Json:
        """Something that may be repeated without harm: an answer that got lost counts as not done."""
        try:
            answer = await self._ask(method, path, content, user, dict(query))
        except Uncertain as lost:
            raise Unavailable(lost.reason) from lost
        return answer if isinstance(answer, dict) else {}

    async def whoami(self) -> str:
        """Our own user id, as the homeserver knows it; the cheapest way to see that it is there."""
        return str((await self.call(Method.GET, path("account", "whoami"))).get("user_id", ""))

    async def state(self, room: str) -> list[Json]:
        """Every state event of a room we are in."""
        try:
            answer = await self._ask(Method.GET, path("rooms", room, "state"), None, None, {})
        except Uncertain as lost:
            raise Unavailable(lost.reason) from lost
        return [event for event in answer if isinstance(event, dict)] if isinstance(answer, list) else []

    async def state_content(self, room: str, kind: str, key: str = "") -> Json | None:
        """The content; None where there is no such state."""
        return await self._or_none(path("rooms", room, "state", kind, key))

    async def resolve(self, alias: str) -> str | None:
        """The room id behind an alias; None where nobody knows it."""
        answer = await self._or_none(path("directory", "room", alias))
        room = answer.get("room_id") if answer else None
        return room if isinstance(room, str) else None

    async def create_room(self, wish: Json) -> str:
        return str((await self.call(Method.POST, path("createRoom"), wish))["room_id"])

    async def register(self, localpart: str) -> None:
        """Makes the puppet; one that exists is fine."""
        wish = {"type": "m.login.application_service", "username": localpart, "inhibit_login": True}
        try:
            await self.call(Method.POST, path("register"), wish)
        except Refusal as refusal:
            if refusal.errcode != "M_USER_IN_USE":
                raise

    async def join(self, room: str, *, user: str | None = None, via: Sequence[str] = ()) -> str:
        """By id or alias; the room id. `via`: servers to join over, for room ids without a server part (room version 12)."""
        query = {} if not via else {"via": via[0], "server_name": via[0]}
        answer = await self.call(Method.POST, path("join", room), {}, user=user, query=query)
        return str(answer.get("room_id", room))

    async def move(
        self, room: str, word: str, *, user: str | None = None, target: str | None = None, reason: str | None = None
    ) -> None:
        """`word`: leave, or with a target invite, kick, ban, unban."""
        wish = {name: value for name, value in (("user_id", target), ("reason", reason)) if value}
        await self.call(Method.POST, path("rooms", room, word), wish, user=user)

    async def messages(self, room: str, *, start: str | None = None, limit: int = 100) -> tuple[list[Json], str | None]:
        """A page of the timeline, newest first, and where the next one starts."""
        query = {"dir": "b", "limit": str(limit), **({"from": start} if start else {})}
        answer = await self.call(Method.GET, path("rooms", room, "messages"), query=query)
        chunk, end = answer.get("chunk"), answer.get("end")
        events = [event for event in chunk if isinstance(event, dict)] if isinstance(chunk, list) else []
        return events, end if isinstance(end, str) and events else None

    async def annotation(self, room: str, event: str, user: str, key: str) -> str | None:
        """The event id of somebody's reaction, by the relations API (1.3)."""
        relations = f"_matrix/client/v1/rooms/{quote(room, safe='')}/relations/{quote(event, safe='')}/m.annotation/m.reaction"
        chunk = (await self.call(Method.GET, relations, query={"limit": "100"})).get("chunk")
        for found in chunk if isinstance(chunk, list) else ():
            relation = found.get("content", {}).get("m.relates_to", {})
            if found.get("sender") == user and relation.get("key") == key:
                return str(found["event_id"])
        return None

    async def joined(self, room: str) -> set[str]:
        """Who is in a room that we are in."""
        members = (await self.call(Method.GET, path("rooms", room, "joined_members"))).get("joined")
        return set(members) if isinstance(members, dict) else set()

    async def _or_none(self, path: str) -> Json | None:
        try:
            return await self.call(Method.GET, path)
        except Refusal as refusal:
            if refusal.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def _ask(self, method: Method, path: str, content: Json | None, user: str | None, query: dict[str, str]) -> Any:
        query["user_id"] = user or self.bot
        body = None if content is None else _encode(content)
        return await self._wire(user).request(method, PathBuilder(path), body, {"Content-Type": _JSON}, query)

    def _wire(self, user: str | None) -> _Wire:
        """Puppets are told by the shape of their ids: `@_` begins nobody else's in an exclusive namespace."""
        if self._doubles is None or user is None or user == self.bot or user[:2] == "@_":
            return self._main
        return self._doubles


def _event_id(answer: Any) -> str:
    native = answer.get("event_id") if isinstance(answer, dict) else None
    if not isinstance(native, str):
        raise Uncertain("the homeserver's answer names no event")
    return native
