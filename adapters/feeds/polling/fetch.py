"""One look at a feed: a conditional GET (RFC 9110 §13) whose redirects are followed here, because they are remembered."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum, auto
from urllib.parse import urljoin

from msgspec import Struct

from adapters.feeds.ids import fold_url
from adapters.feeds.polling.manners import freshness, retry_after
from adapters.feeds.state import FeedState
from bridge.contract.toolbox import HttpAnswer, Toolbox

HOPS = 5
SECONDS = 20.0
"""For one look, redirects and body included."""
BODY_CAP = 5 * 1024 * 1024
ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, text/plain;q=0.6, */*;q=0.5"
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})
_WORDS = {401: "it wants a password", 403: "it is forbidden", 404: "it isn't there (404)"}


class Outcome(Enum):
    CONTENT = auto()
    SAME = auto()
    """Not modified."""
    GONE = auto()
    """410: it will not come back."""
    BUSY = auto()
    """The host asks to be left alone for `wait` seconds."""
    FAILED = auto()


class Fetched(Struct, frozen=True, kw_only=True):
    outcome: Outcome
    url: str
    """Where the last redirect led."""
    moved: str | None = None
    """Where permanent redirects led from the address that was asked."""
    wait: float = 0.0
    """Seconds that the server asks for."""
    words: str = ""
    """Why not, for people."""
    missing: bool = False
    """The address is one that knows no such feed."""
    slow: bool = False
    """The host took long, or gave no answer."""
    body: bytes = b""
    headers: Mapping[str, str] = {}


async def fetch(address: str, state: FeedState, tools: Toolbox, agent: str) -> Fetched:
    """Never raises for what the other side does; what it did is in the answer."""
    began = tools.clock.monotonic()
    at, moved, permanent = address, None, True
    for _ in range(HOPS + 1):
        left = began + SECONDS - tools.clock.monotonic()
        asked = {"Accept": ACCEPT, "User-Agent": agent, **_validators(state, at)}
        try:
            answer = await tools.http.request("GET", at, headers=asked, limit=BODY_CAP, timeout=max(left, 0.1), redirects=0)
        except OSError as error:
            return Fetched(outcome=Outcome.FAILED, url=at, words=str(error) or type(error).__name__, slow=True)
        target = answer.headers.get("location")
        if answer.status not in _REDIRECTS or target is None:
            slow = tools.clock.monotonic() - began > SECONDS / 4
            return _judged(answer, at, moved, tools.clock.now(), conditional=len(asked) > 2, slow=slow)
        try:
            onward = fold_url(urljoin(at, target))
        except ValueError as error:
            return Fetched(outcome=Outcome.FAILED, url=at, words=f"it leads to what is no address: {error}")
        permanent = permanent and answer.status in _PERMANENT and not (at.startswith("https:") and onward.startswith("http:"))
        at, moved = onward, onward if permanent else moved
    return Fetched(outcome=Outcome.FAILED, url=at, words=f"more than {HOPS} redirects")


def _validators(state: FeedState, at: str) -> dict[str, str]:
    """As they were given, byte for byte; only for the address that gave them, and not where the document is wanted again."""
    if at != state.final or state.pending:
        return {}
    given = (("If-None-Match", state.etag), ("If-Modified-Since", state.modified))
    return {name: value for name, value in given if value}


def _judged(answer: HttpAnswer, at: str, moved: str | None, now: datetime, *, conditional: bool, slow: bool) -> Fetched:
    wait = freshness(answer.headers, now)
    if answer.status in (200, 226):
        return Fetched(
            outcome=Outcome.CONTENT, url=at, moved=moved, wait=wait, slow=slow, body=answer.body, headers=answer.headers
        )
    if answer.status == 304 and conditional:
        return Fetched(outcome=Outcome.SAME, url=at, moved=moved, wait=wait, slow=slow, headers=answer.headers)
    words = _WORDS.get(answer.status, f"it answers {answer.status}")
    if answer.status == 410:
        return Fetched(outcome=Outcome.GONE, url=at, words="it is gone for good (410)")
    asked = retry_after(answer.headers, now)
    if answer.status in (429, 503) and asked is not None:
        return Fetched(outcome=Outcome.BUSY, url=at, wait=asked, words=f"{words}: its host asks us to wait")
    return Fetched(outcome=Outcome.FAILED, url=at, words=words, missing=answer.status == 404, slow=slow)
