"""What a feed is called: one spelling, and never a secret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.common.hosts import fold_host
from adapters.feeds.ids import fold_channel, person_of, shown


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("http://example.org", "http://example.org/"),
        ("HTTPS://Example.ORG:443/Feed?A=b#top", "https://example.org/Feed?A=b"),
        ("http://example.org:8080/", "http://example.org:8080/"),
        ("http://example.org./", "http://example.org/"),
        ("feed://example.org/x", "http://example.org/x"),
        ("feed:https://example.org/x", "https://example.org/x"),
        ("https://bücher.example/ä?ö=ü", "https://xn--bcher-kva.example/%C3%A4?%C3%B6=%C3%BC"),
        ("https://example.org/a b", "https://example.org/a%20b"),
        ("https://example.org/%C3%A4%20", "https://example.org/%C3%A4%20"),
        ("http://[::1]:80/", "http://[::1]/"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("bob@Example.org", "bob@example.org"),
        ("@Bob@example.org", "Bob@example.org"),
        ("acct:bob@gs1.test:8080", "bob@gs1.test:8080"),
        ("ACCT:bob@BÜCHER.example", "bob@xn--bcher-kva.example"),
    ],
)
def test_a_feed_has_one_spelling(written: str, folded: str) -> None:
    assert fold_channel(written) == folded
    assert fold_channel(folded) == folded


@pytest.mark.parametrize(
    "written",
    ["", "x", "example.org", "ftp://example.org/", "http://", "http://user:pass@example.org/", "http://user@example.org/x",
     "http://[::1/", "http://exa mple.org/", "http://example.org:99999/", "javascript:alert(1)", "bob@", "@example.org", "a@b@c",
     "http://..", "https://" + "a" * 3000, "http://\ud800/", "http://example.org:x/", "#room:example.org", "http://e\x00.org/"],
)  # fmt: skip
def test_what_is_neither_is_refused_in_words(written: str) -> None:
    with pytest.raises(ValueError):
        fold_channel(written)


@given(st.text(max_size=60))
def test_folding_is_done_once_or_refused(written: str) -> None:
    for text in (written, f"http://example.org/{written}", f"https://{written}", f"{written}@example.org"):
        try:
            folded = fold_channel(text)
        except ValueError:
            continue
        assert fold_channel(folded) == folded
        assert folded.isprintable()
        assert folded.isascii() or person_of(folded) is not None


@given(st.text(max_size=40))
def test_a_folded_host_is_folded(written: str) -> None:
    try:
        folded = fold_host(written)
    except ValueError:
        return
    assert fold_host(folded) == folded
    assert folded.isascii() and folded == folded.lower()


def test_what_may_be_a_secret_is_not_shown() -> None:
    assert shown("https://example.org/feed?token=hunter2") == "https://example.org/feed?…"
    assert shown("bob@example.org") == "bob@example.org"
