"""Where the feed of user@host is: as the host's WebFinger says, else where the kinds of servers that have feeds put theirs."""

from collections.abc import Iterator
from urllib.parse import quote

from adapters.common.webfinger import PROFILE, UPDATES, Resource, Unknown, look_up
from adapters.feeds.ids import fold_url
from bridge.contract.toolbox import HttpClient


async def addresses(http: HttpClient, user: str, host: str, *, agent: str) -> tuple[tuple[str, ...], str | None]:
    """Feeds in the order in which they should be tried, and the page of that person, which may name others.

    Raises `OSError` where the host can't be reached.
    """
    try:
        found = await look_up(http, f"acct:{user}@{host}", host, agent=agent)
    except Unknown:
        found = Resource()
    told = (found.href(UPDATES, "application/atom+xml"), found.href(UPDATES), found.href("alternate", "application/atom+xml"))
    page = found.href(PROFILE, "text/html") or found.href(PROFILE)
    named = [*told, *_usual(user, host, page)]
    return tuple(dict.fromkeys(address for one in named if (address := _folded(one)) is not None)), _folded(page)


def _usual(user: str, host: str, page: str | None) -> Iterator[str]:
    """diaspora, Mastodon, and what came after it."""
    scheme = (page or "https:").partition(":")[0]
    name = quote(user, safe="")
    yield f"{scheme}://{host}/@{name}.rss"
    yield f"{scheme}://{host}/public/{name}.atom"
    if page is not None and page.rstrip("/").rpartition("/")[2].startswith("@"):
        yield f"{page.rstrip('/')}.rss"


def _folded(url: str | None) -> str | None:
    try:
        return fold_url(url) if url else None
    except ValueError:
        return None
