"""What people look for in what strangers write: found where a reader would see it, and never at the price of everybody's time."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.text.pattern import LONGEST, BadPattern, Pattern, folded, has_words


@pytest.mark.parametrize(
    ("text", "phrase", "found"),
    [
        ("It rains in Spain", "rain", False),
        ("Rain, at last!", "rain", True),
        ("heavy\n rain", "Heavy Rain", True),
        ("a C++ book", "c++", True),
        ("#python is fun", "python", True),
        ("under_score", "score", False),
        ("今日は雨です", "雨", True),
        ("STRASSE", "straße", True),
        ("no 😀 here", "😀", True),
        ("x1", "x", False),
        ("anything", "", False),
    ],
)
def test_words_are_found_whole_however_they_are_written(text: str, phrase: str, found: bool) -> None:
    assert has_words(folded(text), folded(phrase)) is found


@given(st.text(max_size=40), st.text(max_size=40), st.text(min_size=1, max_size=20))
def test_a_word_between_spaces_is_always_found(before: str, after: str, word: str) -> None:
    if folded(word):
        assert has_words(folded(f"{before} {word} {after}"), folded(word))


@pytest.mark.parametrize(
    "hostile", ["(a+)+$", "(a|aa)+$", "(.*a){20}$", r"(\w+\s?)*$x", "(?:a?){60}a{60}b", "(x+x+)+y", "(é|é|é)+!"]
)
def test_a_pattern_that_takes_for_ever_is_refused_before_it_costs_anything(hostile: str) -> None:
    began = time.monotonic()
    try:
        made = Pattern(hostile)
    except BadPattern:
        pass
    else:
        for text in ("a" * 5_000, "x" * 5_000, "é" * 5_000, "word " * 1_000, "a" * 5_000 + "b"):
            made.fits(text)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("wrong", ["(", "[z-a]", "*", "(?P<x>a)(?P=y)", "x" * (LONGEST + 1), "\\"])
def test_a_pattern_that_is_none_is_refused_in_plain_words(wrong: str) -> None:
    with pytest.raises(BadPattern, match="pattern"):
        Pattern(wrong)


@given(st.text(max_size=60), st.text(max_size=200))
def test_no_pattern_and_no_text_breaks_anything(expression: str, text: str) -> None:
    try:
        made = Pattern(expression)
    except BadPattern:
        return
    made.fits(text)


def test_a_pattern_that_was_slow_too_often_fits_nothing_any_more() -> None:
    pattern = Pattern("(b+)+c$|colou?r")
    assert pattern.fits("Color")
    for _ in range(3):
        pattern.fits("b" * 4_000)
    assert pattern.given_up == (not pattern.fits("color"))
