"""What strangers wrote is shown without letting it act on the terminal or the room."""

import json
import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bridge.commands.render import as_html, as_json, as_text, clean, cut, width_of
from bridge.contract.words import Answer

TABLE = Answer(text="Two.", columns=("name", "says"), rows=(("a", "hello"), ("漢字", "x")))


def test_columns_line_up_whatever_the_width_of_the_letters() -> None:
    assert as_text(TABLE) == "Two.\n\nNAME  SAYS\na     hello\n漢字  x"


def test_a_narrow_terminal_cuts_the_widest_column() -> None:
    answer = Answer(columns=("a", "b"), rows=(("xx", "y" * 50),))
    assert as_text(answer, 20) == "A   B\nxx  " + "y" * 15 + "…"


def test_a_terminal_narrower_than_the_table_still_shows_each_column() -> None:
    answer = Answer(columns=("a", "b"), rows=(("x" * 9, "y" * 9),))
    assert as_text(answer, 3) == "A     B\nxxx…  yyy…"


def test_an_answer_without_text_or_rows_is_empty() -> None:
    assert as_text(Answer()) == ""
    assert as_html(Answer()) == ""


def test_escapes_of_terminals_are_taken_out() -> None:
    assert clean("\x1b[2Jevil\x07\u202e\r\nx") == "[2Jevil  x"
    assert "\x1b" not in as_text(Answer(text="\x1b]0;x\x07", columns=("a",), rows=(("\x1b[A",),)))


def test_html_is_escaped() -> None:
    html = as_html(Answer(text="<b>&", columns=("<i>",), rows=(("<script>",),)))
    assert html == (
        "<p>&lt;b&gt;&amp;</p><table><thead><tr><th>&lt;i&gt;</th></tr></thead>"
        "<tbody><tr><td>&lt;script&gt;</td></tr></tbody></table>"
    )


def test_json_is_data_else_the_table_else_the_text() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert json.loads(as_json(Answer(data={"at": at}))) == {"at": "2026-01-01T00:00:00Z"}
    assert json.loads(as_json(TABLE)) == [{"name": "a", "says": "hello"}, {"name": "漢字", "says": "x"}]
    assert json.loads(as_json(Answer(text="x"))) == {"text": "x"}
    assert json.loads(as_json(Answer(text="no", failed=True))) == {"error": "no"}
    assert json.loads(as_json(Answer(text="no", failed=True, data=[1]))) == {"error": "no", "data": [1]}
    assert json.loads(as_json(Answer(text="none", columns=("a",)))) == []


@given(st.text(max_size=40), st.integers(0, 12))
def test_a_cut_text_is_never_wider_than_asked(text: str, width: int) -> None:
    assert width_of(cut(text, width)) <= width


@given(st.text(), st.lists(st.text(max_size=9), min_size=2, max_size=2), st.integers(1, 60))
def test_nothing_shown_moves_the_cursor_or_makes_markup(text: str, cells: list[str], width: int) -> None:
    answer = Answer(text=text, columns=("a", "b"), rows=(tuple(cells),))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", as_text(answer, width))
    plain = as_html(Answer(text=text, columns=("a",), rows=((cells[0],),)))
    assert not re.sub(r"</?(p|br|table|thead|tbody|tr|th|td)>", "", plain).count("<")
    assert isinstance(json.loads(as_json(answer)), list)
