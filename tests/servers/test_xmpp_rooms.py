"""The XMPP adapter alone in rooms of real servers: what people and servers do to a component, on Prosody and on ejabberd."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bridge.contract.delivery import Delivery, Receipt, Target
from bridge.contract.errors import Rejected
from bridge.contract.features import Evidence
from bridge.model.events import ChannelChange, Edit, Membership, Message, Move, Reactions, Redaction, Ref, Text
from bridge.model.ids import ChannelId
from bridge.testing import RecordingInlet, until
from tests.servers.in_rooms import bridged
from tests.servers.xmpp import MUC, Ejabberd, Prosody, XmppServer, running
from tests.servers.xmpp_client import CORRECT, REACTIONS, RETRACT, XmppClient
from tests.unit.xmpp.rooms.scene import ALICE, CAROL, NET, delivery

pytestmark = [pytest.mark.servers, pytest.mark.asyncio(loop_scope="module")]
STREAM = 500
MUC_USER = "http://jabber.org/protocol/muc#user"
_numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[Prosody, Ejabberd], ids=["prosody", "ejabberd"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[XmppServer]:
    async with running(request.param) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def juliet(server: XmppServer, channel: ChannelId) -> AsyncIterator[XmppClient]:
    """In the room, which is hers."""
    async with XmppClient(server, "juliet") as client:
        await client.join(channel.id)
        more = {"enablearchiving": "1"} if isinstance(server, Prosody) else {}
        await client.configure(channel.id, changesubject="1", persistentroom="1", **more)
        yield client


@pytest.fixture
def channel() -> ChannelId:
    """Nobody was ever in it."""
    return ChannelId(NET, f"room{next(_numbers)}@{MUC}")


async def test_messages_go_both_ways_each_once_and_are_proven(server: XmppServer, channel: ChannelId, juliet: XmppClient) -> None:
    async with bridged(server, channel) as bridge:
        for number in range(10):
            receipt = await bridge.say(f"to xmpp {number}", ALICE if number % 2 else CAROL)
            assert receipt.evidence is Evidence.ECHOED
            juliet.say(channel.id, f"to matrix {number}")
        await juliet.hears("to xmpp 9")
        await until(lambda: "to matrix 9" in bridge.said())
        assert bridge.said() == [f"to matrix {number}" for number in range(10)]
        heard = [(said.nick, said.body) for said in juliet.heard if said.body.startswith("to xmpp")]
        assert heard == [("alice" if number % 2 else "carol", f"to xmpp {number}") for number in range(10)]


async def test_what_breaks_streams_breaks_none(server: XmppServer, channel: ChannelId, juliet: XmppClient) -> None:
    async with bridged(server, channel) as bridge:
        for odd in ("\x02\x03\x1f", "\0", "\ufffe", "\ud800", "]]></body></message></stream:stream>", "x" * 60_000, "🧛" * 9_000):
            await bridge.say(f"odd {odd}")
        await bridge.say("the end")
        await juliet.hears("the end")
        juliet.say(channel.id, "]]></body></stream:stream> & <b>")
        await until(lambda: bridge.said() == ["]]></body></stream:stream> & <b>"])


async def test_edits_reactions_and_deletions_are_seen_as_such_on_both_sides(
    server: XmppServer, channel: ChannelId, juliet: XmppClient
) -> None:
    async with bridged(server, channel) as bridge:
        first = delivery("tea", channel=channel)
        receipt = await bridge.adapter.deliver(first)
        said = await juliet.hears("tea")
        target, ref = Target(event=first.event, ids=receipt.ids, author=ALICE), Ref(key=first.event, author=ALICE)
        await bridge.say(Edit(target=ref, message=Message(text=Text(plain="coffee"))), target=target)
        assert (await juliet.hears("coffee")).relates(CORRECT) == said.id
        await bridge.say(Reactions(target=ref, keys=("☕",)), CAROL, target=target)
        reaction = await juliet.sees(lambda one: one.relates(REACTIONS) is not None)
        assert reaction.relates(REACTIONS) == said.stanza_id
        juliet.react(channel.id, said.stanza_id, ["👍"])
        await until(lambda: bridge.of(Reactions))
        assert bridge.of(Reactions)[0].body.target.key.id in receipt.ids  # type: ignore[union-attr]
        await bridge.say(Redaction(target=ref), target=target)
        assert (await juliet.sees(lambda one: one.relates(RETRACT) is not None)).relates(RETRACT) == said.stanza_id


async def test_a_nick_that_is_taken_and_one_that_changes(server: XmppServer, channel: ChannelId, juliet: XmppClient) -> None:
    async with bridged(server, channel) as bridge:
        juliet.rename(channel.id, "alice")
        await until(lambda: any(event.body.move is Move.RENAME for event in bridge.of(Membership)))  # type: ignore[union-attr]
        await bridge.say("I am the other alice")
        assert (await juliet.hears("the other alice")).nick == "alice (2)"
        juliet.rename(channel.id, "juliet")
        await juliet.until(lambda: "alice (2)" not in juliet.occupants[channel.id])
        await bridge.say("and now myself")
        assert (await juliet.hears("now myself")).nick == "alice"
        juliet.say(channel.id, "me too")
        await until(lambda: "me too" in bridge.said())
        renamed = [event for event in bridge.of(Membership) if event.body.move is Move.RENAME]  # type: ignore[union-attr]
        assert {event.author.id for event in renamed} == {bridge.of(Message)[-1].author.id}


async def test_who_is_kicked_is_out_until_they_have_come_back(server: XmppServer, channel: ChannelId, juliet: XmppClient) -> None:
    async with bridged(server, channel) as bridge:
        await bridge.say("hello")
        await juliet.hears("hello")
        await juliet.kick(channel.id, "alice")
        await until(lambda: [event for event in bridge.of(Membership) if event.body.move is Move.KICK])  # type: ignore[union-attr]
        (kick,) = [event.body for event in bridge.of(Membership) if event.body.move is Move.KICK]  # type: ignore[union-attr]
        assert isinstance(kick, Membership)
        assert kick.who.id == ALICE.id
        with pytest.raises(Rejected, match="kicked from the room"):
            await bridge.say("I am not gone")
        await bridge.carry(delivery(Membership(who=ALICE, move=Move.JOIN), channel=channel))
        await bridge.carry(delivery("I am back", channel=channel))
        await juliet.hears("I am back")


async def test_our_listener_may_be_kicked_and_comes_back(server: XmppServer, channel: ChannelId, juliet: XmppClient) -> None:
    async with bridged(server, channel) as bridge:
        await juliet.kick(channel.id, "unabridged")
        await juliet.until(lambda: "unabridged" not in juliet.occupants[channel.id])
        juliet.say(channel.id, "are you there?")
        await juliet.until(lambda: "unabridged" in juliet.occupants[channel.id])
        await until(lambda: "are you there?" in bridge.said())


async def test_the_topic_goes_both_ways(server: XmppServer, channel: ChannelId, juliet: XmppClient) -> None:
    async with bridged(server, channel) as bridge:
        juliet.subject(channel.id, "tea & <cake>")
        await until(lambda: bridge.of(ChannelChange))
        assert bridge.of(ChannelChange)[-1].body.topic == "tea & <cake>"  # type: ignore[union-attr]
        await bridge.say("hello")
        await bridge.say(ChannelChange(topic="cake & tea"))
        await juliet.until(lambda: juliet.subjects.get(channel.id) == "cake & tea")


async def test_a_topic_that_is_not_ours_to_change_is_refused_in_words_and_delays_nobody(
    server: XmppServer, channel: ChannelId, juliet: XmppClient
) -> None:
    async with bridged(server, channel) as bridge:
        await bridge.say("hello")
        await juliet.configure(channel.id, changesubject="0", persistentroom="1")
        with pytest.raises(Rejected, match="does not let us change its topic"):
            await bridge.say(ChannelChange(topic="mine"))
        assert juliet.subjects.get(channel.id) != "mine"
        await bridge.say("still here")
        await juliet.hears("still here")


async def test_who_is_banned_is_told_so_and_the_others_speak_on(
    server: XmppServer, channel: ChannelId, juliet: XmppClient
) -> None:
    async with bridged(server, channel) as bridge:
        await bridge.say("hello")
        await bridge.say("me too", CAROL)
        await juliet.hears("hello")
        here = juliet.occupants[channel.id]["alice"].find(f"{{{MUC_USER}}}x/{{{MUC_USER}}}item")
        assert here is not None
        await juliet.rank(channel.id, jid=here.get("jid", "").partition("/")[0], affiliation="outcast")
        await juliet.until(lambda: "alice" not in juliet.occupants[channel.id])
        with pytest.raises(Rejected, match="banned from the room"):
            await bridge.carry(delivery("let me in", channel=channel))
        await bridge.say("she is out", CAROL)
        await juliet.hears("she is out")


async def test_a_bridge_that_is_killed_in_the_middle_loses_and_doubles_nothing(
    server: XmppServer, channel: ChannelId, juliet: XmppClient
) -> None:
    inlet, carried = RecordingInlet(), 0
    lane = [delivery(f"out {number}", ALICE if number % 2 else CAROL, channel=channel) for number in range(STREAM)]
    async with bridged(server, channel, inlet):
        juliet.say(channel.id, "in first")
        await until(lambda: "in first" in [getattr(event.body, "text", Text(plain="")).plain for event in inlet.events])
    for turn in range(5):
        async with bridged(server, channel, inlet) as bridge:
            end = (turn + 1) * STREAM // 5
            flying = [asyncio.ensure_future(bridge.carry(sent)) for sent in lane[carried:end]]
            for number in range(carried, end):
                juliet.say(channel.id, f"in {number}")
            _, pending = await asyncio.wait(flying, timeout=0.05 if turn < 4 else 60)
            if turn < 4:
                bridge.kill()
            for one in pending:
                one.cancel()
            await asyncio.wait(flying)
        unproven = [sent for sent, one in zip(lane[carried:end], flying, strict=True) if one.cancelled()]
        async with bridged(server, channel, inlet) as after:
            for sent in unproven:
                if await after._found(sent) is None:
                    await after.carry(sent)
        carried = end
    async with bridged(server, channel, inlet) as bridge:
        await bridge.say("the end")
        juliet.say(channel.id, "in the end")
        await juliet.hears("the end")
        await until(lambda: "in the end" in bridge.said())
        arrived = [said.body for said in juliet.heard if said.body.startswith("out ")]
        assert sorted(arrived) == sorted(f"out {number}" for number in range(STREAM))
        assert [text for text in bridge.said() if text[3:].isdigit()] == [f"in {number}" for number in range(STREAM)]


async def test_a_server_that_is_killed_in_the_middle_loses_and_doubles_nothing(
    server: XmppServer, channel: ChannelId, juliet: XmppClient
) -> None:
    if not isinstance(server, Prosody):
        pytest.skip("one server to kill is enough; ejabberd needs half a minute to come back")
    async with bridged(server, channel) as bridge:
        lane = [delivery(f"out {number}", channel=channel) for number in range(STREAM)]
        window = asyncio.Semaphore(32)

        async def carry(sent: Delivery) -> Receipt:
            async with window:
                return await bridge.carry(sent)

        flying = [asyncio.ensure_future(carry(sent)) for sent in lane]
        await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
        await server.crash()
        await server.start()
        await juliet.reconnect()
        await asyncio.wait(flying, timeout=60)
        assert all(one.done() and not one.exception() for one in flying)
        kept = [said.body for said, _ in await juliet.archive(channel.id) if said.body.startswith("out ")]
        assert sorted(set(kept)) == sorted(f"out {number}" for number in range(STREAM)), "lost"
        assert len(kept) == STREAM, "doubled"
