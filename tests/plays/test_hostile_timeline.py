"""What no feed and no site should send, to a whole bridge with a timeline: the neighbours' posts come, and nobody waits."""

import gzip
import hmac
import json
import logging
from collections.abc import AsyncIterator
from email.utils import format_datetime
from html import escape
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from adapters.gnusocial.demo import actions
from adapters.gnusocial.demo.ostatus.envelope import MEDIA_TYPE, posted, seal
from tests.doubles.clock import START
from tests.plays.turns import LONGEST_TURN, Turns
from tests.plays.wall import HOSTILE, Wall, wall
from tests.unit.app.town import says
from tests.unit.feeds.kit import Reply, rss


@pytest.fixture
async def there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Wall]:
    caplog.set_level(logging.INFO, "unabridged")
    async with wall(tmp_path) as there:
        yield there


def items(*inner: str) -> bytes:
    return (
        f"<rss version='2.0'><channel><title>Blog</title>{''.join(map('<item>{}</item>'.format, inner))}</channel></rss>".encode()
    )


ENTITIES = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 12))
FRESH = f"<pubDate>{format_datetime(START)}</pubDate>"
BOMBS = {
    "flood": items(*(f"<guid>{n}</guid><description>{'many words ' * 50}</description>{FRESH}" for n in range(500))),
    "entities": f"<!DOCTYPE rss [<!ENTITY e0 'boom'>{ENTITIES}]>".encode() + items("<title>&e11;</title>"),
    "nested": b"<rss><channel>" + b"<item>" * 200_000,
    "html": items(f"<guid>bomb</guid><description><![CDATA[{'<div>' * 200_000}]]></description>"),
    "closed html": items(f"<guid>bomb</guid><description><![CDATA[{'<b><i>' * 80_000}x{'</i></b>' * 20_000}]]></description>"),
    "wide": items(*(f"<guid>{n}</guid>" for n in range(100_000))),
    "nulls": b"\0" * 1_000_000,
    "json": b'{"version": "https://jsonfeed.org/version/1.1", "items": ' + b"[" * 200_000,
}


