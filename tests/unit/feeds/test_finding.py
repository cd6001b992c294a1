"""From what people type to what they meant: pages, feeds, people, lists; and hosts that lie."""

import asyncio
import json
import time
from urllib.parse import unquote

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from adapters.feeds.finding.page import feeds_on
from bridge.contract.places import Searches
from bridge.model.ids import ChannelId
from bridge.testing.doubles import until
from tests.unit.feeds.kit import NET, Site, World, rss

ATOM = "application/atom+xml"
RSS = "application/rss+xml"


def page(*links: str) -> str:
    return f"<!DOCTYPE html><html><head><title>A page</title>{''.join(links)}</head><body>hello</body></html>"


def link(href: str, type: str = RSS, title: str = "", rel: str = "alternate") -> str:
    return f'<link rel="{rel}" type="{type}" href="{href}" title="{title}">'


async def found(world: World, words: str) -> list[str]:
    async with world.running() as adapter:
        assert isinstance(adapter, Searches)
        return [finding.channel.id for finding in await adapter.search(words)]


async def refused(world: World, words: str) -> str:
    async with world.running() as adapter:
        with pytest.raises(OSError) as error:
            await adapter.search(words)
        return str(error.value)


# feeds and pages


async def test_a_feed_is_itself_with_its_title(world: World, site: Site) -> None:
    url = site.put("/feed", rss("a", "b"))
    async with world.running() as adapter:
        (finding,) = await adapter.search(url)
        assert (finding.channel, finding.title) == (ChannelId(NET, url), "Blog")
        assert "2 entries" in finding.summary


async def test_a_feed_sent_as_a_page_is_a_feed(world: World, site: Site) -> None:
    url = site.put("/feed", rss("a"), Content_Type="text/html")
    assert await found(world, url) == [url]


async def test_a_page_names_its_feeds_best_first(world: World, site: Site) -> None:
    for path in ("/rss", "/atom", "/comments", "/json"):
        site.put(path, rss("a"))
    url = site.put("/", page(link("/comments", ATOM, "Comments"), link("rss"), link("/atom", ATOM), link("/gone", ATOM)))
    assert await found(world, url) == [site.url("/atom"), site.url("/rss"), site.url("/comments")]


async def test_what_a_page_calls_a_feed_and_is_none_is_left_out(world: World, site: Site) -> None:
    site.put("/rss", rss("a"))
    site.put("/html", page())
    url = site.put(
        "/", page(link("/html", ATOM), link("http://10.0.0.1/feed", ATOM), link("javascript:alert(1)", ATOM), link("/rss"))
    )
    assert await found(world, url) == [site.url("/rss")]


@pytest.mark.parametrize("path", ["/feed", "/rss", "/atom.xml", "/blog/feed"])
async def test_a_page_that_names_none_may_have_one_at_a_usual_place(world: World, site: Site, path: str) -> None:
    site.put(path, rss("a"))
    url = site.put("/blog", page())
    assert await found(world, url) == [site.url(path)]


@pytest.mark.parametrize(("at", "feed"), [("/@bob", "/@bob.rss"), ("/u/bob", "/public/bob.atom")])
async def test_pages_of_people_have_feeds_where_their_servers_put_them(world: World, site: Site, at: str, feed: str) -> None:
    site.put(feed, rss("a"))
    assert await found(world, site.put(at, page())) == [site.url(feed)]


async def test_where_there_is_nothing_it_says_so(world: World, site: Site) -> None:
    assert "no feed" in await refused(world, site.put("/", page()))
    assert "404" in await refused(world, site.url("/nothing"))


@pytest.mark.parametrize("words", ["", "hello", "two words", "#tag", "!group", "social/home@me", "192.168", "v1.2.3", "a:b", "<"])
async def test_what_means_nothing_here_is_left_to_others(world: World, words: str) -> None:
    async with world.running() as adapter:
        if words == "<":
            with pytest.raises(OSError):
                await adapter.search(words)
        else:
            assert list(await adapter.search(words)) == []


@pytest.mark.parametrize("words", ["http://10.0.0.1/feed", "http://localhost.localdomain.invalid/", "http://[::ffff:10.0.0.1]/"])
async def test_where_nobody_may_look_is_refused(world: World, words: str) -> None:
    assert await refused(world, words)


async def test_an_address_is_its_permanent_one(world: World, site: Site) -> None:
    site.put("/new", rss("a"))
    site.put("/detour", status=302, Location="/new")
    assert await found(world, site.put("/old", status=301, Location="/new")) == [site.url("/new")]
    assert await found(world, site.put("/way", status=301, Location="/detour")) == [site.url("/detour")]


