"""Message Styling both ways: what is written is read as it was meant, and what is read means what XEP-0393 says."""

from html import escape
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.xmpp.stanza.clean import BODY_CAP, CUT, size_in_xml, xml_text
from adapters.xmpp.stanza.styled import from_html
from adapters.xmpp.stanza.styling import to_html
from adapters.xmpp.wire.markup import written
from bridge.text.html import html_to_plain, sanitize

MARKS = "*_~`> \n\tab/"


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("*strong*", "<strong>strong</strong>"),
        ("plain *strong* plain", "plain <strong>strong</strong> plain"),
        ("*strong*plain*", "<strong>strong</strong>plain*"),
        ("* plain *strong*", "* plain <strong>strong</strong>"),
        ("*strong _em_ *", "*strong <em>em</em> *"),
        ("not strong*", None),
        ("*not strong", None),
        ("*not \n strong*", None),
        ("**", None),
        ("***", None),
        ("****", None),
        ("a*b*", None),
        ("_*both*_", "<em><strong>both</strong></em>"),
        ("`*code*`", "<code>*code*</code>"),
        ("```\n*code*\n```", "<pre><code>*code*\n</code></pre>"),
        ("```lang\nopen", "<pre><code>open\n</code></pre>"),
        ("> > inner\n> outer\nafter", "<blockquote><blockquote>inner</blockquote>outer</blockquote>after"),
        ("> ```\n> code\n> ```", "<blockquote><pre><code>code\n</code></pre></blockquote>"),
        ("<b> & *x*", "&lt;b&gt; &amp; <strong>x</strong>"),
        ("snake_case_name and 2 * 3 * 4", None),
    ],
)
def test_marks_mean_what_xep_0393_says(body: str, html: str | None) -> None:
    assert to_html(body) == html


@given(st.text(MARKS + "<&", max_size=60))
def test_any_body_becomes_html_that_says_the_same(body: str) -> None:
    html = to_html(body)
    if html is not None:
        assert sanitize(html) == html
        if "```" not in body:  # what follows a fence on its line is not shown
            assert _letters(html_to_plain(html)) == _letters(body)


def _letters(text: str) -> list[str]:
    return sorted(char for char in text if char in "ab/<&")


WORD = st.text("ab12", min_size=1, max_size=6)


@st.composite
def spans(draw: st.DrawFn, tags: tuple[str, ...] = ("strong", "em", "del", "code")) -> str:
    """HTML as a writer of marks can say it: apart by spaces."""
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        tag = draw(st.sampled_from(("", *tags)))
        rest = tuple(one for one in tags if one != tag)
        if not tag:
            parts.append(draw(WORD))
        elif tag == "code" or not rest:
            parts.append(f"<{tag}>{draw(WORD)}</{tag}>")
        else:
            parts.append(f"<{tag}>{draw(spans(tags=rest))}</{tag}>")
    return " ".join(parts)


@given(st.lists(spans(), min_size=1, max_size=4))
def test_formatting_survives_there_and_back(lines: list[str]) -> None:
    html = "<br>".join(lines)
    assert (to_html(from_html(html)) or from_html(html).replace("\n", "<br>")) == html


@given(st.text(MARKS + "é👍", max_size=40))
def test_words_that_only_look_styled_stay_words(text: str) -> None:
    """Spaces aside: HTML shows one for many."""
    written = from_html(f"<u>{escape(text, quote=False)}</u>")
    assert to_html(written) is None
    assert written.replace("\u2060", "").split() == text.split()


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("<>/=\"'")), max_size=200))
def test_no_html_whatever_breaks_the_writing_of_marks(html: str) -> None:
    body = from_html(html)
    assert xml_text(body) == body


@given(st.text(alphabet=st.characters(codec=None, categories=None), max_size=200))  # lone surrogates too
def test_every_text_becomes_one_that_xml_can_carry(text: str) -> None:
    element = Element("{jabber:client}body")
    element.text = clean = xml_text(text)
    assert fromstring(written(element)).text in (clean, clean or None)
    assert len(written(element).encode()) - len("<body></body>") <= size_in_xml(clean)


@pytest.mark.parametrize(
    "bad",
    ["\x00", "\x02", "\x03", "\x0b", "\x1f", "\x7f", "\x85"[:0] or "\x86", "\ud800", "\udfff", "\ufffe", "\uffff", "\u202e"],
)
def test_what_ends_streams_and_fools_eyes_is_taken_out(bad: str) -> None:
    assert xml_text(f"a{bad}b") == "ab"


@given(st.text(max_size=100), st.integers(16, 80))
def test_a_cap_holds_and_is_seen(text: str, cap: int) -> None:
    cut = xml_text(text, cap)
    assert len(cut.encode()) <= cap
    assert cut == xml_text(text) or cut.endswith(CUT)


@pytest.mark.parametrize(
    "html",
    [
        "<b>" * 20_000 + "x",
        "<b>*x </b>" * 6_000,
        "<blockquote>" * 5_000 + "x<br>" * 5_000,
        "<pre>" * 9_000,
        "*a _b ~c `d " * 5_000,
    ],
)
def test_hostile_formatting_costs_no_more_than_its_size(html: str) -> None:
    """Ends at all; what it costs is in the benchmarks. Quadratic work on these takes minutes."""
    assert len(from_html(html)) < 4 * BODY_CAP
    to_html(html)
