"""Queries and lookups: what the homeserver may ask, and what it is told of our networks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.errors import Rejected, Unavailable
from bridge.matrix.queries import Queries
from bridge.matrix.thirdparty import SearchNetwork, ThirdParty
from bridge.model.ids import IdentityId, NetworkName
from bridge.model.people import Identity
from bridge.routing.names import puppet_id

LONG = "n" * 300
LOCAL = NetworkName("local")


class Rooms:
    """Plays puppets and rooms."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.failure: Exception | None = None

    def queries(self) -> Queries:
        return Queries(
            "localhost",
            lambda network: network == LOCAL,
            ensure=self.ensure,
            known=self.known,
            make_for_alias=self.make_for_alias,
        )

    async def ensure(self, identity: Identity) -> str:
        if self.failure is not None:
            raise self.failure
        self.made.append(identity.id.id)
        return puppet_id(identity.id.network, identity.id.id, "localhost")

    async def known(self, user: str) -> Identity | None:
        return Identity(id=IdentityId(LOCAL, LONG)) if user == puppet_id(LOCAL, LONG, "localhost") else None

    async def make_for_alias(self, alias: str) -> bool:
        if self.failure is not None:
            raise self.failure
        self.made.append(alias)
        return True


async def test_a_puppet_is_made_when_asked_for() -> None:
    rooms = Rooms()
    assert await rooms.queries().user("@_local__bob=c3=a9:localhost")
    assert rooms.made == ["Bobé"]


async def test_a_shortened_name_is_found_in_the_ledger_or_not_at_all() -> None:
    rooms = Rooms()
    assert await rooms.queries().user(puppet_id(LOCAL, LONG, "localhost"))
    assert not await rooms.queries().user(puppet_id(LOCAL, "m" * 300, "localhost"))
    assert rooms.made == [LONG]


@pytest.mark.parametrize(
    "user",
    [
        "@alice:localhost",
        "@_oftc_bob:localhost",
        "@_local_bob:evil.org",
        "@_local_:localhost",
        "@_local_B:localhost",
        "",
        "@_",
        "x",
    ],
)
async def test_nobody_else_is_made(user: str) -> None:
    rooms = Rooms()
    assert not await rooms.queries().user(user)
    assert rooms.made == []


async def test_a_portal_is_made_when_its_alias_is_asked_for() -> None:
    rooms = Rooms()
    assert await rooms.queries().alias("#_local_=23chan:localhost")
    for alias in ("#lobby:localhost", "#_oftc_=23chan:localhost", "#_local_=23chan:evil.org", ""):
        assert not await rooms.queries().alias(alias)
    assert rooms.made == ["#_local_=23chan:localhost"]


@pytest.mark.parametrize("failure", [Unavailable("the homeserver is away"), Rejected("no")])
async def test_what_cannot_be_made_does_not_exist(failure: Exception) -> None:
    rooms = Rooms()
    rooms.failure = failure
    assert not await rooms.queries().user("@_local_bob:localhost")
    assert not await rooms.queries().alias("#_local_=23chan:localhost")


NETWORKS = [
    SearchNetwork(name=NetworkName("libera"), protocol="irc", title="Libera Chat", fold_channel=str.lower),
    SearchNetwork(name=NetworkName("oftc"), protocol="irc", title="OFTC", icon="mxc://localhost/oftc"),
    SearchNetwork(name=NetworkName("jabber"), protocol="xmpp", title="XMPP"),
]
LOOKUPS = ThirdParty("localhost", NETWORKS)


def test_a_protocol_is_described_so_that_a_homeserver_takes_it() -> None:
    described = LOOKUPS.protocol("irc")
    assert described is not None
    assert {"user_fields", "location_fields", "icon", "field_types", "instances"} <= described.keys()
    assert [instance["network_id"] for instance in described["instances"]] == ["libera", "oftc"]
    assert all({"desc", "fields", "network_id"} <= instance.keys() for instance in described["instances"])
    assert set(described["user_fields"]) | set(described["location_fields"]) == described["field_types"].keys()
    assert all(
        isinstance(kind["regexp"], str) and isinstance(kind["placeholder"], str) for kind in described["field_types"].values()
    )


def test_an_unknown_protocol_is_none() -> None:
    assert LOOKUPS.protocol("smoke") is None
    assert LOOKUPS.users("smoke", {"user": "x"}) is None and LOOKUPS.locations("smoke", {"channel": "x"}) is None


def test_a_channel_is_found_on_each_network_of_its_protocol() -> None:
    found = LOOKUPS.locations("irc", {"channel": "#Chan"})
    assert found is not None
    assert [place["alias"] for place in found] == ["#_libera_=23chan:localhost", "#_oftc_=23_chan:localhost"]
    assert found[0]["fields"] == {"network": "libera", "channel": "#chan"}
    assert LOOKUPS.where_is(found[0]["alias"]) == [found[0]]


def test_a_search_may_name_its_network() -> None:
    found = LOOKUPS.users("irc", {"user": "bob", "network": "oftc"})
    assert found == [{"userid": "@_oftc_bob:localhost", "protocol": "irc", "fields": {"network": "oftc", "user": "bob"}}]
    assert LOOKUPS.who_is("@_oftc_bob:localhost") == found
    assert LOOKUPS.users("irc", {"user": "bob", "network": "jabber"}) == []


@pytest.mark.parametrize("name", ["", "x" * 600, "a\nb", "a\x00"])
def test_what_is_no_name_finds_nobody(name: str) -> None:
    assert LOOKUPS.users("irc", {"user": name}) == [] and LOOKUPS.locations("irc", {"channel": name}) == []


def test_strangers_stand_for_nobody() -> None:
    assert LOOKUPS.who_is("@alice:localhost") == [] and LOOKUPS.who_is("@_other_x:localhost") == []
    assert LOOKUPS.where_is("#lobby:localhost") == [] and LOOKUPS.where_is("") == []


@given(st.text(), st.text())
def test_no_search_breaks_the_lookups(name: str, network: str) -> None:
    LOOKUPS.users("irc", {"user": name, "network": network})
    LOOKUPS.locations("irc", {"channel": name})
    LOOKUPS.who_is(name)
    LOOKUPS.where_is(name)
    LOOKUPS.protocol(name)
