from datetime import timedelta

import pytest

from bridge.contract.delivery import Target
from bridge.contract.features import Features, Limits, Unit, VoiceKind
from bridge.model.events import (
    Attachment,
    Body,
    Boost,
    ChannelChange,
    Edit,
    Membership,
    Message,
    Move,
    Origin,
    Reactions,
    Redaction,
    Style,
    Text,
)
from bridge.model.ids import EventKey
from bridge.model.permissions import Permission
from bridge.model.portals import Portal, TimelineOptions
from bridge.routing.admit import Origins, Policy
from bridge.routing.bound import ATTACHMENTS_CAP, TEXT_CAP, bounded
from bridge.routing.plan import Place, delivery_id
from tests.unit.routing.scene import NOW, RICH, World, happened, link, place, ref, said, who

LINKS = (link(1, "plain/#a"), link(2, "rich/#b"))


def test_what_has_passed_this_bridge_does_not_pass_again() -> None:
    world = World(*LINKS)
    assert world.plan(happened("1", "plain/#a", "plain/bob", "hi", hops=("other", "me"))).dropped == "loop"
    (first, *_) = world.plan(happened("2", "plain/#a", "plain/bob", "hi", hops=("other",))).drafts
    assert first.delivery.hops == ("other", "me")


def test_another_bridges_puppet_of_our_channel_is_not_carried() -> None:
    policy = Policy(mark="me", foreign_puppet=lambda identity, channel: identity.id.startswith("@theirs_"))
    world = World(*LINKS, policy=policy)
    assert world.plan(happened("1", "matrix/!room", "matrix/@theirs_bob:d", "hi")).dropped == "foreign-bridge"
    assert world.plan(happened("2", "matrix/!room", "matrix/@bob:d", "hi")).drafts


def test_without_the_right_to_be_carried_one_is_told() -> None:
    policy = Policy(mark="me", permission_of=lambda user: Permission.NONE)
    world = World(*LINKS, policy=policy)
    world.memory.remember(
        happened("0", "plain/#a", "plain/bob", "hi"), World(*LINKS).plan(happened("0", "plain/#a", "plain/bob", "hi"))
    )
    assert world.plan(happened("1", "matrix/!room", "matrix/@a:d", "hi")).refused
    assert (
        world.plan(happened("2", "matrix/!room", "matrix/@a:d", Reactions(target=ref("0", "plain"), keys=("x",)))).dropped
        == "permission"
    )
    assert world.plan(happened("3", "plain/#a", "plain/bob", "hi")).drafts, "a network's people need no right on the hub"


@pytest.mark.parametrize("form", ["post", "edit", "repeat"])
def test_a_giant_post_is_cut_and_says_so(form: str) -> None:
    """No site can be told to write less: refused, it would be lost without a word."""
    world = World(*LINKS)
    giant = said("é" * 140_000, attachments=(Attachment(source="https://x/a.png", name="a.png"),) * (ATTACHMENTS_CAP + 1))
    body: Body = giant
    if form == "edit":
        first = happened("0", "plain/#a", "plain/bob", "hi")
        world.memory.remember(first, world.plan(first))
        body = Edit(target=ref("0", "plain"), message=giant)
    elif form == "repeat":
        body = Boost(target=ref("x", "plain"), original=giant)
    planned = world.plan(happened("1", "plain/#a", "plain/bob", body))
    assert planned.refused is None and planned.drafts
    small = bounded(happened("1", "plain/#a", "plain/bob", body)).body
    message = small.message if isinstance(small, Edit) else small.original if isinstance(small, Boost) else small
    assert isinstance(message, Message)
    assert message.text.plain.endswith("\n… (and 1 more files)") and "too long for here" in message.text.plain
    assert TEXT_CAP - 100 < len(message.text.plain.encode()) <= TEXT_CAP + 100 and len(message.attachments) == ATTACHMENTS_CAP


def test_formatting_alone_is_left_out_where_it_alone_is_too_much() -> None:
    event = happened("1", "plain/#a", "plain/bob", Message(text=Text(plain="words", html="<b>words</b>" * 30_000)))
    assert bounded(event).body == Message(text=Text(plain="words"))
    fits = happened("2", "plain/#a", "plain/bob", "e" * 140_000)
    assert bounded(fits) is fits


def test_old_history_fills_the_room_but_no_other_network() -> None:
    world = World(*LINKS)
    old = happened("1", "plain/#a", "plain/bob", "hi", origin=Origin.HISTORY, happened_at=NOW - timedelta(days=9))
    missed = happened("2", "plain/#a", "plain/bob", "hi", origin=Origin.HISTORY, happened_at=NOW - timedelta(minutes=9))
    assert world.reached(old) == ["matrix/!room"]
    assert world.reached(missed) == ["matrix/!room", "rich/#b"]
    joined = Membership(who=who("plain/bob"), move=Move.JOIN)
    assert world.plan(happened("3", "plain/#a", "plain/bob", joined, origin=Origin.HISTORY)).dropped == "history"


