"""One to one through the component: nothing said is lost without a word, nobody is reached who may not be, nothing is forged."""

import asyncio

import pytest

from adapters.xmpp.gateway.housing import MOST_WAITING, PATIENCE_SECONDS, RETRY_SECONDS
from adapters.xmpp.ids import conversation, loose_id, sent_id
from bridge.contract.delivery import Target
from bridge.contract.errors import Rejected, Unavailable, Uncertain
from bridge.contract.features import Evidence
from bridge.model.events import Edit, Message, Reactions, Redaction, Ref, Style, Text
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId
from bridge.model.people import Identity, Profile
from bridge.model.signals import ReadMark, Typing
from bridge.testing import until
from tests.doubles.component_server import HOST
from tests.unit.xmpp.gateway.parlour import (
    ALICE,
    ALICE_JID,
    CHAT,
    JULIET,
    NET,
    PHONE,
    Parlour,
    Street,
    condition,
    delivery,
    inside,
    parlour,
)

FIRST = "m1" * 8
WHERE = conversation(ALICE_JID, JULIET)
RECEIPT = "<request xmlns='urn:xmpp:receipts'/>"


async def test_a_first_message_finds_a_room_and_is_confirmed_once_it_is_on_disk(street: Street) -> None:
    async with parlour(street) as one:
        one.inlet.shut()
        one.hear(f"<body>art thou there?</body>{RECEIPT}", id=FIRST)
        await until(lambda: one.inlet.offered)
        assert [(channel, peer.id.id) for channel, _, peer in one.houses.directs] == [(CHAT, JULIET)]
        assert not street.to(PHONE)
        one.inlet.unshut()
        await until(lambda: street.to(PHONE))
        (receipt,) = street.to(PHONE)
        confirmed = inside(receipt, "received")
        assert confirmed is not None and confirmed.get("id") == FIRST
        assert (receipt.get("from") or "").startswith(ALICE_JID)
        (event,) = one.events()
        assert (event.channel, event.author.id, event.key.id) == (
            CHAT,
            IdentityId(NET, JULIET),
            sent_id(WHERE, JULIET, FIRST),
        )


async def test_while_one_chat_waits_for_its_room_others_are_heard_and_its_order_is_kept(street: Street) -> None:
    async with parlour(street) as one:
        await one.open()
        one.houses.gate.clear()
        for number in range(5):
            one.say(f"new {number}", sender=f"nurse@{JULIET.partition('@')[2]}/x")
        one.say("known")
        await until(lambda: one.words() == ["known"])
        one.houses.gate.set()
        await until(lambda: len(one.words()) == 6)
        assert one.words()[1:] == [f"new {number}" for number in range(5)]


async def test_without_the_homeserver_it_is_tried_again_and_given_back_in_the_end(street: Street) -> None:
    async with parlour(street) as one:
        one.houses.away = 2
        one.say("first")
        await until(lambda: one.houses.asked == 1)
        for _ in range(2):
            await until(lambda: one.clock.sleepers)
            await one.clock.advance(RETRY_SECONDS)
        await until(lambda: one.words() == ["first"])
        one.houses.away = 1000
        tybalt = "tybalt@capulet.example/x"
        one.say("second", sender=tybalt, id="lost")
        for tries in range(int(PATIENCE_SECONDS / RETRY_SECONDS) + 1):
            await until(lambda tries=tries: one.houses.asked == 4 + tries)  # type: ignore[misc]
            await until(lambda: one.clock.sleepers or street.to(tybalt))
            await one.clock.advance(RETRY_SECONDS)
        await until(lambda: street.to(tybalt))
        (answer,) = street.to(tybalt)
        assert (answer.get("id"), condition(answer)) == ("lost", "resource-constraint")
        assert one.words() == ["first"]


