import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.text.plain import graphemes
from bridge.text.split import size_of, split_text

UNITS = st.sampled_from(["bytes", "characters", "graphemes"])
TEXTS = st.one_of(
    st.text(max_size=120),
    st.lists(
        st.sampled_from(["a", "bc ", "\n", "é", "e\u0301", "👩‍👧", "🇩🇪", " ", "\u200d", "語", "\u0301", "\r\n"]), max_size=60
    ).map("".join),
)


def without_space(text: str) -> str:
    return "".join(text.split())


@given(TEXTS, st.integers(4, 30), UNITS)
def test_each_piece_fits_and_nothing_but_white_space_is_lost(text: str, limit: int, unit: str) -> None:
    pieces = split_text(text, limit, unit)
    assert all(size_of(piece, unit) <= limit for piece in pieces)
    assert without_space("".join(pieces)) == without_space(text)
    at = 0
    for piece in pieces:
        found = text.find(piece, at)
        assert found >= 0, "pieces come in order and unchanged"
        assert not text[at:found].strip()
        at = found + len(piece)
    assert not text[at:].strip()


@given(TEXTS, st.integers(24, 60))
def test_a_grapheme_that_fits_is_never_torn(text: str, limit: int) -> None:
    bounds, at = {0}, 0
    for grapheme in graphemes(text):
        if size_of(grapheme, "bytes") > limit:
            return
        at += len(grapheme)
        bounds.add(at)
    at = 0
    for piece in split_text(text, limit, "bytes"):
        at = text.find(piece, at) + len(piece)
        assert at in bounds


def test_it_cuts_at_words() -> None:
    assert split_text("the quick brown fox", 10, "bytes") == ("the quick", "brown fox")


def test_a_line_end_late_in_the_piece_is_the_better_place() -> None:
    assert split_text("first line\nsecond is longer", 16, "characters") == ("first line", "second is longer")


def test_it_counts_bytes_not_characters() -> None:
    assert split_text("ééééé", 4, "bytes") == ("éé", "éé", "é")


def test_a_word_too_long_is_cut_between_graphemes() -> None:
    assert split_text("a👩‍👧b", 12, "bytes") == ("a👩‍👧", "b")
    assert split_text("ab👩‍👧", 12, "bytes") == ("ab", "👩‍👧")


def test_a_grapheme_larger_than_the_limit_is_cut_between_code_points() -> None:
    pieces = split_text("e" + "\u0301" * 20, 9, "bytes")
    assert "".join(pieces) == "e" + "\u0301" * 20
    assert max(size_of(piece, "bytes") for piece in pieces) <= 9


def test_only_white_space_is_one_empty_piece() -> None:
    assert split_text("  " * 20, 5, "bytes") == ("",)
    assert split_text("", 5, "bytes") == ("",)


def test_a_limit_that_holds_no_character_is_an_error_not_an_endless_loop() -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        split_text("a", 3, "bytes")


def test_a_monster_of_marks_takes_no_quadratic_time() -> None:
    text = "e" + "\u0301" * 120_000
    assert "".join(split_text(text, 400, "bytes")) == text
