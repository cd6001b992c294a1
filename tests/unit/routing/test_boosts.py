"""What is passed on stands once in a room: as the post, as marks on it, or shown anew past the room's horizon."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from bridge.model.events import Boost, Edit, Event, Message, Reactions, Redaction
from bridge.model.ids import EventKey, NetworkName
from bridge.model.portals import Portal, PortalKind, TimelineOptions
from tests.unit.routing.scene import NOW, World, happened, link, place, post, ref, who

URI = "tag:gs.example,2026:noticeId=8"


@pytest.fixture
def world() -> World:
    portal = Portal(id=1, room="!room", kind=PortalKind.TIMELINE, timeline=TimelineOptions(boost_hours=72))
    return World(link(1, "social/home@me", relay=False), link(2, "feeds/x", relay=False), portals=[portal])


def boost(id: str, by: str, *, at: timedelta = timedelta(), network: str = "social", name: str = URI) -> Event:
    body = Boost(target=ref(name, network, f"{network}/bob@gs.example"), original=post("news of the day", uri=URI))
    channel = "social/home@me" if network == "social" else "feeds/x"
    return happened(id, channel, by, body, happened_at=NOW + at, aliases=(name,))


def comes(world: World, event: Event) -> list[tuple[str, type, str]]:
    """What it becomes in the room: under whose name, as what, of which event."""
    drafts = world.comes(event).drafts
    return [(one.delivery.author.id.id, type(one.delivery.body), one.delivery.event.id) for one in drafts]


def test_what_nobody_had_is_shown_and_who_passes_it_on_next_marks_it(world: World) -> None:
    assert comes(world, boost("b1", "social/carol@a.example")) == [("bob@gs.example", Message, "b1")]
    assert comes(world, boost("b2", "social/dave@a.example")) == [("dave@a.example", Boost, "b2")]


def test_the_original_itself_is_no_second_message_and_answers_find_it(world: World) -> None:
    comes(world, boost("b1", "social/carol@a.example"))
    original = happened(URI, "social/home@me", "social/bob@gs.example", post("news of the day", uri=URI))
    assert world.comes(original).drafts == ()
    answer = post("indeed")
    (draft,) = world.comes(
        happened(
            "c",
            "social/home@me",
            "social/eve@a.example",
            Message(text=answer.text, post=answer.post, reply_to=ref(URI, "social")),
        )
    ).drafts
    assert draft.delivery.reply_to is not None and draft.delivery.reply_to.event.id == "b1"


def test_past_the_horizon_it_is_shown_once_more_and_marked_there(world: World) -> None:
    comes(world, boost("b1", "social/carol@a.example"))
    assert comes(world, boost("b2", "social/dave@a.example", at=timedelta(days=9))) == [("bob@gs.example", Message, "b2")]
    (draft,) = world.comes(boost("b3", "social/eve@a.example", at=timedelta(days=10))).drafts
    assert isinstance(draft.delivery.body, Boost)
    assert draft.delivery.target is not None and draft.delivery.target.event.id == "b2"


def test_a_known_post_that_its_room_lacks_comes_as_the_post_itself(world: World) -> None:
    """So that it is not said twice when the post is seen by that way, too."""
    other = Portal(id=2, room="!other", kind=PortalKind.TIMELINE)
    world.topology = type(world.topology)(
        [other, Portal(id=1, room="!room", kind=PortalKind.TIMELINE)],
        [link(1, "social/home@me", relay=False), link(2, "social/tag", portal=2, relay=False)],
    )
    world.comes(happened(URI, "social/home@me", "social/bob@gs.example", post("news of the day", uri=URI)))
    passed = Boost(target=ref(URI, "social", "social/bob@gs.example"), original=post("news of the day", uri=URI))
    assert comes(world, happened("b1", "social/tag", "social/dave@a.example", passed)) == [("bob@gs.example", Message, URI)]
    original = happened(URI, "social/tag", "social/bob@gs.example", post("news of the day", uri=URI))
    assert world.comes(original).drafts == ()


def takes_back(world: World, boost: str, by: str, number: str = "r") -> list[tuple[str, str]]:
    """What is redacted in the room, by whose redaction."""
    drafts = world.comes(happened(f"{number}-{boost}", "social/home@me", by, Redaction(target=ref(boost, "social")))).drafts
    assert all(isinstance(one.delivery.body, Redaction) for one in drafts)
    return [(one.delivery.author.id.id, one.delivery.target.event.id) for one in drafts if one.delivery.target is not None]


def test_who_takes_it_back_takes_his_mark_alone(world: World) -> None:
    comes(world, boost("b1", "social/carol@a.example"))
    comes(world, boost("b2", "social/dave@a.example"))
    assert takes_back(world, "b2", "social/dave@a.example") == [("dave@a.example", "b2")]


def test_what_others_passed_on_too_stays_when_the_first_takes_it_back(world: World) -> None:
    comes(world, boost("b1", "social/carol@a.example"))
    comes(world, boost("b2", "social/dave@a.example"))
    assert takes_back(world, "b1", "social/carol@a.example") == []


def test_what_nobody_else_brought_goes_with_who_brought_it(world: World) -> None:
    comes(world, boost("b1", "social/carol@a.example"))
    comes(world, boost("b2", "social/dave@a.example"))
    takes_back(world, "b2", "social/dave@a.example")
    assert takes_back(world, "b1", "social/carol@a.example") == [("carol@a.example", "b1")]


def test_what_was_seen_itself_stays_when_a_boost_is_taken_back(world: World) -> None:
    comes(world, boost("b1", "social/carol@a.example"))
    world.comes(happened(URI, "social/home@me", "social/bob@gs.example", post("news of the day", uri=URI)))
    assert takes_back(world, "b1", "social/carol@a.example") == []


def test_what_a_feed_told_too_stays_when_a_boost_is_taken_back(world: World) -> None:
    comes(world, boost("b1", "social/carol@a.example"))
    told = happened("x#1", "feeds/x", "feeds/bob@gs.example", post("news of the day", uri=URI))
    assert world.comes(told).same is not None
    assert takes_back(world, "b1", "social/carol@a.example") == []


def test_a_boost_that_showed_a_known_post_to_another_room_is_taken_back_in_that_room_alone(world: World) -> None:
    portals = [Portal(id=number, room=f"!{number}", kind=PortalKind.TIMELINE) for number in (1, 2)]
    world.topology = type(world.topology)(
        portals, [link(1, "social/home@me", relay=False), link(2, "social/tag", portal=2, relay=False)]
    )
    comes(world, boost("b1", "social/carol@a.example"))
    passed = boost("b2", "social/dave@a.example")
    assert comes(world, replace(passed, channel=place("social/tag"))) == [("bob@gs.example", Message, "b1")]
    back = happened("r", "social/tag", "social/dave@a.example", Redaction(target=ref("b2", "social")))
    (draft,) = world.comes(back).drafts
    assert draft.delivery.target is not None
    assert (draft.delivery.channel.id, draft.delivery.target.event.id) == ("!2", "b1")


def test_its_authors_edit_and_deletion_reach_all_that_was_shown_of_it(world: World) -> None:
    comes(world, boost("b1", "social/carol@a.example"))
    comes(world, boost("b2", "social/dave@a.example", at=timedelta(days=9)))
    better = Edit(target=ref(URI, "social"), message=post("better news", uri=URI))
    edits = world.comes(happened("e", "social/home@me", "social/bob@gs.example", better)).drafts
    assert [one.delivery.target.event.id for one in edits if one.delivery.target] == ["b1", "b2"]
    assert [one.delivery.author.id.id for one in edits] == ["bob@gs.example", "bob@gs.example"]
    posts = [one.delivery.body.message.post for one in edits if isinstance(one.delivery.body, Edit)]
    brought_by = [post.boosted_by for post in posts if post is not None]
    assert brought_by == [who("social/carol@a.example"), who("social/dave@a.example")]
    assert len({one.delivery.id for one in edits}) == 2
    gone = world.comes(happened("r", "social/home@me", "social/bob@gs.example", Redaction(target=ref(URI, "social")))).drafts
    assert [one.delivery.target.event.id for one in gone if one.delivery.target] == ["b1", "b2"]


def test_an_edit_by_another_way_is_spoken_by_who_stands_there(world: World) -> None:
    """A homeserver ignores the edit of another's message, be both one human's puppets."""
    comes(world, boost("b1", "social/carol@a.example"))
    world.comes(happened("x#1", "feeds/x", "feeds/bob@gs.example", post("news of the day", uri=URI)))
    better = Edit(target=ref("x#1", "feeds"), message=post("better news", uri=URI))
    (draft,) = world.comes(happened("e", "feeds/x", "feeds/bob@gs.example", better)).drafts
    assert draft.delivery.author.id == who("social/bob@gs.example").id


def test_only_its_author_deletes_what_a_boost_brought(world: World) -> None:
    comes(world, boost("b1", "social/carol@a.example"))
    by = {
        name: happened(f"r-{name}", "social/home@me", f"social/{name}", Redaction(target=ref(URI, "social")))
        for name in ("carol@a.example", "bob@gs.example")
    }
    assert world.comes(by["carol@a.example"]).refused is not None
    assert [one.delivery.target.event.id for one in world.comes(by["bob@gs.example"]).drafts if one.delivery.target] == ["b1"]


def test_the_same_boost_by_two_networks_is_one(world: World) -> None:
    name = "tag:a.example,2026:noticeId=43"
    comes(world, boost(name, "feeds/carol@a.example", network="feeds"))
    assert comes(world, boost(name, "social/carol@a.example")) == []
    other = "tag:a.example,2026:noticeId=44"
    assert comes(world, boost(other, "social/dave@a.example")) == [("dave@a.example", Boost, other)]


def test_the_same_boost_by_another_network_is_shown_where_the_first_is_not(world: World) -> None:
    portals = [Portal(id=number, room=f"!{number}", kind=PortalKind.TIMELINE) for number in (1, 2)]
    world.topology = type(world.topology)(
        portals, [link(1, "social/home@me", relay=False), link(2, "feeds/x", portal=2, relay=False)]
    )
    name = "tag:a.example,2026:noticeId=43"
    assert len(comes(world, boost(name, "feeds/carol@a.example", network="feeds"))) == 1
    assert len(comes(world, boost(name, "social/carol@a.example"))) == 1


def test_who_copies_anothers_name_of_a_boost_hides_nothing(world: World) -> None:
    name = "tag:a.example,2026:noticeId=43"
    comes(world, boost(name, "feeds/mallory@evil.example", network="feeds"))
    assert comes(world, boost(name, "social/carol@a.example")) == [("carol@a.example", Boost, name)]


def test_a_mark_of_passing_on_and_other_reactions_leave_each_other_alone(world: World) -> None:
    comes(world, boost("b1", "social/carol@a.example"))
    comes(world, boost("b2", "social/dave@a.example"))
    liked = Reactions(target=ref(URI, "social"), keys=("⭐",))
    assert comes(world, happened("f", "social/home@me", "social/dave@a.example", liked)) == [("dave@a.example", Reactions, "f")]
    unliked = Reactions(target=ref(URI, "social"), keys=())
    (draft,) = world.comes(happened("g", "social/home@me", "social/dave@a.example", unliked)).drafts
    assert draft.delivery.target is not None and draft.delivery.target.event == EventKey(NetworkName("social"), "b1")