@pytest.mark.parametrize(
    "to",
    [
        f"nobody\\3aexample.org@{HOST}",
        f"plain@{HOST}",
        f"local\\2fbob@{HOST}",
        f"=-00112233445566778899aabbccddeeff@{HOST}",
        HOST,
        f"bridge@{HOST}/unabridged",
    ],
)
async def test_who_is_nobody_is_not_found_and_the_message_comes_back(street: Street, to: str) -> None:
    async with parlour(street) as one:
        one.say("anybody?", to=to, id="m1")
        await until(lambda: street.to(PHONE))
        (answer,) = street.to(PHONE)
        assert (answer.get("type"), answer.get("id"), condition(answer)) == ("error", "m1", "item-not-found")
        assert not one.events()


async def test_strangers_can_make_no_rooms_without_end(street: Street) -> None:
    async with parlour(street) as one:
        for number in range(50):
            who = Identity(id=IdentityId(HUB, f"@u{number}:example.org"))
            one.houses.profiles[who.id] = Profile()
            one.say("hi", to=f"u{number}\\3aexample.org@{HOST}")
        await until(lambda: len(street.to(PHONE)) == 30 and len(one.events()) == 20)
        assert {condition(answer) for answer in street.to(PHONE)} == {"resource-constraint"}


async def test_a_chat_that_waits_holds_no_more_than_it_may(street: Street) -> None:
    async with parlour(street) as one:
        one.houses.gate.clear()
        for number in range(MOST_WAITING + 5):
            one.say(str(number))
        await until(lambda: len(street.to(PHONE)) == 5)
        one.houses.gate.set()
        await until(lambda: len(one.events()) == MOST_WAITING)


async def test_what_is_forged_is_nothing(street: Street) -> None:
    async with parlour(street) as one:
        await one.open()
        inner = f"<message xmlns='jabber:client' from='{JULIET}/x' to='{ALICE_JID}' type='chat'><body>forged</body></message>"
        forward = f"<forwarded xmlns='urn:xmpp:forward:0'>{inner}</forwarded>"
        one.hear(f"<sent xmlns='urn:xmpp:carbons:2'>{forward}</sent>")
        one.hear(f"<result xmlns='urn:xmpp:mam:2' id='1'>{forward}</result>")
        one.say("from ourselves", sender=f"carol\\3aexample.org@{HOST}/x")
        one.hear("<body>a room's</body>", type="groupchat", sender="room@muc.example.org/nick")
        one.hear("<body>psst</body><x xmlns='http://jabber.org/protocol/muc#user'/>", sender="room@muc.example.org/nick")
        one.say("from nobody", sender="capulet.example")
        stamp = "<stanza-id xmlns='urn:xmpp:sid:0' by='capulet.example' id='theirs'/>"
        one.hear(f"<body>real</body>{stamp}", id="r1")
        await until(lambda: one.words() == ["real"])
        (event,) = one.events()
        assert not any("theirs" in name for name in (event.key.id, *event.aliases))


async def test_an_edit_names_only_what_its_own_sender_wrote(street: Street) -> None:
    async with parlour(street) as one:
        await one.open()
        one.hear("<body>new</body><replace xmlns='urn:xmpp:message-correct:0' id='old'/>", id="e1")
        one.hear("<reactions xmlns='urn:xmpp:reactions:0' id='old'><reaction>🌹</reaction></reactions>", id="e2")
        one.hear("<retract xmlns='urn:xmpp:message-retract:1' id='old'/><body>gone</body>", id="e3")
        await until(lambda: len(one.events()) == 3)
        edit, reactions, retraction = (event.body for event in one.events())
        own = EventKey(NET, sent_id(WHERE, JULIET, "old"))
        assert isinstance(edit, Edit) and edit.target.key == own
        assert isinstance(retraction, Redaction) and retraction.target.key == own
        assert isinstance(reactions, Reactions) and reactions.keys == ("🌹",)
        assert reactions.target.key == EventKey(NET, loose_id(WHERE, "old"))