def test_ids_belong_to_deliveries_and_not_to_attempts() -> None:
    one = World(*LINKS).plan(happened("1", "plain/#a", "plain/bob", "hi")).drafts
    two = World(*LINKS).plan(happened("1", "plain/#a", "plain/bob", "hi")).drafts
    assert [draft.delivery.id for draft in one] == [draft.delivery.id for draft in two]
    assert len({draft.delivery.id for draft in one}) == len(one) == 2
    assert all(len(draft.delivery.id) == 32 and int(draft.delivery.id, 16) >= 0 for draft in one)
    key, channel = EventKey(place("a/b").network, "1"), place("a/b")
    assert delivery_id("me", key, channel, 0) != delivery_id("you", key, channel, 0)
    assert delivery_id("me", key, channel, 0) != delivery_id("me", key, channel, 1)


def test_a_leg_that_has_a_copy_gets_no_second() -> None:
    world = World(*LINKS)
    event = happened("1", "plain/#a", "plain/bob", "hi")
    world.memory.copies.add((event.key, place("rich/#b")))
    assert world.reached(event) == ["matrix/!room"]
    assert world.plan(event).dropped == "known"


def test_deliveries_expire() -> None:
    world = World(*LINKS, policy=Policy(mark="me", delivery_hours=2))
    (first, *_) = world.plan(happened("1", "plain/#a", "plain/bob", "hi", happened_at=NOW - timedelta(hours=5))).drafts
    assert first.expires_at == NOW + timedelta(hours=2)
    assert first.delivery.accepted_at == NOW


def test_in_a_room_that_orders_the_others_wait_for_it() -> None:
    world = World(*LINKS, portals=[Portal(id=1, room="!room", order="room")])
    room, other = world.plan(happened("1", "plain/#a", "plain/bob", "hi")).drafts
    assert (room.waits_for, other.waits_for) == (None, room.delivery.id)
    assert all(draft.waits_for is None for draft in world.plan(happened("2", "matrix/!room", "matrix/@a:d", "hi")).drafts)


def test_networks_do_not_wait_for_the_room_unasked() -> None:
    assert all(draft.waits_for is None for draft in World(*LINKS).plan(happened("1", "plain/#a", "plain/bob", "hi")).drafts)


def test_a_reply_points_at_the_root_that_a_copys_id_names() -> None:
    world = World(*LINKS)
    first = happened("1", "plain/#a", "plain/bob", "shall we?")
    world.plan(first)
    world.memory.aliases[EventKey(place("matrix/!room").network, "$copy")] = first.key
    answer = happened("$2", "matrix/!room", "matrix/@a:d", said("yes", reply_to=ref("$copy", "matrix")))
    plain, rich = world.plan(answer).drafts
    assert rich.delivery.reply_to == Target(event=first.key, author=first.author)
    assert plain.delivery.reply_to is None
    assert isinstance(plain.delivery.body, Message)
    assert plain.delivery.body.text.plain == 'bob: "shall we?" yes'


def test_a_reply_to_something_unknown_is_a_message_with_what_is_known() -> None:
    world = World(*LINKS)
    answer = happened("1", "matrix/!room", "matrix/@a:d", said("yes", reply_to=ref("gone", "matrix", "rich/eve", "shall we?")))
    assert [draft.delivery.body.text.plain for draft in world.plan(answer).drafts] == ['eve: "shall we?" yes'] * 2  # type: ignore[union-attr]


def test_an_edit_goes_over_the_old_copy_or_becomes_a_correction() -> None:
    world = World(link(1, "plain/#a"), link(2, "other/#b"))
    world.plan(happened("1", "plain/#a", "plain/bob", "helo"))
    room, other = world.plan(happened("2", "plain/#a", "plain/bob", Edit(target=ref("1", "plain"), message=said("hello")))).drafts
    assert isinstance(room.delivery.body, Edit)
    assert room.delivery.target == Target(event=EventKey(place("plain/#a").network, "1"), author=who("plain/bob"))
    assert other.delivery.body == said("* hello")
    assert other.delivery.target is None


def test_an_edit_still_answers_what_its_message_answered() -> None:
    """Matrix does not say again what an edited message answers, and on XMPP a correction replaces all of it (XEP-0308)."""
    world = World(*LINKS)
    first = happened("1", "plain/#a", "plain/bob", "shall we?")
    world.plan(first)
    world.memory.aliases[EventKey(place("matrix/!room").network, "$copy")] = first.key
    world.plan(happened("$2", "matrix/!room", "matrix/@a:d", said("yse", reply_to=ref("$copy", "matrix"))))
    edit = Edit(target=ref("$2", "matrix"), message=said("yes"))
    plain, rich = world.plan(happened("$3", "matrix/!room", "matrix/@a:d", edit)).drafts
    assert rich.delivery.reply_to == Target(event=first.key, author=first.author)
    assert plain.delivery.body == said("* yes")


