"""The HTTP client for addresses that strangers choose: feeds, pictures, profiles (server-side request forgery kept out).

The guard stands where the socket is made: aiohttp asks `_socket` for one for each address it is about to connect to,
after resolving and at each hop, so a name that resolves anew, a literal in a strange spelling or a redirect cannot
get past it. Redirects are followed here, not by aiohttp, so that secrets stay with the host they were meant for.
"""

import asyncio
import io
import ipaddress
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from bridge.contract.toolbox import HttpAnswer, NotReached
from bridge.matrix.streaming import BodyStream
from bridge.text.addresses import Address, is_public, wrapped

MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REFUSED = "is no public address; bridge.allow_addresses can allow it"
_PRIVATE_HEADERS = ("Authorization", "Cookie", "Proxy-Authorization")
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class AddressRefused(NotReached):
    """Private, link-local, shared, reserved or multicast: nothing that a stranger may have us call."""


class GuardedHttp:
    """The `HttpClient` of the contract. `allow`: networks (CIDR) that may be reached although private."""

    def __init__(self, allow: Sequence[str] = (), *, agent: str = "unabridged", connections: int = 50) -> None:
        self._allow: tuple[Network, ...] = tuple(ipaddress.ip_network(network, strict=False) for network in allow)
        self._agent = agent
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: int = 5 * 1024 * 1024,
        timeout: float = 30.0,
        redirects: int = MOST_REDIRECTS,
    ) -> HttpAnswer:
        """`timeout` in seconds for all of it, redirects and body included. Raises `OSError`, `AddressRefused` among them."""
        async with _deadline(timeout), await self._follow(method, url, headers, body, redirects) as answer:
            whole = b"".join([chunk async for chunk in BodyStream(answer, limit).chunks()])
            return HttpAnswer(status=answer.status, headers=_joined(answer.headers), body=whole, url=str(answer.url))

    @asynccontextmanager
    async def stream(self, url: str, *, limit: int, timeout: float = 120.0) -> AsyncIterator[BodyStream]:
        """`timeout` in seconds until the caller has read all. Raises `OSError`, for any answer but 200 too."""
        async with _deadline(timeout), await self._follow("GET", url, None, None, MOST_REDIRECTS) as answer:
            if answer.status != 200:
                raise OSError(f"{answer.url.host} answered {answer.status}")
            yield BodyStream(answer, limit)

    async def _follow(
        self, method: str, url: str, headers: Mapping[str, str] | None, body: bytes | None, redirects: int
    ) -> aiohttp.ClientResponse:
        """The first answer that is no redirect to be followed; its body is unread, and it is the caller's to close."""
        try:
            return await self._hop(method, _checked(URL(url)), CIMultiDict(headers or {}), body, redirects)
        except (aiohttp.ClientError, ValueError) as error:
            if isinstance(error.__cause__, AddressRefused):
                raise error.__cause__ from error
            if _REFUSED in str(error.__cause__):  # a name of several addresses: they fail together, as one plain error
                raise AddressRefused(str(error.__cause__)) from error
            kind = NotReached if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError) else OSError
            raise kind(f"{type(error).__name__}: {error}"[:500]) from error

    async def _hop(
        self, method: str, at: URL, headers: CIMultiDict[str], body: bytes | None, redirects: int
    ) -> aiohttp.ClientResponse:
        session = self._open()
        for _ in range(redirects + 1):
            self._check_literal(at)
            data = io.BytesIO(body) if body else None
            answer = await session.request(method, at, headers=headers, data=data, allow_redirects=False)
            target = answer.headers.get("Location")
            if answer.status not in _REDIRECTS or target is None or redirects == 0:
                return answer
            answer.close()
            method, body = _after(answer.status, method, body)
            onward = _checked(at.join(URL(target)))
            if onward.origin() != at.origin():
                for name in _PRIVATE_HEADERS:
                    headers.popall(name, None)
            if body is None:
                headers.popall("Content-Type", None)
            at = onward
        raise OSError(f"more than {redirects} redirects")

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, limit_per_host=8, socket_factory=self._socket),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self._agent, "Accept-Encoding": "gzip, deflate"},
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=15),
            )
        return self._session

    def _check_literal(self, url: URL) -> None:
        """Said early and plainly; names are checked by what they resolve to, where the socket is made."""
        try:
            address = ipaddress.ip_address(url.host or "")
        except ValueError:
            return
        self._check(address)

    def _check(self, address: Address) -> None:
        inner = wrapped(address) or address
        if not is_public(address) and not any(inner.version == network.version and inner in network for network in self._allow):
            raise AddressRefused(f"{inner} {_REFUSED}")

    def _socket(self, info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, where = info
        self._check(ipaddress.ip_address(str(where[0]).partition("%")[0]))
        return socket.socket(family, kind, protocol)


def _joined(headers: Mapping[str, str]) -> dict[str, str]:
    """Names in lower case; what came several times is one list (RFC 9110 §5.3): hubs name themselves in several Link headers."""
    found: dict[str, str] = {}
    for name, value in headers.items():
        name = name.lower()
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _checked(url: URL) -> URL:
    """Without user, password and fragment. Raises `OSError` for what is no http(s) address."""
    if url.scheme not in ("http", "https") or not url.host:
        raise OSError("only http and https addresses are fetched")
    return url.with_user(None).with_fragment(None)


def _after(status: int, method: str, body: bytes | None) -> tuple[str, bytes | None]:
    """RFC 9110 §15.4: 303, and by old custom 301 and 302 of a POST, go on as GET without the body."""
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
        return "GET", None
    return method, body


@asynccontextmanager
async def _deadline(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds) as scope:
            yield
    except TimeoutError as error:
        if scope.expired():
            raise OSError("it took too long") from error
        raise
