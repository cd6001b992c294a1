from bridge.text.quote import answer_line, quote


def test_every_line_of_a_quote_is_marked() -> None:
    assert quote("one\n\n> two") == "> one\n>\n> > two"


def test_an_answer_says_to_whom_and_to_what() -> None:
    assert answer_line("bob", "shall we meet at noon in the usual place?") == 'bob: "shall we meet at noon in the…" '
    assert answer_line("bob", None) == "bob: "
    assert answer_line(None, "noon?") == '"noon?" '
    assert answer_line(None, None) == ""