async def test_a_search_that_takes_too_long_ends(world: World, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stuck(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr("adapters.feeds.finding.finder.SECONDS", 0.05)
    assert "too long" in await refused(world, site.answer("/", stuck))


async def test_a_feed_that_was_gone_and_is_found_again_is_followed_again(world: World, site: Site) -> None:
    url = site.put("/feed", rss("a"))
    async with world.running(url) as adapter:
        site.put("/feed", status=410)
        await world.word("refresh")
        site.put("/feed", rss("b", "a"))
        await adapter.search(url)
        await until(lambda: world.said == ["a", "b"])


# lists


async def test_a_list_is_followed_whole(world: World, site: Site) -> None:
    opml = (
        '<opml version="2.0"><body><outline text="News"><outline type="rss" text="One" xmlUrl="HTTP://Example.org:80/a#x"/>'
        '</outline><outline text="Two" xmlUrl="acct:bob@Social.Example"/><outline text="Bad" xmlUrl="http://u:p@example.org/"/>'
        "</body></opml>"
    )
    async with world.running() as adapter:
        for words in (opml, site.put("/list.opml", opml)):
            one, two = await adapter.search(words)
            assert (one.channel.id, one.title, one.summary) == ("http://example.org/a", "One", "News")
            assert (two.channel.id, two.title) == ("bob@social.example", "Two")
            assert one.of_list and two.of_list


async def test_a_list_of_nothing_says_so(world: World) -> None:
    assert await refused(world, "<opml><body/></opml>")
    assert await refused(world, "<opml>" + "<outline>" * 100_000)


# people


def jrd(site: Site, *links: tuple[str, str, str], subject: str | None = None, aliases: tuple[str, ...] = ()) -> str:
    rows = [{"rel": rel, "type": type, "href": href} for rel, type, href in links]
    return json.dumps({"subject": subject or f"acct:bob@{site.host}", "aliases": list(aliases), "links": rows})


UPDATES = "http://schemas.google.com/g/2010#updates-from"
PROFILE = "http://webfinger.net/rel/profile-page"
WEBFINGER = "/.well-known/webfinger"


async def test_a_person_is_found_by_webfinger_and_read(world: World, site: Site) -> None:
    site.put("/bob.atom", rss("hello"))
    site.put(WEBFINGER, jrd(site, (UPDATES, ATOM, site.url("/bob.atom"))))
    async with world.running() as adapter:
        for words in (f"bob@{site.host}", f"@bob@{site.host}", f"acct:bob@{site.host}"):
            (finding,) = await adapter.search(words)
            assert finding.channel.id == f"bob@{site.host}"
        assert unquote(site.last(WEBFINGER).path).endswith(f"?resource=acct:bob@{site.host}")
        await world.open(f"bob@{site.host}")
        assert world.said == ["hello"]


async def test_a_person_is_found_by_host_meta(world: World, site: Site) -> None:
    site.put("/bob.atom", rss("hello"))
    site.put(
        "/.well-known/host-meta",
        '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0"><Link rel="lrdd" type="application/xrd+xml" '
        f'template="{site.url("/xrd")}?uri={{uri}}"/></XRD>',
    )
    site.put(
        "/xrd",
        f'<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0"><Subject>acct:bob@{site.host}</Subject>'
        f'<Link rel="{UPDATES}" type="{ATOM}" href="{site.url("/bob.atom")}"/></XRD>',
    )
    assert await found(world, f"bob@{site.host}") == [f"bob@{site.host}"]


async def test_a_person_without_a_word_of_a_feed_is_looked_for_at_the_usual_places(world: World, site: Site) -> None:
    site.put("/@bob.rss", rss("toot"))
    site.put(
        WEBFINGER,
        jrd(site, ("self", "application/activity+json", site.url("/users/bob")), (PROFILE, "text/html", site.url("/@bob"))),
    )
    assert await found(world, f"bob@{site.host}") == [f"bob@{site.host}"]


async def test_a_persons_page_may_name_the_feed(world: World, site: Site) -> None:
    site.put("/feeds/7", rss("note"))
    site.put("/people/bob", page(link("/feeds/7", ATOM)))
    site.put(WEBFINGER, jrd(site, (PROFILE, "text/html", site.url("/people/bob"))))
    assert await found(world, f"bob@{site.host}") == [f"bob@{site.host}"]


@pytest.mark.parametrize("status", [404, 500])
async def test_nobody_of_that_name_is_said_so(world: World, site: Site, status: int) -> None:
    site.put(WEBFINGER, "<html>Internal error</html>", status=status)
    assert "nobody of that name" in await refused(world, f"bob@{site.host}")


@pytest.mark.parametrize(
    "subject", ["acct:eve@evil.example", "acct:alice@{host}", "https://evil.example/bob", "bob", "acct:bob@"]
)
async def test_an_answer_for_another_name_is_not_believed(world: World, site: Site, subject: str) -> None:
    site.put("/bob.atom", rss("hello"))
    site.put(WEBFINGER, jrd(site, (UPDATES, ATOM, site.url("/bob.atom")), subject=subject.format(host=site.host)))
    assert "nobody of that name" in await refused(world, f"bob@{site.host}")


async def test_a_subject_elsewhere_may_not_claim_the_asked_name_as_its_alias(world: World, site: Site) -> None:
    site.put("/bob.atom", rss("hello"))
    asked = f"acct:bob@{site.host}"
    site.put(WEBFINGER, jrd(site, (UPDATES, ATOM, site.url("/bob.atom")), subject="acct:eve@evil.example", aliases=(asked,)))
    assert "nobody of that name" in await refused(world, f"bob@{site.host}")


@pytest.mark.parametrize(
    "answer",
    ["", "null", "[]", "{}", '{"links": 7}', '{"links": [7, null, {"rel": 7}, {}]}', '{"links": {}}', "[" * 100_000, "<XRD/>",
     *(json.dumps({"links": [{"rel": UPDATES, "href": href}]}) for href in ("http://10.0.0.1/x", "file:///etc/passwd"))],
)  # fmt: skip
async def test_a_hostile_answer_hurts_nobody(world: World, site: Site, answer: str) -> None:
    site.put(WEBFINGER, answer)
    assert await refused(world, f"bob@{site.host}")


async def test_host_meta_cannot_lead_where_nobody_may_look(world: World, site: Site) -> None:
    site.put(
        "/.well-known/host-meta",
        '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0"><Link rel="lrdd" template="http://169.254.169.254/{uri}"/></XRD>',
    )
    assert await refused(world, f"bob@{site.host}")


async def test_where_a_person_moves_on_their_server_they_are_found_again(world: World, site: Site) -> None:
    site.put("/1.atom", rss("a"))
    site.put(WEBFINGER, jrd(site, (UPDATES, ATOM, site.url("/1.atom"))))
    async with world.running(f"bob@{site.host}"):
        site.put("/1.atom", status=410)
        site.put("/2.atom", rss("b", "a"))
        site.put(WEBFINGER, jrd(site, (UPDATES, ATOM, site.url("/2.atom"))))
        await world.later(4 * 330)
        assert world.said == ["a", "b"]


async def test_a_person_is_not_looked_up_at_each_look(world: World, site: Site) -> None:
    site.put("/1.atom", rss("a"))
    site.put(WEBFINGER, jrd(site, (UPDATES, ATOM, site.url("/1.atom"))))
    async with world.running(f"bob@{site.host}"):
        for _ in range(3):
            await world.later(330)
        assert site.hits(WEBFINGER) == 1
        assert site.hits("/1.atom") == 1 + 4  # once to see that it is a feed


# pages as strangers write them

URL = "https://example.org/blog/"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (link("a.xml"), ["https://example.org/blog/a.xml"]),
        ("<LINK REL=alternate TYPE=application/atom+xml HREF=/a>", ["https://example.org/a"]),
        ("<link href='a' type='application/rss+xml' rel='ALTERNATE home'/>", ["https://example.org/blog/a"]),
        ('<base href="https://cdn.example/x/">' + link("a"), ["https://cdn.example/x/a"]),
        ("<!-- " + link("a") + " -->" + link("b"), ["https://example.org/blog/b"]),
        ("<script>var x = '" + link("a") + "'</script>" + link("b"), ["https://example.org/blog/b"]),
        ("<!-- " + link("a"), []),
        (link("a", rel="stylesheet alternate"), []),
        (link("a", type="application/activity+json"), []),
        (link("/wp-json/x", type="application/json"), []),
        (link("/feed.json", type="application/json"), ["https://example.org/feed.json"]),
        ('<a rel="alternate" type="application/rss+xml" href="/r">RSS</a>' + link("l"), ["https://example.org/blog/l", "https://example.org/r"]),
        ('<link rel="feed" href="/f">', ["https://example.org/f"]),
        (link("a?x=1&amp;y=2"), ["https://example.org/blog/a?x=1&y=2"]),
        (link("javascript:alert(1)") + link("data:text/xml,x") + link("http://"), []),
        ('<link rel="alternate" hreflang="de" type="text/xml" href="/de">', []),
        (link("İ") + link("b"), ["https://example.org/blog/İ", "https://example.org/blog/b"]),
    ],
)  # fmt: skip
def test_the_feeds_that_a_page_names(html: str, expected: list[str]) -> None:
    assert [named.url for named in feeds_on(html, URL)] == expected


@given(st.text(alphabet='<>!-/"= alinkbsecrpt', max_size=400))
def test_any_text_is_a_page(text: str) -> None:
    assert all(named.url.startswith(("http://", "https://")) for named in feeds_on(text, URL))


@pytest.mark.parametrize(
    "piece", ["<link ", "<a rel=", "<!--", "<script>", '<link a="', "<link " + "a" * 40 + " " * 40, "<base", "<" * 10]
)
def test_pages_are_read_in_linear_time(piece: str) -> None:
    text = piece * (1024 * 1024 // len(piece))
    began = time.process_time()
    feeds_on(text, URL)
    assert time.process_time() - began < 2
