"""One post once: what is taken for the same post, and what a hostile feed can't do with that."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.plan import MarkKind
from bridge.model.events import Boost, Event, Message, PostFacts, Text, Visibility
from bridge.model.ids import EventKey, NetworkName
from bridge.routing.same import (
    Recognised,
    agree,
    canonical_link,
    canonical_uri,
    normalised,
    post_of,
    recognise,
    words_mark,
)
from tests.unit.routing.scene import NOW, Memory, happened, post, ref, who

DAY = timedelta(hours=24)
TEXT = "The harbour was full of boats this morning, and nobody had told the gulls."
URI = "tag:gs.example,2026-05-01:noticeId=1:objectType=note"
PAGE = "https://gs.example/notice/1"


def social(text: str = TEXT, id: str = URI, author: str = "social/alice@gs.example") -> Event:
    return happened(id, "social/home@me", author, post(text, uri=id, permalink=PAGE))


def feed(text: str = TEXT, author: str = "feed/https://planet.example/atom#Alice", id: str = "1", **facts: str) -> Event:
    return happened(
        f"https://planet.example/atom#{id}", "feed/https://planet.example/atom", author, post(text, Visibility.PUBLIC, **facts)
    )


class Known(Memory):
    """What was there before, with its marks."""

    def __init__(self, *events: Event) -> None:
        super().__init__()
        for event in events:
            self.takes(event)

    def takes(self, event: Event) -> Recognised:
        found = recognise(event, self, DAY)
        if found.same is None:
            self.events[event.key] = event
            self.copies.add((event.key, event.channel))
        for mark in found.marks:
            self.marks.setdefault(mark.value, []).append(event.key if found.same is None else found.same.event)
        return found

    def reason(self, event: Event) -> str | None:
        same = self.takes(event).same
        return None if same is None else same.reason


def test_chats_have_no_marks() -> None:
    assert recognise(happened("1", "plain/#a", "plain/alice", TEXT), Memory(), DAY) == Recognised()


def test_a_copy_with_the_same_page_and_words_is_the_same_post() -> None:
    assert Known(social()).reason(feed(permalink="http://gs.example/notice/1#comments")) == "it has the same page"


def test_a_copy_with_the_same_global_id_and_words_is_the_same_post() -> None:
    assert Known(social()).reason(feed(uri=URI)) == "it bears the same global id"


def test_an_address_that_is_one_posts_id_may_be_anothers_page() -> None:
    known = Known(social(id=PAGE))
    assert known.reason(feed(permalink=PAGE)) is not None


def test_a_shortened_copy_is_the_same_post() -> None:
    assert Known(social()).reason(feed(text=TEXT[:40] + "…", permalink=PAGE)) is not None


def test_other_words_under_anothers_page_stand_alone() -> None:
    """A hostile feed must not speak for another's post, nor vanish behind it."""
    assert Known(social()).reason(feed(text="Buy my pills, they are very good for you.", permalink=PAGE)) is None


@pytest.mark.parametrize("text", ["", "!!!", "The harbour"])
def test_hardly_any_words_do_not_agree_with_everything(text: str) -> None:
    assert Known(social()).reason(feed(text=text, permalink=PAGE)) is None


def test_a_copy_that_came_first_does_not_swallow_the_post_of_whom_it_copies() -> None:
    """Else the post would stand in the room under the thief's name."""
    known = Known(feed(author="feed/https://planet.example/atom#Mallory", permalink=PAGE, uri=URI))
    assert known.reason(social()) is None


def test_of_two_copies_the_second_is_the_first() -> None:
    known = Known(feed(permalink=PAGE))
    other = happened(
        "https://other.example/rss#7",
        "feed/https://other.example/rss",
        "feed/https://other.example/rss",
        post(TEXT, permalink=PAGE),
    )
    assert known.reason(other) is not None


def test_one_address_on_two_networks_needs_no_words() -> None:
    """Its own feed may tell less than its timeline; that address is not given to anybody else by either network."""
    assert Known(social()).reason(feed(text="short", author="feed/alice@gs.example", uri=URI)) is not None


def test_two_posts_of_one_address_on_one_network_are_two() -> None:
    known = Known(social())
    assert (
        known.reason(
            social(text="Something else entirely, an hour later.", id="tag:gs.example,2026-05-01:noticeId=2:objectType=note")
        )
        is None
    )


def test_the_front_of_a_site_is_nobodys_page() -> None:
    known = Known(feed(author="feed/alice@gs.example", permalink="https://gs.example/"))
    assert (
        known.reason(happened("x", "social/home@me", "social/alice@gs.example", post("Other", permalink="https://gs.example")))
        is None
    )


def test_scoped_ids_of_one_feed_are_not_one_id() -> None:
    """Without their fragments all entries of a feed would be the feed."""
    assert Known(feed(id="1")).reason(feed(id="2")) is None


@pytest.mark.parametrize("visibility", [Visibility.FOLLOWERS, Visibility.DIRECT, Visibility.UNLISTED])
def test_what_is_not_for_everybody_is_compared_with_nothing(visibility: Visibility) -> None:
    """A feed that guesses its id must not learn that it is there, nor bring it to other rooms."""
    assert post_of(happened("1", "social/home@me", "social/a@b", post(TEXT, visibility, uri=URI))) is None


