"""Who of ours is in a room, under which nick, and what keeps them out."""

import asyncio

import pytest

from bridge.contract.errors import Rejected, Unavailable
from bridge.contract.features import Voice, VoiceKind
from bridge.model.events import Membership, Move
from bridge.model.ids import IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from bridge.testing import until
from tests.doubles.component_server import HOST, ComponentServer
from tests.unit.xmpp.rooms.scene import ALICE, ALICE_JID, CAROL, LOBBY, delivery, scene


async def test_nobody_comes_in_before_they_speak(server: ComponentServer) -> None:
    async with scene(server) as one:
        assert one.nicks() == {"unabridged"}
        await one.say("hello")
        assert one.nicks() == {"unabridged", "alice"}
        assert one.shown() == [("alice", "hello")]


async def test_a_name_is_spelled_as_the_settings_say(server: ComponentServer) -> None:
    async with scene(server, nick_pattern="{name} [m]", nick="the bridge") as one:
        await one.say("hello")
        assert one.nicks() == {"the bridge", "alice [m]"}


@pytest.mark.parametrize("name", ["", " ", "\x02\x03", "a/b@c", "x" * 5000, "\u202ereversed", "two\nlines", "\ud800", "🤷‍♀️" * 80])
async def test_whatever_somebody_is_called_they_can_speak(server: ComponentServer, name: str) -> None:
    async with scene(server) as one:
        await one.say("hello", Identity(id=ALICE.id, profile=Profile(name=name)))
        ((nick, words),) = one.shown()
        assert words == "hello"
        assert nick.strip()


async def test_a_nick_that_somebody_has_is_taken_with_a_number_and_given_back_when_it_is_free(server: ComponentServer) -> None:
    room = server.room("lobby@muc.example.org")
    room.enter("alice")
    async with scene(server) as one:
        await one.say("I am the other one")
        assert one.shown() == [("alice (2)", "I am the other one")]
        room.leave("alice")
        await until(lambda: "alice" in one.nicks())
        await one.say("and now myself")
        assert one.shown()[-1] == ("alice", "and now myself")
        assert "alice (2)" not in room.occupants


async def test_a_nick_taken_in_the_same_moment_costs_no_message(server: ComponentServer) -> None:
    room = server.room("lobby@muc.example.org")
    async with scene(server) as one:
        send, room._send = room._send, lambda element: None  # type: ignore[method-assign]
        room.enter("alice")  # our listener does not see it yet
        room._send = send  # type: ignore[method-assign]
        await one.say("hello")
        assert one.shown() == [("alice (2)", "hello")]


async def test_two_of_the_same_name_are_two(server: ComponentServer) -> None:
    async with scene(server) as one:
        await asyncio.gather(one.say("one"), one.say("two", Identity(id=CAROL.id, profile=Profile(name="alice"))))
        assert sorted(one.nicks()) == ["alice", "alice (2)", "unabridged"]
        assert one.shown() == [("alice", "one"), ("alice (2)", "two")]


async def test_a_new_name_is_a_new_nick_of_the_same_occupant(server: ComponentServer) -> None:
    async with scene(server) as one:
        await one.say("hello")
        await one.say("hello again", Identity(id=ALICE.id, profile=Profile(name="alice the great")))
        assert one.shown()[-1] == ("alice the great", "hello again")
        assert one.nicks() == {"unabridged", "alice the great"}
        assert one.moves() == []


async def test_who_is_renamed_bears_the_mark_of_their_network_at_once(server: ComponentServer) -> None:
    bob = Identity(id=IdentityId(NetworkName("irc"), "bob"), profile=Profile(name="bob"))
    bobby = Identity(id=bob.id, profile=Profile(name="bobby"))
    async with scene(server) as one:
        await one.adapter.deliver(delivery("hello", bob, voice=Voice(kind=VoiceKind.PUPPET, name="bob [irc]")))
        renamed = delivery(Membership(who=bobby, move=Move.RENAME), bobby, voice=Voice(kind=VoiceKind.PUPPET, name="bobby [irc]"))
        await one.adapter.deliver(renamed)
        await until(lambda: one.nicks() == {"unabridged", "bobby [irc]"})
        assert not [stanza for stanza in server.seen if stanza.get("to", "").endswith("/bobby")]


async def test_a_new_name_that_somebody_has_is_not_asked_for_again_and_again(server: ComponentServer) -> None:
    server.room("lobby@muc.example.org").enter("bob")
    renamed = Identity(id=ALICE.id, profile=Profile(name="bob"))
    async with scene(server) as one:
        await one.say("hello")
        for _ in range(3):
            await one.say("still me", renamed)
        assert {nick for nick, _ in one.shown()} == {"alice"}
        asked = [stanza for stanza in server.seen if stanza.get("to") == "lobby@muc.example.org/bob"]
        assert len(asked) == 0


