"""The words of ActivityStreams 1, in both spellings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.common.activity import Verb, is_public, short, verb_of


@pytest.mark.parametrize(
    ("written", "verb"),
    [
        ("http://activitystrea.ms/schema/1.0/post", Verb.POST),
        ("http://activitystrea.ms/schema/1.0/Share", Verb.SHARE),
        ("http://ostatus.org/schema/1.0/unfollow", Verb.UNFOLLOW),
        ("http://ostatus.org/schema/1.0/update-profile", Verb.UPDATE_PROFILE),
        (" favorite ", Verb.FAVORITE),
        ("http://activitystrea.ms/schema/1.0/like", Verb.FAVORITE),
        ("unlike", Verb.UNFAVORITE),
        ("stop-following", Verb.UNFOLLOW),
        ("", Verb.POST),
        (None, Verb.POST),
        ("http://activitystrea.ms/schema/1.0/rsvp-yes", Verb.OTHER),
        ("http://evil.example/post", Verb.OTHER),
    ],
)
def test_verbs_in_every_spelling(written: str | None, verb: Verb) -> None:
    assert verb_of(written) is verb


@given(st.text(max_size=40))
def test_any_text_is_some_verb(written: str) -> None:
    assert verb_of(written) in Verb
    assert short(short(written)) == short(written)


def test_everybody_is_written_in_two_ways() -> None:
    assert is_public(" http://activityschema.org/collection/public ")
    assert is_public("https://www.w3.org/ns/activitystreams#Public")
    assert not is_public("http://activityschema.org/collection/followers")
