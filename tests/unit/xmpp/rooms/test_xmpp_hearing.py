"""What people in a room say and do is heard once, by who did it, and nobody can pass for another."""

from xml.etree.ElementTree import fromstring

import pytest

from adapters.xmpp.rooms import people, reading
from adapters.xmpp.rooms.participant import REFUSED_SECONDS
from bridge.contract.errors import Rejected
from bridge.model.events import ChannelChange, Edit, Membership, Message, Move, Origin, Redaction
from bridge.model.ids import IdentityId
from bridge.testing import until
from tests.doubles.component_server import HOST, ComponentServer
from tests.unit.xmpp.rooms.scene import ALICE, ALICE_JID, CAROL, LOBBY, NET, scene

ROOM = LOBBY.id


async def test_with_many_of_us_in_a_room_each_message_is_read_once(server: ComponentServer, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    read = 0
    before = reading.read_message

    def counted(element):  # type: ignore[no-untyped-def]
        nonlocal read
        read += 1
        return before(element)

    async with scene(server) as one:
        one.room.enter("bob")
        await one.say("hello")
        await one.say("hello", CAROL)
        monkeypatch.setattr(reading, "read_message", counted)
        one.room.say("bob", "hello you two")
        await one.heard_all()
        assert one.said() == ["hello you two"]
        assert read == 2


async def test_joins_leaves_and_new_nicks_are_of_the_same_person(server: ComponentServer) -> None:
    async with scene(server) as one:
        one.room.enter("bob")
        one.room.say("bob", "as bob")
        one.room.rename("bob", "robert")
        one.room.say("robert", "as robert")
        one.room.leave("robert")
        await one.heard_all()
        assert one.moves() == [("join", "bob"), ("rename", "robert"), ("leave", "robert")]
        assert len({event.author.id for event in one.inlet.events if event.author.name in ("bob", "robert")}) == 1
        assert [event.author.name for event in one.of(Message)][:2] == ["bob", "robert"]


async def test_without_occupant_ids_a_new_nick_still_takes_the_person_along(server: ComponentServer) -> None:
    server.service.offers_occupant_ids = False
    async with scene(server) as one:
        one.room.enter("bob")
        one.room.say("bob", "as bob")
        one.room.rename("bob", "robert")
        one.room.say("robert", "as robert")
        await one.heard_all()
        assert [event.author.id for event in one.of(Message)][:2] == [IdentityId(NET, f"{ROOM}/bob")] * 2


async def test_a_room_that_shows_addresses_knows_people_by_them_and_an_anonymous_one_never_does(server: ComponentServer) -> None:
    room = server.room(ROOM)
    room.moderators.add("unabridged")  # to whom an anonymous room shows them, too
    for anonymous, shown in ((True, False), (False, True)):
        room.anonymous = anonymous
        async with scene(server) as one:
            room.enter("bob", "bob@example.org/home")
            room.say("bob", "hello")
            await one.heard_all()
            assert (one.of(Message)[0].author.id.id == "bob@example.org") is shown
            assert ("bob@example.org" in repr(one.inlet.events)) is shown
        room.leave("bob")


async def test_a_kick_of_one_of_ours_is_theirs_on_matrix_and_they_speak_again_when_they_have_come_back(
    server: ComponentServer,
) -> None:
    async with scene(server) as one:
        one.room.enter("mod", role="moderator")
        await one.say("hello")
        one.room.leave("alice", {"307"}, reason="calm down", actor="mod")
        await one.heard_all()
        (event,) = [event for event in one.of(Membership) if event.body.move is Move.KICK]  # type: ignore[union-attr]
        assert isinstance(event.body, Membership)
        assert event.body.who.id == ALICE.id
        assert event.body.by is not None
        assert event.body.by.name == event.author.name == "mod"
        assert event.body.reason == "calm down"
        with pytest.raises(Rejected, match="kicked from the room by mod: calm down"):
            await one.say("I am not")
        await one.say(Membership(who=ALICE, move=Move.JOIN))
        await one.say("I am calm")
        assert one.shown()[-1] == ("alice", "I am calm")


async def test_a_kick_is_over_after_a_while(server: ComponentServer) -> None:
    async with scene(server) as one:
        await one.say("hello")
        one.room.leave("alice", {"307"})
        await one.heard_all()
        await one.clock.advance(REFUSED_SECONDS + 1)
        await one.say("I am calm")
        assert one.shown()[-1] == ("alice", "I am calm")


async def test_where_kicks_stay_where_they_are_they_are_only_told(server: ComponentServer) -> None:
    """Nobody is taken out of the Matrix room, and nobody is brought back into the MUC by their next words."""
    async with scene(server, kicks_reach_matrix=False, show_joins=False) as one:
        one.room.enter("mod", role="moderator")
        one.room.enter("bob")
        await one.say("hello")
        await one.say("hello", CAROL)
        one.room.leave("alice", {"307"}, reason="calm down", actor="mod")
        one.room.leave("carol", {"301"})
        one.room.leave("bob", {"307"}, actor="mod")
        await one.heard_all()
        assert one.moves() == [("kick", "bob")]
        assert one.said() == ["alice was kicked there by mod: calm down", "carol was banned there"]
        assert all(event.author.bot for event in one.of(Message)[:2])
        for who in (ALICE, CAROL):
            with pytest.raises(Rejected):
                await one.say("I am still here", who)


async def test_kicks_and_bans_of_others_say_who_and_by_whom(server: ComponentServer) -> None:
    async with scene(server, show_joins=False) as one:
        one.room.enter("mod", role="moderator")
        one.room.enter("eve")
        one.room.enter("mallory")
        one.room.leave("eve", {"307"}, actor="mod")
        one.room.leave("mallory", {"301"})
        await one.heard_all()
        assert one.moves() == [("kick", "eve"), ("ban", "mallory")]


async def test_who_fell_out_by_a_fault_of_the_server_was_not_kicked(server: ComponentServer) -> None:
    async with scene(server) as one:
        one.room.enter("bob")
        one.room.leave("bob", {"307", "333"})
        await one.heard_all()
        assert one.moves() == [("join", "bob"), ("leave", "bob")]


async def test_who_was_there_before_us_did_not_come_just_now(server: ComponentServer) -> None:
    server.room(ROOM).enter("bob")
    async with scene(server) as one:
        await one.heard_all()
        assert one.moves() == []


async def test_our_own_comings_and_goings_are_no_news(server: ComponentServer) -> None:
    async with scene(server) as one:
        await one.say("hello")
        await one.say(Membership(who=ALICE, move=Move.LEAVE))
        await one.heard_all()
        assert one.moves() == []


async def test_what_we_say_does_not_come_back_as_news(server: ComponentServer) -> None:
    async with scene(server) as one:
        for number in range(20):
            await one.say(f"line {number}")
        await one.heard_all()
        assert one.said() == []


async def test_what_another_sends_with_an_id_or_a_mark_of_ours_is_theirs(server: ComponentServer) -> None:
    async with scene(server) as one:
        one.room.enter("eve")
        await one.say("hello")
        one.room.say("eve", "I am alice", id=f"{'0' * 32}.{'01234' * 4}")
        one.room.say("eve", "me too", id="1" * 32)
        await one.heard_all()
        assert one.said() == ["I am alice", "me too"]
        assert {event.author.name for event in one.of(Message)} == {"eve", "witness"}
        assert not one.inlet.proofs


async def test_who_copies_our_mark_can_only_be_taken_for_what_they_copied(server: ComponentServer) -> None:
    async with scene(server) as one:
        one.room.enter("eve")
        await one.say("hello")
        (_, _, original) = one.room.archive[-1]
        mark = original.get("id", "").partition(".")[2]
        assert mark
        one.room.say("eve", "with another id", id=f"{'2' * 32}.{mark}")
        await one.heard_all()
        assert one.said() == ["with another id"]


async def test_an_occupant_cannot_date_what_it_says_nor_speak_for_the_room(server: ComponentServer) -> None:
    delay = f"<delay xmlns='urn:xmpp:delay' stamp='2001-01-01T00:00:00Z' from='{ROOM}'/>"
    moderated = "<retract xmlns='urn:xmpp:message-retract:1' id='s1'><moderated xmlns='urn:xmpp:message-moderate:1'/></retract>"
    async with scene(server) as one:
        one.room.enter("eve")
        one.room.say("eve", "long ago", more=delay)
        one.room.say("eve", "", more=moderated)
        await one.heard_all()
        (event,) = [event for event in one.of(Message) if event.author.name == "eve"]
        assert event.happened_at.year > 2001
        assert event.origin is Origin.LIVE
        assert not one.of(Redaction)


async def test_the_room_takes_messages_back_for_its_moderators(server: ComponentServer) -> None:
    room = server.room(ROOM)
    room.moderates = "urn:xmpp:message-moderate:1"
    async with scene(server) as one:
        room.enter("eve")
        id = room.say("eve", "buy now")
        room.moderate(id)
        await one.heard_all()
        (event,) = one.of(Redaction)
        assert isinstance(event.body, Redaction)
        assert event.body.target.key == one.of(Message)[0].key


async def test_corrections_point_at_what_their_own_author_said(server: ComponentServer) -> None:
    replace = "<replace xmlns='urn:xmpp:message-correct:0' id='m1'/>"
    async with scene(server) as one:
        one.room.enter("bob")
        one.room.enter("eve")
        one.room.say("bob", "tea", id="m1")
        one.room.say("bob", "coffee", id="m2", more=replace)
        one.room.say("eve", "poison", id="m3", more=replace)
        await one.heard_all()
        first = one.of(Message)[0]
        targets = [event.body.target.key.id for event in one.of(Edit)]  # type: ignore[union-attr]
        assert targets[0] in (first.key.id, *first.aliases)
        assert targets[1] not in (first.key.id, *first.aliases)


async def test_a_topic_is_told_once_however_often_we_come_in(server: ComponentServer) -> None:
    server.room(ROOM).subject = "tea & <cake>"
    async with scene(server) as one:
        await one.heard_all()
        await one.cut()
        await one.connect()
        assert (await one.open()).topic == "tea & <cake>"
        await one.heard_all()
        assert [event.body.topic for event in one.of(ChannelChange)] == ["tea & <cake>"]  # type: ignore[union-attr]
        one.room.say("witness", more="<subject>cake</subject>")
        await one.heard_all()
        assert [event.body.topic for event in one.of(ChannelChange)] == ["tea & <cake>", "cake"]  # type: ignore[union-attr]


async def test_a_room_without_a_topic_does_not_clear_ours(server: ComponentServer) -> None:
    async with scene(server) as one:
        await one.heard_all()
        assert not one.of(ChannelChange)


async def test_private_messages_in_a_room_reach_no_room_and_their_author_is_told(server: ComponentServer) -> None:
    async with scene(server) as one:
        one.room.enter("eve")
        await one.say("hello")
        server.send(
            f"<message type='chat' id='p1' from='{ROOM}/eve' to='{ALICE_JID}/unabridged'><body>psst</body></message>",
            f"<message type='chat' from='{ROOM}/eve' to='{ALICE_JID}/unabridged'><active xmlns='x'/></message>",
        )
        await one.heard_all()
        assert one.said() == []
        await until(lambda: [stanza for stanza in server.said() if stanza.get("type") == "error"])
        (answer,) = [stanza for stanza in server.said() if stanza.get("type") == "error"]
        assert (answer.get("to"), answer.get("id")) == (f"{ROOM}/eve", "p1")


async def test_a_message_of_a_room_we_are_not_in_goes_nowhere(server: ComponentServer) -> None:
    async with scene(server) as one:
        server.send(
            f"<message type='groupchat' from='other@muc.example.org/bob' to='bridge@{HOST}/unabridged'><body>x</body></message>"
        )
        await one.heard_all()
        assert one.said() == []


async def test_hostile_stanzas_of_a_room_stop_nothing(server: ComponentServer) -> None:
    me = f"bridge@{HOST}/unabridged"
    async with scene(server) as one:
        for odd in (
            f"<presence from='{ROOM}/x' to='{me}'><x xmlns='http://jabber.org/protocol/muc#user'/></presence>",
            f"<presence from='{ROOM}/x' to='{me}' type='unavailable'><x xmlns='http://jabber.org/protocol/muc#user'>"
            "<status code='303'/><item/></x></presence>",
            f"<presence from='{ROOM}/x' to='{me}' type='strange'/>",
            f"<presence from='{ROOM}/x' to='{me}'><x xmlns='http://jabber.org/protocol/muc#user'><status code='nan'/>"
            "<item jid='@@@' role='emperor' affiliation=''/></x></presence>",
            f"<presence from='{ROOM}' to='{me}' type='error'/>",
            f"<message type='groupchat' from='{ROOM}/' to='{me}'><body>nobody</body></message>",
            f"<message type='groupchat' from='{ROOM}/ghost' to='{me}'/>",
            f"<message type='error' from='{ROOM}' to='{me}' id='nothing'/>",
            f"<message from='{ROOM}' to='{me}'><result xmlns='urn:xmpp:mam:2' id='x' queryid='q1'/></message>",
            f"<iq type='result' from='{ROOM}' to='{me}' id='?'/>",
        ):
            server.send(fromstring(odd))
        one.room.enter("bob")
        one.room.say("bob", "still there?")
        await one.heard_all()
        assert "still there?" in one.said()
        await one.say("yes")


async def test_a_room_fuller_than_we_keep_tells_of_nobody_twice(server: ComponentServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "MOST", 20)
    async with scene(server) as one:
        for _ in range(3):
            for number in range(50):
                one.room.enter(f"guest{number}")
        await one.heard_all()
        assert len(one.moves()) == len(set(one.moves())) <= 20
        one.room.say("guest49", "heard all the same")
        await one.heard_all()
        assert "heard all the same" in one.said()
