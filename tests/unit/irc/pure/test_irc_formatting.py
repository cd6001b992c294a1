"""Codes and html, both ways: what one writes the other reads, and nothing can break out of either."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.irc.formatting import (
    BOLD,
    ITALIC,
    MONO,
    PALETTE,
    STRIKE,
    UNDERLINE,
    Run,
    Style,
    from_html,
    from_irc,
    nearest,
    opening_bound,
    text_of,
    to_html,
    to_irc,
    transition,
)
from tests.unit.irc.pure.strategies import LINES, STYLES, WORDS


def trimmed(runs: list[Run]) -> list[Run]:
    """A line of html keeps no white space at its end."""
    while runs and not runs[-1].text.strip():
        runs = runs[:-1]
    return [*runs[:-1], Run(runs[-1].text.rstrip(), runs[-1].style)] if runs else []


@given(LINES)
def test_what_is_written_in_codes_reads_the_same(runs: list[Run]) -> None:
    assert from_irc(to_irc(runs)) == runs


@given(LINES)
def test_what_is_written_in_html_reads_the_same(runs: list[Run]) -> None:
    lines = from_html(to_html(runs))
    assert lines == ([trimmed(runs)] if trimmed(runs) else [])


@given(STYLES, STYLES, WORDS)
def test_the_bound_on_codes_holds(now: Style, then: Style, text: str) -> None:
    assert len(transition(now, then, text).encode()) <= opening_bound(now, then)


@given(st.text())
def test_any_line_is_read_and_leaves_no_control_character(raw: str) -> None:
    text = text_of(raw)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", text.plain)
    if text.html is not None:
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", text.html)
        assert "".join(run.text for line in from_html(text.html) for run in line).split() == text.plain.split()


@given(
    st.text()
    | st.lists(st.sampled_from(["<b>", "</b>", "<", ">", "<a href='", '"', "<li>", "</ul>", "<!--", "-->", "x", "&lt;"])).map(
        "".join
    )
)
def test_any_html_is_read_and_cannot_write_a_line_end(html: str) -> None:
    for line in from_html(html):
        assert not set(to_irc(line)) & set("\r\n\0")
        assert "".join(run.text for run in line).strip()


@pytest.mark.parametrize(
    "hostile", ["<a " * 20_000, '<a "' * 20_000, "<a '\"" * 10_000, "<b>" * 20_000, "<!--" * 20_000, "<ul><li>" * 9_000]
)
def test_hostile_html_takes_no_more_time_than_its_length_asks(hostile: str) -> None:
    start = time.process_time()
    from_html(hostile)
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("raw", "plain", "html"),
    [
        ("plain", "plain", None),
        ("\x02bold\x02 not", "bold not", "<b>bold</b> not"),
        ("\x02\x1dboth\x0f none", "both none", "<b><i>both</i></b> none"),
        ("\x1funder\x1f\x1estruck\x1e\x11mono", "understruckmono", "<u>under</u><del>struck</del><code>mono</code>"),
        (
            "\x034red\x03 \x0304,01on black",
            "red on black",
            '<span data-mx-color="#ff0000">red</span> <span data-mx-color="#ff0000" data-mx-bg-color="#000000">on black</span>',
        ),
        ("\x03045 apples", "5 apples", '<span data-mx-color="#ff0000">5 apples</span>'),
        ("\x034,no background", ",no background", '<span data-mx-color="#ff0000">,no background</span>'),
        ("\x0398light\x0399 default", "light default", '<span data-mx-color="#ffffff">light</span> default'),
        ("\x04FF8800hex\x04 none", "hex none", '<span data-mx-color="#ff8800">hex</span> none'),
        ("\x0301,01secret", "secret", "<span data-mx-spoiler>secret</span>"),
        ("\x16rev", "rev", '<span data-mx-color="#ffffff" data-mx-bg-color="#000000">rev</span>'),
        ("\x0304,02\x16rev", "rev", '<span data-mx-color="#00007f" data-mx-bg-color="#ff0000">rev</span>'),
        ("\x03٣", "٣", None),
        ("\x02<b>&\x02", "<b>&", "<b>&lt;b&gt;&amp;</b>"),
        ("a \x02\x02  b", "a   b", None),
        ("\x02a  b", "a  b", "<b>a \u00a0b</b>"),
        ("a\x07\x00b\u202ec", "abc", None),
    ],
)
def test_codes_become_html(raw: str, plain: str, html: str | None) -> None:
    text = text_of(raw)
    assert (text.plain, text.html) == (plain, html)


@pytest.mark.parametrize(
    ("html", "lines"),
    [
        ("<p>one</p><p>two</p>", ["one", "two"]),
        ("one<br>two<br/><br>three", ["one", "two", "three"]),
        ("<strong>b</strong> <em>i</em> <ins>u</ins> <s>s</s> <code>m</code>", ["\x02b\x0f \x1di\x0f \x1fu\x0f \x1es\x0f \x11m"]),
        ("<b>a<i>b</i></b>c", ["\x02a\x1db\x0fc"]),
        ("<h2>Title</h2>text", ["\x02Title", "text"]),
        ("<blockquote><p>q</p><blockquote>qq</blockquote></blockquote>a", ["> q", "> > qq", "a"]),
        ("<ul><li>x</li><li>y<ol start='3'><li>z</li><li>w</li></ol></li></ul>", ["• x", "• y", "  3. z", "  4. w"]),
        ("<pre><code>if a:\n    b\n</code></pre>", ["\x11if a:", "\x11    b"]),
        ('<a href="https://x.example">https://x.example</a>', ["https://x.example"]),
        ('<a href="https://x.example">here</a>!', ["here (https://x.example)!"]),
        ('<a href="https://x.example"><b>here</b></a>!', ["\x02here\x0f (https://x.example)!"]),
        ('<a href="https://matrix.to/#/@al:hs">Al</a>: hi', ["Al: hi"]),
        ('<a href="mailto:a@b.example">a@b.example</a>', ["a@b.example"]),
        ("<span data-mx-spoiler>x</span>", ["\x0301,01x"]),
        ('<span data-mx-spoiler="why">x</span> y', ["(why) \x0301,01x\x0f y"]),
        ('<font color="#fc7f00">o</font>', ["\x0307o"]),
        ('<span data-mx-color="#fd7e01">nearly orange</span>', ["\x0307nearly orange"]),
        ('<span data-mx-color="red">no colour</span>', ["no colour"]),
        ('<span data-mx-bg-color="#ff0000">bg</span>', ["\x0399,04bg"]),
        ('<span data-mx-color="#ff0000">a</span>,1', ["\x0304a\x0f,1"]),
        ('<span data-mx-color="#ff0000">,1</span>', ["\x0304\x02\x02,1"]),
        ("<mx-reply><blockquote>old</blockquote></mx-reply>new", ["new"]),
        ('<img src="mxc://a/b" alt="a cat"> purrs', ["a cat purrs"]),
        ("a<hr>b", ["a", "---", "b"]),
        ("<table><tr><th>a</th><td>b</td></tr><tr><td>c</td></tr></table>", ["\x02a\x0f | b", "c"]),
        ("a &lt;b&gt; &amp;amp; c", ["a <b> &amp; c"]),
        ("  much \n white   space  ", ["much white space"]),
        ("</b>stray <b>open", ["stray \x02open"]),
        ("<script>x</script>y<!-- c -->z", ["yz"]),
        ("", []),
        ("<p> </p>", []),
    ],
)
def test_html_becomes_codes(html: str, lines: list[str]) -> None:
    assert [to_irc(line) for line in from_html(html)] == lines


def test_every_colour_of_the_table_is_found_again() -> None:
    assert len(PALETTE) == 99
    assert all(PALETTE[nearest(colour)] == colour for colour in PALETTE)


def test_flags_have_a_code_each() -> None:
    for flag, code in ((BOLD, "\x02"), (ITALIC, "\x1d"), (UNDERLINE, "\x1f"), (STRIKE, "\x1e"), (MONO, "\x11")):
        assert to_irc([Run("x", Style(flag))]) == f"{code}x"
