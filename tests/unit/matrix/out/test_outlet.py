"""What reaches the room, by whom, how often, and what the courier is told of it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bridge.contract.adapter import Reconciles, Signals
from bridge.contract.delivery import Target
from bridge.contract.errors import LedgerUnavailable, Rejected, Unavailable, Uncertain
from bridge.contract.features import Evidence, Feature, Level
from bridge.ledger.rows import Copy, Uploaded
from bridge.matrix.convert import STAMP
from bridge.model.events import (
    Attachment,
    ChannelChange,
    Edit,
    Media,
    Mention,
    Message,
    PostFacts,
    ProfileChange,
    Reactions,
    Redaction,
    Ref,
    Style,
    Text,
)
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId
from bridge.model.people import Identity, Profile
from bridge.model.signals import Availability, Presence, ReadMark, Typing
from tests.doubles.clock import START
from tests.unit.matrix.out.rig import CAROL, LOCAL, Rig, carol, target

ALICE = Identity(id=IdentityId(HUB, "@alice:localhost"), profile=Profile(name="Alice"))
REF = Ref(key=EventKey(HUB, "$x"))


def said(plain: str, *files: Attachment) -> Message:
    return Message(text=Text(plain=plain), attachments=files)


def bodies(rig: Rig, room: str) -> list[Any]:
    return [event["content"].get("body") for event in rig.hs.messages(room)]


async def test_the_receipt_names_the_event_and_the_event_names_the_delivery(rig: Rig) -> None:
    room = await rig.room()
    delivery = rig.delivery(room, "hello", hops=("mark",))
    receipt = await rig.outlet.deliver(delivery)
    event = rig.last(room)
    assert (receipt.ids, receipt.evidence) == ((event["event_id"],), Evidence.ASSIGNED)
    stamp = {"delivery": delivery.id, "origin": str(delivery.event), "hops": ["mark"]}
    assert event["content"][STAMP] == {**stamp, "sender": event["sender"], "room": room}


async def test_names_lead_to_those_who_have_spoken_here_and_to_the_pages_of_all_others(rig: Rig) -> None:
    room = await rig.room()
    known = Identity(id=carol().id, profile=Profile(url="https://a.example/carol"))
    dave = Identity(id=IdentityId(LOCAL, "dave"), profile=Profile(url="https://a.example/dave"))
    message = Message(
        text=Text(plain="carol and dave"), mentions=(Mention(who=known, text="carol"), Mention(who=dave, text="dave"))
    )
    await rig.outlet.deliver(rig.delivery(room, "hello"))
    await rig.outlet.deliver(rig.delivery(room, message, id="b" * 32))
    assert rig.last(room)["content"]["formatted_body"] == (
        '<a href="https://matrix.to/#/@_local_carol:localhost">carol</a> and <a href="https://a.example/dave">dave</a>'
    )
    passed_on = Message(text=Text(plain="news"), post=PostFacts(boosted_by=dave))
    await rig.outlet.deliver(rig.delivery(room, passed_on, id="c" * 32))
    assert '<a href="https://a.example/dave">dave</a> boosted' in rig.last(room)["content"]["formatted_body"]


async def test_a_name_of_somebody_who_is_a_matrix_user_too_rings_for_them(rig: Rig) -> None:
    room = await rig.room()
    dave = Identity(id=IdentityId(LOCAL, "dave"))
    rig.memory.persons[dave.id] = ALICE.id
    message = Message(text=Text(plain="dave!"), mentions=(Mention(who=dave, text="dave"), Mention(who=carol(), text="carol")))
    await rig.outlet.deliver(rig.delivery(room, message))
    content = rig.last(room)["content"]
    assert content["formatted_body"] == '<a href="https://matrix.to/#/@alice:localhost">dave</a>!'
    assert content["m.mentions"] == {"user_ids": ["@alice:localhost"]}


async def test_late_lines_carry_their_true_time_and_none_is_from_the_future(rig: Rig) -> None:
    room = await rig.room()
    await rig.outlet.deliver(rig.delivery(room, "late", happened_at=START - timedelta(hours=3)))
    assert rig.last(room)["origin_server_ts"] == int((START - timedelta(hours=3)).timestamp() * 1000)
    await rig.outlet.deliver(rig.delivery(room, "clock ahead", happened_at=START + timedelta(days=400)))
    assert rig.last(room)["origin_server_ts"] == int(START.timestamp() * 1000)


async def test_trying_again_after_a_lost_answer_sends_nothing_twice(rig: Rig) -> None:
    room = await rig.room()
    delivery = rig.delivery(room, "once")
    await rig.outlet.deliver(rig.delivery(room, "first"))
    rig.hs.faults.drop_after("send", times=2)
    with pytest.raises(Uncertain):
        await rig.outlet.deliver(delivery)
    await rig.outlet.deliver(delivery)
    assert bodies(rig, room) == ["first", "once"]


async def test_a_send_whose_answer_was_lost_is_found_by_its_stamp_after_the_homeserver_forgot_it(rig: Rig) -> None:
    room = await rig.room()
    delivery = rig.delivery(room, "once")
    await rig.outlet.deliver(rig.delivery(room, "first"))
    rig.hs.faults.drop_after("send", times=2)
    with pytest.raises(Uncertain):
        await rig.outlet.deliver(delivery)
    rig.hs.forget_txns()
    for number in range(150):
        rig.hs.say("@alice:localhost", room, f"chatter {number}", ts=int(START.timestamp() * 1000))
    receipt = await rig.outlet.find(delivery)
    assert receipt is not None and receipt.ids == (rig.hs.messages(room)[1]["event_id"],)


async def test_what_never_arrived_is_surely_not_there(rig: Rig) -> None:
    room = await rig.room()
    assert await rig.outlet.find(rig.delivery(room, "never")) is None


async def test_a_look_taken_before_the_last_attempt_is_not_believed(rig: Rig) -> None:
    room = await rig.room()
    delivery = rig.delivery(room, "once")
    await rig.puppets.enter(await rig.puppets.ensure(carol()), room)
    assert await rig.outlet.find(delivery) is None
    rig.hs.faults.drop_after("send", times=2)
    with pytest.raises(Uncertain):
        await rig.outlet.deliver(delivery)
    assert await rig.outlet.find(delivery) is not None


async def test_looking_stops_where_people_spoke_before_it_was_accepted(rig: Rig) -> None:
    room = await rig.room()
    for _ in range(250):
        rig.hs.say("@alice:localhost", room, "long ago", ts=int((START - timedelta(days=1)).timestamp() * 1000))
    before = rig.hs.calls["messages"]
    assert await rig.outlet.find(rig.delivery(room, "never")) is None
    assert rig.hs.calls["messages"] == before + 1


async def test_a_homeserver_that_cannot_be_asked_leaves_it_uncertain(rig: Rig) -> None:
    room = await rig.room()
    rig.hs.faults.status(500, "messages")
    with pytest.raises(Uncertain):
        await rig.outlet.find(rig.delivery(room, "x"))


async def test_a_rate_limit_holds_the_message_back_for_the_time_named(rig: Rig) -> None:
    room = await rig.room()
    await rig.outlet.deliver(rig.delivery(room, "first"))
    rig.hs.faults.limit("send", retry_after_ms=2500)
    with pytest.raises(Unavailable) as caught:
        await rig.outlet.deliver(rig.delivery(room, "second"))
    assert caught.value.retry_after == 2.5


async def test_a_room_that_does_not_let_puppets_speak_says_so(rig: Rig) -> None:
    room = await rig.room()
    rig.hs.set_state("@alice:localhost", room, "m.room.power_levels", {"events_default": 50})
    with pytest.raises(Rejected):
        await rig.outlet.deliver(rig.delivery(room, "hello"))


async def test_notices_of_the_bridge_are_the_bots(rig: Rig) -> None:
    room = await rig.room()
    bot = Identity(id=IdentityId(HUB, rig.hs.bot), bot=True)
    body = Message(text=Text(plain="not delivered"), style=Style.NOTICE)
    await rig.outlet.deliver(rig.delivery(room, body, author=bot))
    assert rig.last(room)["sender"] == rig.hs.bot and rig.last(room)["content"]["msgtype"] == "m.notice"


async def test_a_matrix_person_in_another_room_is_named_by_the_bot(rig: Rig) -> None:
    room = await rig.room()
    await rig.outlet.deliver(rig.delivery(room, "hello", author=ALICE))
    assert (rig.last(room)["sender"], rig.last(room)["content"]["body"]) == (rig.hs.bot, "Alice (matrix): hello")


async def test_reactions_are_brought_to_the_set_whatever_was_sent_before(rig: Rig) -> None:
    room = await rig.room()
    message = rig.hs.say("@alice:localhost", room, "hello")

    def live() -> set[str]:
        events = [event for event in rig.hs.events(room) if event["type"] == "m.reaction" and event["content"]]
        return {event["content"]["m.relates_to"]["key"] for event in events}

    async def react(*keys: str) -> None:
        await rig.outlet.deliver(rig.delivery(room, Reactions(target=REF, keys=keys), target=target(message)))

    await react("👍", "🎉")
    assert live() == {"👍", "🎉"}
    await react("🎉", "👀")
    assert live() == {"🎉", "👀"}
    before = len(rig.hs.events(room))
    await react("🎉", "👀")
    assert len(rig.hs.events(room)) == before
    await react()
    assert live() == set()


async def test_a_reaction_to_what_has_no_copy_is_refused(rig: Rig) -> None:
    room = await rig.room()
    with pytest.raises(Rejected):
        await rig.outlet.deliver(rig.delivery(room, Reactions(target=REF, keys=("👍",)), target=target()))


async def test_an_edit_replaces_the_copy_and_nobody_elses(rig: Rig) -> None:
    room = await rig.room()
    (native,) = (await rig.outlet.deliver(rig.delivery(room, "teh"))).ids
    await rig.outlet.deliver(rig.delivery(room, Edit(target=REF, message=said("the")), target=target(native)))
    content = rig.last(room)["content"]
    assert content["m.relates_to"] == {"rel_type": "m.replace", "event_id": native}
    assert content["m.new_content"]["body"] == "the"
    foreign = target("$alices", ours=False)
    with pytest.raises(Rejected):
        await rig.outlet.deliver(rig.delivery(room, Edit(target=REF, message=said("the")), target=foreign))


async def test_the_author_takes_back_every_part_and_a_moderator_by_the_bots_power(rig: Rig) -> None:
    room = await rig.room()
    first = (await rig.outlet.deliver(rig.delivery(room, "one"))).ids[0]
    second = (await rig.outlet.deliver(rig.delivery(room, "two"))).ids[0]
    both = target(first, second)
    await rig.outlet.deliver(rig.delivery(room, Redaction(target=REF, reason="typo"), target=both))
    assert [event["sender"] for event in rig.hs.events(room) if event["type"] == "m.room.redaction"] == [CAROL, CAROL]
    third = (await rig.outlet.deliver(rig.delivery(room, "three"))).ids[0]
    moderator = rig.delivery(room, Redaction(target=REF), target=target(third), author=carol(id="op"))
    with pytest.raises(Rejected, match="may not delete"):
        await rig.outlet.deliver(moderator)
    rig.hs.set_state("@alice:localhost", room, "m.room.power_levels", {"users": {rig.hs.bot: 50}})
    await rig.outlet.deliver(moderator)
    assert rig.last(room)["sender"] == rig.hs.bot


async def test_a_redaction_without_a_copy_is_done(rig: Rig) -> None:
    room = await rig.room()
    assert (await rig.outlet.deliver(rig.delivery(room, Redaction(target=REF), target=target()))).ids == ()


async def test_a_file_is_uploaded_once_however_often_it_is_sent(rig: Rig) -> None:
    room = await rig.room()
    cat = Attachment(source="https://example.org/cat.png", name="cat.png", media=Media.IMAGE, type="image/png")
    rig.shelf.sources[cat.source] = b"cat"
    await rig.outlet.deliver(rig.delivery(room, said("look", cat)))
    await rig.outlet.deliver(rig.delivery(room, said("again", cat)))
    assert rig.shelf.put_in == [("cat.png", b"cat")]
    assert rig.last(room)["content"]["url"] == "mxc://localhost/shelf1"
    sha256 = "77af778b51abd4a3c51c5ddd97204a9c3ae614ebccb75a606c3b6865aed6744e"
    assert rig.memory.files[cat.source] == (Uploaded(mxc="mxc://localhost/shelf1", size=3), sha256)


async def test_a_picture_s_size_is_what_came_not_what_was_claimed(rig: Rig) -> None:
    room = await rig.room()
    cat = Attachment(source="https://example.org/cat.gif", name="cat.gif", media=Media.IMAGE, type="image/gif", size=9, width=1)
    rig.shelf.sources[cat.source] = b"GIF89a\x20\x03\x58\x02\x00\x00\x00"
    for _ in range(2):  # the second time it is known
        await rig.outlet.deliver(rig.delivery(room, said("look", cat)))
        assert rig.last(room)["content"]["info"] == {"mimetype": "image/gif", "size": 13, "w": 800, "h": 600}


async def test_a_file_that_is_gone_or_over_the_cap_goes_as_a_link(rig: Rig) -> None:
    room = await rig.room()
    gone = Attachment(source="https://example.org/gone.png", name="gone.png")
    huge = Attachment(source="https://example.org/huge.png", name="huge.png", size=10**9)
    await rig.outlet.deliver(rig.delivery(room, said("look", gone, huge)))
    assert rig.last(room)["content"]["body"] == f"look\ngone.png: {gone.source}\nhuge.png: {huge.source}"


async def test_a_message_of_several_events_broken_off_goes_on_where_it_stopped(rig: Rig) -> None:
    room = await rig.room()
    files = [Attachment(source=f"mxc://localhost/{number}", name=f"{number}.png", media=Media.IMAGE) for number in range(3)]
    delivery = rig.delivery(room, said("three", *files))
    await rig.puppets.enter(await rig.puppets.ensure(carol()), room)
    rig.hs.faults.drop_after("send", times=2)
    with pytest.raises(Uncertain):
        await rig.outlet.deliver(delivery)
    assert await rig.outlet.find(delivery) is None
    receipt = await rig.outlet.deliver(delivery)
    assert bodies(rig, room) == ["three", "0.png", "1.png", "2.png"] and len(receipt.ids) == 4


async def test_the_rooms_name_is_set_by_the_bot_or_refused_in_words(rig: Rig) -> None:
    room = await rig.room()
    change = rig.delivery(room, ChannelChange(name="Lobby", topic=""))
    with pytest.raises(Rejected, match="may not change"):
        await rig.outlet.deliver(change)
    rig.hs.set_state("@alice:localhost", room, "m.room.power_levels", {"users": {rig.hs.bot: 50}})
    await rig.outlet.deliver(change)
    assert rig.hs.state(room, "m.room.name") == {"name": "Lobby", STAMP: rig.last(room)["content"][STAMP]}


async def test_a_new_profile_renames_a_known_puppet_and_makes_no_new_one(rig: Rig) -> None:
    room = await rig.room()
    change = ProfileChange(who=carol().id, profile=Profile(name="Caroline"))
    await rig.outlet.deliver(rig.delivery(room, change))
    assert CAROL not in rig.hs.world.users
    await rig.outlet.deliver(rig.delivery(room, "hello"))
    await rig.outlet.deliver(rig.delivery(room, change))
    assert rig.hs.world.users[CAROL]["displayname"] == "Caroline (local)"


async def test_signals_are_for_puppets_that_are_there_and_their_failures_for_nobody(rig: Rig) -> None:
    room = await rig.room()
    channel = ChannelId(HUB, room)
    await rig.outlet.send_signal(Typing(channel=channel, who=carol().id, active=True))
    assert CAROL not in rig.hs.world.users
    (native,) = (await rig.outlet.deliver(rig.delivery(room, "hello"))).ids
    await rig.outlet.send_signal(Typing(channel=channel, who=carol().id, active=True))
    assert list(rig.hs.typing[room]) == [CAROL]
    key = EventKey(LOCAL, "m9")
    rig.memory.copied[key, channel] = [Copy(event=key, channel=channel, id=native, at=START)]
    await rig.outlet.send_signal(ReadMark(channel=channel, who=carol().id, event=key))
    assert rig.hs.receipts == [(room, CAROL, native)]
    await rig.outlet.send_signal(Presence(who=carol().id, availability=Availability.AWAY, status="tea"))
    assert rig.hs.presence[CAROL] == {"presence": "unavailable", "status_msg": "tea"}
    rig.hs.faults.status(500, "typing")
    await rig.outlet.send_signal(Typing(channel=channel, who=carol().id, active=False))


async def test_a_ledger_that_cannot_be_used_holds_the_message_back(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    room = await rig.room()

    async def full(user: str) -> None:
        raise LedgerUnavailable("disk full")

    monkeypatch.setattr(rig.memory, "puppet", full)
    with pytest.raises(Unavailable):
        await rig.outlet.deliver(rig.delivery(room, "hello"))


async def test_two_rooms_do_not_wait_for_each_other(rig: Rig) -> None:
    slow, quick = await rig.room(), await rig.room()
    await rig.outlet.deliver(rig.delivery(slow, "0"))
    await rig.outlet.deliver(rig.delivery(quick, "0"))
    rig.hs.faults.hang("send")
    waiting = asyncio.create_task(rig.outlet.deliver(rig.delivery(slow, "1")))
    while rig.hs.faults.armed:
        await asyncio.sleep(0)
    await rig.outlet.deliver(rig.delivery(quick, "1"))
    assert bodies(rig, quick) == ["0", "1"] and not waiting.done()
    rig.hs.faults.release()
    await waiting


def test_the_outlet_is_what_the_courier_expects(rig: Rig) -> None:
    features = rig.outlet.features(ChannelId(HUB, "!r"))
    assert isinstance(rig.outlet, Reconciles) and isinstance(rig.outlet, Signals)
    assert features.limits.in_flight == 1 and features.limits.joins and features.level(Feature.WARNING) is Level.NATIVE
    assert Target(event=EventKey(HUB, "$x")).ours