def test_nobody_edits_or_deletes_anothers_words() -> None:
    world = World(*LINKS)
    world.plan(happened("1", "plain/#a", "plain/bob", "hi"))
    for body in (Edit(target=ref("1", "plain"), message=said("I am bad")), Redaction(target=ref("1", "plain"))):
        planned = world.plan(happened("2", "plain/#a", "plain/eve", body))
        assert planned.refused and not planned.drafts
    assert world.plan(happened("3", "matrix/!room", "matrix/@m:d", Edit(target=ref("1", "plain"), message=said("x")))).refused


def test_a_moderator_of_the_room_may_delete() -> None:
    world = World(*LINKS)
    world.plan(happened("1", "plain/#a", "plain/bob", "spam"))
    planned = world.plan(happened("2", "matrix/!room", "matrix/@mod:d", Redaction(target=ref("1", "plain"))))
    assert [str(draft.delivery.channel) for draft in planned.drafts] == ["rich/#b"]
    assert "stays readable in plain/#a" in (planned.refused or "")


def test_what_a_place_takes_away_is_gone_whoever_wrote_it_and_only_then() -> None:
    for moderated, gone in ((True, ["matrix/!room", "rich/#b"]), (False, [])):
        world = World(*LINKS)
        world.plan(happened("1", "plain/#a", "plain/bob", "spam"))
        planned = world.plan(happened("2", "plain/#a", "plain/mod", Redaction(target=ref("1", "plain"), moderated=moderated)))
        assert [str(draft.delivery.channel) for draft in planned.drafts] == gone


def test_a_network_can_vouch_for_its_moderators() -> None:
    def vouches(event: object, original: Origins) -> bool:
        return original.key.id == "1"

    world = World(*LINKS, policy=Policy(mark="me", vouches=vouches))
    world.plan(happened("1", "plain/#a", "plain/bob", "spam"))
    planned = world.plan(happened("2", "plain/#a", "plain/mod", Redaction(target=ref("1", "plain"))))
    assert [str(draft.delivery.channel) for draft in planned.drafts] == ["matrix/!room", "rich/#b"]


def test_an_edit_of_something_unknown_is_said_as_new_and_marked() -> None:
    world = World(*LINKS)
    edit = Edit(target=ref("gone", "plain"), message=said("hello"))
    assert [draft.delivery.body for draft in world.plan(happened("1", "plain/#a", "plain/bob", edit)).drafts] == [
        said("hello (edited)")
    ] * 2


def test_an_edit_of_something_forgotten_touches_nothing_that_may_be_anothers() -> None:
    world = World(*LINKS)
    first = happened("1", "plain/#a", "plain/bob", "hi")
    world.plan(first)
    world.memory.aliases[first.key] = first.key
    del world.memory.events[first.key]
    edit = Edit(target=ref("1", "plain"), message=said("evil"))
    assert [draft.delivery.body for draft in world.plan(happened("2", "plain/#a", "plain/eve", edit)).drafts] == [
        said("evil (edited)")
    ] * 2
    assert world.plan(happened("3", "plain/#a", "plain/eve", Redaction(target=ref("1", "plain")))).dropped == "unknown-target"


@pytest.mark.parametrize("body", [Redaction(target=ref("gone", "plain")), Reactions(target=ref("gone", "plain"), keys=("x",))])
def test_what_acts_on_the_unknown_is_dropped_with_a_reason(body: Redaction | Reactions) -> None:
    assert World(*LINKS).plan(happened("1", "plain/#a", "plain/bob", body)).dropped == "unknown-target"


def test_an_edit_of_an_edit_leads_to_the_first() -> None:
    world = World(*LINKS)
    world.plan(happened("1", "plain/#a", "plain/bob", "a"))
    world.plan(happened("2", "plain/#a", "plain/bob", Edit(target=ref("1", "plain"), message=said("b"))))
    room, *_ = world.plan(happened("3", "plain/#a", "plain/bob", Edit(target=ref("2", "plain"), message=said("c")))).drafts
    assert room.delivery.target is not None and room.delivery.target.event.id == "1"


def test_edits_that_name_each_other_end() -> None:
    world = World(*LINKS)
    for id, target in (("1", "2"), ("2", "1")):
        event = happened(id, "plain/#a", "plain/bob", Edit(target=ref(target, "plain"), message=said("x")))
        world.memory.events[event.key] = event
    assert world.plan(happened("3", "plain/#a", "plain/bob", Reactions(target=ref("1", "plain"), keys=("x",)))).dropped


