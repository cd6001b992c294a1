"""The bridge's HTTP face: what the homeserver calls on `bridge.listen`, what strangers may call on `bridge.public_listen`.

Two aiohttp applications. The inner one has the Application Service API (spec 1.16, `/_matrix/app/v1`, and the paths
without that prefix from before 2019), guarded by the homeserver's token, and whatever extra routes are handed in
(health, readiness, metrics). The outer one has only what outsiders are meant to reach.
"""

import asyncio
import hmac
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import msgspec
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.typedefs import Handler as Route

from bridge.config.rules import split_address
from bridge.contract.errors import LedgerUnavailable
from bridge.matrix.shutting import shut
from bridge.matrix.transaction import NotJson, OutOfTurn

LARGEST_TRANSACTION = 64 * 1024 * 1024
"""Bytes, decompressed. A body over it would be sent again for ever, so this is far above what a homeserver makes."""
LARGEST_OTHER = 4 * 1024 * 1024
"""Bytes of any other request, those of strangers among them."""

Json: TypeAlias = Mapping[str, Any] | Sequence[Any]
RouteEntry: TypeAlias = tuple[str, str, Route]
"""(method, path, aiohttp handler)."""

_log = logging.getLogger("unabridged.http")


class Questions(Protocol):
    """What a homeserver asks beside its transactions."""

    async def user(self, user: str) -> bool:
        """Shall that user exist? It does, once this returns True."""
        ...

    async def alias(self, alias: str) -> bool:
        """Shall that alias exist? It does, once this returns True."""
        ...


class Lookups(Protocol):
    """Third-party lookups. None: no such protocol."""

    def protocol(self, name: str) -> Json | None: ...

    def users(self, protocol: str, fields: Mapping[str, str]) -> Json | None: ...

    def locations(self, protocol: str, fields: Mapping[str, str]) -> Json | None: ...

    def who_is(self, user: str) -> Json: ...

    def where_is(self, alias: str) -> Json: ...


class AppserviceApi:
    """The routes of the Application Service API. `take` is `Receiver.take`."""

    def __init__(
        self,
        homeserver_token: str,
        take: Callable[[str, bytes], Awaitable[None]],
        questions: Questions,
        lookups: Lookups,
        *,
        pinged: Callable[[str], None] = lambda transaction: None,
        largest: int = LARGEST_TRANSACTION,
    ) -> None:
        self._token = homeserver_token.encode()
        self._take = take
        self._questions = questions
        self._lookups = lookups
        self._pinged = pinged
        self._largest = largest

    def routes(self) -> list[RouteEntry]:
        found: list[RouteEntry] = []
        for prefix in ("/_matrix/app/v1", ""):
            found.append(("PUT", prefix + "/transactions/{transaction}", self._transaction))
            found.append(("GET", prefix + "/users/{user}", self._user))
            found.append(("GET", prefix + "/rooms/{alias}", self._alias))
        found.append(("POST", "/_matrix/app/v1/ping", self._ping))
        for prefix in ("/_matrix/app/v1", "/_matrix/app/unstable"):
            found.append(("GET", prefix + "/thirdparty/protocol/{protocol}", self._protocol))
            found.append(("GET", prefix + "/thirdparty/user/{protocol}", self._users))
            found.append(("GET", prefix + "/thirdparty/location/{protocol}", self._locations))
            found.append(("GET", prefix + "/thirdparty/user", self._who_is))
            found.append(("GET", prefix + "/thirdparty/location", self._where_is))
        return found

    def _refused(self, request: web.Request) -> web.Response | None:
        """None where the caller is our homeserver. Compared in constant time; the query is how it was done before 1.4."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            token = request.query.get("access_token", "")
        token = token.strip()
        if not token:
            return refusal(401, "M_UNAUTHORIZED", "The homeserver's token is missing.")
        if not hmac.compare_digest(token.encode(errors="surrogateescape"), self._token):
            return refusal(403, "M_FORBIDDEN", "This is not the homeserver's token.")
        return None

    async def _transaction(self, request: web.Request) -> web.Response:
        refused = self._refused(request)
        if refused is not None:
            return refused
        body = await self._whole(request)
        try:
            await self._take(request.match_info["transaction"], body)
        except NotJson as error:
            return refusal(400, "M_NOT_JSON", str(error))
        except OutOfTurn as error:
            return refusal(503, "M_UNKNOWN", str(error))
        except LedgerUnavailable:
            return refusal(503, "M_UNKNOWN", "Nothing could be stored; send it again.")
        return _done()

    async def _whole(self, request: web.Request) -> bytes:
        """Under a cap of its own: `request.read()` knows only the application's, which is for strangers too."""
        pieces, size = [], 0
        async for piece in request.content.iter_any():
            pieces.append(piece)
            size += len(piece)
            if size > self._largest:
                raise web.HTTPRequestEntityTooLarge(max_size=self._largest, actual_size=size)
        return b"".join(pieces)

    async def _user(self, request: web.Request) -> web.Response:
        return self._refused(request) or _exists(await self._questions.user(request.match_info["user"]))

    async def _alias(self, request: web.Request) -> web.Response:
        return self._refused(request) or _exists(await self._questions.alias(request.match_info["alias"]))

    async def _ping(self, request: web.Request) -> web.Response:
        refused = self._refused(request)
        if refused is not None:
            return refused
        try:
            body = msgspec.json.decode(await request.read() or b"{}")
        except (ValueError, RecursionError):
            return refusal(400, "M_NOT_JSON", "Content not JSON.")
        transaction = body.get("transaction_id") if isinstance(body, dict) else None
        self._pinged(transaction if isinstance(transaction, str) else "")
        return _done()

    async def _protocol(self, request: web.Request) -> web.Response:
        return self._refused(request) or _found(self._lookups.protocol(request.match_info["protocol"]))

    async def _users(self, request: web.Request) -> web.Response:
        return self._refused(request) or _found(self._lookups.users(request.match_info["protocol"], _fields(request)))

    async def _locations(self, request: web.Request) -> web.Response:
        return self._refused(request) or _found(self._lookups.locations(request.match_info["protocol"], _fields(request)))

    async def _who_is(self, request: web.Request) -> web.Response:
        return self._refused(request) or _found(self._lookups.who_is(request.query.get("userid", "")))

    async def _where_is(self, request: web.Request) -> web.Response:
        return self._refused(request) or _found(self._lookups.where_is(request.query.get("alias", "")))


