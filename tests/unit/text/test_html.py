import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.text.escape import strip_controls
from bridge.text.html import html_to_plain, plain_to_html, sanitize
from bridge.text.tags import SIZE_CAP, fits

PIECES = """<b>|</b>|<p>|</p>|<div>|</div>|<a href='https://x.org/?a=1&amp;b'>|</a>|<ul>|<li>|</ul>|<br/>|<table>|<td>|</table>|<script>
</script>|<!-- c -->|<!--|<a b='|"|>|<|&lt;|&amp;|text |<blockquote>|</blockquote>|<span data-mx-spoiler>|</span>|<pre>
</pre>|\x00
<mx-reply>|</mx-reply>|</p"""
FRAGMENTS = st.lists(st.sampled_from(PIECES.replace("\n", "|\n|").split("|")), max_size=40).map("".join)


def settled(html: str) -> str:
    """A parser takes the first line end in `pre` away, each time anew (HTML standard, "in body")."""
    return re.sub("<pre>\n+", "<pre>", html)


@given(st.one_of(FRAGMENTS, st.text(max_size=80)))
@example("<li><table><li>")
def test_sanitizing_never_raises_and_changes_nothing_the_second_time(html: str) -> None:
    once = sanitize(html)
    assert settled(sanitize(once)) == settled(once)
    assert "<script" not in once.lower()
    html_to_plain(html)


@given(st.text(max_size=80))
def test_plain_text_survives_the_way_to_html_and_back(text: str) -> None:
    html = plain_to_html(text)
    assert sanitize(html).replace("&nbsp;", "\u00a0") == html
    assert " ".join(html_to_plain(html).split()) == " ".join(strip_controls(text).split())


@pytest.mark.parametrize(
    ("hostile", "safe"),
    [
        ("<script>alert(1)</script>a", "a"),
        ("<b onclick='x()'>a</b>", "<b>a</b>"),
        ("<a href='javascript:x'>a</a>", "<a>a</a>"),
        ("<a href='https://x.org'>a</a>", '<a href="https://x.org">a</a>'),
        ("<img src='https://track.er/p.png'>", "<img>"),
        ("<img src='mxc://a/b' onerror='x'>", '<img src="mxc://a/b">'),
        ("<mx-reply>quote</mx-reply>a", "a"),
        ("<span style='x' data-mx-color='#ff0000'>a</span>", '<span data-mx-color="#ff0000">a</span>'),
        ("<span data-mx-color='red;x'>a</span>", "<span>a</span>"),
        ("<code class='language-py evil'>a</code>", '<code class="language-py">a</code>'),
        ("<b>a", "<b>a</b>"),
        ("a < b", "a &lt; b"),
    ],
)
def test_only_the_matrix_subset_is_left(hostile: str, safe: str) -> None:
    assert sanitize(hostile) == safe


@pytest.mark.parametrize(
    "hostile",
    ["<div>" * 40_000, '<div title="></div>"' * 9_000 + "<b>" * 200, "<div><b></div>" * 9_000, "<a b='" * 40_000,
     "<table><div></table></div>" * 9_000, "<p><b id=1>" * 9_000, "<div><style></div></style>" * 9_000, "x" * (SIZE_CAP + 1),
     "<div><!--></div>-->" * 9_000, "<div><template></div></template>" * 9_000, "<div><select></div></select>" * 9_000],
)  # fmt: skip
def test_html_that_would_take_minutes_to_parse_comes_back_as_text(hostile: str) -> None:
    assert not fits(hostile)
    assert "<div" not in sanitize(hostile)


@pytest.mark.parametrize(
    "sound", ["<p>a" * 500, "<ul>" + "<li>a" * 500 + "</ul>", "<div><p>a</div>" * 500, "<!-- more --><b>a</b>" * 500]
)
def test_html_that_only_leaves_out_end_tags_is_not_taken_for_deep(sound: str) -> None:
    assert fits(sound)


def test_a_long_text_in_two_byte_letters_is_measured_in_bytes() -> None:
    assert not fits("é" * (SIZE_CAP // 2 + 1))


@pytest.mark.parametrize(
    ("html", "plain"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("a<br>b", "a\nb"),
        ("<a href='https://x.org/a'>here</a>", "here (https://x.org/a)"),
        ("<a href='https://x.org/'>x.org</a>", "https://x.org/"),
        ("<a href='https://matrix.to/#/@a:b'>Anna</a>", "Anna"),
        ("<ul><li>a</li><li>b<ol start='3'><li>c</li></ol></li></ul>d", "- a\n- b\n  3. c\nd"),
        ("<blockquote><p>q</p></blockquote>a", "> q\na"),
        ("<code>x</code> <pre><code>a\n  b</code></pre>", "`x`\na\n  b"),
        ("<span data-mx-spoiler='plot'>he dies</span>", "(plot) ||he dies||"),
        ("<del>old</del> new", "~~old~~ new"),
        ("<img src='mxc://a/b' alt='a cat'>", "a cat"),
        ("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>", "a | b\n1 | 2"),
        ("<mx-reply>quote</mx-reply>answer", "answer"),
        ("1 &lt; 2", "1 < 2"),
    ],
)
def test_html_reads_well_as_plain_text(html: str, plain: str) -> None:
    assert html_to_plain(html) == plain


def test_control_characters_written_as_references_do_not_get_through() -> None:
    for hostile in ("a&#2;&#x202e;&#13;b", "<b>a&#2;&#x202e;&#13;b</b>", "<b>a&#0;&#x9b;&#8294;b</b>"):
        for out in (sanitize(hostile), html_to_plain(hostile)):
            assert strip_controls(out) == out


def test_no_attribute_passes_that_the_subset_does_not_have() -> None:
    html = '<a href="https://a.example" title="elsewhere" lang="de" name="x">a</a><p title="x" lang="de" dir="rtl">b</p>'
    assert sanitize(html) == '<a href="https://a.example">a</a><p>b</p>'


def test_links_in_links_around_a_table_are_the_same_after_a_second_look() -> None:
    once = sanitize('<a href="https://a.example"><table><a href="https://b.example">')
    assert sanitize(once) == once
