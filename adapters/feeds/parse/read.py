"""A document of unknown kind, read as what it is. Pure; runs in the parser process."""

from collections.abc import Mapping

import msgspec

from adapters.common.atom import SOCIAL, Unreadable, check
from adapters.feeds.parse.entries import ParsedEntry, ParsedFeed
from adapters.feeds.parse.jsonfeed import read_json
from adapters.feeds.parse.marking import marked
from adapters.feeds.parse.pieces import NoFeed
from adapters.feeds.parse.social import read_social
from adapters.feeds.parse.syndicated import read_syndicated
from adapters.feeds.parse.twtxt import is_twtxt, read_twtxt

ENTRIES_CAP = 500
"""Entries of one document that are taken: the newest."""

__all__ = ["ENTRIES_CAP", "NoFeed", "read_feed"]


def read_feed(body: bytes, headers: Mapping[str, str], url: str) -> ParsedFeed:
    """Raises `NoFeed` with words for people, and whatever a parser raises over input its authors didn't think of."""
    start = body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start and not body.strip():
        raise NoFeed("it is empty")
    if start.startswith((b"{", b"[")):
        feed = read_json(body, url)
    elif not start.startswith(b"<") and is_twtxt(body):
        feed = read_twtxt(body, url)
    else:
        feed = _read_xml(body, headers, url)
    return msgspec.structs.replace(feed, entries=tuple(marked(entry) for entry in _newest(feed.entries)))


def _read_xml(body: bytes, headers: Mapping[str, str], url: str) -> ParsedFeed:
    try:
        check(body)
    except Unreadable as error:
        raise NoFeed(str(error)) from None
    if any(name in body for name in SOCIAL):
        try:
            feed = read_social(body, url)
        except Unreadable:
            feed = None  # feedparser makes something of almost anything
        if feed is not None:
            return feed
    return read_syndicated(body, headers, url)


def _newest(entries: tuple[ParsedEntry, ...]) -> tuple[ParsedEntry, ...]:
    """Most documents begin with the newest entry, some with the oldest; dates tell."""
    if len(entries) <= ENTRIES_CAP:
        return entries
    first, last = (entry.published or entry.updated for entry in (entries[0], entries[-1]))
    oldest_first = first is not None and last is not None and first < last
    return entries[-ENTRIES_CAP:] if oldest_first else entries[:ENTRIES_CAP]
