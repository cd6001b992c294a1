"""What is meant by what was found, and which link by what was said."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.commands.following import SHOWN, UNASKED, Followed, named, pick, told
from bridge.commands.office import Refused
from bridge.contract.places import Finding
from bridge.model.ids import ChannelId, NetworkName
from bridge.model.portals import Link, Portal, PortalKind

FEEDS = NetworkName("feeds")
PORTAL = Portal(id=1, room="!t:localhost", alias="#timeline:localhost", kind=PortalKind.TIMELINE)


def channel(name: str) -> ChannelId:
    return ChannelId(FEEDS, name)


def finding(name: str, title: str = "A blog", *, of_list: bool = False) -> Finding:
    return Finding(channel=channel(name), title=title, of_list=of_list)


def test_the_same_feed_in_two_formats_needs_no_choice() -> None:
    found = (finding("atom"), finding("rss", "a BLOG "))
    assert pick(found, {}) == [found[0]]


def test_the_feed_of_the_comments_is_nobodys_wish() -> None:
    blog, comments = finding("atom"), finding("comments", "A blog » Comments Feed")
    assert pick((comments, blog), {}) == [blog]
    assert pick((comments,), {}) == (comments,)


def test_different_things_are_the_askers_choice() -> None:
    found = (finding("a", "News"), finding("b", "Weather"))
    assert pick(found, {}) == ()
    assert pick(found, {"choose": "2"}) == (found[1],)
    assert pick(found, {"all": "yes"}) == found


@pytest.mark.parametrize("number", ["0", "3", "-1", "one", "²", "9" * 5000])
def test_a_choice_that_is_none_is_told(number: str) -> None:
    with pytest.raises(Refused, match="from 1 to 2"):
        pick((finding("a", "News"), finding("b", "Weather")), {"choose": number})


def test_a_long_list_is_followed_when_it_is_asked_for_once_more() -> None:
    found = [finding(str(number), str(number), of_list=True) for number in range(UNASKED + 1)]
    assert pick(found[:UNASKED], {}) == found[:UNASKED]
    with pytest.raises(Refused, match=f"list of {UNASKED + 1}.*--all"):
        pick(found, {})
    assert pick(found, {"all": "yes"}) == found
    with pytest.raises(Refused, match="at most"):
        pick(found * 50, {"all": "yes"})


@given(st.lists(st.builds(finding, st.text(min_size=1), st.text(), of_list=st.booleans()), min_size=1, max_size=SHOWN))
def test_whatever_was_found_what_is_picked_was_found(found: Sequence[Finding]) -> None:
    assert set(map(id, pick(found, {}))) <= set(map(id, found))


def test_what_was_done_names_the_title_the_place_and_the_way_back() -> None:
    done = Followed(portal=PORTAL, fresh=(channel("a"),), known=(channel("b"),))
    text = told(done, {channel("a"): "News"})
    assert text == "Following News in #timeline:localhost.\nfeeds/b was there already.\nTo undo it: unfollow feeds/a"
    many = told(Followed(portal=PORTAL, fresh=tuple(channel(str(n)) for n in range(7))), {})
    assert "7 channels: feeds/0" in many and "and 2 more" in many


LINKS = [
    (PORTAL, Link(id=number, portal=1, channel=channel(name)))
    for number, name in enumerate(("https://a.example/feed", "https://a.example/feed/comments", "https://b.example/News"))
]
TITLES = {channel("https://a.example/feed"): "Anna", channel("https://a.example/feed/comments"): "Anna's guests"}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("feeds/https://a.example/feed", [0]),
        ("https://a.example/feed", [0]),
        ("anna", [0]),
        ("b.example", [2]),
        ("HTTPS://B.EXAMPLE/news", [2]),
        ("a.example", [0, 1]),
        ("zz", []),
        ("/", []),
    ],
)
def test_what_is_unfollowed_is_what_was_named_and_no_more(words: str, found: list[int]) -> None:
    assert [link.id for _, link in named(words, LINKS, TITLES.get)] == found


@given(st.text())
def test_no_words_name_what_is_not_there(words: str) -> None:
    assert named(words, (), TITLES.get) == ()
    assert {link.id for _, link in named(words, LINKS, TITLES.get)} <= {0, 1, 2}
