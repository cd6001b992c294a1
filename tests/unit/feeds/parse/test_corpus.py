"""Every feed of the shared corpus is read, none with fewer entries than feedparser alone finds."""

import io
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import feedparser
import pytest

from adapters.feeds.parse.read import ENTRIES_CAP, NoFeed, read_feed

CORPUS = Path(__file__).resolve().parents[4].parent / "shared" / "fixtures"
FOLDERS = {
    "feedparser": 450,
    "gofeed": 170,
    "gnusocial-recorded": 44,
    "granary": 10,
    "miniflux": 15,
    "newsboat": 15,
    "reader": 8,
}
"""Folders with feeds in them, and how many of their documents are feeds at least."""
URL = "https://blog.example/feed"

pytestmark = pytest.mark.corpus


@pytest.fixture(scope="module", autouse=True)
def corpus() -> None:
    if not CORPUS.is_dir():
        assert not os.environ.get("CI"), f"the corpus is not beside the checkout: {CORPUS}"
        pytest.skip("the corpus is not there")


def documents(folder: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted((CORPUS / folder).rglob("*")):
        if path.is_file():
            yield str(path.relative_to(CORPUS)), path.read_bytes()


def alone(body: bytes) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = feedparser.parse(io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False)
    return len(found.entries)


@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_breaks_and_nothing_is_lost(folder: str) -> None:
    feeds, fewer = 0, []
    for name, body in documents(folder):
        try:
            feed = read_feed(body, {}, URL)
        except NoFeed:
            count = 0
        else:
            feeds += 1
            count = len(feed.entries)
            assert all(entry.ids and entry.marks.id for entry in feed.entries), name
        wanted = min(alone(body), ENTRIES_CAP)
        if count < wanted:
            fewer.append((name, count, wanted))
    assert fewer == []
    assert feeds >= FOLDERS[folder]


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_script_style_or_foreign_image_comes_through(folder: str) -> None:
    for name, body in documents(folder):
        try:
            feed = read_feed(body, {}, URL)
        except NoFeed:
            continue
        for entry in feed.entries:
            html = (entry.text.html or "").lower()
            for bad in ("<script", "<style", "<iframe", "<img", "javascript:", "onclick=", "onerror=", "data-mx", "mx-reply"):
                assert bad not in html.replace("&lt;", ""), (name, bad, html)
            for attachment in entry.attachments:
                assert attachment.source.startswith(("http://", "https://")), name


def test_every_recorded_push_is_read_with_its_one_entry() -> None:
    pushes = sorted((CORPUS / "gnusocial-recorded" / "ostatus").glob("*-push-to-*.xml"))
    assert len(pushes) == 12
    for push in pushes:
        feed = read_feed(push.read_bytes(), {}, URL)
        assert len(feed.entries) == 1
        assert feed.hubs
        assert feed.salmon
        assert feed.entries[0].author is not None
        assert feed.entries[0].author.nick in ("alice", "bob")