async def test_who_is_banned_is_told_so_and_the_others_speak_on(server: ComponentServer) -> None:
    room = server.room("lobby@muc.example.org")
    room.affiliations[ALICE_JID] = "outcast"
    async with scene(server) as one:
        for _ in range(2):
            with pytest.raises(Rejected, match="banned"):
                await one.say("let me in")
        await one.say("I may", CAROL)
        assert one.shown() == [("carol", "I may")]
        joins = [stanza for stanza in server.seen if stanza.get("from", "").startswith(ALICE_JID)]
        assert len(joins) == 1, "a room that refuses is not asked with every message"


async def test_a_ban_that_was_lifted_is_noticed(server: ComponentServer) -> None:
    room = server.room("lobby@muc.example.org")
    room.affiliations[ALICE_JID] = "outcast"
    async with scene(server) as one:
        with pytest.raises(Rejected):
            await one.say("let me in")
        room.affiliations.clear()
        await one.clock.advance(601)
        await one.say("thank you")


async def test_a_room_that_will_not_have_us_says_why(server: ComponentServer) -> None:
    room = server.room("lobby@muc.example.org")
    async with scene(server, opened=False) as one:
        room.members_only = True
        assert "members only" in ((await one.open()).error or "")
        room.members_only = False
        room.password = "sesame"
        assert "password" in ((await one.open()).error or "")
        with pytest.raises(Rejected, match="password"):
            await one.say("hello?")
        room.password = None
        assert (await one.open()).error is None
        await one.say("hello!")


async def test_a_password_out_of_the_settings_opens_the_room_for_all_of_us(server: ComponentServer) -> None:
    server.room("lobby@muc.example.org").password = "sesame"
    async with scene(server, room_keys={"lobby@muc.example.org": "sesame"}) as one:
        await one.say("hello")


async def test_what_is_said_behind_somebody_who_is_coming_in_does_not_overtake_them(server: ComponentServer) -> None:
    room = server.room("lobby@muc.example.org")
    async with scene(server) as one:
        await one.say("first", CAROL)
        held = []
        presence = room.presence
        room.presence = held.append  # type: ignore[method-assign, assignment]
        calls = [asyncio.ensure_future(one.say("second")), asyncio.ensure_future(one.say("third", CAROL))]
        await until(lambda: held)
        assert one.shown() == [("carol", "first")]
        room.presence = presence  # type: ignore[method-assign]
        for stanza in held:
            presence(stanza)
        await asyncio.gather(*calls)
        assert one.shown() == [("carol", "first"), ("alice", "second"), ("carol", "third")]


async def test_a_join_that_nobody_answers_holds_nobody_up_for_ever(server: ComponentServer) -> None:
    room = server.room("lobby@muc.example.org")
    async with scene(server) as one:
        room.presence = lambda stanza: None  # type: ignore[method-assign]
        calls = [asyncio.ensure_future(one.say("hello")), asyncio.ensure_future(one.say("hello", CAROL))]
        await asyncio.sleep(0)
        await one.wait(25)
        for call in calls:
            with pytest.raises(Unavailable):
                await call


async def test_who_leaves_on_matrix_leaves_the_room_and_who_is_kicked_there_too(server: ComponentServer) -> None:
    async with scene(server) as one:
        await one.say("hello")
        await one.say("hello", CAROL)
        await one.say(Membership(who=ALICE, move=Move.LEAVE))
        await one.say(Membership(who=CAROL, move=Move.KICK, by=ALICE), ALICE)
        await until(lambda: one.nicks() == {"unabridged"})
        assert one.moves() == []


async def test_who_is_silent_for_long_leaves_and_comes_back_to_speak(server: ComponentServer) -> None:
    async with scene(server, idle_hours=1.0) as one:
        await one.say("hello")
        await one.clock.advance(3700)
        await one.wait(2)
        await until(lambda: one.nicks() == {"unabridged"})
        await one.say("here again")
        assert "alice" in one.nicks()


async def test_a_room_that_is_no_longer_linked_is_left_by_all(server: ComponentServer) -> None:
    async with scene(server) as one:
        await one.say("hello")
        await one.adapter.close(LOBBY)
        await until(lambda: not one.nicks())


async def test_stopping_leaves_nobody_behind_in_rooms(server: ComponentServer) -> None:
    server.forgets = False
    async with scene(server) as one:
        await one.say("hello")
    await until(lambda: not server.connections)
    assert not [nick for nick, who in one.room.occupants.items() if f"@{HOST}/" in who.jid]
