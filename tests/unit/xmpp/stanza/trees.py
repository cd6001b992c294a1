"""Element trees that look enough like stanzas to get past the first look, and are wrong in every way."""

from xml.etree.ElementTree import Element

from hypothesis import strategies as st

from adapters.xmpp.stanza import ns
from adapters.xmpp.stanza.here import _READERS as PRESENCE
from adapters.xmpp.stanza.said import _READERS as MESSAGE

SPACES = [value for name, value in vars(ns).items() if name.isupper() and isinstance(value, str)]
NAMES = [
    *(
        "body",
        "subject",
        "thread",
        "item",
        "status",
        "delay",
        "x",
        "url",
        "file",
        "sources",
        "url-data",
        "hash",
        "reason",
        "moderated",
    ),
    *("retract", "reaction", "p", "b", "img", "a", "payload", "actor", "destroy", "invite", "decline", "forwarded", "message"),
    *("result", "sent", "received", "presence", "lat", "lon", "photo", "text"),
]
TAGS = st.one_of(
    st.sampled_from(sorted({*MESSAGE, *PRESENCE})),
    st.builds(ns.qualified, st.sampled_from(SPACES), st.sampled_from(NAMES)),
    st.sampled_from(["", "body", "{}", "{x", "}"]),
)
WORDS = st.one_of(
    st.sampled_from(
        [
            *("bob@x.org/phone", "me@home.example", "den@muc.example/bob", "1", "-1", "99999999999999999999", "nan", "inf"),
            *("2026-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "https://x.org/a", "http://["),
            *("xmpp:%ff@/?", "data", "mention", "groupchat", "error", "sha-256", "font-weight:bold;color:#fff", "*a* `b` > c"),
            *("\ud800", "\u0000", "/me x", "?OTR"),
        ]
    ),
    st.text(max_size=12),
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        [
            *(
                "from",
                "to",
                "type",
                "id",
                "by",
                "stamp",
                "start",
                "end",
                "begin",
                "uri",
                "for",
                "node",
                "ver",
                "code",
                "jid",
                "nick",
            ),
            *(
                "role",
                "affiliation",
                "queryid",
                "algo",
                "target",
                "style",
                "src",
                "href",
                "name",
                "namespace",
                "since",
                "password",
            ),
            *("reason", ns.LANG),
        ]
    ),
    WORDS,
    max_size=5,
)


@st.composite
def elements(draw: st.DrawFn, tags: st.SearchStrategy[str] = TAGS, depth: int = 3) -> Element:
    element = Element(draw(tags), draw(ATTRIBUTES))
    element.text = draw(st.one_of(st.none(), WORDS))
    for _ in range(draw(st.integers(0, 5 if depth == 3 else 2)) if depth else 0):
        child = draw(elements(depth=depth - 1))
        child.tail = draw(st.one_of(st.none(), WORDS))
        element.append(child)
    return element


def stanzas(name: str) -> st.SearchStrategy[Element]:
    return elements(st.sampled_from([ns.qualified(space, name) for space in ns.STREAMS]))