def refusal(status: int, errcode: str, error: str) -> web.Response:
    return _json({"errcode": errcode, "error": error}, status)


def _json(value: Json, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")


def _done() -> web.Response:
    return web.Response(body=b"{}", content_type="application/json")


def _exists(yes: bool) -> web.Response:
    return _done() if yes else refusal(404, "M_NOT_FOUND", "There is no such thing on our networks.")


def _found(value: Json | None) -> web.Response:
    return refusal(404, "M_NOT_FOUND", "There is no such protocol here.") if value is None else _json(value)


def _fields(request: web.Request) -> Mapping[str, str]:
    return {name: value for name, value in request.query.items() if name != "access_token"}


class AccessLog(AbstractAccessLogger):
    """One line a request at level DEBUG: never the query, which may hold a token, nor the path of a secret link."""

    @property
    def enabled(self) -> bool:
        return self.logger.isEnabledFor(logging.DEBUG)

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        secret = next((start for start in ("/media/", "/feeds/") if request.path.startswith(start)), None)
        path = f"{secret}…" if secret is not None else request.path
        self.logger.debug("%s %s %d in %.1f ms", request.method, path, response.status, time * 1000)


@web.middleware
async def _plain_answers(request: web.Request, handler: Route) -> web.StreamResponse:
    """What aiohttp refuses by itself, as the Matrix specification wants it. aiohttp passes `handler` by that name."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return refusal(404, "M_UNRECOGNIZED", "Unrecognized request.")
    except web.HTTPMethodNotAllowed:
        return refusal(405, "M_UNRECOGNIZED", "Unrecognized request.")
    except web.HTTPRequestEntityTooLarge:
        return refusal(413, "M_TOO_LARGE", "The body is too large.")


def application(routes: Sequence[RouteEntry]) -> web.Application:
    """An application of these routes and no others."""
    app = web.Application(middlewares=[_plain_answers], client_max_size=LARGEST_OTHER)
    for method, path, route in routes:
        app.router.add_route(method, path, route)
    return app


class Listener:
    """An application on a `host:port`. `address` is what it got: port 0 lets the system choose."""

    def __init__(self, app: web.Application, listen: str) -> None:
        self._runner = web.AppRunner(app, access_log_class=AccessLog, access_log=_log, shutdown_timeout=5.0)
        self._server: asyncio.Server | None = None
        self._listen = listen
        self.address = ""

    async def start(self) -> None:
        """Raises `OSError` with readable words where the address cannot be had."""
        host, port = split_address(self._listen)
        await self._runner.setup()
        assert self._runner.server is not None
        try:
            self._server = await asyncio.get_running_loop().create_server(self._runner.server, host, port)
        except OSError as error:
            await self._runner.cleanup()
            why = os.strerror(error.errno) if error.errno else error
            raise OSError(f"cannot listen on {self._listen}: {why}") from error
        bound = self._server.sockets[0].getsockname()
        self.address = f"[{bound[0]}]:{bound[1]}" if ":" in bound[0] else f"{bound[0]}:{bound[1]}"

    async def stop(self) -> None:
        """Takes no new connection; requests that are being answered have 5 seconds to end."""
        if self._server is not None:
            await shut(self._server)
        await self._runner.cleanup()
