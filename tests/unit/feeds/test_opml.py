"""Lists of feeds: read as people have them, written so that any reader takes them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.feeds.opml import Outline, read_opml, write_opml
from bridge.text.escape import strip_controls

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def listed(inner: str) -> bytes:
    return f'<?xml version="1.0"?><opml version="1.0"><head><title>t</title></head><body>{inner}</body></opml>'.encode()


def test_folders_titles_and_pages_are_kept() -> None:
    body = listed(
        '<outline text="Tech"><outline title="Blogs" text="x"><outline type="rss" text="A" xmlUrl="https://a.example/f"'
        ' htmlUrl="https://a.example/"/></outline></outline><outline xmlUrl="https://b.example/"/>'
    )
    assert read_opml(body) == (
        Outline(url="https://a.example/f", title="A", page="https://a.example/", folders=("Tech", "Blogs")),
        Outline(url="https://b.example/"),
    )


@pytest.mark.parametrize(
    ("outline", "url"),
    [
        ('<outline xmlurl="https://a.example/"/>', "https://a.example/"),
        ('<outline xmlURL=" https://a.example/ "/>', "https://a.example/"),
        ('<outline type="rss" url="https://a.example/"/>', "https://a.example/"),
        ('<outline xmlUrl="feed://a.example/x"/>', "http://a.example/x"),
        ('<outline xmlUrl="acct:bob@gs2.test"/>', "acct:bob@gs2.test"),
        ('<outline xmlUrl="https://a.example/?a=1&b=2"/>', "https://a.example/?a=1"),
    ],
)
def test_spellings_in_the_wild(outline: str, url: str) -> None:
    (found,) = read_opml(listed(outline))
    assert found.url.startswith(url)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "|curl evil", "filter:x:https://a.example/", "javascript:alert(1)", "", "acct:nobody", "https://"],
)
def test_what_is_no_feeds_address_is_passed_over(url: str) -> None:
    assert read_opml(listed(f'<outline xmlUrl="{url}"/><outline xmlUrl="https://ok.example/"/>')) == (
        Outline(url="https://ok.example/"),
    )


def test_a_feed_that_stands_twice_is_followed_once() -> None:
    assert len(read_opml(listed('<outline xmlUrl="https://a.example/"/>' * 3))) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no list"),
        (b"hello", "no list"),
        (b"<html><body/></html>", "no list"),
        (b"<rss><channel/></rss>", "no list"),
        (listed("<outline>" * 200_000), "too deep"),
        (listed("".join(f'<outline xmlUrl="https://a.example/{number}"/>' for number in range(10_001))), "more than"),
        (b"x" * (6 * 1024 * 1024), "too big"),
    ],
)
def test_what_is_no_list_says_why(body: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_opml(body)


def test_entities_of_its_own_bring_nothing_in() -> None:
    bomb = '<!ENTITY a "aaaaaaaaaa">' + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9))
    body = (
        f'<!DOCTYPE opml [{bomb}<!ENTITY f SYSTEM "file:///etc/passwd">]>'.encode()
        + listed('<outline xmlUrl="https://a.example/" text="x"/><outline text="&f;&j;"/>').partition(b"?>")[2]
    )
    assert read_opml(body) == (Outline(url="https://a.example/", title="x"),)


def test_half_a_list_is_better_than_none() -> None:
    body = listed('<outline xmlUrl="https://a.example/"/><outline xmlUrl="https://b.example/"/>')
    assert [one.url for one in read_opml(body[: body.index(b'<outline xmlUrl="https://b')])] == ["https://a.example/"]


titles = st.text(max_size=20).map(lambda text: " ".join(strip_controls(text).split()))
outlines = st.builds(
    Outline,
    url=st.integers(0, 99).map(lambda number: f"https://host{number}.example/f?a=1&b=2"),
    title=titles.filter(bool),
    folders=st.lists(titles.filter(bool), max_size=3).map(tuple),
)


@given(st.lists(outlines, max_size=8, unique_by=lambda one: one.url), st.text(max_size=20))
def test_what_we_write_we_read(given_outlines: list[Outline], title: str) -> None:
    again = read_opml(write_opml(title, given_outlines, NOW).encode())
    assert sorted(again, key=lambda one: one.url) == sorted(given_outlines, key=lambda one: one.url)


@given(st.binary(max_size=200))
def test_no_bytes_do_worse_than_be_no_list(body: bytes) -> None:
    for written in (body, listed("").replace(b"</body>", body)):
        try:
            found = read_opml(written)
        except ValueError:
            continue
        assert all(one.url for one in found)
