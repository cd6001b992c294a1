"""Every document here is a test named for its case; `CASE.1.…`, `CASE.2.…` are read ten minutes apart, each as the same feed.

The folder says where the feed is followed. A document is not the feed's first: everything in it is new and worth showing.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.feeds.inbound import events
from adapters.feeds.known import Known
from adapters.feeds.parse.read import read_feed
from bridge.model.events import Event
from bridge.model.ids import ChannelId, NetworkName

HERE = Path(__file__).parent
NET = NetworkName("blog")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KNOWN_SINCE = datetime(2026, 11, 1, tzinfo=UTC)
FOLLOWED = {
    "gnusocial": "http://gs2.test/api/statuses/user_timeline/1.atom",
    "diaspora": "https://pod.example/public/hanna.atom",
    "mastodon": "https://toot.example/@ada.rss",
}


def case_of(path: Path) -> str:
    return f"{path.parent.name}/{path.name.partition('.')[0]}"


DOCUMENTS = sorted(path for path in HERE.glob("*/*") if path.suffix in (".xml", ".txt") or path.name.endswith(".feed.json"))
CASES = sorted({case_of(path) for path in DOCUMENTS})


def read(case: str) -> list[Event]:
    url = FOLLOWED.get(case.partition("/")[0], "https://blog.example/feed")
    if case == "gnusocial/reply" or case == "gnusocial/share" or case == "gnusocial/favourite":
        url = "http://gs1.test/api/statuses/user_timeline/1.atom"
    found: list[Event] = []
    known, now = Known(since=int(KNOWN_SINCE.timestamp())), NOW
    for path in DOCUMENTS:
        if case_of(path) == case:
            feed = read_feed(path.read_bytes(), {}, url)
            new, known = events(NET, ChannelId(NET, url), feed, known, now, first=False, activities=True)
            found += new
            now += timedelta(minutes=10)
    return found


def bare(value: Any) -> Any:
    """Without what stands for nothing."""
    if isinstance(value, Mapping):
        pairs = ((name, bare(one)) for name, one in value.items() if name not in ("v", "network"))
        return {name: one for name, one in pairs if one not in (None, [], "", False, {}, "live", "say", "public")}
    return [bare(one) for one in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("case", CASES)
def test_what_a_document_means(case: str) -> None:
    folder, name = case.split("/")
    expected = json.loads((HERE / folder / f"{name}.events.json").read_text())
    assert bare(msgspec.to_builtins(read(case))) == expected


def test_every_expectation_has_its_document() -> None:
    assert {case_of(path) for path in HERE.glob("*/*.events.json")} == set(CASES)
