"""What becomes of what we say: proven, refused in words, sent again, or looked for; nothing lost, nothing doubled."""

import asyncio

import pytest

from bridge.contract.delivery import Target
from bridge.contract.errors import DeliveryError, Rejected, Unavailable, Uncertain
from bridge.contract.features import Evidence
from bridge.model.events import ChannelChange, Edit, Membership, Message, Move, Origin, Reactions, Redaction, Ref, Text
from bridge.model.ids import IdentityId
from bridge.model.people import Identity
from bridge.model.signals import Typing
from bridge.testing import RecordingInlet, until
from tests.doubles.component_server import HOST, ComponentServer
from tests.doubles.muc_room import named
from tests.unit.xmpp.rooms.scene import ALICE, ALICE_JID, CAROL, LOBBY, NET, delivery, scene

ROOM = LOBBY.id


async def test_what_the_room_shows_is_proven_and_named_as_people_there_name_it(server: ComponentServer) -> None:
    async with scene(server) as one:
        one.room.enter("bob")
        sent = delivery("hello")
        receipt = await one.adapter.deliver(sent)
        assert receipt.evidence is Evidence.ECHOED
        stanza_id, _, _ = one.room.archive[-1]
        assert f"{ROOM}!{stanza_id}" in receipt.ids
        one.room.say(
            "bob", "👍", more=f"<reactions xmlns='urn:xmpp:reactions:0' id='{stanza_id}'><reaction>👍</reaction></reactions>"
        )
        await one.heard_all()
        (event,) = one.of(Reactions)
        assert isinstance(event.body, Reactions)
        assert event.body.target.key.id in receipt.ids


async def test_edits_reactions_and_deletions_are_of_the_same_occupant_and_proven(server: ComponentServer) -> None:
    async with scene(server) as one:
        first = delivery("tea")
        receipt = await one.adapter.deliver(first)
        target, ref = Target(event=first.event, ids=receipt.ids, author=ALICE), Ref(key=first.event, author=ALICE)
        for body, who in (
            (Edit(target=ref, message=Message(text=Text(plain="coffee"))), ALICE),
            (Reactions(target=ref, keys=("☕",)), CAROL),
            (Redaction(target=ref), CAROL),  # a moderator on Matrix: it is taken back by who said it
        ):
            done = await one.say(body, who, target=target)
            assert done.evidence is Evidence.ECHOED
        by = [stanza.get("from", "").partition("@")[0] for stanza in server.said()]
        assert by == ["alice\\3aexample.org", "alice\\3aexample.org", "carol\\3aexample.org", "alice\\3aexample.org"]


async def test_the_topic_is_set_by_who_set_it(server: ComponentServer) -> None:
    async with scene(server) as one:
        await one.say(ChannelChange(topic="tea at four"))
        assert one.room.subject == "tea at four"
        await one.heard_all()
        assert not one.of(ChannelChange)


@pytest.mark.parametrize(
    ("condition", "outcome", "words"),
    [
        ("forbidden", Rejected, "voice"),
        ("not-allowed", Rejected, "does not allow"),
        ("bad-request", Rejected, "."),
        ("item-not-found", Rejected, "."),
        ("resource-constraint", Unavailable, "."),
        ("policy-violation", Unavailable, "."),
        ("remote-server-timeout", Unavailable, "."),
        ("service-unavailable", Unavailable, "."),
        ("not-acceptable", Unavailable, "no longer in"),
    ],
)
async def test_what_a_room_sends_back_says_why_and_the_next_goes_through(
    server: ComponentServer, condition: str, outcome: type[DeliveryError], words: str
) -> None:
    async with scene(server) as one:
        await one.say("hello")
        one.room.refusing.append(condition)
        with pytest.raises(outcome, match=words):
            await one.say("no")
        if condition == "not-acceptable":
            one.room.throw_out(ALICE_JID)
        await one.say("yes")
        assert [text for _, text in one.shown()] == ["hello", "yes"]


async def test_who_fell_out_without_a_word_comes_back_and_says_it_again(server: ComponentServer) -> None:
    async with scene(server) as one:
        await one.say("hello")
        one.room.throw_out(ALICE_JID)
        again = delivery("did I say this?")
        with pytest.raises(Unavailable):
            await one.adapter.deliver(again)
        await one.adapter.deliver(again)
        assert one.shown() == [("alice", "hello"), ("alice", "did I say this?")]