def test_what_people_parted_stays_parted() -> None:
    known, copy = Known(social()), feed(permalink=PAGE)
    known.apart.append({copy.key, EventKey(NetworkName("social"), URI)})
    assert known.reason(copy) is None


def boosted(author: str | None, text: str = TEXT) -> Event:
    original = Message(text=Text(plain=text), post=PostFacts(uri=URI, permalink=PAGE))
    return happened(
        "boost", "social/home@me", "social/bob@gs.example", Boost(target=ref(URI, "social", author), original=original)
    )


def test_a_boost_of_what_a_feed_brought_is_a_boost_of_that() -> None:
    known = Known(feed(author="feed/alice@gs.example", permalink=PAGE))
    assert known.takes(boosted("social/alice@gs.example")).same is not None


def test_what_a_boost_claims_somebody_said_does_not_hide_what_he_said() -> None:
    known = Known(boosted("social/alice@gs.example", text="I never said this, but it is long enough."))
    assert known.reason(feed(author="feed/alice@gs.example", uri=URI)) is None


class TestWords:
    def crosspost(self, text: str = TEXT, hours: float = 1, author: str = "other/al@elsewhere.example") -> Event:
        return happened(
            "x1", "other/home", author, post(text, uri="https://elsewhere.example/x1"), happened_at=NOW + timedelta(hours=hours)
        )

    def known(self) -> Known:
        known = Known()
        alice = who("social/alice@gs.example").id
        known.persons = {alice: alice, who("other/al@elsewhere.example").id: alice}
        known.takes(social())
        return known

    def test_one_human_who_says_the_same_twice_said_it_once(self) -> None:
        assert self.known().reason(self.crosspost()) == "the same human said the same"

    def test_strangers_who_say_the_same_said_it_twice(self) -> None:
        assert self.known().reason(self.crosspost(author="other/eve@elsewhere.example")) is None

    def test_after_the_window_it_is_said_again(self) -> None:
        assert self.known().reason(self.crosspost(hours=25)) is None

    def test_short_words_tell_nothing(self) -> None:
        assert self.known().reason(self.crosspost("Good morning!")) is None

    def test_the_same_beginning_is_not_enough(self) -> None:
        assert self.known().reason(self.crosspost(TEXT[:50] + " seagulls, not boats.")) is None

    def test_no_window_means_no_words(self) -> None:
        known = self.known()
        assert recognise(self.crosspost(), known, timedelta()).same is None

    @pytest.mark.parametrize(
        ("text", "long_enough"),
        [
            ("a" * 39, False),
            ("a" * 40, True),
            ("今天早上港口停满了船，没有人告诉海鸥", True),
            ("今天早上港口", False),
            ("e\u0301" * 39, False),
            ("한" * 20, True),
        ],
    )
    def test_text_is_weighed_as_people_read_it(self, text: str, long_enough: bool) -> None:
        one = post_of(social(text))
        assert one is not None and one.author is not None
        assert (words_mark(one, one.author) is not None) is long_enough


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTP://WWW.Example.org:80/a/b/?utm_source=x&id=3#top", "//example.org/a/b?id=3"),
        ("https://example.org/a/b?id=3", "//example.org/a/b?id=3"),
        ("https://example.org:8443/a", "//example.org:8443/a"),
        ("https://example.org/?p=1", "//example.org?p=1"),
        ("https://example.org/", None),
        ("https://example.org:99999/a", None),
        ("ftp://example.org/a", None),
        ("https://[broken/a", None),
        ("", None),
        ("https://example.org/" + "a" * 3000, None),
    ],
)
def test_a_page_has_one_address(url: str, canonical: str | None) -> None:
    assert canonical_link(url) == canonical


@given(st.text())
def test_any_text_is_an_address_or_none(text: str) -> None:
    for one in (canonical_link(text), canonical_uri(text), canonical_link(f"https://{text}")):
        assert one is None or one


@given(st.text(max_size=200))
def test_normal_words_are_normal(text: str) -> None:
    words = normalised(text)
    assert words == words.strip() and not any(char in words for char in ".,!\n")


@given(st.text(), st.text())
def test_agreeing_is_mutual(one: str, other: str) -> None:
    assert agree(normalised(one), normalised(other)) == agree(normalised(other), normalised(one))


@given(st.text(min_size=30, max_size=100))
def test_what_is_told_with_more_around_it_agrees(text: str) -> None:
    words = normalised(text)
    if len(words.replace(" ", "")) > 40:
        assert agree(words, f"so they say {words} and more")


def test_a_thousand_entries_that_claim_one_page_are_quickly_told_apart() -> None:
    known = Known()
    for number in range(1000):
        known.takes(feed(text=f"{number} " + "long words " * 400, id=str(number), permalink=PAGE))
        known.marks = {value: keys[:8] + keys[-8:] for value, keys in known.marks.items()}
    assert len(known.events) == 1000
    assert all(mark.kind is not MarkKind.WORDS for mark in recognise(feed(), known, DAY).marks)
