import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model.ids import ChannelId, IdentityId, NetworkName
from bridge.routing.names import (
    alias_of,
    escape,
    network_of,
    parse_alias,
    parse_puppet,
    puppet_id,
    safe_name,
    unescape,
)
from bridge.text.plain import count_graphemes

NAMES = st.one_of(
    st.text(st.characters(), min_size=1, max_size=50), st.text("aAzZ_=-[]{}|\\~^#@!/+.0é日", min_size=1, max_size=50)
)
NETWORKS = st.from_regex("[a-z0-9-]{1,12}", fullmatch=True).map(NetworkName)
LEGAL = re.compile("[a-z0-9._=/+-]*")


@given(NAMES)
def test_a_name_comes_back_and_is_legal_and_lower_case(name: str) -> None:
    escaped = escape(name)
    assert unescape(escaped) == name
    assert LEGAL.fullmatch(escaped)
    assert escaped == escaped.lower()


@given(NAMES, NAMES)
def test_two_names_never_share_an_escape(one: str, other: str) -> None:
    assert (escape(one) == escape(other)) == (one == other)


@given(st.text("abz_=-0f9./+", max_size=20))
def test_no_name_has_two_spellings(text: str) -> None:
    name = unescape(text)
    assert name is None or escape(name) == text


def test_the_spelling_is_the_documented_one() -> None:
    assert escape("Bob_[x]") == "_bob__=5bx=5d"
    assert escape("é") == "=c3=a9"


@given(NETWORKS, st.text(st.characters(), min_size=1, max_size=400))
def test_identifiers_fit_and_come_back_or_are_hashed(network: NetworkName, name: str) -> None:
    user = puppet_id(network, name, "example.org")
    alias = alias_of(ChannelId(network, name), "example.org")
    assert len(user.encode()) <= 255
    assert parse_puppet(user, "example.org") in (IdentityId(network, name), None)
    assert parse_alias(alias, "example.org") in (ChannelId(network, name), None)
    assert network_of(user) == network_of(alias) == network
    if len(escape(name)) < 200:
        assert parse_puppet(user, "example.org") == IdentityId(network, name)


def test_a_hashed_name_cannot_be_claimed_by_a_short_one() -> None:
    hashed = puppet_id(NetworkName("net"), "x" * 300, "d")
    assert hashed.startswith("@_net_=-")
    assert parse_puppet(hashed, "d") is None
    assert puppet_id(NetworkName("net"), "x" * 300, "d") == hashed
    assert puppet_id(NetworkName("net"), "x" * 301, "d") != hashed


@pytest.mark.parametrize(
    "stranger",
    [
        "@bob:d",
        "@_net:d",
        "@_net_:d",
        "@_net_a:other",
        "@_Net_a:d",
        "@_net_A:d",
        "@_net_=:d",
        "@_net_=61:d",
        "@_net_=ff:d",
        "@__a:d",
        "",
    ],
)
def test_what_we_never_wrote_is_nobodys_puppet(stranger: str) -> None:
    assert parse_puppet(stranger, "d") is None


def test_a_domain_that_leaves_no_room_is_an_error_not_a_collision() -> None:
    with pytest.raises(ValueError, match="too long"):
        puppet_id(NetworkName("net"), "x" * 100, "d" * 230)


@given(st.text(st.characters(), max_size=200))
def test_a_shown_name_is_one_short_harmless_line(name: str) -> None:
    shown = safe_name(name)
    assert safe_name(shown) == shown
    assert count_graphemes(shown) <= 64
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\n\r]", shown)