async def test_a_refusal_of_a_stranger_is_not_believed(server: ComponentServer) -> None:
    async with scene(server) as one:
        await one.say("hello")
        one.room.swallowing = True
        sent = delivery("on its way")
        call = asyncio.ensure_future(one.adapter.deliver(sent))
        await until(lambda: len(one.shown()) == 2)
        error = "<error type='cancel'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        server.send(
            f"<message type='error' id='{sent.id}' from='eve@example.org' to='{ALICE_JID}/unabridged'>{error}</message>",
            f"<message type='error' id='{sent.id}' from='{ROOM}' to='carol@{HOST}/unabridged'>{error}</message>",
        )
        await one.heard_all()
        assert not call.done()
        call.cancel()


async def test_what_the_room_does_not_show_is_uncertain_and_then_found(server: ComponentServer) -> None:
    async with scene(server) as one:
        await one.say("hello")
        one.room.swallowing = True
        sent = delivery("is this on?")
        call = asyncio.ensure_future(one.adapter.deliver(sent))
        await until(lambda: len(one.shown()) == 2)
        await one.wait(32)
        with pytest.raises(Uncertain):
            await call
        found = await one.adapter.find(sent)
        assert found is not None
        assert found.evidence is Evidence.ECHOED
        assert await one.adapter.find(delivery("never said")) is None


async def test_who_is_not_in_the_room_any_more_is_noticed_while_waiting(server: ComponentServer) -> None:
    async with scene(server) as one:
        await one.say("hello")
        one.room.throw_out(ALICE_JID)
        one.room.message = lambda stanza: None  # type: ignore[method-assign]  # not even refused
        call = asyncio.ensure_future(one.say("anybody?"))
        await until(lambda: len(server.said()) == 2)
        await one.wait(14)
        await until(lambda: call.done())
        with pytest.raises(Uncertain):
            await call


async def test_a_lost_connection_leaves_what_was_written_in_doubt_and_the_rest_unsent(
    server: ComponentServer,
) -> None:
    async with scene(server) as one:
        await one.say("hello")
        one.room.swallowing = True
        presence, one.room.presence = one.room.presence, lambda stanza: None  # type: ignore[method-assign]
        calls = [asyncio.ensure_future(one.say("written")), asyncio.ensure_future(one.say("waits", CAROL))]
        await until(lambda: len(one.shown()) == 2)
        await one.cut()
        one.room.presence = presence  # type: ignore[method-assign]
        with pytest.raises(Uncertain):
            await calls[0]
        with pytest.raises(Unavailable):
            await calls[1]
        with pytest.raises(Unavailable):
            await one.say("too late")
        assert [text for _, text in one.shown()] == ["hello", "written"]


async def test_after_a_restart_what_arrived_is_proven_and_is_nobodys_news(server: ComponentServer) -> None:
    inlet = RecordingInlet()
    sent = delivery("just before the end")
    async with scene(server, inlet) as one:
        await one.say("hello")
        await one.heard_all()
        await one.wait(2)
        one.room.swallowing = True
        call = asyncio.ensure_future(one.adapter.deliver(sent))
        await until(lambda: len(one.shown()) == 2)
        call.cancel()
    one.room.swallowing = False
    async with scene(server, inlet) as two:
        assert sent.id in inlet.proofs
        assert await two.adapter.find(sent) == inlet.proofs[sent.id]
        await two.heard_all()
        assert two.said() == []


async def test_many_in_doubt_cost_one_look_at_the_archive(server: ComponentServer) -> None:
    lost = [delivery(f"line {number}") for number in range(50)]
    async with scene(server) as one:
        for sent in lost[:25]:
            await one.adapter.deliver(sent)
    async with scene(server) as two:
        looks = 0
        pages = two.room.pages

        def counted(query, to):  # type: ignore[no-untyped-def]
            nonlocal looks
            looks += 1
            return pages(query, to)

        two.room.pages = counted  # type: ignore[method-assign]
        found = [await two.adapter.find(sent) for sent in lost]
        assert [one is not None for one in found] == [True] * 25 + [False] * 25
        assert looks == 1


async def test_without_an_archive_nobody_can_tell_unless_the_room_repeats_it(server: ComponentServer) -> None:
    server.room(ROOM).keeps = False
    inlet = RecordingInlet()
    sent = delivery("just before the end")
    async with scene(server, inlet) as one:
        await one.heard_all()
        await one.wait(2)
        one.room.swallowing = True
        call = asyncio.ensure_future(one.adapter.deliver(sent))
        await until(lambda: one.shown())
        call.cancel()
    one.room.swallowing = False
    async with scene(server, inlet) as two:
        await two.heard_all()
        assert sent.id in inlet.proofs
        with pytest.raises(Uncertain):
            await two.adapter.find(delivery("who knows"))
        assert two.said() == []


