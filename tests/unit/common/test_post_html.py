"""HTML of posts: what it says and what it shows, whatever it is made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.common.html import MEDIA_CAP, read
from bridge.model.events import Media, Text

BASE = "https://blog.example/posts/1"


def post_text(html: str) -> Text:
    return read(html).text


@pytest.mark.parametrize(
    ("html", "plain"),
    [
        ('@<a href="http://gs1.test/user/1" class="h-card u-url p-nickname mention">alice</a> hi', "@alice hi"),
        ('!<a href="http://gs1.test/group/1/id" class="h-card group">cats</a>', "!cats"),
        ('#<span class="tag"><a href="http://gs1.test/tag/x" rel="tag">x</a></span>', "#x"),
        ('<a href="http://gs1.test/x">words</a>', "words (http://gs1.test/x)"),
        ("plain\nlines", "plain\nlines"),
        ("a &lt; b &amp; c", "a < b & c"),
        ("one<br>two", "one\ntwo"),
        ("", ""),
    ],
)
def test_what_is_named_goes_without_its_address_and_links_with_it(html: str, plain: str) -> None:
    assert post_text(html).plain == plain


def test_the_links_of_names_stay_in_the_html() -> None:
    text = post_text('@<a href="http://gs1.test/user/1" class="mention">alice</a>')
    assert text.html == '@<a href="http://gs1.test/user/1">alice</a>'


def test_text_alone_has_no_html() -> None:
    assert post_text("just words").html is None
    assert post_text("one<br>two").html is None


@pytest.mark.parametrize(
    ("html", "named"),
    [
        ('@<a href="/u" class="mention">al</a>', (("https://blog.example/u", "@al"),)),
        ('<a href="/u" class="u-url mention">@<span>al</span></a>', (("https://blog.example/u", "@al"),)),
        ('<span>#<a href="/t" rel="tag">t</a></span>', (("https://blog.example/t", "#t"),)),
    ],
)
def test_names_are_spelt_as_they_stand_in_the_text(html: str, named: tuple[tuple[str, str], ...]) -> None:
    page = read(html, BASE)
    assert page.named == named
    assert named[0][1] in page.text.plain


@pytest.mark.parametrize(
    ("html", "sources"),
    [
        ('<img src="a.png">', ["https://blog.example/posts/a.png"]),
        ('<img src="//cdn.example/a.png"><img src="//cdn.example/a.png">', ["https://cdn.example/a.png"]),
        ('<picture><source srcset="x"><img src="/a.png"></picture>', ["https://blog.example/a.png"]),
        ('<video><source src="/a.mp4"></video>', ["https://blog.example/a.mp4"]),
        ('<audio src="/a.ogg"></audio>', ["https://blog.example/a.ogg"]),
        ('<img src="data:image/png;base64,xx" alt="x">', []),
        ('<img src="javascript:x">', []),
        ('<img src="https://stats.example/p.gif" width="1" height="1">', []),
        ('<img src="/smile.png" alt=":)" class="emoji">', []),
        ('<img src="http://[::1">', []),
        ("<img>", []),
    ],
)
def test_what_is_shown_becomes_an_attachment(html: str, sources: list[str]) -> None:
    page = read(f"<p>text {html}</p>", BASE)
    assert [one.source for one in page.attachments] == sources
    assert "<img" not in (page.text.html or "")


def test_alternative_texts_go_with_the_picture_or_stay() -> None:
    page = read('a <img src="/a.png" alt="A cat" width="640" height="48px"> b <img class="emoji" alt=":)" src="/s.png">', BASE)
    assert (page.attachments[0].alt, page.attachments[0].width, page.attachments[0].height) == ("A cat", 640, 48)
    assert page.text.plain.split() == ["a", "b", ":)"]


def test_what_is_embedded_becomes_a_link() -> None:
    page = read('<iframe src="//video.example/7" title="A film"></iframe>', BASE)
    assert page.text.plain == "A film (https://video.example/7)"


def test_pictures_over_the_cap_stay_as_links() -> None:
    page = read("".join(f'<img src="/{number}.png">' for number in range(MEDIA_CAP + 5)), BASE)
    assert len(page.attachments) == MEDIA_CAP
    assert page.text.plain.count("https://blog.example/") == 5


def test_what_held_nothing_but_pictures_is_gone_with_them() -> None:
    page = read('<p>text</p><p><a href="/1.png"><img src="/1.png"></a></p><div><figure><img src="/2.png"></figure> </div>', BASE)
    assert (page.text.html, page.text.plain) == ("<p>text</p>", "text")
    assert len(page.attachments) == 2


def test_a_picture_that_leads_elsewhere_says_where_once() -> None:
    page = read('<a href="https://a.example/x"><img src="/1.png"></a> <a href="https://a.example/x"><img src="/2.png"></a>', BASE)
    assert page.text.plain == "https://a.example/x"
    assert page.text.html == '<a href="https://a.example/x">https://a.example/x</a>'


def test_what_the_post_shows_by_itself_is_not_shown_twice() -> None:
    shown = frozenset({"https://gs.example/file/1.png"})
    page = read('see <a class="attachment" href="https://gs.example/file/1.png">https://gs.example/attachment/1</a>', shown=shown)
    assert (page.text.plain, page.attachments) == ("see", ())


def test_a_picture_that_is_written_into_the_page_costs_the_words_nothing() -> None:
    """Newsletters have them by the megabyte: they would be over every cap, and shown as letters."""
    carried = f"data:image/png;base64,{'iVBORw0KGgo' * 60_000}"
    page = read(f'<p>before <img alt="a cat" src="{carried}"> <img src=\'{carried}\'> after</p>', BASE)
    assert page.text.plain == "before a cat (picture) after" and not page.attachments
    assert read(f'<a href="{carried}">words</a>', BASE).text.plain == "words"


def test_the_place_of_a_picture_that_is_loaded_later_is_the_picture() -> None:
    place = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
    page = read(f'<img src="{place}" data-src="/cat.png">', BASE)
    assert [one.source for one in page.attachments] == ["https://blog.example/cat.png"]
    assert read(f'words <img src="{place}">', BASE).text.plain == "words"


def test_a_link_that_is_an_attachment_becomes_one_where_asked() -> None:
    html = 'see <a class="attachment" href="https://gs.example/file/1.png">https://gs.example/attachment/1</a>'
    page = read(html, take_links=True)
    assert page.text.plain == "see"
    assert [one.media for one in page.attachments] == [Media.IMAGE]
    assert read(html).attachments == ()


@pytest.mark.parametrize("html", ["<a>" * 200_000, "<a href='x'>" * 20_000, "x" * 1_000_000, "<img src=x>" * 100_000])
def test_too_much_is_cut_not_parsed(html: str) -> None:
    text = post_text(html)
    assert len(text.plain) <= 300_000


def test_a_page_that_is_cut_says_so() -> None:
    assert post_text("x" * 1_000_000).plain.endswith("x … (the rest is too long for here)")


pieces = st.sampled_from(
    [
        "<a href='x'>",
        "</a>",
        "<img src=y alt=z>",
        "<video src=v>",
        "<script>",
        "</script>",
        "<p>",
        "<",
        "&lt;",
        "&#0;",
        "<!--",
        "<svg>",
        "<iframe src=q>",
        "<math>",
        "<template>",
        "@<a class=mention href=u>",
        "<span>",
        "</span>",
    ]
)


@given(st.lists(pieces | st.text(max_size=5), max_size=15).map("".join))
def test_whatever_is_written_nothing_runs_and_nothing_breaks(html: str) -> None:
    page = read(html, BASE, take_links=True)
    written = page.text.html or ""
    for bad in ("<script", "<iframe", "<img", "<video", "<svg", "<math", "<template"):
        assert bad not in written.lower()
    assert all(one.source.startswith("http") for one in page.attachments)
    assert "\x00" not in page.text.plain
