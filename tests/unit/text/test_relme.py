"""What a page says of whose it is, whatever stands in it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.text.relme import LINKS_CAP, Claims, claims_of, folded

PAGE = "https://alice.example/about/"


def me(html: str) -> tuple[str, ...]:
    return claims_of(html, PAGE).me


def test_links_of_the_head_and_of_the_text_count_and_feeds_are_apart() -> None:
    html = (
        '<link rel="me" href="https://gs.example/alice"><a class=x rel="me nofollow noopener" href="/me">I</a>'
        '<link rel="alternate" type="application/atom+xml" href="../feed.xml">'
    )
    assert claims_of(html, PAGE) == Claims(
        me=("https://gs.example/alice", "https://alice.example/me"), feeds=("https://alice.example/feed.xml",)
    )


def test_the_base_of_the_page_counts_for_its_links() -> None:
    assert me('<base href="https://b.example/x/"><a rel=me href="y">') == ("https://b.example/x/y",)


@pytest.mark.parametrize(
    "html",
    [
        '<!-- <a rel="me" href="https://mallory.example/"> -->',
        '<!-- <a rel="me" href="https://mallory.example/">',
        "<script>\"<a rel='me' href='https://mallory.example/'>\"</script>",
        '<template><a rel="me" href="https://mallory.example/"></template>',
        '<textarea><a rel="me" href="https://mallory.example/"></textarea>',
        '<a rel="ugc me" href="https://mallory.example/">a comment</a>',
        '<a rel="friend" href="https://mallory.example/">',
        '<a rel="me" href="javascript:alert(1)">',
        '<a rel="me" href="https://u:p@mallory.example/">',
        '<a rel="me" href="http://[">',
        '<a rel="me">',
    ],
)
def test_what_only_looks_like_a_claim_is_none(html: str) -> None:
    assert me(html) == ()


def test_equal_pages_are_equal_however_they_are_written() -> None:
    same = ("https://www.A.example/x/", "http://a.example:80/x", "https://a.example:443/x#me", " https://a.example/x ")
    assert {folded(url) for url in same} == {"a.example/x"}
    assert folded("https://a.example:8443/x?b") == "a.example:8443/x?b"
    assert folded("https://a.example/X") != folded("https://a.example/x")


def test_a_page_of_a_thousand_links_says_as_much_as_one_of_twenty() -> None:
    assert len(me("".join(f'<a rel=me href="/{number}">' for number in range(1000)))) == LINKS_CAP


@given(st.text(max_size=200))
def test_no_page_breaks_it(html: str) -> None:
    claims_of(html, PAGE)
    claims_of(f'<a rel="me" href="{html}"><base href="{html}">', html)
    folded(html)


@pytest.mark.parametrize(
    "piece", ["<!--", "<a rel=me href=", "<script>", '<a rel="me" href="/x">', "<", "<!-- -->", "<base href=x>"]
)
def test_a_hostile_megabyte_takes_no_longer_than_an_honest_one(piece: str) -> None:
    began = time.process_time()
    claims_of(piece * (1024 * 1024 // len(piece)), PAGE)
    assert time.process_time() - began < 3