async def test_a_repeat_is_marked_only_where_nobody_could_look(server: ComponentServer) -> None:
    for keeps in (True, False):
        server.room(ROOM).keeps = keeps
        async with scene(server) as one:
            await one.say("again", repeat=True)
            assert ("repeat" in one.shown()[-1][1]) is not keeps


async def test_a_burst_of_many_authors_arrives_whole_in_order(server: ComponentServer) -> None:
    authors = (ALICE, CAROL)
    async with scene(server) as one:
        window = one.adapter.features(LOBBY).limits.in_flight
        calls = [asyncio.ensure_future(one.say(f"line {number}", authors[number % 2])) for number in range(window)]
        await asyncio.gather(*calls)
        assert [text for _, text in one.shown()] == [f"line {number}" for number in range(window)]


async def test_kicks_and_bans_are_done_by_whom_the_room_lets(server: ComponentServer) -> None:
    server.room(ROOM).moderators.add("unabridged")
    async with scene(server) as one:
        one.room.enter("eve", "eve@example.org/x")
        one.room.enter("mallory", "mallory@example.org/x")
        for nick in ("eve", "mallory"):
            one.room.say(nick, "spam")
        await one.heard_all()
        eve, mallory = (event.author for event in one.of(Message)[:2])
        await one.say(Membership(who=eve, move=Move.KICK, by=ALICE, reason="no\x02 spam"))
        await one.say(Membership(who=mallory, move=Move.BAN, by=ALICE))
        assert "eve" not in one.room.occupants
        assert one.room.affiliations["mallory@example.org"] == "outcast"


async def test_what_the_room_does_not_let_us_do_is_said_to_who_wanted_it(server: ComponentServer) -> None:
    async with scene(server) as one:
        one.room.enter("eve")
        id = one.room.say("eve", "spam")
        await one.heard_all()
        event = one.of(Message)[0]
        with pytest.raises(Rejected, match="moderator"):
            await one.say(Membership(who=event.author, move=Move.KICK, by=ALICE))
        target = Target(event=event.key, ids=(f"{ROOM}!{id}",), author=event.author, ours=False)
        with pytest.raises(Rejected, match="in this room"):
            await one.say(Redaction(target=Ref(key=event.key)), target=target)
        with pytest.raises(Rejected, match="not in the room"):
            await one.say(Membership(who=Identity(id=IdentityId(NET, "who")), move=Move.KICK))


@pytest.mark.parametrize("space", ["urn:xmpp:message-moderate:1", "urn:xmpp:message-moderate:0"])
async def test_what_others_said_is_taken_back_by_a_moderator_in_the_rooms_own_words(server: ComponentServer, space: str) -> None:
    room = server.room(ROOM)
    room.moderates = space
    room.moderators.add("unabridged")
    async with scene(server) as one:
        one.room.enter("eve")
        id = one.room.say("eve", "spam")
        await one.heard_all()
        event = one.of(Message)[0]
        target = Target(event=event.key, ids=(event.key.id, *event.aliases), author=event.author, ours=False)
        await one.say(Redaction(target=Ref(key=event.key), reason="spam"), target=target)
        asked = [stanza for stanza in server.seen if stanza.tag.endswith("iq") and stanza[0].tag != f"{{{space}}}query"]
        assert any(id in [node.get("id") for node in stanza.iter()] for stanza in asked)


async def test_typing_is_shown_of_who_is_in_and_brings_nobody_in(server: ComponentServer) -> None:
    async with scene(server) as one:
        await one.adapter.send_signal(Typing(channel=LOBBY, who=ALICE.id, active=True))
        assert one.nicks() == {"unabridged"}
        await one.say("hello")
        await one.adapter.send_signal(Typing(channel=LOBBY, who=ALICE.id, active=True))
        await one.say("there")
        states = [stanza for stanza in server.said() if named(stanza, "composing") is not None]
        assert [stanza.get("from", "").partition("/")[0] for stanza in states] == [ALICE_JID]


async def test_history_is_not_spoken_as_if_it_were_new(server: ComponentServer) -> None:
    """Whatever is read of the past says that it is."""
    inlet = RecordingInlet()
    async with scene(server, inlet) as one:
        await one.heard_all()
        await one.wait(2)
    one.room.say("witness", "while you were away")
    async with scene(server, inlet) as two:
        await two.heard_all()
        (event,) = [event for event in two.of(Message) if event.body.text.plain == "while you were away"]  # type: ignore[union-attr]
        assert event.origin is Origin.HISTORY