class TestWhatGoes:
    async def test_it_leaves_from_its_authors_address_and_is_proven_by_a_round_trip(self, street: Street) -> None:
        async with parlour(street) as one:
            await one.open()
            sent = delivery("good night")
            receipt = await one.adapter.deliver(sent)
            assert receipt.evidence is Evidence.FENCED
            (stanza,) = street.to(JULIET)
            assert (stanza.get("id"), stanza.get("type")) == (sent.id, "chat")
            assert stanza.get("from") == f"{ALICE_JID}/unabridged"
            assert inside(stanza, "request") is not None
            assert receipt.ids == (sent_id(WHERE, ALICE_JID, sent.id), loose_id(WHERE, sent.id))

    async def test_all_kinds_name_what_they_are_about(self, street: Street) -> None:
        async with parlour(street) as one:
            key = EventKey(NET, "x")
            theirs = Target(event=key, ids=(sent_id(WHERE, JULIET, "m1"),), ours=False)
            ours = Target(event=key, ids=(sent_id(WHERE, ALICE_JID, "d1"),))
            ref = Ref(key=key)
            await one.write(Message(text=Text(plain="yes"), reply_to=ref), reply_to=theirs)
            await one.write(Reactions(target=ref, keys=("👍",)), target=theirs)
            await one.write(Edit(target=ref, message=Message(text=Text(plain="no"))), target=ours)
            await one.write(Redaction(target=ref), target=ours)
            named = [
                inside(stanza, name)
                for stanza, name in zip(street.to(JULIET), ("reply", "reactions", "replace", "retract"), strict=True)
            ]
            assert [one.get("id") for one in named if one is not None] == ["m1", "m1", "d1", "d1"]

    async def test_the_receipt_of_the_other_proves_more_and_that_of_another_proves_nothing(self, street: Street) -> None:
        async with parlour(street) as one:
            street.silent = True  # no fence is answered
            sent = delivery("hear me")
            going = asyncio.ensure_future(one.adapter.deliver(sent))
            await until(lambda: street.to(JULIET))
            received = f"<received xmlns='urn:xmpp:receipts' id='{sent.id}'/>"
            one.hear(received, sender="tybalt@capulet.example/x")
            one.hear(received)
            assert (await going).evidence is Evidence.ECHOED
            assert not one.inlet.proofs
            one.hear(received)
            await until(lambda: sent.id in one.inlet.proofs)

    async def test_what_comes_back_is_refused_or_tried_again_and_later_it_is_told(self, street: Street) -> None:
        async with parlour(street) as one:
            await one.open()
            street.silent = True
            error = "<error type='{}'><{} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
            for kind, name, expected in (
                ("cancel", "service-unavailable", Rejected),
                ("wait", "resource-constraint", Unavailable),
            ):
                sent = delivery("hello?")
                going = asyncio.ensure_future(one.adapter.deliver(sent))
                await until(lambda sent=sent: any(stanza.get("id") == sent.id for stanza in street.to(JULIET)))  # type: ignore[misc]
                one.hear(error.format(kind, name), type="error", id=sent.id, sender="tybalt@capulet.example")
                one.hear(error.format(kind, name), type="error", id=sent.id, sender=JULIET)
                with pytest.raises(expected):
                    await going
            street.silent = False
            sent = delivery("and now?")
            await one.adapter.deliver(sent)
            for _ in range(2):
                one.hear(error.format("cancel", "gone"), type="error", id=sent.id, sender=JULIET)
            await until(one.words)
            await one.heard_all()
            (event,) = one.events()
            assert isinstance(event.body, Message) and event.body.style is Style.NOTICE
            assert "did not arrive" in event.body.text.plain and event.channel == CHAT
            assert event.body.reply_to == Ref(key=EventKey(NET, sent_id(WHERE, ALICE_JID, sent.id)))

    async def test_what_comes_back_after_a_restart_is_told_where_there_is_a_room(self, street: Street) -> None:
        error = "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        async with parlour(street) as one:
            one.hear(error, type="error", id="a" * 32, sender=JULIET)
            await one.heard_all()
            assert one.events() == []
            await one.open()
            one.hear(error, type="error", id="no-delivery-s", sender=JULIET)
            one.hear(error, type="error", id="b" * 32, sender=JULIET)
            await until(one.words)
            await one.heard_all()
            (event,) = one.events()
            assert isinstance(event.body, Message) and event.body.reply_to == Ref(
                key=EventKey(NET, sent_id(WHERE, ALICE_JID, "b" * 32))
            )

    async def test_only_its_own_user_writes_in_a_chat_and_nobody_to_ourselves(self, street: Street) -> None:
        carol = Identity(id=IdentityId(HUB, "@carol:example.org"))
        own = ChannelId(NET, f"gateway/carol\\3aexample.org@{HOST}/{ALICE.id.id}")
        long = IdentityId(HUB, f"@{'a' * 200}\u00e4{'b' * 60}:example.org")
        async with parlour(street) as one:
            with pytest.raises(Rejected, match="only @alice"):
                await one.write("x", author=carol)
            with pytest.raises(Rejected, match="bridge's own"):
                await one.write("x", channel=own)
            with pytest.raises(Rejected, match="too long"):
                await one.write("x", channel=ChannelId(NET, f"gateway/{JULIET}/{long.id}"), author=Identity(id=long))
            assert not street.to(JULIET)

    async def test_when_the_link_ends_what_was_written_is_in_doubt_and_nothing_claims_to_know(self, street: Street) -> None:
        async with parlour(street) as one:
            street.silent = True
            sent = delivery("hear me")
            going = asyncio.ensure_future(one.adapter.deliver(sent))
            await until(lambda: street.to(JULIET))
            with pytest.raises(Uncertain):
                await one.adapter.find(sent)
            street.cut()
            with pytest.raises(Uncertain):
                await going
            with pytest.raises(Unavailable):  # a receipt may still come, over the next connection
                await one.adapter.find(sent)
            with pytest.raises(Unavailable):
                await one.write("x")


