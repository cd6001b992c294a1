"""What the plan makes of a post that was there before: no second message, but whatever rooms lack it, and never a wider one."""

import pytest
from msgspec.structs import replace

from bridge.contract.plan import Planned
from bridge.model.events import Edit, Event, Redaction, Visibility
from bridge.model.ids import EventKey
from bridge.model.portals import Link, Portal, PortalKind, TimelineOptions
from tests.unit.routing.scene import World, happened, link, place, post, ref, who

HOME, FEED = "social/home@me", "feeds/planet"
TEXT = "The harbour was full of boats this morning, and nobody had told the gulls."
URI, PAGE = "tag:gs.example,2026-05-01:noticeId=1", "https://gs.example/notice/1"
COPY = "https://planet.example/atom#1"


def rooms(*links: Link, **options: float) -> World:
    """Two timelines, one of which may be fed by one network alone."""
    timeline = TimelineOptions(**options)  # type: ignore[arg-type]
    portals = [Portal(id=number, room=f"!{number}", kind=PortalKind.TIMELINE, timeline=timeline) for number in (1, 2)]
    return World(*links, portals=portals)


def seen(visibility: Visibility = Visibility.PUBLIC, text: str = TEXT) -> Event:
    return happened(URI, HOME, "social/alice@gs.example", post(text, visibility, uri=URI, permalink=PAGE))


def copied(author: str = "feeds/alice@gs.example", visibility: Visibility = Visibility.PUBLIC, text: str = TEXT) -> Event:
    return happened(COPY, FEED, author, post(text, visibility, uri=URI, permalink=PAGE), aliases=(PAGE,))


def came(planned: Planned) -> list[tuple[str, str]]:
    return [(one.delivery.channel.id, one.delivery.event.id) for one in planned.drafts]


ONE, TWO = (link(1, HOME, relay=False), link(2, FEED, relay=False)), (link(3, FEED, portal=2, relay=False),)


def test_it_is_brought_as_the_first_to_the_room_that_lacks_it() -> None:
    """So that whatever is about either finds it in both rooms."""
    world = rooms(*ONE, *TWO)
    assert came(world.comes(seen())) == [("!1", URI)]
    planned = world.comes(copied())
    assert came(planned) == [("!2", URI)]
    assert planned.same is not None and planned.same.event == EventKey(place(HOME).network, URI)
    gone = world.comes(happened("d", HOME, "social/alice@gs.example", Redaction(target=ref(URI, "social"))))
    assert [one.delivery.channel.id for one in gone.drafts] == ["!1"]
    gone = world.comes(happened("d2", FEED, "feeds/alice@gs.example", Redaction(target=ref(COPY, "feeds"))))
    assert [one.delivery.channel.id for one in gone.drafts] == ["!1", "!2"]


def test_what_is_not_for_everybody_is_neither_found_nor_brought_along() -> None:
    world = rooms(*ONE, *TWO)
    world.comes(seen(Visibility.FOLLOWERS))
    planned = world.comes(copied())
    assert planned.same is None
    assert came(planned) == [("!1", COPY), ("!2", COPY)]
    assert world.comes(copied(visibility=Visibility.UNLISTED)).same is None


def test_a_confined_copy_brings_a_public_post_to_no_other_room() -> None:
    world = rooms(*ONE, *TWO)
    world.comes(seen())
    planned = world.comes(copied(visibility=Visibility.FOLLOWERS))
    assert planned.same is None and {event for _, event in came(planned)} == {COPY}


def test_planned_again_it_stays_what_it_was() -> None:
    """As after quarantine, or when an answer was lost."""
    world = rooms(*ONE)
    world.comes(seen())
    first = world.comes(copied())
    assert first.same is not None
    again = world.planner.plan(replace(copied(), key=first.same.event), world.memory)
    assert again.same is None and again.drafts == ()


def test_hours_of_zero_compare_no_words() -> None:
    for hours, count in ((48, 1), (0, 2)):
        world = rooms(*ONE, same_hours=hours)
        alice = who("social/alice@gs.example").id
        world.memory.persons = {alice: alice, who("feeds/al@elsewhere").id: alice}
        other = happened("x", FEED, "feeds/al@elsewhere", post(TEXT, uri="https://elsewhere/x"))
        assert len(world.comes(seen()).drafts + world.comes(other).drafts) == count


def test_a_merged_posts_own_author_edits_what_stands_there_and_nobody_else() -> None:
    world = rooms(*ONE)
    world.comes(seen())
    world.comes(copied("feeds/planet.example/alice"))
    edit = Edit(target=ref(COPY, "feeds"), message=post("Alice says: buy pills."))
    planned = world.comes(happened("e", FEED, "feeds/planet.example/alice", edit))
    assert (planned.drafts, planned.refused, planned.dropped) == ((), None, "merged")
    world = rooms(*ONE)
    world.comes(seen())
    world.comes(copied())
    (draft,) = world.comes(happened("e", FEED, "feeds/alice@gs.example", edit)).drafts
    assert draft.delivery.author == who("social/alice@gs.example")


def test_chats_are_compared_with_nothing() -> None:
    world = World(link(1, "plain/#a"), link(2, "other/#b"))
    for channel in ("plain/#a", "other/#b"):
        planned = world.comes(happened("1", channel, f"{channel.partition('/')[0]}/alice@gs.example", TEXT))
        assert (planned.same, planned.marks) == (None, ()) and planned.drafts


def test_entries_of_one_feed_with_one_page_and_the_same_words_are_all_shown() -> None:
    """A page of incidents says the same few words every day."""
    world = rooms(*ONE)
    for number in range(3):
        entry = happened(
            f"{number}", FEED, "feeds/planet", post("The service was slow again.", permalink="https://planet/status")
        )
        assert len(world.comes(entry).drafts) == 1


@pytest.mark.parametrize("first", [seen(), copied()])
def test_a_parted_pair_is_not_merged_again(first: Event) -> None:
    world = rooms(*ONE)
    world.memory.apart.append({seen().key, copied().key})
    second = copied() if first.key == seen().key else seen()
    world.comes(first)
    assert world.comes(second).same is None