def test_a_young_boost_of_what_is_in_the_room_is_a_reaction_an_old_one_is_shown_again() -> None:
    world = World(link(1, "plain/#a"))
    original = said("news")
    world.plan(happened("1", "plain/#a", "plain/bob", original))
    boost = Boost(target=ref("1", "plain", "plain/bob"), original=original)
    (young,) = world.plan(happened("2", "plain/#a", "plain/eve", boost)).drafts
    assert isinstance(young.delivery.body, Boost)
    assert young.delivery.target is not None and young.delivery.author == who("plain/eve")
    (old,) = world.plan(happened("3", "plain/#a", "plain/eve", boost, happened_at=NOW + timedelta(days=30))).drafts
    assert isinstance(old.delivery.body, Message) and old.delivery.body.text.plain == "news"
    assert old.delivery.body.post is not None and old.delivery.body.post.boosted_by == who("plain/eve")
    assert old.delivery.author == who("plain/bob")
    assert old.delivery.voice.name == "bob (plain)"


@pytest.mark.parametrize(("hours", "shown"), [(1, Message), (3, Boost)])
def test_how_long_a_boost_is_a_reaction_is_the_rooms_own_to_say(hours: float, shown: type[Body]) -> None:
    portal = Portal(id=1, room="!room", timeline=TimelineOptions(boost_hours=hours))
    world = World(link(1, "plain/#a"), portals=[portal])
    world.plan(happened("1", "plain/#a", "plain/bob", said("news")))
    boost = Boost(target=ref("1", "plain", "plain/bob"), original=said("news"))
    (one,) = world.plan(happened("2", "plain/#a", "plain/eve", boost, happened_at=NOW + timedelta(hours=2))).drafts
    assert isinstance(one.delivery.body, shown)


def test_an_action_carries_its_authors_name_once() -> None:
    world = World(link(1, "plain/#a"))
    event = happened("1", "matrix/!room", who("matrix/@a:d", "Alice"), said("waves", style=Style.EMOTE))
    assert world.lines(event, "plain/#a") == ["* Alice waves"]
    topic = happened("2", "matrix/!room", who("matrix/@a:d", "Alice"), ChannelChange(topic="new\ntopic"))
    assert world.lines(topic, "plain/#a") == ["* Alice changed the topic to: new topic"]


def test_a_channel_nobody_linked_and_a_network_nobody_runs_are_counted() -> None:
    world = World(link(1, "gone/#a", direction="out"))
    assert world.plan(happened("1", "plain/#x", "plain/bob", "hi")).dropped == "unlinked"
    assert world.plan(happened("2", "matrix/!room", "matrix/@a:d", "hi")).dropped == "no-network"


def test_an_empty_message_goes_nowhere() -> None:
    assert World(*LINKS).plan(happened("1", "plain/#a", "plain/bob", " \x00\n")).dropped == "left-out"


def test_a_long_message_is_taken_back_part_by_part() -> None:
    world = World(link(1, "plain/#a", direction="in"), link(2, "rich/#b"))
    rich = Features(levels=RICH.levels, limits=Limits(text=40, unit=Unit.BYTES), voice=VoiceKind.PUPPET)
    world.places[place("rich/#b").network] = Place(features=lambda channel: rich)
    sent = world.plan(happened("1", "plain/#a", "plain/bob", "one two three four " * 10)).drafts[1:]
    room, *gone = world.plan(happened("2", "plain/#a", "plain/bob", Redaction(target=ref("1", "plain")))).drafts
    assert len(gone) == len(sent) > 1
    assert [draft.delivery.part for draft in gone] == list(range(len(sent)))
    assert len({draft.delivery.id for draft in gone}) == len(gone)
    assert (room.delivery.part, room.delivery.parts) == (0, 1)


def test_a_hostile_name_cannot_break_out_of_the_line_that_quotes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(link(1, "plain/#a"))
    monkeypatch.setattr(world, "name_of", lambda identity, leg: identity.name)
    hostile = who("matrix/@m:d", "x\r\nQUIT\u202e\x02> <alice")
    world.plan(happened("$1", "matrix/!room", hostile, "hi"))
    answer = happened("$2", "matrix/!room", who("matrix/@a:d", "a\nb"), said("yes", reply_to=ref("$1", "matrix")))
    assert world.lines(answer, "plain/#a") == ['<a b> x QUIT) (alice: "hi" yes']


def test_an_edit_of_something_long_said_puzzles_nobody_and_its_author_is_told() -> None:
    world = World(link(1, "plain/#a"))
    world.plan(happened("$1", "matrix/!room", "matrix/@a:d", "helo", happened_at=NOW - timedelta(days=3)))
    edit = Edit(target=ref("$1", "matrix"), message=said("hello"))
    planned = world.plan(happened("$2", "matrix/!room", "matrix/@a:d", edit))
    assert not planned.drafts and "long ago" in (planned.refused or "")
