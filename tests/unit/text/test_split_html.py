"""Rich text that is too long for one message: every piece stands alone, and together they say all of it."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.text.html import html_to_plain, sanitize
from bridge.text.split import size_of
from bridge.text.split_html import split_html
from bridge.text.tags import tokens

WORDS = st.text(max_size=30) | st.sampled_from(["a word", "…and more, much more", "x" * 400, "日本語" * 60, "<&>", "\n", " "])
TAGS = st.sampled_from(["p", "b", "ul", "ol", "li", "pre", "blockquote", "h2", "code", "a", "table", "tr", "td", "span"])


def wrapped(pair: tuple[str, list[str]]) -> str:
    tag, inner = pair
    attributes = ' href="https://example.org/?a=1&amp;b=2"' if tag == "a" else ""
    return f"<{tag}{attributes}>{'<br>'.join(inner)}</{tag}>"


escaped = WORDS.map(lambda text: text.replace("&", "&amp;").replace("<", "&lt;"))
pages = st.lists(
    st.recursive(escaped, lambda inner: st.tuples(TAGS, st.lists(inner, max_size=6)).map(wrapped), max_leaves=20), max_size=8
).map("".join)


def text_of(html: str) -> str:
    return "".join("".join(token for token in tokens(html) if isinstance(token, str)).split())


def is_well_nested(html: str) -> bool:
    stack: list[str] = []
    for token in tokens(html):
        if isinstance(token, str) or token.name in ("br", "hr", "img"):
            continue
        if not token.close:
            stack.append(token.name)
        elif not stack or stack.pop() != token.name:
            return False
    return not stack


@given(pages, st.sampled_from([2000, 3000, 18000]))
def test_no_word_is_lost_and_every_piece_is_whole_in_itself(page: str, limit: int) -> None:
    html = sanitize(page)
    pieces = split_html(html, limit, limit)
    rich = [piece for _, piece in pieces if piece is not None]
    assert all(size_of(piece, "bytes") <= limit and is_well_nested(piece) for piece in rich)
    assert all(size_of(plain, "bytes") <= limit for plain, _ in pieces)
    if len(rich) == len(pieces):
        assert "".join(map(text_of, rich)) == text_of(html)


@given(st.text())
def test_whatever_looks_like_markup_ends_in_pieces(text: str) -> None:
    assert split_html(text, 2000, 2000)


def test_a_cut_falls_between_paragraphs() -> None:
    html = "".join(f"<p>{letter * 90} {letter * 90}</p>" for letter in "abcdefghijklmnopqrstuvwxyz")
    pieces = split_html(html, 2000, 2000)
    assert len(pieces) > 2
    assert all(piece is not None and piece.startswith("<p>") and piece.endswith("</p>") for _, piece in pieces)
    assert "".join(piece or "" for _, piece in pieces) == html


def test_a_numbered_list_goes_on_with_its_number_and_a_link_with_its_address() -> None:
    html = "<ol>" + "<li>some words here</li>" * 150 + "</ol>"
    first, second = (piece or "" for _, piece in split_html(html, 3000, 3000)[:2])
    assert second.startswith(f'<ol start="{first.count("<li>") + 1}"><li>')
    html = '<a href="https://a.example/">' + "word " * 900 + "</a>"
    assert all((piece or "").startswith('<a href="https://a.example/">') for _, piece in split_html(html, 2000, 2000))


def test_tags_that_take_up_all_the_room_cost_the_formatting_and_no_word() -> None:
    html = f'<a href="https://a.example/{"y" * 300}">' + "<b><i>" * 40 + "word " * 2000
    pieces = split_html(sanitize(html), 800, 2000)
    assert all(piece is None for _, piece in pieces)
    assert "".join(plain for plain, _ in pieces).count("word") == 2000


def test_quotes_in_quotes_that_grow_in_plain_text_stay_within_the_limit() -> None:
    pieces = split_html(sanitize("<blockquote>" * 20 + "x<br>" * 3000), 18000, 12000)
    assert all(size_of(plain, "bytes") <= 12000 for plain, _ in pieces)
    assert sum(plain.count("x") for plain, _ in pieces) == 3000


def test_names_and_tags_are_read_without_their_addresses_where_that_is_asked() -> None:
    html = (
        '@<a href="https://a.example/bob">bob</a> #<span><a href="https://a.example/t">tag</a></span> <a href="https://b">b c</a>'
    )
    assert html_to_plain(html, naming=True) == "@bob #tag b c (https://b)"
    assert html_to_plain(html) == "@bob (https://a.example/bob) #tag (https://a.example/t) b c (https://b)"
