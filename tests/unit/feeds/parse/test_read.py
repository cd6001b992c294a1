"""Documents of every kind, and of no kind."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.common.activity import Verb
from adapters.feeds.parse.entries import ParsedEntry, ParsedFeed
from adapters.feeds.parse.read import ENTRIES_CAP, NoFeed, read_feed
from adapters.feeds.parse.worker import _BROKEN
from bridge.model.events import Media

URL = "https://blog.example/dir/feed"
SECONDS = 10.0
"""What one feed may take in the parser process; nothing here comes near it."""


def rss(inner: str, head: str = "") -> bytes:
    media = 'xmlns:media="http://search.yahoo.com/mrss/" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    return f'<rss version="2.0" {media}><channel><title>T</title>{head}{inner}</channel></rss>'.encode()


def item(description: str, more: str = "") -> bytes:
    return rss(f"<item><guid>1</guid>{more}<description><![CDATA[{description}]]></description></item>")


def activity(inner: str, head: str = "") -> bytes:
    names = (
        'xmlns="http://www.w3.org/2005/Atom" xmlns:activity="http://activitystrea.ms/spec/1.0/" xmlns:thr='
        '"http://purl.org/syndication/thread/1.0" xmlns:poco="http://portablecontacts.net/spec/1.0" xmlns:ostatus='
        '"http://ostatus.org/schema/1.0" xmlns:media="http://purl.org/syndication/atommedia" xmlns:georss="http://www.georss.org/georss"'
    )
    return f"<feed {names}><title>T</title>{head}{inner}</feed>".encode()


def read(body: bytes, **headers: str) -> ParsedFeed:
    return read_feed(body, {name.replace("_", "-"): value for name, value in headers.items()}, URL)


def only(body: bytes) -> ParsedEntry:
    (entry,) = read(body).entries
    return entry


# hostile


@pytest.mark.parametrize(
    "bomb",
    [
        '<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa">'
        + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
        + "]>",
        '<!DOCTYPE rss [<!ENTITY j SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE rss [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p; <!ENTITY j "x">]>',
    ],
)
@pytest.mark.parametrize("kind", [rss, activity])
def test_entities_neither_explode_nor_fetch(bomb: str, kind: object) -> None:
    made = rss("<item><description>&j;</description></item>") if kind is rss else activity("<entry><title>&j;</title></entry>")
    started = time.perf_counter()
    feed = read_feed(bomb.encode() + made, {}, URL)
    assert time.perf_counter() - started < SECONDS
    assert all(len(entry.text.plain) < 1000 and "root:" not in entry.text.plain for entry in feed.entries)


@pytest.mark.parametrize(
    "body",
    [
        rss("<item>" + "<a>" * 200_000),
        rss("<item>" + "<a>" * 200_000 + "</a>" * 200_000 + "</item>"),
        activity("<entry><content>" + "<b>" * 200_000 + "</b>" * 200_000 + "</content></entry>"),
        rss("<item>" + "<a>" * 200_000).decode().encode("utf-16"),
    ],
)
def test_200_000_levels_are_refused_at_a_look(body: bytes) -> None:
    started = time.perf_counter()
    with pytest.raises(NoFeed, match="nested too deep"):
        read(body)
    assert time.perf_counter() - started < SECONDS


@pytest.mark.parametrize(
    "piece", ["<div>", "<b><i>", "<table><tr><td>", "<a href=x>", "<p>", "<font><p>", "<svg>", "<!--", "<img src=x>"]
)
def test_a_megabyte_of_nested_html_is_read_in_time(piece: str) -> None:
    started = time.perf_counter()
    entry = only(item(piece * (1_000_000 // len(piece)) + "the end", more="<title>still here</title>"))
    assert time.perf_counter() - started < SECONDS
    assert entry.title == "still here" or entry.text.plain == "still here"


def test_many_unclosed_tags_of_sloppy_feeds_are_no_depth() -> None:
    items = "".join(f"<item><guid>{n}</guid><description>a<br>b<p>c<div>d</description></item>" for n in range(200))
    assert len(read(rss(items)).entries) == 200


@pytest.mark.parametrize(
    ("html", "plain"),
    [
        ("<script>alert(1)</script>hello", "hello"),
        ("<p onclick='x()'>hello</p>", "hello"),
        ("hello<style>p{}</style>", "hello"),
        ("<a href='javascript:alert(1)'>hello</a>", "hello"),
        ("<a href='data:text/html,x'>hello</a>", "hello"),
        ("<mx-reply>someone else</mx-reply>hello", "hello"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;", "<script>alert(1)</script>"),
        ("hel\u202elo\x00", "hello"),
        ("<span data-mx-color='#ff0000'>hello</span>", "hello"),
    ],
)
def test_nothing_runs_and_nothing_hides_in_a_text(html: str, plain: str) -> None:
    entry = only(item(html.replace("\x00", "")))
    assert entry.text.plain == plain
    assert "script>" not in (entry.text.html or "").replace("&lt;script&gt;", "").replace("&lt;/script&gt;", "")
    assert "javascript" not in (entry.text.html or "")


def test_a_huge_feed_is_cut_to_its_newest_entries() -> None:
    dates = [
        f"<item><guid>{n}</guid><pubDate>{n % 28 + 1:02} Jan {2000 + n // 28} 00:00:00 GMT</pubDate></item>" for n in range(600)
    ]
    oldest_first, newest_first = read(rss("".join(dates))), read(rss("".join(reversed(dates))))
    assert len(oldest_first.entries) == len(newest_first.entries) == ENTRIES_CAP
    assert {entry.ids[0] for entry in oldest_first.entries} == {entry.ids[0] for entry in newest_first.entries}
    assert oldest_first.entries[-1].ids[0] == "599"


@given(st.binary(max_size=400))
def test_no_bytes_do_worse_than_be_no_feed(noise: bytes) -> None:
    for body in (
        noise,
        b"<rss>" + noise,
        rss("<item>").replace(b"</channel>", noise),
        b'{"items": [' + noise,
        activity("<entry>") + noise,
    ):
        try:
            read(body)
        except (NoFeed, *_BROKEN):
            continue


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
json_items = st.dictionaries(
    st.sampled_from(
        ["id", "url", "title", "content_html", "content_text", "date_published", "authors", "author", "attachments", "tags"]
    ),
    json_values,
)


@given(st.lists(json_items | json_values, max_size=4), json_values)
def test_json_of_any_shape_is_read(items: list[object], anything: object) -> None:
    import json

    body = {"version": "https://jsonfeed.org/version/1", "items": items, "title": anything, "hubs": anything, "authors": anything}
    feed = read(json.dumps(body).encode())
    assert len(feed.entries) == sum(isinstance(one, dict) for one in items)


# charsets


@pytest.mark.parametrize(
    ("charset", "declared", "header"),
    [
        ("utf-8", "utf-8", ""),
        ("iso-8859-1", "iso-8859-1", ""),
        ("windows-1252", "windows-1252", "text/xml"),
        ("utf-16", "utf-16", ""),
        ("iso-8859-1", "", "text/xml; charset=iso-8859-1"),
        ("utf-8", "iso-8859-1", "application/rss+xml; charset=utf-8"),
        ("windows-1252", "utf-8", ""),
        ("utf-8", "us-ascii", ""),
    ],
)
def test_the_charset_is_found_whatever_is_declared(charset: str, declared: str, header: str) -> None:
    prolog = f'<?xml version="1.0" encoding="{declared}"?>' if declared else '<?xml version="1.0"?>'
    body = (prolog + rss("<item><description>Käse für 5 Öre</description></item>").decode()).encode(charset)
    feed = read_feed(body, {"content-type": header} if header else {}, URL)
    assert feed.entries[0].text.plain == "Käse für 5 Öre"


# syndicated


def test_links_are_seen_from_the_entrys_page() -> None:
    entry = only(
        item('<a href="x">a</a> <a href="/y">b</a> <img src="pic.png">', more="<link>https://blog.example/posts/1/</link>")
    )
    assert "https://blog.example/posts/1/x" in entry.text.plain
    assert "https://blog.example/y" in entry.text.plain
    assert entry.attachments[0].source == "https://blog.example/posts/1/pic.png"


@pytest.mark.parametrize(
    ("head", "seconds"),
    [
        ("<ttl>30</ttl>", 1800),
        ("<ttl>-5</ttl>", None),
        ("<ttl>1000000</ttl>", 7 * 86400),
        ('<u:updatePeriod xmlns:u="http://purl.org/rss/1.0/modules/syndication/">hourly</u:updatePeriod>', 3600),
    ],
)
def test_how_long_a_feed_asks_to_be_left_alone(head: str, seconds: int | None) -> None:
    assert read(rss("", head)).ttl_seconds == seconds


def test_hubs_self_and_next_are_found() -> None:
    links = "".join(
        f'<a:link xmlns:a="http://www.w3.org/2005/Atom" rel="{rel}" href="/{rel}"/>' for rel in ("hub", "self", "next")
    )
    feed = read(rss("", links))
    assert (feed.hubs, feed.self_url, feed.next_url) == (
        ("https://blog.example/hub",),
        "https://blog.example/self",
        "https://blog.example/next",
    )


def test_enclosures_only_of_the_web() -> None:
    enclosures = "".join(
        f'<enclosure url="{url}" type="audio/mpeg"/>'
        for url in ("file:///etc/passwd", "ftp://x.example/a.mp3", "https://m.example/a.mp3")
    )
    assert [one.source for one in only(item("x", more=enclosures)).attachments] == ["https://m.example/a.mp3"]


def test_a_picture_in_the_text_that_is_enclosed_too_is_shown_once() -> None:
    more = '<enclosure url="https://m.example/a.jpg" type="image/jpeg"/>'
    entry = only(item('<img src="https://m.example/a.jpg"> and <img src="https://m.example/b.jpg" alt="another">', more=more))
    assert [one.source for one in entry.attachments] == ["https://m.example/a.jpg"]
    assert "another (https://m.example/b.jpg)" in entry.text.plain


def test_what_describes_a_picture_is_no_text() -> None:
    more = '<media:content url="https://m.example/a.jpg"><media:description>alt words</media:description></media:content>'
    entry = only(item("the text", more=more))
    assert entry.text.plain == "the text"
    assert (entry.attachments[0].alt, entry.attachments[0].media) == ("alt words", Media.IMAGE)


@pytest.mark.parametrize(
    ("author", "name"),
    [
        ("mia@blog.technology (Mia Müller)", "Mia Müller"),
        ("Mia &lt;mia@blog.example&gt;", "Mia"),
        ("Mia (mia@blog.example)", "Mia"),
        ("mia@blog.example", "mia"),
        ("Mia", "Mia"),
    ],
)
def test_authors_as_people_write_them(author: str, name: str) -> None:
    entry = only(item("x", more=f"<author>{author}</author>"))
    assert entry.author is not None
    assert entry.author.name == name


@pytest.mark.parametrize(
    ("title", "text", "kept"),
    [
        ("News", "Something happened", "News"),
        ("Something happ…", "Something happened", None),
        ("bob: Something happened", "Something happened", None),
        ("5 &lt; 6 &amp;amp; 7", "x", "5 < 6 & 7"),
    ],
)
def test_a_title_that_only_repeats_the_text_is_none(title: str, text: str, kept: str | None) -> None:
    assert only(item(text, more=f"<title>{title}</title>")).title == kept


def test_a_label_that_looks_like_a_warning_is_text_where_mastodon_did_not_write_it() -> None:
    html = "<p><strong>Chapter one:</strong> it begins</p><hr /><p>Once</p>"
    assert only(item(html)).warning is None
    assert only(
        rss(f"<item><description><![CDATA[{html}]]></description></item>", "<generator>Mastodon v4</generator>")
    ).warning == ("it begins")


# activities


def test_a_share_keeps_its_own_author_and_the_originals() -> None:
    entry = only(
        activity(
            "<entry><id>s</id><activity:verb>http://activitystrea.ms/schema/1.0/share</activity:verb>"
            "<author><name>bob</name></author><activity:object><id>o</id><content type='html'>words</content>"
            "<author><name>alice</name></author></activity:object></entry>"
        )
    )
    assert entry.verb is Verb.SHARE
    assert entry.author is not None
    assert entry.object is not None
    assert entry.object.author is not None
    assert (entry.author.name, entry.object.author.name, entry.object.text.plain) == ("bob", "alice", "words")


def test_the_largest_face_is_taken() -> None:
    links = "".join(f'<link rel="avatar" media:width="{size}" href="/{size}.png"/>' for size in (24, 96, 48))
    feed = read(activity("<entry><id>1</id><title>x</title></entry>", f"<author><name>a</name>{links}</author>"))
    assert feed.author is not None
    assert feed.author.avatar == "https://blog.example/96.png"
    assert feed.entries[0].author == feed.author


@pytest.mark.parametrize(
    ("links", "public"),
    [
        ("", None),
        ('<link rel="mentioned" href="http://activityschema.org/collection/public"/>', True),
        ('<link rel="mentioned" href="http://gs1.test/user/1"/>', False),
    ],
)
def test_who_may_read_it(links: str, public: bool | None) -> None:
    assert only(activity(f"<entry><id>1</id><title>x</title>{links}</entry>")).public is public


@pytest.mark.parametrize(
    ("point", "place"),
    [("48.2 16.37", (48.2, 16.37)), ("91 0", None), ("x y", None), ("1", None), ("nan 1", None), ("1,2", (1.0, 2.0))],
)
def test_places(point: str, place: tuple[float, float] | None) -> None:
    assert only(activity(f"<entry><id>1</id><title>x</title><georss:point>{point}</georss:point></entry>")).location == place


def test_objects_in_objects_end() -> None:
    nested = "<activity:object>" * 60 + "</activity:object>" * 60
    assert only(activity(f"<entry><id>1</id>{nested}</entry>")).ids[0] == "1"


def test_atom_that_is_not_well_formed_is_read_all_the_same() -> None:
    feed = read(activity("<entry><id>1</id><title>a & b</title></entry><entry><id>2</id><title>c</title></entry>"))
    assert len(feed.entries) == 2
    assert feed.trouble is not None


# twtxt


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        ("2026-11-22T10:00:00Z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22T10:00:00.123456789+02:00", datetime(2026, 11, 22, 8, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-22T10:00", datetime(2026, 11, 22, 10, tzinfo=UTC)),
    ],
)
def test_a_line_with_a_stamp_is_a_post(stamp: str, at: datetime) -> None:
    assert only(f"# nick = x\n{stamp}\thello\n".encode()).published == at


def test_the_hash_of_a_line_is_the_one_that_others_compute() -> None:
    body = b"# url = https://twtxt.net/user/prologic/twtxt.txt\n2020-07-18T12:39:52Z\tHello World! \xf0\x9f\x98\x8a\n"
    assert only(body).ids[0] == "o6dsrga"


@pytest.mark.parametrize(
    "stamps",
    [
        (
            "2026-11-22T10:00:00Z",
            "2026-11-22T10:00:00+00:00",
            "2026-11-22T10:00:00.9-00:00",
            "2026-11-22T10:00",
            "2026-11-22T10:00:00z",
        ),
        ("2026-11-22T10:00:00+01:00", "2026-11-22T10:00+01:00", "2026-11-22T10:00:00.5+0100"),
    ],
)
def test_the_hash_keeps_the_zone_and_forgets_how_it_is_spelt(stamps: tuple[str, ...]) -> None:
    hashes = {only(f"{stamp}\thello\n".encode()).ids[0] for stamp in stamps}
    assert len(hashes) == 1
    assert hashes != {only(b"2026-11-22T09:00:00Z\thello\n").ids[0]}


def test_lines_that_are_no_posts_are_passed_over() -> None:
    feed = read(b"# hello\n2026-11-22T10:00:00Z\tone\n\n2026-13-45T10:00:00Z\tbad date\nnoise\n2026-11-22T11:00:00Z\ttwo\n")
    assert [entry.text.plain for entry in feed.entries] == ["one", "two"]
