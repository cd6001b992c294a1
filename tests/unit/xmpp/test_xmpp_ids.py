"""Names of places, people and stanzas: read back as they were written, and nobody's is ever another's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.xmpp import ids
from adapters.xmpp.ids import Kind, Place
from bridge.model.ids import HUB, IdentityId, NetworkName

HOST = "matrix.example.org"
NETWORKS = st.sampled_from([NetworkName(name) for name in ("irc", "gs-2", "0")])
TEXT = st.text(max_size=40)
MATRIX = st.builds(
    lambda local, server: IdentityId(HUB, f"@{local}:{server}"), st.text("abz09._=-/+AZéß ", min_size=1), st.just("x.org")
)
PEOPLE = st.one_of(MATRIX, st.builds(IdentityId, NETWORKS, st.text(min_size=1, max_size=30)))
JIDS = st.sampled_from(
    ["bob@example.org", "a&b@x.org".replace("&", "%"), "room@muc.example", "example.org", "alice\\3ax.org@m.x"]
)


@given(PEOPLE)
def test_our_address_of_somebody_is_read_back_as_that_one(who: IdentityId) -> None:
    jid = ids.puppet_jid(who, HOST)
    node = jid.rpartition("@")[0]
    found = ids.identity_of(jid, HOST)
    if node.startswith("=-"):
        assert found is None
    elif who.network != HUB or ":" in who.id[1:]:
        assert found in (who, None) if any(char.isspace() for char in who.id) else found == who


@given(PEOPLE)
def test_our_address_of_somebody_is_one_that_every_server_spells_the_same(who: IdentityId) -> None:
    jid = ids.puppet_jid(who, HOST)
    assert ids.prep(jid) == jid
    assert ids.prep(f"{jid}/bridge") == f"{jid}/bridge"


@given(PEOPLE, PEOPLE)
def test_no_two_people_share_an_address(one: IdentityId, other: IdentityId) -> None:
    assert one == other or ids.puppet_jid(one, HOST) != ids.puppet_jid(other, HOST)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (IdentityId(HUB, "@irc/bob:x.org"), IdentityId(NetworkName("irc"), "bob:x.org")),
        (IdentityId(HUB, "@Bob:x.org"), IdentityId(HUB, "@bob:x.org")),
        (IdentityId(HUB, "@=41:x.org"), IdentityId(HUB, "@A:x.org")),
        (IdentityId(HUB, "@\\3a:x.org"), IdentityId(HUB, "@::x.org")),
        (IdentityId(NetworkName("irc"), "ß"), IdentityId(NetworkName("irc"), "ss")),
        (IdentityId(NetworkName("irc"), "e\u0301"), IdentityId(NetworkName("irc"), "\u00e9")),
        (IdentityId(NetworkName("irc"), "a\u200d"), IdentityId(NetworkName("irc"), "a")),
    ],
)
def test_people_whom_a_server_might_take_for_one_stay_two(one: IdentityId, other: IdentityId) -> None:
    spelled = [ids.prep(ids.puppet_jid(who, HOST)) for who in (one, other)]
    assert spelled[0] != spelled[1]


def test_an_address_of_ours_reads_as_xep_0106_has_it() -> None:
    assert ids.puppet_jid(IdentityId(HUB, "@alice:example.org"), HOST) == f"alice\\3aexample.org@{HOST}"
    assert ids.puppet_jid(IdentityId(NetworkName("irc"), "bob|away"), HOST) == f"irc\\2fbob|away@{HOST}"
    assert ids.identity_of(f"alice\\3aexample.org@{HOST}/phone", HOST) == IdentityId(HUB, "@alice:example.org")


@pytest.mark.parametrize(
    "node", ["", "alice", "=zz", "\\3a", "=c3", "a\\3ab=", "=61lice\\3ax.org", "irc\\2f", "=-0123", "\\2fbob"]
)
def test_an_address_nobody_was_given_stands_for_nobody(node: str) -> None:
    assert ids.identity_of(f"{node}@{HOST}", HOST) is None
    assert ids.identity_of("alice\\3aexample.org@elsewhere.org", HOST) is None


@given(TEXT)
def test_any_text_is_a_channel_read_back_as_itself_or_refused_in_words(text: str) -> None:
    for channel in (text, f"joined/{text}@me", f"direct/{text}@me", f"gateway/{text}/@a:b"):
        try:
            place = ids.place_of(channel)
        except ValueError as error:
            assert str(error)
        else:
            assert ids.place_of(place.id) == place


@pytest.mark.parametrize(
    ("channel", "place"),
    [
        ("Den@MUC.Example", Place(Kind.ROOM, "den@muc.example")),
        ("joined/Den@muc.example@me", Place(Kind.JOINED, "den@muc.example", login="me")),
        ("direct/Bob@example.org@me", Place(Kind.DIRECT, "bob@example.org", login="me")),
        ("direct/example.org@me", Place(Kind.DIRECT, "example.org", login="me")),
        ("gateway/bob@example.org/@a/b:x.org", Place(Kind.GATEWAY, "bob@example.org", user="@a/b:x.org")),
    ],
)
def test_a_channel_is_taken_apart(channel: str, place: Place) -> None:
    assert ids.place_of(channel) == place
    assert ids.login_of(channel) == (place.login or None)
    assert ids.owner_of(channel) == (place.user or None)
    assert ids.fold_channel(ids.fold_channel(channel)) == ids.fold_channel(channel)


@pytest.mark.parametrize(
    "channel",
    ["", "muc.example", "den@muc.example/nick", "direct/bob@x.org/phone@me", "direct/bob", "gateway/bob@x.org", "to/x@y"],
)
def test_what_is_no_channel_is_refused(channel: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ids.place_of(channel)
    assert ids.login_of(channel) is None and ids.owner_of(channel) is None


def test_a_direct_chat_is_with_an_address_and_not_with_an_occupant() -> None:
    assert ids.direct_with("bob@example.org", "me") == "direct/bob@example.org@me"
    assert ids.direct_for("bob@example.org", "@a:x.org") == "gateway/bob@example.org/@a:x.org"
    for occupant in ("den@muc.example/bob", "den@muc.example#occ", ""):
        assert ids.direct_with(occupant, "me") is None and ids.direct_for(occupant, "@a:x.org") is None


@given(st.text(max_size=60))
def test_any_text_is_an_address_in_its_one_spelling_or_none(text: str) -> None:
    try:
        jid = ids.prep(text)
    except ValueError:
        return
    assert ids.prep(jid) == jid
    assert ids.bare(jid) == jid.partition("/")[0]


@pytest.mark.parametrize(
    "jid", ["", "/x", "@x.org", "a@", "a b@x.org", "\ud800@x.org", "a@x.org/", "a@x.org/\n", "a@x.org/" + "é" * 600]
)
def test_what_is_no_address_is_refused(jid: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ids.prep(jid)


def test_nicks_younger_than_stringprep_are_nicks() -> None:
    assert ids.prep("Den@muc.example/👍 Bob") == "den@muc.example/👍 Bob"


WHO = st.one_of(
    st.builds(lambda nick: f"den@muc.example/{nick}", st.text("ab/#@%!=", min_size=1, max_size=6)),
    st.builds(lambda mark: f"den@muc.example#{mark}", st.text("ab/#@%!=", min_size=1, max_size=6)),
    st.text("ab@.%!=", min_size=1, max_size=6),
)
IDS = st.text("ab/%!#21f5", min_size=1, max_size=6)


@given(st.tuples(WHO, IDS), st.tuples(WHO, IDS))
def test_no_sender_can_write_an_id_that_is_anothers(one: tuple[str, str], other: tuple[str, str]) -> None:
    spelled = [
        (ids.sent_id("den@muc.example", *pair), ids.by_id("den@muc.example", pair[1]), ids.loose_id("den@muc.example", pair[1]))
        for pair in (one, other)
    ]
    assert (spelled[0][0] == spelled[1][0]) == (one == other)
    assert (spelled[0][1] == spelled[1][1]) == (one[1] == other[1])
    assert len({*spelled[0], *spelled[1]}) >= 3
    made = ids.made_id("den@muc.example", *one)
    assert made not in spelled[0] + spelled[1]


@given(WHO, st.text(min_size=1, max_size=20))
def test_a_stanzas_own_id_is_read_back(who: str, id: str) -> None:
    assert ids.sent_in(ids.sent_id("den@muc.example", who, id)) == id
    assert ids.sent_in(ids.loose_id("den@muc.example", id)) == id
    assert ids.assigned_in(ids.by_id("den@muc.example", id)) == id
    assert ids.assigned_in(ids.sent_id("den@muc.example", who, id)) is None
    assert ids.sent_in(ids.by_id("den@muc.example", id)) is None
    assert ids.sent_in(ids.made_id("den@muc.example", who, id)) is None


def test_one_clients_ids_in_two_chats_are_two() -> None:
    chats = [ids.conversation(me, "bot@x.org") for me in ("a@x.org", "b@x.org")]
    assert ids.sent_id(chats[0], "bot@x.org", "1") != ids.sent_id(chats[1], "bot@x.org", "1")
