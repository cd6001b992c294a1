import pytest

from bridge.model.events import Boost, Edit, Reactions, Visibility
from bridge.model.portals import Portal
from bridge.routing.topology import Topology
from tests.unit.routing.scene import World, happened, link, place, post, ref, said

TWO_ROOMS = [Portal(id=1, room="!one"), Portal(id=2, room="!two")]


def test_a_room_is_carried_to_its_links_and_not_back_to_itself() -> None:
    world = World(link(1, "plain/#a"), link(2, "other/#b"))
    assert world.reached(happened("1", "matrix/!room", "matrix/@a:d", "hi")) == ["plain/#a", "other/#b"]


def test_a_channel_reaches_the_room_first_and_then_the_other_links() -> None:
    world = World(link(1, "plain/#a"), link(2, "other/#b"))
    assert world.reached(happened("1", "plain/#a", "plain/bob", "hi")) == ["matrix/!room", "other/#b"]


def test_direction_is_kept() -> None:
    world = World(link(1, "plain/in", direction="in"), link(2, "other/out", direction="out"))
    assert world.reached(happened("1", "matrix/!room", "matrix/@a:d", "hi")) == ["other/out"]
    assert world.reached(happened("2", "plain/in", "plain/bob", "hi")) == ["matrix/!room", "other/out"]
    assert world.plan(happened("3", "other/out", "other/bob", "hi")).dropped == "unlinked"


def test_a_link_that_does_not_relay_feeds_the_room_alone() -> None:
    world = World(link(1, "plain/home", relay=False), link(2, "other/#b"))
    assert world.reached(happened("1", "plain/home", "plain/bob", post("hi"))) == ["matrix/!room"]


@pytest.mark.parametrize("visibility", [Visibility.UNLISTED, Visibility.FOLLOWERS, Visibility.DIRECT])
def test_a_post_that_is_not_public_never_leaves_its_room(visibility: Visibility) -> None:
    world = World(link(1, "plain/home"), link(2, "other/#b"))
    secret = happened("1", "plain/home", "plain/bob", post("secret", visibility))
    assert world.reached(secret) == ["matrix/!room"]
    boost = Boost(target=ref("1", "plain", "plain/bob"), original=post("secret", visibility))
    assert world.reached(happened("2", "plain/home", "plain/eve", boost)) == ["matrix/!room"]
    edit = Edit(target=ref("1", "plain"), message=said("more secret"))
    assert world.reached(happened("3", "plain/home", "plain/bob", edit)) == ["matrix/!room"]
    answer = happened("4", "matrix/!room", "matrix/@a:d", said("about that secret", reply_to=ref("1", "plain")))
    assert world.reached(answer) == ["plain/home"]
    answer = happened("6", "matrix/!room", "matrix/@b:d", said("and about your answer", reply_to=ref("4", "matrix")))
    assert world.reached(answer) == ["plain/home"]
    assert world.reached(happened("5", "matrix/!room", "matrix/@a:d", Reactions(target=ref("1", "plain"), keys=("x",)))) == [
        "plain/home"
    ]


def test_a_public_post_is_relayed() -> None:
    world = World(link(1, "plain/home"), link(2, "other/#b"))
    assert world.reached(happened("1", "plain/home", "plain/bob", post("news"))) == ["matrix/!room", "other/#b"]


def test_two_rooms_that_share_a_channel_hear_each_other_once() -> None:
    world = World(link(1, "plain/#a"), link(2, "plain/#a", portal=2), link(3, "other/#b", portal=2), portals=TWO_ROOMS)
    assert world.reached(happened("1", "plain/#a", "plain/bob", "hi")) == ["matrix/!one", "matrix/!two", "other/#b"]
    assert world.reached(happened("2", "matrix/!one", "matrix/@a:d", "hi")) == ["plain/#a", "matrix/!two", "other/#b"]


def test_two_rooms_with_two_common_channels_make_no_double() -> None:
    world = World(
        link(1, "plain/#a"), link(2, "other/#b"), link(3, "plain/#a", portal=2), link(4, "other/#b", portal=2), portals=TWO_ROOMS
    )
    reached = world.reached(happened("1", "plain/#a", "plain/bob", "hi"))
    assert sorted(reached) == ["matrix/!one", "matrix/!two", "other/#b"]


def test_a_link_without_a_portal_leads_nowhere() -> None:
    topology = Topology([], [link(1, "plain/#a", portal=9)])
    assert topology.reach(place("plain/#a"), public=True) == ()
