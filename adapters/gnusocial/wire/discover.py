"""Where a server's API is: as its WebFinger says (RFC 7033), else at the usual places, and only if it answers there.

https first; plain http only where the operator allowed it for that host. A server that calls itself http:// while it is reached
over https is asked over https.
"""

from collections.abc import Iterator
from urllib.parse import quote, urlsplit

from adapters.common.media import absolute
from adapters.common.webfinger import Resource, read_jrd
from adapters.gnusocial.config import GnuSocialConfig
from adapters.gnusocial.ids import host_of
from adapters.gnusocial.wire.account import allowed_by
from adapters.gnusocial.wire.client import Client, Revoked, Site
from bridge.contract.errors import DeliveryError, Rejected
from bridge.contract.toolbox import NotReached, Toolbox

API = "http://apinamespace.org/twitter"
USUAL = ("/api/", "/index.php/api/")
LIMIT = 256 * 1024
SECONDS = 15.0


async def find_site(user: str | None, host: str, config: GnuSocialConfig, tools: Toolbox) -> Site:
    """Raises `Rejected` where there is no such API, `OSError` where the host can't be reached; both in plain words."""
    failed: OSError | None = None
    reached = False
    for scheme in ("https", "http") if config.may_be_plain(host) else ("https",):
        try:
            roots = await _named(scheme, user, host, tools)
        except NotReached as error:
            failed = error
            continue
        except OSError as error:
            failed, roots = error, ()
        reached = True
        for root in dict.fromkeys((*_speakable(roots, config), *(f"{scheme}://{host}{path}" for path in USUAL))):
            if await _answers(site := Site(root), tools):
                return site
    if not reached and failed is not None:
        raise OSError(f"{host} cannot be reached: {failed}") from failed
    raise Rejected(f"{host} does not offer the API that GNU social has, or not over an encrypted connection")


async def _named(scheme: str, user: str | None, host: str, tools: Toolbox) -> tuple[str, ...]:
    """API roots in the server's WebFinger answer about somebody. Raises `OSError`."""
    resource = f"acct:{user}@{host}" if user else f"{scheme}://{host}/"
    url = f"{scheme}://{host}/.well-known/webfinger?resource={quote(resource, safe='')}"
    answer = await tools.http.request("GET", url, headers={"Accept": "application/jrd+json"}, limit=LIMIT, timeout=SECONDS)
    found = read_jrd(answer.body) if answer.status == 200 else None
    return tuple(_roots(found, answer.url)) if found is not None else ()


def _roots(found: Resource, url: str) -> Iterator[str]:
    for link in found.all(API):
        root = absolute(url, link.href)
        if root is not None and host_of(root) and not urlsplit(root).query:
            yield root if root.endswith("/") else f"{root}/"


def _speakable(roots: tuple[str, ...], config: GnuSocialConfig) -> Iterator[str]:
    for root in roots:
        if root.startswith("http:"):
            yield f"https:{root.removeprefix('http:')}"
        if not root.startswith("http:") or config.may_be_plain(host_of(root)):
            yield root


async def _answers(site: Site, tools: Toolbox) -> bool:
    """Whether the API is there: its settings can be read by anybody, and a private site says at least that one must log in."""
    client = Client(site, None, tools)
    try:
        return (await allowed_by(client)).told
    except Revoked:
        return True
    except DeliveryError:
        return False
