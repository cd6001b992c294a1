"""Whatever a post says, both feeds are well formed, say the same, and hold nothing that is Matrix' own."""

import json
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from adapters.feeds.parse.read import read_feed
from bridge.model.events import Attachment, Boost, Message, PostFacts, Text
from bridge.outfeeds.atom import Head, write_atom
from bridge.outfeeds.items import Item, Posted, is_iri, item_of, web
from bridge.outfeeds.jsonfeed import write_json
from bridge.text.web import for_the_web
from tests.doubles.clock import START
from tests.unit.routing.scene import happened, ref

NASTY = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\0\x0b\x1b\ufffe\ud800<>&\"']]>\u202e")), max_size=60)
HEAD = Head(id="urn:x", title="\0T&<", self_url="https://b.example/f", hub="https://b.example/h", updated=START)
XML = "{http://www.w3.org/2005/Atom}"


def shown(message: Message, **more: object) -> Item:
    event = happened("tag:1", "social/home@me", "social/alice", message, happened_at=START)
    item = item_of(Posted(event=event, **more), lambda attachment, event: attachment.source)  # type: ignore[arg-type]
    assert item is not None
    return item


@given(NASTY, NASTY, NASTY, NASTY, st.lists(NASTY, max_size=3))
def test_whatever_it_says_it_is_well_formed_in_both(plain: str, html: str, title: str, name: str, tags: list[str]) -> None:
    facts = PostFacts(permalink=plain, uri=title, title=title, tags=tuple(tags), language=name)
    file = Attachment(source=f"https://gs.example/{name}", name=name, alt=plain, type=title)
    item = shown(Message(text=Text(plain=plain, html=html), warning=title, post=facts, attachments=(file,)))
    (entry,) = ElementTree.fromstring(write_atom(HEAD, (item,))).iter(f"{XML}entry")
    assert is_iri(entry.findtext(f"{XML}id") or "")
    assert entry.findtext(f"{XML}title")
    (told,) = json.loads(write_json(HEAD, (item,)))["items"]
    assert told["id"] == entry.findtext(f"{XML}id")
    (read,) = read_feed(write_atom(HEAD, (item,)), {}, HEAD.self_url).entries
    assert read.ids[0] == item.id


@given(st.text(alphabet="ab<>&\"' ", min_size=1, max_size=40))
def test_plain_words_come_back_as_they_were(plain: str) -> None:
    words = " ".join(plain.split())
    item = shown(Message(text=Text(plain=words), post=PostFacts()))
    if words:
        (read,) = read_feed(write_atom(HEAD, (item,)), {}, HEAD.self_url).entries
        assert read.text.plain == words


@given(
    st.lists(
        st.sampled_from(
            [
                '<a href="',
                "https://matrix.to/#/@a:b",
                "matrix:u/a:b",
                '">',
                "</a>",
                "mxc://h/m",
                "<img src=",
                ' class="x"',
                "HTTPS://",
                "x",
            ]
        ),
        max_size=14,
    )
)
def test_no_address_of_matrix_is_linked_however_it_is_written(pieces: list[str]) -> None:
    clean = for_the_web("".join(pieces))
    for link in clean.split('href="')[1:]:
        address = link.partition('"')[0].lower()
        assert not address.startswith(("matrix:", "mxc:"))
        assert "//matrix.to/" not in address
    assert "<img" not in clean


def test_a_post_with_a_warning_is_told_behind_it() -> None:
    item = shown(Message(text=Text(plain="the ship sinks"), warning="the end of it", post=PostFacts()))
    assert item.title == "the end of it"
    (told,) = json.loads(write_json(HEAD, (item,)))["items"]
    assert told["content_html"] == "<details><summary>the end of it</summary>the ship sinks</details>"
    assert told["summary"] == "the end of it"


def test_a_picture_behind_a_warning_is_no_preview() -> None:
    file = Attachment(source="https://gs.example/a.png", name="a.png", type="image/png")
    (told,) = json.loads(
        write_json(HEAD, (shown(Message(text=Text(plain="x"), warning="w", post=PostFacts(), attachments=(file,))),))
    )["items"]
    assert "image" not in told
    assert told["attachments"][0]["url"] == "https://gs.example/a.png"


def test_a_boost_by_or_of_somebody_on_matrix_is_not_told() -> None:
    boost = Boost(
        target=ref("tag:2", "social", "matrix/@carol:secret.example"), original=Message(text=Text(plain="x"), post=PostFacts())
    )
    event = happened("b", "social/home@me", "social/bob", boost, happened_at=START)
    assert item_of(Posted(event=event), lambda attachment, event: None) is None


def test_dates_are_whole_and_in_utc_however_old() -> None:
    old = datetime(9, 1, 1, tzinfo=UTC) + timedelta(microseconds=5)
    event = happened("tag:1", "social/home@me", "social/alice", Message(text=Text(plain="x"), post=PostFacts()), happened_at=old)
    item = item_of(Posted(event=event), lambda attachment, event: None)
    assert item is not None
    assert b"<published>0009-01-01T00:00:00Z</published>" in write_atom(HEAD, (item,))


def test_only_what_a_browser_may_open_is_an_address() -> None:
    for address in (
        "javascript:alert(1)",
        "https://",
        "https://a b",
        "https://u:p@gs.example/",
        "http://[::1",
        "mxc://a/b",
        "",
        None,
    ):
        assert web(address) is None
    assert web("https://gs.example/é") == "https://gs.example/é"
