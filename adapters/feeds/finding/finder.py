"""What can be followed under what somebody types: a page, a feed, user@host, a list of feeds."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from adapters.feeds.config import FeedsConfig
from adapters.feeds.finding.page import PAGE_CAP, Named, feeds_on
from adapters.feeds.finding.people import addresses
from adapters.feeds.ids import fold_channel, fold_url, person_of
from adapters.feeds.opml import read_opml
from adapters.feeds.parse.entries import ParsedFeed
from adapters.feeds.polling.fetch import ACCEPT, BODY_CAP, HOPS
from adapters.feeds.reader import Parses
from bridge.contract.places import Finding
from bridge.contract.toolbox import HttpAnswer, Toolbox
from bridge.model.ids import ChannelId, NetworkName
from bridge.text.plain import one_line

SECONDS = 28.0
"""For one search."""
EACH_SECONDS = 10.0
TRIED = 10
"""Of the feeds that a page names."""
USUAL = ("/feed", "/rss", "/atom.xml", "/feed.xml", "/rss.xml", "/index.xml", "/feed.json", "/twtxt.txt")
"""Where pages that name no feed have theirs."""
_TITLE_CAP = 200
_PERMANENT = frozenset({301, 308})


class Found(Struct, frozen=True):
    """A feed that could be read, under its one address."""

    url: str
    feed: ParsedFeed


class Finder:
    def __init__(self, network: NetworkName, config: FeedsConfig, tools: Toolbox, parser: Parses) -> None:
        self._network, self._config, self._tools, self._parser = network, config, tools, parser
        self._gate = asyncio.Semaphore(4)

    async def search(self, words: str) -> Sequence[Finding]:
        """See `bridge.contract.places.Searches`."""
        words = words.strip()
        if words.startswith("<"):
            return self._listed(words.encode("utf-8", "replace"))
        person, url = person_of(words), _address(words)
        if person is None and url is None:
            return ()
        try:
            async with asyncio.timeout(SECONDS), self._gate:
                if person is not None:
                    return (await self._person(*person),)
                return await self._url(url or "")
        except TimeoutError:
            raise OSError("it took too long to look for it") from None

    async def resolve(self, user: str, host: str) -> str:
        """Where that person's feed is. Raises `OSError` in plain words."""
        return (await self._of_person(user, host)).url

    # lists

    def _listed(self, text: bytes) -> Sequence[Finding]:
        """Raises `OSError` for what is no list."""
        try:
            outlines = read_opml(text)
        except ValueError as error:
            raise OSError(str(error)) from None
        found: dict[ChannelId, Finding] = {}
        for outline in outlines:
            try:
                channel = ChannelId(self._network, fold_channel(outline.url))
            except ValueError:
                continue
            summary = " / ".join(outline.folders)
            title = outline.title or channel.id
            found.setdefault(channel, Finding(channel=channel, title=title, summary=summary, of_list=True))
        if not found:
            raise OSError("there is no feed in that list")
        return tuple(found.values())

    # people

    async def _person(self, user: str, host: str) -> Finding:
        found = await self._of_person(user, host)
        channel = ChannelId(self._network, f"{user}@{host}")
        author = found.feed.author
        name = (author.name or author.nick) if author is not None else None
        return Finding(channel=channel, title=_title(name or found.feed.title, channel.id), summary=_summary(found))

    async def _of_person(self, user: str, host: str) -> Found:
        named, page = await addresses(self._tools.http, user, host, agent=self._config.agent)
        async for found in self._tried([Named(url) for url in named]):
            return found
        if page is not None:
            answer = await self._get(page)
            async for found in self._tried((await _named_on(answer))[:TRIED]):
                return found
        raise OSError(f"{host} has no feed of {user}, or knows nobody of that name")

    # addresses

    async def _url(self, url: str) -> Sequence[Finding]:
        answer = await self._reached(url)
        if answer.status != 200:
            raise OSError(f"{urlsplit(url).hostname} answers {answer.status}")
        if b"<opml" in answer.body[:4096].lower():
            return self._listed(answer.body)
        feed = await self._feed(answer) if not _is_page(answer) else None
        if feed is not None:
            return (self._finding(Found(await self._canonical(url, answer), feed), None),)
        return await self._on_page(answer)

    async def _on_page(self, answer: HttpAnswer) -> Sequence[Finding]:
        named = await _named_on(answer)
        findings = [self._finding(found, _called(named, found)) async for found in self._tried(named[:TRIED])]
        if not findings:
            usual = [Named(urljoin(answer.url, path)) for path in (*_beside(answer.url), *USUAL)]
            async for found in self._tried(usual):
                findings.append(self._finding(found, None))
                break
        if not findings:
            raise OSError(f"there is no feed at {answer.url}")
        return tuple({finding.channel: finding for finding in findings}.values())

    def _finding(self, found: Found, called: str | None) -> Finding:
        channel = ChannelId(self._network, fold_url(found.url))
        return Finding(channel=channel, title=_title(found.feed.title or called, channel.id), summary=_summary(found))

    async def _tried(self, named: Sequence[Named]) -> AsyncIterator[Found]:
        """Those that are feeds indeed, in their order."""
        for one in named:
            try:
                url = fold_url(one.url)
                answer = await self._get(url)
                feed = await self._feed(answer) if answer.status == 200 and not _is_page(answer) else None
            except (OSError, ValueError):
                continue
            if feed is not None:
                yield Found(url, feed)

    async def _reached(self, url: str) -> HttpAnswer:
        """Typed without a scheme it is https, else http."""
        if url.startswith(("http://", "https://")):
            return await self._get(url)
        try:
            return await self._get(f"https://{url}")
        except OSError:
            return await self._get(f"http://{url}")

    async def _canonical(self, url: str, answer: HttpAnswer) -> str:
        """Where permanent redirects lead from what was typed; what leads on from there may be another tomorrow."""
        at = url if url.startswith(("http://", "https://")) else f"{urlsplit(answer.url).scheme}://{url}"
        for _ in range(HOPS):
            if fold_url(at) == fold_url(answer.url):
                break
            hop = await self._get(at, redirects=0)
            target = hop.headers.get("location")
            if hop.status not in _PERMANENT or target is None:
                break
            at = fold_url(urljoin(at, target))
        return at

    async def _get(self, url: str, *, redirects: int = HOPS) -> HttpAnswer:
        headers = {"Accept": f"{ACCEPT}, text/html;q=0.5", "User-Agent": self._config.agent}
        return await self._tools.http.request(
            "GET", url, headers=headers, limit=BODY_CAP, timeout=EACH_SECONDS, redirects=redirects
        )

    async def _feed(self, answer: HttpAnswer) -> ParsedFeed | None:
        """None where it is no feed."""
        try:
            return await self._parser.parse(answer.body, answer.headers, answer.url)
        except OSError:
            return None