@pytest.mark.parametrize("bomb", list(BOMBS.values()), ids=list(BOMBS))
async def test_no_document_holds_up_a_neighbour(there: Wall, bomb: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    await there.goes_on()
    turns = Turns(monkeypatch)
    there.brings(bomb)
    await there.looked()
    await there.goes_on()
    assert turns.longest < LONGEST_TURN, turns.where


MARKUP = {
    "paragraphs": "<p>*" * 40_000,
    "marks": "<b>*</b>" * 20_000,
    "lines": "a<br>" * 30_000,
    "words": "<i>word</i> " * 15_000,
}


@pytest.mark.parametrize("markup", list(MARKUP.values()), ids=list(MARKUP))
async def test_a_post_of_nothing_but_markup_holds_up_nobody(there: Wall, markup: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read elsewhere; here it is fitted to the room and written."""
    await there.goes_on()
    turns = Turns(monkeypatch)
    html = escape(f"the bomb {markup}")
    there.brings(
        items(f"<guid>bomb</guid><description>{html}</description><pubDate>{format_datetime(there.clock.now())}</pubDate>")
    )
    await there.seen(lambda event: "the bomb" in str(event["content"].get("body")))
    await there.goes_on()
    assert turns.longest < LONGEST_TURN, turns.where


async def _endless(request: web.Request) -> web.StreamResponse:
    """A hundred megabytes, or as many as one is ready to hear."""
    answer = web.StreamResponse()
    await answer.prepare(request)
    try:
        for _ in range(1600):
            await answer.write(b"<!--" + b"x" * 64_000)
    except ConnectionError:
        pass
    return answer


async def _onward(request: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": f"{HOSTILE}?{len(request.query_string)}{request.query_string}"})


ZIPPED = gzip.compress(b"<rss>" + b" " * 100_000_000, 1)


async def _bomb(request: web.Request) -> web.StreamResponse:
    return web.Response(body=ZIPPED, headers={"Content-Encoding": "gzip"})


@pytest.mark.parametrize("answer", [_endless, _onward, _bomb], ids=["100 MB", "redirects", "gzip"])
async def test_no_answer_holds_up_a_neighbour(
    there: Wall, answer: Reply, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await there.goes_on()
    turns = Turns(monkeypatch)
    there.site.answer(HOSTILE, answer)
    await there.looked()
    await there.goes_on()
    assert turns.longest < LONGEST_TURN, turns.where
    assert await there.counted("feeds_failures") >= 1
    assert [record for record in caplog.records if "can't be read now" in record.getMessage()]


# where nobody may look


PRIVATE = (
    *("http://169.254.169.254/latest/meta-data", "http://10.0.0.1/", "{trap}/x", "http://0.0.0.0:{port}/"),
    *("http://[::ffff:127.0.0.2]:{port}/x", "http://[::1]:{port}/", "http://[64:ff9b::7f00:2]:{port}/"),
)


@pytest.mark.parametrize("target", PRIVATE)
async def test_no_redirect_leads_inside(there: Wall, target: str, caplog: pytest.LogCaptureFixture) -> None:
    to = target.format(trap=there.trap.base, port=there.trap.base.rpartition(":")[2])
    there.brings(b"", {"Location": to}, status=302)
    await there.looked()
    await there.goes_on()
    assert there.trap.called == []
    assert await there.counted("feeds_failures") >= 1
    assert [record for record in caplog.records if "no public address" in record.getMessage()]


async def test_nothing_that_a_feed_names_is_fetched_from_inside(there: Wall) -> None:
    """Pictures, faces, hubs, older pages."""
    trap = there.trap.base
    author = (
        f"<author><uri>{there.site.url('/eve')}</uri><name>eve</name><link rel='avatar' type='image/png' href='{trap}/face'/>"
        f"<activity:object-type>http://activitystrea.ms/schema/1.0/person</activity:object-type></author>"
    )
    links = f"<link rel='hub' href='{trap}/hub'/><link rel='self' href='{there.site.url(HOSTILE)}'/>"
    there.brings(
        "<feed xmlns='http://www.w3.org/2005/Atom' xmlns:activity='http://activitystrea.ms/spec/1.0/'><id>x</id><title>x</title>"
        f"<logo>{trap}/logo</logo>{author}{links}<link rel='next' href='{trap}/2'/>"
        f"<entry><id>{there.site.url('/1')}</id><title>look at this</title>"
        f"<content type='html'>look at this &lt;img src='{trap}/inside.png'></content>{author}"
        f"<updated>{there.clock.now().isoformat()}</updated>"
        f"<link rel='enclosure' type='image/png' href='{trap}/enclosed.png'/></entry></feed>".encode()
    )
    await there.seen(says("look at this"))
    await there.looked()
    await there.goes_on()
    assert there.trap.called == []


@pytest.mark.parametrize(
    "what", ["{trap}/feed", "bob@{host}", "@bob@{host}", "http://169.254.169.254/feed", "bob@169.254.169.254"]
)
async def test_following_leads_nowhere_inside(there: Wall, what: str) -> None:
    trap = there.trap.base
    answer = await there.word("follow", {"what": [what.format(trap=trap, host=trap.removeprefix("http://"))]})
    assert there.trap.called == [], answer.text
    assert answer.failed, answer.text
    await there.goes_on()


async def test_no_host_answers_for_somebody_elsewhere(there: Wall) -> None:
    """WebFinger: who is asked for bob says that he is somebody inside, on another host."""
    inside = f'{{"rel": "http://schemas.google.com/g/2010#updates-from", "href": "{there.trap.base}/feed"}}'
    subject = f"acct:admin@{there.trap.base.removeprefix('http://')}"
    there.site.put("/.well-known/webfinger", f'{{"subject": "{subject}", "links": [{inside}]}}')
    answer = await there.word("follow", {"what": [f"bob@{there.site.host}"]})
    assert answer.failed, answer.text
    assert there.trap.called == []
    await there.goes_on()


# what stands in the room


def rich(event: dict[str, Any]) -> str:
    return str(event["content"].get("formatted_body", ""))


async def test_nothing_that_stands_in_a_feed_runs_in_a_client(there: Wall) -> None:
    html = (
        "<p onclick='alert(1)'>harmless words</p><script>alert(1)</script><iframe src='https://evil.example'></iframe>"
        "<a href='javascript:alert(1)'>here</a><img src=x onerror=alert(1)><svg onload=alert(1)><style>*{display:none}</style>"
        "<mx-reply>@alice said so</mx-reply><span data-mx-color='#fff' style='color:red'>pale</span>"
    )
    there.brings(
        items(f"<guid>1</guid><title>&lt;script&gt;alert(2)&lt;/script&gt;</title><description>{escape(html)}</description>")
    )
    event = await there.seen(says("harmless words"))
    shown = rich(event).casefold()
    for word in (
        "<script",
        "onclick",
        "onerror",
        "onload",
        "javascript:",
        "<iframe",
        "<svg",
        "<style",
        "mx-reply",
        "data-mx-color",
    ):
        assert word not in shown
    await there.goes_on()


NAMES = ("alice", "@alice:localhost", "unabridged", "\u202ealice", "alice\u200b", "@room", "Timeline bot", "<b>alice</b>", "")


async def test_nobody_in_a_feed_is_taken_for_somebody_here(there: Wall) -> None:
    entries = [
        f"<guid>{number}</guid><author>{escape(name)}</author><description>I am number {number}.</description>"
        for number, name in enumerate(NAMES)
    ]
    there.brings(items(*entries))
    for number, _ in enumerate(NAMES):
        event = await there.seen(says(f"I am number {number}."))
        assert event["sender"].startswith("@_blog_") and event["sender"].endswith(":localhost")
        name = str(there.hs.world.users[event["sender"]].get("displayname"))
        assert name.endswith("(blog)") and not set(name) & set("\u202e\u200b"), name
        assert not event["content"].get("m.mentions"), "nobody is rung for"
    await there.goes_on()


def json_feed(posts: list[dict[str, Any]]) -> bytes:
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "x", "items": posts}).encode()


async def test_odd_charsets_dates_and_ids_bring_each_post_once(there: Wall) -> None:
    """What says utf-8 and is Latin-1; a date of the year 9999, and one without a zone; ids that are numbers, and change."""
    latin = b"<rss><channel><title>x</title><item><guid>a</guid><description>caf\xe9 one</description></item></channel></rss>"
    there.brings(latin, {"Content-Type": "text/xml; charset=utf-8"})
    await there.seen(says("caf\u00e9 one"))
    posts: list[dict[str, Any]] = [
        {"id": 7, "title": "the year 9999", "date_published": "9999-01-01T00:00:00Z"},
        {"id": 7.5, "title": "no zone", "date_published": "2026-01-01 12:00:00"},
        {"id": 10**30, "title": "a large number"},
    ]
    for number, post in enumerate(posts):
        post |= {"url": there.site.url(f"/post/{number}"), "content_text": f"{post['title']}, they say"}
    there.brings(json_feed(posts))
    for post in posts:
        event = await there.seen(says(post["title"]))
        assert event["origin_server_ts"] <= there.clock.now().timestamp() * 1000
    there.brings(json_feed([{**post, "id": f"new-{post['id']}"} for post in posts]))
    await there.looked()
    await there.goes_on()
    for post in posts:
        assert sum(post["title"] in body for body in there.bodies()) == 1


# what is pushed


async def test_what_is_forged_is_dropped_and_what_is_true_comes_once(there: Wall, caplog: pytest.LogCaptureFixture) -> None:
    """Carol is followed without an account; then strangers push in the name of his hub, and seal slaps in his."""
    site = there.social.site
    hub, carol = there.social.federation.hub, there.carol
    await there.passing(lambda: any(one.topic == carol.feed for one in hub.subscriptions.values()))
    (mine,) = [one for one in hub.subscriptions.values() if one.topic == carol.feed]
    body = rss("forged words", at=there.clock.now())
    true = hmac.new(mine.secret.encode(), body, "sha256").hexdigest()
    slap = mine.callback.replace("/websub/", "/salmon/")
    async with aiohttp.ClientSession() as stranger:
        for signature in ("", "sha256=0", f"sha256={true[:-1]}g", f"md5={true}", true, "sha1=" + "0" * 40):
            async with stranger.post(mine.callback, data=body, headers={"X-Hub-Signature": signature}) as given:
                assert given.status == 202
        async with stranger.get(
            mine.callback, params={"hub.mode": "subscribe", "hub.topic": "http://evil.example/", "hub.challenge": "x"}
        ) as given:
            assert given.status == 404
        notice = actions.post(site, carol, "true words")
        entry = posted(site, notice)
        await there.seen(says("true words"))
        forged = entry.replace(b"true words", b"forged words").replace(notice.uri.encode(), b"tag:forged")
        true_one = seal(entry, site.key_of(carol))
        for sealed in (seal(forged, site.key_of(there.bob)), true_one, true_one, b"<x/>"):
            async with stranger.post(slap, data=sealed, headers={"Content-Type": MEDIA_TYPE}) as given:
                assert given.status == 202
    await there.goes_on()
    bodies = there.bodies()
    assert not [one for one in bodies if "forged" in one]
    assert len([one for one in bodies if "true words" in one]) == 1
    assert await there.counted("feeds_callbacks", outcome="push_forged") == 6
    assert await there.counted("feeds_callbacks", outcome="slap_refused") >= 2
    assert [record for record in caplog.records if "slap" in record.getMessage()]
