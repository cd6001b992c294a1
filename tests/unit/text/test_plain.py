from hypothesis import given
from hypothesis import strategies as st

from bridge.text.plain import count_graphemes, cut, excerpt, graphemes, one_line


@given(st.text(max_size=80))
def test_graphemes_lose_nothing(text: str) -> None:
    assert "".join(graphemes(text)) == text
    assert count_graphemes(text) == len(graphemes(text))


def test_a_family_is_one_character_to_people() -> None:
    assert count_graphemes("👩‍👩‍👧 e\u0301") == 3
    assert cut("👩‍👩‍👧abc", 2) == "👩‍👩‍👧a"


def test_a_name_of_stacked_marks_is_cut_down() -> None:
    assert len(cut("a" + "\u0301" * 5000, 64)) == 32


@given(st.text(max_size=200), st.integers(2, 40))
def test_an_excerpt_is_one_short_line(text: str, limit: int) -> None:
    short = excerpt(text, limit)
    assert count_graphemes(short) <= limit
    assert "\n" not in short
    assert one_line(short) == short


def test_an_excerpt_ends_at_a_word() -> None:
    assert excerpt("the quick brown fox jumps over", 16) == "the quick brown…"
    assert excerpt("short", 16) == "short"
    assert excerpt("Donaudampfschifffahrt", 10) == "Donaudamp…"


def test_what_a_giant_text_hides_behind_blanks_is_marked_as_left_out() -> None:
    assert excerpt("a" + " " * 1_000_000 + "b", 10) == "a…"


def test_one_line_takes_no_line_end_of_any_kind() -> None:
    assert one_line(" a\r\n b\u2028c\td ") == "a b c d"
