"""Names survive whatever people and servers call themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.gnusocial.ids import (
    Kind,
    Place,
    address,
    alias,
    direct_id,
    event_key,
    fold_channel,
    host_of,
    identity_id,
    login_of,
    number,
    number_at,
    person_of,
    place_of,
    posts_to,
)
from bridge.model.ids import ChannelId, NetworkName
from bridge.text.escape import strip_controls

NET = NetworkName("social")
HOSTS = st.sampled_from(["gs1.test", "GS1.Test", "127.0.0.1:8080", "[::1]:80", "bücher.example", "xn--bcher-kva.example"])
LOGINS = st.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True)


@given(st.text(), LOGINS, st.sampled_from(Kind), HOSTS)
def test_a_channel_reads_back_as_itself_whatever_stands_in_it(words: str, login: str, kind: Kind, host: str) -> None:
    raw = f"{kind}/{words}@{host}@{login}" if kind in (Kind.USER, Kind.DIRECT) else f"{kind}/{words}@{login}"
    try:
        place = place_of(raw)
    except ValueError:
        return
    assert place_of(str(place)) == place
    assert fold_channel(str(place)) == str(place)
    assert login_of(str(place)) == login
    assert ChannelId.parse(str(ChannelId(NET, str(place)))).id == str(place)
    assert strip_controls(str(place)) == str(place)


@given(st.text(max_size=300))
def test_reading_a_channel_never_fails_otherwise_than_with_words(text: str) -> None:
    for read in (place_of, fold_channel, address):
        try:
            read(text)
        except ValueError as error:
            assert str(error)
    assert isinstance(host_of(text), str)
    login_of(text)


@given(st.text(min_size=1, max_size=40), HOSTS)
def test_an_identity_says_again_who_it_is(nick: str, host: str) -> None:
    try:
        id = identity_id(NET, nick, host)
    except ValueError:
        return
    assert identity_id(NET, *person_of(id.id)) == id


@given(st.integers(min_value=1, max_value=10**30), HOSTS)
def test_a_number_is_found_among_all_names_of_a_post_and_only_on_its_own_server(id: int, host: str) -> None:
    ids = (f"tag:elsewhere.test,2026-11-22:noticeId={id + 1}:objectType=note", alias("other.test", "5"), alias(host, str(id)))
    assert number_at(host, ids) == str(id)
    assert number_at("third.test", ids) is None


def test_the_global_name_of_a_servers_own_post_tells_its_number_there() -> None:
    ids = ("tag:gs1.test,2026-11-22:noticeId=18:objectType=comment",)
    assert number_at("gs1.test", ids) == "18"
    assert number_at("gs2.test", ids) is None
    assert number_at("gs1xtest", ids) is None


def test_a_direct_message_is_never_taken_for_a_post() -> None:
    assert number_at("gs1.test", (direct_id("gs1.test", "3"),)) is None


@pytest.mark.parametrize(
    ("spelled", "folded"),
    [
        ("HOME@me", "home@me"),
        ("tag/#Cats@me", "tag/cats@me"),
        ("tag/# #cats@me", "tag/cats@me"),
        ("group/!Gateways@me", "group/gateways@me"),
        ("user/@Alice@GS1.test@me", "user/alice@gs1.test@me"),
        ("search/ Big  Words @me", "search/Big Words@me"),
        ("search/me@example.org@me", "search/me@example.org@me"),
        ("direct/bob@127.0.0.1:80@Me.2", "direct/bob@127.0.0.1:80@Me.2"),
    ],
)
def test_a_channel_has_one_spelling(spelled: str, folded: str) -> None:
    assert fold_channel(spelled) == folded


@pytest.mark.parametrize(
    "bad", ["", "home", "home@", "home/x@me", "user/alice@me", "tag/@me", "public@me", "home@a b", "tag/#@me"]
)
def test_what_is_no_channel_is_refused_with_words(bad: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        fold_channel(bad)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (17, "17"),
        ("17", "17"),
        (2**70, str(2**70)),
        (0, None),
        (True, None),
        (None, None),
        (1.5, None),
        ("a b", None),
        ("", None),
    ],
)
def test_ids_are_strings_however_a_server_writes_them(value: object, found: str | None) -> None:
    assert number(value) == found


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://GS1.test/alice", "gs1.test"),
        ("http://gs1.test:8080/", "gs1.test:8080"),
        ("https://gs1.test:443/", "gs1.test"),
        ("http://[::1]:99/x", "[::1]:99"),
        ("ftp://gs1.test/", ""),
        ("https://gs1.test:99999/", ""),
        ("https:///x", ""),
        ("http://[::1", ""),
        ("https://a@b@c/", "c"),
    ],
)
def test_the_host_of_an_address(url: str, host: str) -> None:
    assert host_of(url) == host


def test_where_one_writes_and_what_a_place_is() -> None:
    assert place_of(posts_to("me")) == Place(Kind.HOME, "", "me")
    assert event_key(NET, "tag:x").id == "tag:x"
