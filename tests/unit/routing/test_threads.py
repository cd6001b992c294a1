"""Conversations of a timeline as threads of its room: below what is there, and never moved again."""

import pytest
from msgspec.structs import replace

from bridge.contract.plan import Planned
from bridge.model.events import Boost, Edit, Event
from bridge.model.ids import EventKey
from bridge.model.portals import Portal, PortalKind
from tests.unit.routing.scene import World, happened, link, place, post, ref, said

HOME = "social/home@me"


@pytest.fixture
def world() -> World:
    portals = [Portal(id=1, room="!room", kind=PortalKind.TIMELINE), Portal(id=2, room="!chat")]
    return World(link(1, HOME, relay=False), link(2, "rich/#chat", portal=2), portals=portals)


def says(id: str, answers: str | None = None, conversation: str | None = None, channel: str = HOME) -> Event:
    message = post(f"words of {id}", conversation=conversation)
    network = channel.partition("/")[0]
    if answers is not None:
        message = replace(message, reply_to=ref(answers, network))
    return happened(id, channel, f"{network}/{id}@site", message)


def stood(planned: Planned) -> tuple[str | None, str | None]:
    """In which thread, and as an answer to what."""
    (draft,) = planned.drafts
    thread, reply = draft.delivery.thread, draft.delivery.reply_to
    return None if thread is None else thread.event.id, None if reply is None else reply.event.id


def test_an_answer_stands_in_the_thread_of_what_it_answers(world: World) -> None:
    world.comes(says("root"))
    assert stood(world.comes(says("one", "root"))) == ("root", "root")
    assert stood(world.comes(says("two", "one"))) == ("root", "one")


def test_a_chat_has_no_threads_but_its_own(world: World) -> None:
    world.comes(says("root", channel="rich/#chat"))
    assert stood(world.comes(says("one", "root", channel="rich/#chat"))) == (None, "root")


def test_between_two_that_are_there_one_may_be_missing_from_the_room(world: World) -> None:
    """What is known, though it stands in another room only, leads on upwards."""
    world.topology = type(world.topology)(
        [Portal(id=number, room=f"!{number}", kind=PortalKind.TIMELINE) for number in (1, 2)],
        [link(1, HOME, relay=False), link(2, "social/tag", portal=2, relay=False)],
    )
    world.comes(says("root"))
    world.comes(replace(says("between", "root"), channel=place("social/tag")))
    assert stood(world.comes(says("leaf", "between"))) == ("root", None)


def test_where_the_answered_is_unknown_the_first_of_the_conversation_will_do(world: World) -> None:
    world.comes(says("first", "nobody saw this", "tag:conversation"))
    world.comes(says("second", "first", "tag:conversation"))
    assert stood(world.comes(says("third", "nor this", "tag:conversation")))[0] == "first"
    assert stood(world.comes(says("other", "nor this", "tag:another")))[0] is None


def test_a_post_that_answers_nothing_begins_no_thread_though_its_conversation_is_there(world: World) -> None:
    world.comes(says("first", conversation="tag:conversation"))
    assert stood(world.comes(says("second", conversation="tag:conversation"))) == (None, None)


def test_a_late_ancestor_moves_nothing_that_stands_already(world: World) -> None:
    world.comes(says("leaf", "late", "tag:conversation"))
    world.comes(says("twig", "leaf", "tag:conversation"))
    world.comes(says("late", conversation="tag:conversation"))
    assert stood(world.comes(says("bud", "twig", "tag:conversation"))) == ("leaf", "twig")
    assert stood(world.comes(says("sister", "late", "tag:conversation"))) == ("late", "late")


def test_an_answer_to_what_a_boost_brought_stands_below_that(world: World) -> None:
    body = Boost(target=ref("far", "social", "social/bob@far"), original=post("far away"))
    world.comes(happened("b", HOME, "social/carol@a", body, aliases=("far",)))
    assert stood(world.comes(says("one", "far"))) == ("b", "b")


def test_an_answer_in_the_room_is_in_the_thread_that_people_began_there(world: World) -> None:
    world.comes(says("root"))
    said_here = happened("$in", "matrix/!room", "matrix/@alice:hs", said("well", thread=ref("root", "social")))
    world.plan(said_here)
    answer = says("one", "root")
    body = replace(answer.body, reply_to=ref("$in", "matrix"))
    assert stood(world.comes(replace(answer, body=body))) == ("root", "$in")


def test_a_loop_of_answers_ends(world: World) -> None:
    """Two servers that lie to each other."""
    elsewhere = Portal(id=1, room="!room", kind=PortalKind.TIMELINE)
    world.topology = type(world.topology)([elsewhere], [link(1, HOME, relay=False)])
    a, b = says("a", "b"), says("b", "a")
    for event in (a, b):
        world.memory.events[event.key] = event
    assert stood(world.comes(says("c", "a"))) == (None, None)


def test_the_top_is_found_through_many_that_are_not_there(world: World) -> None:
    for number in range(60):
        event = says(str(number), str(number - 1) if number else None)
        world.memory.events[event.key] = event
    world.memory.copies.add((EventKey(place(HOME).network, "0"), place("matrix/!room")))
    assert stood(world.comes(says("leaf", "59"))) == ("0", None)


def test_an_edit_stays_in_the_thread(world: World) -> None:
    world.comes(says("root"))
    first = says("one", "root")
    world.comes(first)
    edit = Edit(target=ref("one", "social"), message=post("better words"))
    (draft,) = world.comes(happened("e", HOME, first.author, edit)).drafts
    assert draft.delivery.thread is not None and draft.delivery.thread.event.id == "root"