async def test_typing_and_read_marks_go_both_ways_for_the_chats_own_people(street: Street) -> None:
    async with parlour(street) as one:
        one.hear("<composing xmlns='http://jabber.org/protocol/chatstates'/>")
        await one.heard_all()
        assert not one.inlet.signals  # there is no such chat yet
        await one.open()
        one.hear("<composing xmlns='http://jabber.org/protocol/chatstates'/>")
        one.hear("<body>hi</body><markable xmlns='urn:xmpp:chat-markers:0'/>", id="m1")
        await until(lambda: one.inlet.signals and one.events())
        assert one.inlet.signals == [Typing(channel=CHAT, who=IdentityId(NET, JULIET), active=True)]
        await one.adapter.send_signal(Typing(channel=CHAT, who=ALICE.id, active=True))
        await one.adapter.send_signal(Typing(channel=CHAT, who=IdentityId(HUB, "@carol:example.org"), active=True))
        await one.adapter.send_signal(ReadMark(channel=CHAT, who=ALICE.id, event=one.events()[0].key))
        await one.heard_all()
        states = [
            child.tag.rpartition("}")[2]
            for stanza in street.to(JULIET)
            for child in stanza
            if child.tag.rpartition("}")[2] != "no-store"
        ]
        assert [state for state in states if state != "store"] == ["composing", "displayed"]


async def test_a_chat_whose_room_is_gone_gets_a_new_one(street: Street) -> None:
    async with parlour(street) as one:
        await one.open()
        await one.adapter.close(CHAT)
        one.say("again")
        await until(lambda: one.words() == ["again"])
        assert one.houses.asked == 1


async def test_an_invitation_is_told(street: Street) -> None:
    async with parlour(street) as one:
        await one.open()
        one.hear("<x xmlns='jabber:x:conference' jid='ball@muc.example.org' reason='come &amp; dance'/>", type="normal", id="i1")
        await until(one.words)
        assert one.words() == ["You are invited to the room ball@muc.example.org: come & dance"]


async def test_a_link_that_ends_gives_back_what_waits_and_the_next_one_begins_anew(street: Street) -> None:
    async with parlour(street) as one:
        one.houses.gate.clear()
        one.say("waiting")
        await until(lambda: one.houses.asked)
        street.cut()
        await until(lambda: one.running is not None and one.running.done())
        one.houses.gate.set()
        again = Parlour(street, one.inlet)
        await again.connect()
        again.say("here")
        await until(lambda: again.words() == ["here"])
        await again.stop()