def _address(words: str) -> str | None:
    """A web address, or what looks like one without its scheme; None for other words."""
    if any(char.isspace() for char in words) or not words:
        return None
    try:
        if words.lower().startswith(("http://", "https://", "feed:")):
            return fold_url(words)
        host = words.partition("/")[0].partition(":")[0]
        folded = fold_url(f"https://{words}")
    except ValueError:
        return None
    top = host.rpartition(".")[2]
    return folded.partition("://")[2] if "." in host and (top.isalpha() or top.startswith("xn--")) else None


def _is_page(answer: HttpAnswer) -> bool:
    """Told by how it begins: servers send feeds as text/html, and pages as anything."""
    start = answer.body[:2048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if any(mark in start for mark in (b"<rss", b"<feed", b"<rdf:rdf", b"<channel")):
        return False
    typed = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    html = start.startswith((b"<!doctype html", b"<html")) or b"<html" in start or b"<head" in start
    return html or (typed in ("text/html", "application/xhtml+xml") and not start.startswith((b"{", b"<?xml")))


async def _named_on(answer: HttpAnswer) -> Sequence[Named]:
    """Off the loop: pages are big."""
    text = answer.body[:PAGE_CAP].decode("utf-8", "replace")
    return await asyncio.to_thread(feeds_on, text, answer.url)


def _beside(url: str) -> Sequence[str]:
    """Feeds that belong to this very page, by how its address looks."""
    path = urlsplit(url).path.rstrip("/")
    if path.rpartition("/")[2].startswith("@"):
        return (f"{path}.rss",)
    if path.startswith("/u/") and path.count("/") == 2:
        return (f"/public/{path.removeprefix('/u/')}.atom",)
    return (f"{path}/feed", f"{path}.atom") if path else ()


def _called(named: Sequence[Named], found: Found) -> str | None:
    return next((one.title for one in named if one.url == found.url), None)


def _title(name: str | None, otherwise: str) -> str:
    return one_line(name or "")[:_TITLE_CAP].strip() or otherwise


def _summary(found: Found) -> str:
    count = len(found.feed.entries)
    kind = found.feed.kind or "feed"
    return f"{kind}, {count} {'entry' if count == 1 else 'entries'}"
