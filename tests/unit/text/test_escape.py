from hypothesis import given
from hypothesis import strategies as st

from bridge.text.escape import strip_controls, strip_invisible


def test_no_control_character_reaches_a_wire() -> None:
    assert strip_controls("a\x00b\x02c\x1b[31md\x7f\x9be") == "abc[31mde"


def test_bidi_overrides_cannot_reorder_what_follows() -> None:
    assert strip_controls("evil\u202egnp.exe\u2066x\u2069") == "evilgnp.exex"


def test_every_spelling_of_a_line_end_is_a_line_feed() -> None:
    assert strip_controls("a\r\nb\rc\u2028d\u0085e\n\tf") == "a\nb\nc\nd\ne\n\tf"


def test_a_lone_surrogate_does_not_break_the_encoder() -> None:
    assert strip_controls("a\ud800\ufffeb") == "ab"


@given(st.text(st.characters(), max_size=60))
def test_stripping_is_idempotent_and_leaves_only_what_can_be_encoded(text: str) -> None:
    for strip in (strip_controls, strip_invisible):
        once = strip(text)
        assert strip(once) == once
        once.encode()
        assert not any(character < " " and character not in "\n\t" for character in once)


def test_two_names_cannot_differ_by_what_nobody_sees() -> None:
    for disguised in ("al\u200bice", "alice\u200d", "\ufeffalice", "a\u00adlice", "al\u2060ice\U000e0041", "al\u200cice"):
        assert strip_invisible(disguised) == "alice"


def test_joiners_stay_where_they_mean_something() -> None:
    family = "👩\u200d👧"
    persian = "می\u200cخواهم"
    assert strip_invisible(family) == family
    assert strip_invisible(persian) == persian
