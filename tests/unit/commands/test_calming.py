"""How rules and lengths of time are written, and read back as they were meant."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.commands.calming import KINDS, parsed, span, spelled, subject
from bridge.commands.line import split
from bridge.commands.office import Refused
from bridge.model.portals import Rule


@pytest.mark.parametrize(
    ("said", "length"),
    [
        ("30m", timedelta(minutes=30)),
        ("8h", timedelta(hours=8)),
        ("3d", timedelta(days=3)),
        ("2 weeks", timedelta(weeks=2)),
        ("1.5 Hours", timedelta(minutes=90)),
    ],
)
def test_a_length_of_time_is_read(said: str, length: timedelta) -> None:
    assert span(said) == length


@pytest.mark.parametrize("said", ["", "3", "d", "0d", "-3d", "99999w", "3y", "3 d d", "٣d" * 2, "1e9h"])
def test_what_is_no_length_of_time_is_refused(said: str) -> None:
    with pytest.raises(Refused, match="no length of time"):
        span(said)


@pytest.mark.parametrize(
    ("said", "what", "length"),
    [
        ("Bob Smith for 3d", "Bob Smith", timedelta(days=3)),
        ("bob for 3 days", "bob", timedelta(days=3)),
        ("waiting for godot", "waiting for godot", None),
        ("for 3d", "for 3d", None),
        ("for", "for", None),
    ],
)
def test_who_is_muted_is_told_from_for_how_long(said: str, what: str, length: timedelta | None) -> None:
    assert subject(said.split()) == (what, length)


_WORD = st.from_regex(r"[a-z0-9äé#@/*.:-]{1,12}( [a-z0-9é]{1,8})?", fullmatch=True)
_LIST = st.lists(_WORD, max_size=3).map(tuple)
RULES = st.builds(
    Rule,
    name=st.from_regex(r"([a-z]{1,8}( [a-z]{1,8})?)?", fullmatch=True),
    words=_LIST,
    pattern=st.from_regex(r"([a-z.*+]{1,12})?", fullmatch=True),
    people=_LIST,
    kinds=st.lists(st.sampled_from(KINDS), max_size=3).map(tuple),
    languages=_LIST,
    tags=_LIST,
    sources=_LIST,
    accounts=_LIST,
    answers=st.booleans(),
    to=st.sampled_from(["here", "nowhere", "#mentions:localhost", "!room:localhost"]),
)


@given(RULES)
def test_a_rule_is_read_as_it_is_shown(rule: Rule) -> None:
    assert parsed(split(spelled(rule))) == rule


@given(st.lists(st.text(max_size=20), max_size=6))
def test_whatever_is_said_is_a_rule_or_refused(tokens: list[str]) -> None:
    with suppress(Refused):
        assert isinstance(parsed(tokens), Rule)
