"""Rooms that somebody is in with an account of their own: one occupant, who they are, and nothing lost or told twice."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.contract.adapter import ChannelInfo
from bridge.contract.delivery import Delivery, Target
from bridge.contract.errors import Rejected, Unavailable
from bridge.contract.features import Evidence, Feature, Level, VoiceKind
from bridge.model.events import Event, Message, Reactions, Ref, Style
from bridge.model.ids import HUB, ChannelId, IdentityId
from bridge.model.signals import Moderators, Presence
from bridge.testing import until
from tests.doubles.account_server import JID, MUC
from tests.doubles.muc_room import Room
from tests.unit.xmpp.accounts.stage import NET, OWNER, Stage, carbon, delivery, playing, said

ROOM = f"tea@{MUC}"
TEA = ChannelId(NET, f"joined/{ROOM}@me")
BOB = "bob@elsewhere.net/home"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with playing() as one:
        yield one


async def come_in(stage: Stage) -> Room:
    await stage.start()
    room = stage.server.rooms.room(ROOM)
    info = await enter(stage)
    assert info.error is None, info.error
    return room


async def enter(stage: Stage) -> ChannelInfo:
    (info,) = await stage.crew.open(TEA)
    return info


def heard(stage: Stage) -> list[Event]:
    return [event for event in stage.inlet.events if isinstance(event.body, Message)]


def out(id: str, body: Any, **more: Any) -> Delivery:
    return replace(delivery(id, body, channel=TEA), **more)


async def test_what_is_said_comes_into_the_owner_s_own_room(stage: Stage) -> None:
    room = await come_in(stage)
    room.enter("bob", BOB)
    room.say("bob", "tea is ready")
    await until(lambda: bool(heard(stage)))
    (event,) = heard(stage)
    assert event.channel == TEA
    assert event.author.name == "bob" and event.author.id.id.startswith(f"{ROOM}#")
    assert list(room.occupants) == ["juliet", "bob"]


async def test_two_accounts_in_one_room_each_hear_it(stage: Stage) -> None:
    """Neither's copy is taken for the other's: each has a room of its own."""
    room = await come_in(stage)
    room.enter("bob", BOB)
    room.say("bob", "for everybody")
    await until(lambda: bool(heard(stage)))
    (event,) = heard(stage)
    assert event.key.id.startswith(f"{JID}&{ROOM}!")


async def test_what_its_owner_writes_is_said_by_them_and_proven_by_the_room(stage: Stage) -> None:
    room = await come_in(stage)
    room.enter("bob", BOB)
    receipt = await stage.crew.deliver(out("a", "coming"))
    assert receipt.evidence is Evidence.ECHOED
    assert [(one[2].get("from"), one[2].findtext("{*}body")) for one in room.archive] == [(f"{ROOM}/juliet", "coming")]
    room.say("bob", "good", id="g1")
    await until(lambda: bool(heard(stage)))
    assert [event.body.text.plain for event in heard(stage) if isinstance(event.body, Message)] == ["good"]
    key = heard(stage)[0].key
    liked = out("b", Reactions(target=Ref(key=key), keys=("👍",)), target=Target(event=key, ids=(key.id,), ours=False))
    await stage.crew.deliver(liked)
    shown = room.archive[-1][2].find("{urn:xmpp:reactions:0}reactions")
    assert shown is not None and shown.get("id") == room.archive[-2][0]


async def test_nobody_but_its_owner_writes_with_it(stage: Stage) -> None:
    await come_in(stage)
    with pytest.raises(Rejected, match="only its owner"):
        await stage.crew.deliver(replace(delivery("a", "hello", channel=TEA, author="@eve:matrix.org")))


async def test_what_the_owner_says_with_another_client_is_theirs(stage: Stage) -> None:
    room = await come_in(stage)
    room.say("juliet", "from my phone", id="phone-1")
    await until(lambda: bool(heard(stage)))
    assert heard(stage)[0].author.id == IdentityId(NET, JID)


async def nothing_is_lost_over_a_fall(stage: Stage, room: Room) -> None:
    """After "one"."""
    await stage.fall()
    room.throw_out(JID)
    room.say("bob", "two")
    await stage.start()
    await enter(stage)
    room.say("bob", "three")
    await until(lambda: "three" in stage.texts())
    assert stage.texts() == ["one", "two", "three"]


async def test_what_was_said_while_the_bridge_was_away_comes_once_and_first(stage: Stage) -> None:
    room = await come_in(stage)
    room.enter("bob", BOB)
    room.say("bob", "one")
    await stage.crew.deliver(out("a", "mine"))
    await stage.clock.advance(2)
    await until(lambda: bool(stage.inlet.cursors))
    await stage.settled()
    await nothing_is_lost_over_a_fall(stage, room)


async def test_a_crash_right_after_coming_in_loses_nothing_said_since(stage: Stage) -> None:
    """How far it was read is on disk from the first moment on, not a second later."""
    room = await come_in(stage)
    room.enter("bob", BOB)
    room.say("bob", "one")
    await until(lambda: stage.texts() == ["one"])
    await nothing_is_lost_over_a_fall(stage, room)


async def test_what_was_not_proven_before_a_crash_is_found_in_the_room(stage: Stage) -> None:
    room = await come_in(stage)
    one = out("a", "did it arrive?")
    await stage.crew.deliver(one)
    lost = out("b", "this never left")
    await stage.fall()
    room.throw_out(JID)
    await stage.start()
    await enter(stage)
    found = await stage.crew.find(one)
    assert found is not None and found.evidence is Evidence.ECHOED
    assert await stage.crew.find(lost) is None
    assert stage.texts() == []


async def test_a_session_that_goes_on_stays_in_the_room(stage: Stage) -> None:
    room = await come_in(stage)
    room.enter("bob", BOB)
    stage.server.cut()
    room.say("bob", "while the line was cut")
    await stage.again()
    assert (await enter(stage)).error is None
    room.say("bob", "and after")
    await until(lambda: len(heard(stage)) == 2)
    assert stage.texts() == ["while the line was cut", "and after"]
    joins = [one for one in stage.server.seen if one.tag.endswith("}presence") and (one.get("to") or "").startswith(ROOM)]
    assert len(joins) == 1


async def test_a_message_is_acknowledged_to_the_server_when_the_ledger_has_it(stage: Stage) -> None:
    room = await come_in(stage)
    room.enter("bob", BOB)
    await stage.settled()
    stage.inlet.shut()
    room.say("bob", "not on disk yet")
    stage.server.ask()
    await until(lambda: any("not on disk yet" in one for one in stage.server.owed()))
    told = stage.server.told
    stage.server.ask()
    await until(lambda: stage.server.told > told)
    assert any("not on disk yet" in one for one in stage.server.owed())
    stage.inlet.unshut()
    await stage.clock.advance(2)
    await stage.settled()
    assert stage.texts() == ["not on disk yet"]


async def test_why_it_is_not_in_is_said_in_words(stage: Stage) -> None:
    await stage.start()
    stage.server.rooms.room(ROOM).affiliations[JID] = "outcast"
    info = await enter(stage)
    assert info.error is not None and "banned" in info.error
    with pytest.raises(Rejected, match="you are not in the room: banned"):
        await stage.crew.deliver(out("a", "hello"))


async def test_its_nick_is_taken_with_a_number_where_somebody_has_it(stage: Stage) -> None:
    await stage.start()
    room = stage.server.rooms.room(ROOM)
    room.enter("juliet", "other@elsewhere.net/x")
    assert (await enter(stage)).error is None
    assert set(room.occupants) == {"juliet", "juliet (2)"}


async def test_a_closed_room_is_left(stage: Stage) -> None:
    room = await come_in(stage)
    await stage.crew.close(TEA)
    await until(lambda: not room.occupants)
    with pytest.raises(Unavailable):
        await stage.crew.deliver(out("a", "hello"))


async def test_the_presence_of_occupants_is_nobody_s_contact_s(stage: Stage) -> None:
    room = await come_in(stage)
    room.enter("bob", BOB)
    room.say("bob", "hello")
    await until(lambda: bool(heard(stage)))
    assert "xmpp_odd_stanzas presence-of-strangers" not in stage.metrics.counts


async def test_what_it_can_carry(stage: Stage) -> None:
    await come_in(stage)
    features = stage.crew.features(TEA)
    assert (features.evidence, features.voice) == (Evidence.ECHOED, VoiceKind.NAME)
    assert features.levels[Feature.READ] is Level.DROPPED, "a room shows nobody who has read what"


async def test_an_old_login_is_told_to_log_in_again(stage: Stage) -> None:
    stage.logins.logins["me"] = replace(stage.logins.logins["me"], secrets={"password": "wherefore"})
    await stage.start()
    info = await enter(stage)
    assert info.error is not None and "say `login jabber` again" in info.error


async def test_somebody_s_forged_mark_is_no_proof(stage: Stage) -> None:
    room = await come_in(stage)
    room.enter("bob", BOB)
    room.say("bob", "I am juliet's", id=f"{'c' * 32}.{'0' * 20}")
    await until(lambda: bool(heard(stage)))
    assert not stage.inlet.proofs
    assert heard(stage)[0].author.name == "bob"


async def test_who_is_thrown_out_is_told_and_does_not_push_in_again(stage: Stage) -> None:
    room = await come_in(stage)
    room.enter("bob", BOB)
    room.leave("juliet", {"307"}, reason="sleep well", actor="bob")
    await until(lambda: bool(stage.texts()))
    (text,) = stage.texts()
    assert text.startswith("You are out: kicked from the room by bob: sleep well.") and f"join {ROOM}" in text
    await enter(stage)
    await stage.clock.advance(4000)
    await stage.settled()
    assert list(room.occupants) == ["bob"]
    with pytest.raises(Rejected, match="you are not in the room: kicked"):
        await stage.crew.deliver(out("a", "hello?"))
    account = stage.crew.account("me")
    assert account is not None
    assert (await account.enter(TEA, asked=True)).error is None
    assert set(room.occupants) == {"bob", "juliet"}


async def test_a_room_that_was_destroyed_is_not_made_again_by_coming_back(stage: Stage) -> None:
    room = await come_in(stage)
    room.destroy("we moved", moved_to=f"coffee@{MUC}")
    await until(lambda: bool(stage.texts()))
    assert f"the room was closed: we moved; it goes on at coffee@{MUC}." in stage.texts()[0]
    await enter(stage)
    await stage.clock.advance(4000)
    await stage.settled()
    assert not room.occupants


async def test_who_takes_the_owner_s_old_nick_is_not_taken_for_them(stage: Stage) -> None:
    room = await come_in(stage)
    room.rename("juliet", "Jules")
    room.enter("juliet", BOB)
    room.say("juliet", "I am she")
    room.say("Jules", "no, I am", id="phone-1")
    await until(lambda: len(heard(stage)) == 2)
    other, own = heard(stage)
    assert own.author.id == IdentityId(NET, JID)
    assert other.author.id.id.startswith(f"{ROOM}#")


def alone(words: str, *, more: str = "") -> str:
    """From bob, in the room."""
    mark = "<x xmlns='http://jabber.org/protocol/muc#user'/>"
    return said(words, "p1", sender=f"{ROOM}/bob", more=mark + more, stanza_id="kept-1")


async def test_what_is_said_to_its_owner_alone_is_shown_in_the_room_as_that(stage: Stage) -> None:
    stage.linking.channels.append(TEA)
    room = await come_in(stage)
    room.enter("bob", BOB)
    room.say("bob", "to all")
    stage.server.send(alone("<psst>".replace("<", "&lt;")))
    await until(lambda: len(heard(stage)) == 2)
    (aside,) = [event for event in heard(stage) if isinstance(event.body, Message) and event.body.style is Style.NOTICE]
    (other,) = [event for event in heard(stage) if event is not aside]
    assert isinstance(aside.body, Message)
    assert (aside.channel, aside.author, aside.body.text.plain) == (TEA, other.author, "(to you alone) <psst>")
    assert not any("error" in (one.get("type") or "") for one in stage.server.messages())


async def test_an_aside_out_of_the_archive_is_the_same_one(stage: Stage) -> None:
    stage.linking.channels.append(TEA)
    room = await come_in(stage)
    room.enter("bob", BOB)
    stage.server.archive.append(("kept-1", alone("psst"), stage.clock.now()))
    stage.server.send(alone("psst"))
    await until(lambda: bool(heard(stage)))
    await stage.fall()
    stage.inlet.cursors.clear()
    await stage.start()
    stage.server.send(said("done", "d1"))
    await until(lambda: "done" in stage.texts())
    assert len({event.key for event in heard(stage) if event.channel == TEA}) == 1


async def test_what_its_owner_says_to_somebody_alone_elsewhere_is_shown_there(stage: Stage) -> None:
    stage.linking.channels.append(TEA)
    await come_in(stage)
    stage.server.send(carbon(said("hush", "p2", sender=f"{JID}/phone", to=f"{ROOM}/bob")))
    await until(lambda: bool(heard(stage)))
    (event,) = heard(stage)
    assert (event.channel, event.author.id, stage.texts()) == (TEA, IdentityId(NET, JID), ["(to bob alone) hush"])


async def test_a_reaction_said_to_one_alone_is_nobody_s_in_the_room(stage: Stage) -> None:
    stage.linking.channels.append(TEA)
    await come_in(stage)
    liked = "<reactions xmlns='urn:xmpp:reactions:0' id='x'><reaction>👍</reaction></reactions>"
    stage.server.send(said("", "p3", sender=f"{ROOM}/bob", more=liked).replace("<body></body>", ""))
    stage.server.send(alone("and this"))
    await until(lambda: bool(heard(stage)))
    assert len(stage.inlet.events) == 1


async def test_who_is_in_a_room_that_was_left_is_no_contact(stage: Stage) -> None:
    """Some programs keep rooms among the contacts."""
    stage.server.roster = [(ROOM, "Tea", "none")]
    room = await come_in(stage)
    room.enter("bob", BOB)
    await stage.settled()
    await stage.crew.close(TEA)
    item = "<x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant'/></x>"
    stage.server.send(f"<presence from='{ROOM}/bob' to='{stage.server.full}'>{item}</presence>")
    await stage.settled()
    await until(lambda: "xmpp_odd_stanzas presence-of-rooms" in stage.metrics.counts)
    assert not [one for one in stage.inlet.signals if isinstance(one, Presence)]


async def test_who_moderates_it_is_told_and_nobody_is_asked_for_more() -> None:
    """Also where its owner could give it: the room is theirs alone."""
    async with playing(grant_moderators=True) as stage:
        room = await come_in(stage)
        room.enter("judge", "judge@elsewhere.net/home", role="moderator")
        mine = next(one for one in room.occupants.values() if one.jid.startswith(JID))
        mine.affiliation = "owner"
        room.rank(mine.nick, "moderator")
        owner, judged = IdentityId(HUB, OWNER), ChannelId(HUB, "!tea:example.org")
        await stage.crew.send_signal(Moderators(channel=TEA, of=judged, who=(owner,)))
        room.say("judge", "order!")
        await until(lambda: bool(heard(stage)))
        await stage.clock.advance(1)
        told = [signal for signal in stage.inlet.signals if isinstance(signal, Moderators)]
        assert [(one.channel, one.of, one.who) for one in told] == [(TEA, TEA, (heard(stage)[0].author.id,))]
        assert room.ranked == []
