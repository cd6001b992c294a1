"""What servers say of people: read in both spellings, believed for the asked name only."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.common.webfinger import MAGIC_KEY, UPDATES, Resource, answers_for, read_jrd, read_xrd

RECORDED = {
    "subject": "acct:alice@gs1.test",
    "aliases": ["http://gs1.test/user/1", "http://gs1.test/alice"],
    "links": [
        {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": "http://gs1.test/alice"},
        {"rel": UPDATES, "type": "application/atom+xml", "href": "http://gs1.test/api/statuses/user_timeline/1.atom"},
        {"rel": MAGIC_KEY, "href": "data:application/magic-public-key,RSA.AQAB.AQAB"},
        {"rel": "http://ostatus.org/schema/1.0/subscribe", "template": "http://gs1.test/main/ostatussub?profile={uri}"},
    ],
}
"""As GNU social 1.20.10 answers, shortened."""
XRD = """<?xml version="1.0"?><XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0"><Subject>acct:alice@gs1.test</Subject>
<Alias>http://gs1.test/user/1</Alias><Link rel="{rel}" type="application/atom+xml" href="http://gs1.test/1.atom"/></XRD>"""


def test_a_recorded_answer_is_read() -> None:
    found = read_jrd(json.dumps(RECORDED).encode())
    assert found is not None
    assert found.href(UPDATES, "application/atom+xml") == "http://gs1.test/api/statuses/user_timeline/1.atom"
    assert found.href(UPDATES, "text/html") is None
    assert [link.href for link in found.all(MAGIC_KEY)] == ["data:application/magic-public-key,RSA.AQAB.AQAB"]
    assert found.href(MAGIC_KEY) is None, "that is no address"
    assert answers_for(found, "acct:alice@gs1.test", "gs1.test")
    assert answers_for(found, "http://gs1.test/user/1", "gs1.test")
    assert not answers_for(found, "acct:bob@gs1.test", "gs1.test")


def test_the_old_spelling_says_the_same() -> None:
    found = read_xrd(XRD.format(rel=UPDATES).encode())
    assert found is not None
    assert (found.subject, found.aliases) == ("acct:alice@gs1.test", ("http://gs1.test/user/1",))
    assert found.href(UPDATES) == "http://gs1.test/1.atom"


@pytest.mark.parametrize(
    ("subject", "aliases", "believed"),
    [
        ("acct:alice@gs1.test", (), True),
        ("ACCT:Alice@GS1.test", (), True),
        ("alice@gs1.test", (), True),
        (None, (), True),
        ("acct:eve@gs1.test", ("acct:alice@gs1.test",), True),  # its own people are its own affair
        ("acct:eve@evil.test", ("acct:alice@gs1.test",), False),
        ("acct:alice@evil.test", (), False),
        ("acct:alice@gs1.test.evil.test", (), False),
        ("https://evil.test/@alice", ("acct:alice@gs1.test",), False),
        ("", (), False),
    ],
)
def test_only_the_asked_name_is_answered_for(subject: str | None, aliases: tuple[str, ...], believed: bool) -> None:
    assert answers_for(Resource(subject=subject, aliases=aliases), "acct:alice@gs1.test", "gs1.test") == believed


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"7", b'"x"', b"{", b"[" * 100_000, b'{"a":' * 100_000, b"\xff"])
def test_what_is_no_answer_is_none(body: bytes) -> None:
    assert read_jrd(body) is None


@pytest.mark.parametrize(
    "body", [b"", b"<XRD/>", b"<a>" * 1000, b'<!DOCTYPE x [<!ENTITY a "b">]><XRD>&a;</XRD>', b"<html><body>no</body></html>"]
)
def test_what_is_no_old_answer_is_none(body: bytes) -> None:
    assert read_xrd(body) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["rel", "href", "links", "subject"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON, JSON, JSON)
def test_any_json_is_read_or_none(subject: object, aliases: object, links: object) -> None:
    found = read_jrd(json.dumps({"subject": subject, "aliases": aliases, "links": links}).encode())
    assert found is not None
    assert found.subject is None or isinstance(found.subject, str)
    answers_for(found, "acct:alice@gs1.test", "gs1.test")


def test_the_number_of_links_is_capped() -> None:
    found = read_jrd(json.dumps({"links": [{"rel": "x"}] * 10_000, "aliases": ["a"] * 10_000}).encode())
    assert found is not None
    assert len(found.links) <= 200
    assert len(found.aliases) <= 50
