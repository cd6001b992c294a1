"""Whose word a feed gives: its own host's, nobody else's."""

import pytest

from adapters.feeds.parse.entries import ParsedAuthor, ParsedFeed
from adapters.feeds.trust import Trust
from bridge.model.ids import ChannelId, NetworkName

NET = NetworkName("blog")


def trust(channel: str = "https://blog.example/feed", url: str = "") -> Trust:
    return Trust.of(ChannelId(NET, channel), ParsedFeed(url=url or channel))


@pytest.mark.parametrize(
    "id",
    [
        "tag:blog.example,2026:1",
        "tag:www.blog.example,2026-11-23:1",
        "tag:me@blog.example,2026:1",
        "tag:news.blog.example,2026:1",
        "https://blog.example/posts/1",
        "http://BLOG.example/posts/1",
        "https://www.blog.example/1",
    ],
)
def test_what_the_feeds_host_gave_is_global(id: str) -> None:
    assert trust().key(id) == id


@pytest.mark.parametrize(
    "id",
    [
        "tag:victim.example,2026:1",
        "tag:blog.example.evil.example,2026:1",
        "tag:evilblog.example,2026:1",
        "tag:example,2026:1",
        "https://victim.example/1",
        "https://blog.example@victim.example/1",
        "https://victim.example/https://blog.example/",
        "https://victim.example:443/",
        "urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a",
        "1",
        "",
        "hash:00",
        "javascript:x",
    ],
)
def test_what_anybody_could_write_is_the_feeds_alone(id: str) -> None:
    assert trust().key(id) == f"https://blog.example/feed#{id}"


def test_two_servers_on_one_address_are_told_apart_by_their_ports() -> None:
    one = trust("http://127.0.0.1:8001/feed")
    assert one.is_global("http://127.0.0.1:8001/notice/1")
    assert one.is_global("tag:127.0.0.1:8001,2026:1")
    assert not one.is_global("http://127.0.0.1:8002/notice/1")
    assert not one.is_global("tag:127.0.0.1:8002,2026:1")


def test_a_person_may_be_served_by_another_host_than_named() -> None:
    delegated = trust("bob@name.example", "https://social.example/api/1.atom")
    assert delegated.is_global("tag:social.example,2026:1")
    assert delegated.is_global("https://name.example/1")
    assert not delegated.is_global("https://else.example/1")


@pytest.mark.parametrize(
    ("author", "id"),
    [
        (ParsedAuthor(nick="Ann", uri="https://blog.example/u/1"), "ann@blog.example"),
        (ParsedAuthor(nick="a b", uri="https://blog.example/u/1"), "https://blog.example/u/1"),
        (ParsedAuthor(nick="ann", uri="https://victim.example/u/1"), "https://blog.example/feed#ann@victim.example"),
        (ParsedAuthor(name="Ann"), "https://blog.example/feed#Ann"),
        (ParsedAuthor(name="ann@victim.example"), "https://blog.example/feed#ann@victim.example"),
        (ParsedAuthor(name="Ann", uri="https://blog.example/about"), "https://blog.example/feed#Ann"),
        (ParsedAuthor(name="The Blog"), "https://blog.example/feed"),
        (None, "https://blog.example/feed"),
    ],
)
def test_no_author_is_somebody_elsewhere(author: ParsedAuthor | None, id: str) -> None:
    feed = ParsedFeed(url="https://blog.example/feed", title="The  Blog")
    assert trust().author(author, feed).id.id == id


def test_the_feed_speaks_with_its_title_face_and_page() -> None:
    feed = ParsedFeed(url="x", title="The Blog", icon="https://blog.example/i.png", page="https://blog.example/")
    profile = trust().owner(feed).profile
    assert (profile.name, profile.avatar, profile.url) == ("The Blog", "https://blog.example/i.png", "https://blog.example/")
