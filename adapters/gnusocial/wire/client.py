"""Requests to one server's API, in the name of one account (or of nobody).

Redirects are followed here: each hop is signed anew, a secret never goes to another host, and never from https to http. A write
is sent again only where the redirect says that it was not done.
"""

import base64
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urljoin

from msgspec import Struct

from adapters.common.oauth1 import FORM, Keys, authorization
from adapters.gnusocial.ids import host_of
from adapters.gnusocial.wire.answers import Answer, Refused, Revoked, read
from adapters.gnusocial.wire.multipart import File, multipart
from bridge.contract.errors import DeliveryError, Unavailable, Uncertain
from bridge.contract.toolbox import HttpAnswer, NotReached, Toolbox

__all__ = ["Answer", "Basic", "Client", "Refused", "Revoked", "Secret", "Site"]

MOST_HOPS = 3
LIMIT = 4 * 1024 * 1024
"""Bytes of an answer."""
READ_SECONDS, WRITE_SECONDS = 30.0, 120.0
_MOVED = frozenset({301, 302, 307, 308})


class Site(Struct, frozen=True):
    """A server's API. `root` ends in a slash: `https://gs.example/api/`."""

    root: str

    @property
    def host(self) -> str:
        """As it stands in aliases and identities of the server's own people."""
        return host_of(self.root)


class Basic(Struct, frozen=True):
    """User and password (RFC 7617). `repr` doesn't show them."""

    user: str
    password: str

    def __repr__(self) -> str:
        return "Basic()"


Secret = Basic | Keys
Params = str | int | None


class Client:
    """`secret` None: as nobody. Every method raises `DeliveryError`s as `wire.answers` sorts them, and nothing else."""

    def __init__(self, site: Site, secret: Secret | None, tools: Toolbox) -> None:
        self.site = site
        self._secret = secret
        self._tools = tools

    async def get(self, path: str, *, face: str = "json", etag: str | None = None, **params: Params) -> Answer:
        """`path` without its ending, as `statuses/home_timeline`; `face`: "json", or "as" for ActivityStreams.

        With the `etag` of an earlier answer, `fresh` is false where nothing is new.
        """
        given = {name: str(value) for name, value in params.items() if value is not None}
        url = self._url(path, face) + (f"?{urlencode(given, errors='replace')}" if given else "")
        headers = {"If-None-Match": etag} if etag else {}
        return await self._send("GET", url, headers, None, None, once=False)

    async def post(
        self, path: str, *, once: bool = True, files: Sequence[File] = (), face: str = "json", **form: Params
    ) -> Answer:
        """Writes. `once`: it must not happen twice, so an answer that is lost raises `Uncertain` instead of `Unavailable`."""
        given = {name: str(value) for name, value in form.items() if value is not None}
        url = self._url(path, face)
        if files:
            kind, body = multipart(given, files, boundary=f"{self._tools.random.getrandbits(128):032x}")
            return await self._send("POST", url, {"Content-Type": kind}, body, None, once=once)
        return await self._send(
            "POST", url, {"Content-Type": FORM}, urlencode(given, errors="replace").encode(), given, once=once
        )

    def _url(self, path: str, face: str) -> str:
        return f"{self.site.root}{path}.{face}"

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, form: Mapping[str, str] | None, *, once: bool
    ) -> Answer:
        for _ in range(MOST_HOPS + 1):
            answer = await self._hop(method, url, headers, body, form, once=once)
            target = answer.headers.get("location")
            if target is None or answer.status not in _MOVED:
                return read(answer, once=once, now=self._tools.clock.now())
            url = _onward(url, target)
        raise Unavailable("the server redirects without end")

    async def _hop(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, form: Mapping[str, str] | None, *, once: bool
    ) -> HttpAnswer:
        signed = {"Accept": "application/json, */*;q=0.1", **headers, **self._sign(method, url, form)}
        seconds = READ_SECONDS if body is None else WRITE_SECONDS
        try:
            return await self._tools.http.request(
                method, url, headers=signed, body=body, limit=LIMIT, timeout=seconds, redirects=0
            )
        except NotReached as error:
            raise Unavailable(f"{self.site.host} cannot be reached: {error}") from error
        except OSError as error:
            kind: type[DeliveryError] = Uncertain if once else Unavailable
            raise kind(f"{self.site.host} gave no answer: {error}") from error

    def _sign(self, method: str, url: str, form: Mapping[str, str] | None) -> dict[str, str]:
        match self._secret:
            case Basic(user, password):
                pair = base64.b64encode(f"{user}:{password}".encode()).decode()
                return {"Authorization": f"Basic {pair}"}
            case Keys() as keys:
                nonce = f"{self._tools.random.getrandbits(128):032x}"
                at = int(self._tools.clock.now().timestamp())
                return {"Authorization": authorization(method, url, keys, timestamp=at, nonce=nonce, form=form)}
            case _:
                return {}


def _onward(url: str, target: str) -> str:
    """Where a redirect leads. Raises `Unavailable` where that is no place for this account's secrets."""
    try:
        onward = urljoin(url, target)
    except ValueError:
        onward = ""
    before, after = host_of(url), host_of(onward)
    if before.partition(":")[0] != after.partition(":")[0] or (url.startswith("https:") and not onward.startswith("https:")):
        raise Unavailable(f"the server redirects to {after or 'nowhere'}, where the account's secrets are not sent")
    return onward
