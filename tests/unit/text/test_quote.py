from hypothesis import given
from hypothesis import strategies as st

from bridge.text.quote import answer_line, quote, unquote

LINES = st.lists(st.text("ab >", min_size=1, max_size=8).filter(str.strip), min_size=1, max_size=5).map("\n".join)


@given(LINES, LINES.filter(lambda text: not text.startswith(">")))
def test_a_quote_can_be_taken_off_again(quoted: str, answer: str) -> None:
    assert unquote(f"{quote(quoted)}\n{answer}") == (quoted, answer)


def test_text_without_a_quote_is_left_alone() -> None:
    assert unquote("a > b\n> c") == ("", "a > b\n> c")


def test_an_answer_says_to_whom_and_to_what() -> None:
    assert answer_line("bob", "shall we meet at noon in the usual place?") == 'bob: "shall we meet at noon in the…" '
    assert answer_line("bob", None) == "bob: "
    assert answer_line(None, "noon?") == '"noon?" '
    assert answer_line(None, None) == ""
