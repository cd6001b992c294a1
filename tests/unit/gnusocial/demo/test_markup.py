"""Whatever somebody types, the HTML says the same and holds no markup of theirs; and the faces can be read."""

from html.parser import HTMLParser

from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from adapters.gnusocial.demo import actions
from adapters.gnusocial.demo.markup import canonical, mark, text_of
from adapters.gnusocial.demo.render import atom, rss, twitter, xml
from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import Profile, Settings
from tests.unit.gnusocial.demo.kit import Watch

TOKENS = st.sampled_from(
    [
        "@bob",
        "@bob@x.test",
        "#tag",
        "#日本語",
        "!club",
        "http://x.test/a?b=1&c=2",
        "https://é.test/\u202e",
        "\n",
        "\t",
        " ",
        "<b>",
        "&amp;",
    ]
)
TYPED = st.lists(st.one_of(TOKENS, st.text(st.characters(exclude_categories=["Cs"]), max_size=8)), max_size=12).map("".join)


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def world() -> tuple[Site, Profile]:
    site = Site("demo.test", Settings(text_limit=0, dupe_seconds=0), Watch().now)
    alice = site.add_user("alice", "x", fullname='Alice <i> "quoted"')
    site.add_user("bob", "x", fullname="Bob & <script>")
    actions.found_group(site, alice, "club", "The <club>")
    return site, alice


@given(TYPED)
def test_html_says_what_was_typed_and_nothing_else(typed: str) -> None:
    site, alice = world()
    marked = mark(site, alice, typed, [])
    seen = Elements()
    seen.feed(marked.html)
    assert seen.names <= {"a", "span", "br"}
    assert seen.attributes <= {"href", "class", "title", "rel"}
    assert text_of(marked.html).replace("\n\n", "\n") == typed.replace("\n\n", "\n") or "\r" in typed or "\n" in typed


@given(TYPED.filter(str.strip))
def test_every_face_of_every_post_can_be_read(typed: str) -> None:
    site, alice = world()
    notice = actions.post(site, alice, typed)
    head = atom.user_head(site, alice)
    etree.fromstring(atom.feed(site, head, [notice], alice))
    etree.fromstring(atom.entry(site, notice, None))
    etree.fromstring(rss.channel(site, head, [notice]))
    etree.fromstring(xml.statuses([twitter.status(site, notice, alice)]))
    twitter.encode(twitter.status(site, notice, alice))


@given(st.text(max_size=20))
@example("🄐")
def test_a_tag_is_looked_up_by_what_it_is_listed_as(tag: str) -> None:
    assert canonical(canonical(tag)) == canonical(tag)
