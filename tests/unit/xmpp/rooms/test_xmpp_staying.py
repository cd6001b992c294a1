"""Rooms are stayed in: thrown out we come back, away we catch up, and what was said meanwhile is heard in its order, once."""

import asyncio
from xml.etree.ElementTree import Element

import pytest

from adapters.xmpp.rooms.past import MOST_PAGES
from adapters.xmpp.rooms.room import BEHIND_SECONDS
from adapters.xmpp.rooms.services import SILENT_SECONDS
from adapters.xmpp.rooms.timers import QUIET_SECONDS, RETRY_FIRST
from bridge.contract.adapter import Cursor
from bridge.contract.errors import Rejected, Unavailable, Uncertain
from bridge.model.events import Membership, Message
from bridge.model.ids import ChannelId
from bridge.testing import RecordingInlet, until
from tests.doubles.component_server import HOST, ComponentServer
from tests.doubles.muc_room import named
from tests.unit.xmpp.rooms.scene import ALICE_JID, CAROL, LOBBY, Scene, delivery, lived, scene

ROOM = LOBBY.id
LISTENER = f"bridge@{HOST}"


async def reconnect(one: Scene) -> None:
    """The connection is lost and comes back, as the supervisor has it."""
    await one.cut()
    await one.connect()
    info = await one.open()
    assert info.error is None


async def test_a_room_without_a_name_is_called_as_clients_call_it(server: ComponentServer) -> None:
    server.room(ROOM).name = ""
    async with scene(server) as one:
        assert (await one.open()).name == "lobby"


async def test_what_was_said_while_we_were_away_comes_in_its_order_with_its_time_once(server: ComponentServer) -> None:
    async with scene(server) as one:
        one.room.enter("bob")
        one.room.say("bob", "before")
        await one.heard_all()
        await one.wait(2)
        await one.cut()
        for number in range(250):
            one.room.say("bob", f"meanwhile {number}")
        await one.connect()
        await one.open()
        one.room.say("bob", "after")
        await one.heard_all()
        assert one.said() == ["before", *(f"meanwhile {number}" for number in range(250)), "after"]
        missed = [event for event in one.of(Message) if "meanwhile" in event.body.text.plain]  # type: ignore[union-attr]
        kept = [at for _, at, stanza in one.room.archive if stanza.get("from", "").endswith("/bob")][1:-1]
        assert [event.happened_at for event in missed] == kept
        assert len({event.author.id for event in one.of(Message) if event.author.name == "bob"}) == 1


async def test_what_is_said_while_the_archive_is_read_waits_behind_it(server: ComponentServer) -> None:
    one = await lived(server)
    one.room.say("bob", "missed")
    async with scene(server, one.inlet, opened=False) as two:
        pages = two.room.pages

        def busy(query, to):  # type: ignore[no-untyped-def]
            two.room.say("bob", "live, while the archive is read")
            return pages(query, to)

        two.room.pages = busy  # type: ignore[method-assign]
        await two.open()
        await two.heard_all()
        assert two.said() == ["missed", "live, while the archive is read"]


async def test_a_new_link_does_not_bring_years_of_history(server: ComponentServer) -> None:
    room = server.room(ROOM)
    room.enter("bob")
    for number in range(100):
        room.say("bob", f"old {number}")
    async with scene(server) as one:
        await one.heard_all()
        assert one.said() == []


async def test_an_archive_that_forgot_where_we_were_is_read_by_time(server: ComponentServer) -> None:
    one = await lived(server)
    one.room.say("bob", "missed")
    scope = f"room {ROOM}"
    at = one.inlet.cursors[scope].value.partition(" ")[0]
    one.inlet.cursors[scope] = Cursor(scope=scope, value=f"{at} no-such-id")
    async with scene(server, one.inlet) as two:
        await two.heard_all()
        assert two.said() == ["missed"]


@pytest.mark.parametrize("value", ["", "nonsense", "2026-13-45 x", "\x00", "9999-99"])
async def test_a_cursor_that_is_none_is_like_none(server: ComponentServer, value: str) -> None:
    inlet = RecordingInlet()
    inlet.cursors[f"room {ROOM}"] = Cursor(scope=f"room {ROOM}", value=value)
    async with scene(server, inlet) as one:
        await one.heard_all()


async def test_an_archive_that_fails_is_read_later_and_nothing_is_lost_by_it(server: ComponentServer) -> None:
    one = await lived(server)
    one.room.say("bob", "missed")
    before = one.inlet.cursors[f"room {ROOM}"]
    async with scene(server, one.inlet, opened=False) as two:
        pages = two.room.pages

        def broken(query, to):  # type: ignore[no-untyped-def]
            raise KeyError("a disk")

        two.room.pages = broken  # type: ignore[method-assign]
        await two.open()
        two.room.say("bob", "live")
        await two.heard_all()
        await two.wait(2)
        assert one.inlet.cursors[f"room {ROOM}"] == before, "what was not read is still to be read"
        two.room.pages = pages  # type: ignore[method-assign]
        await two.wait(BEHIND_SECONDS + 2)
        await until(lambda: "missed" in two.said())
        await two.wait(2)
        assert one.inlet.cursors[f"room {ROOM}"] != before
        assert sorted(two.said()) == ["live", "missed"]


async def test_our_listener_thrown_out_comes_back_and_hears_what_it_missed(server: ComponentServer) -> None:
    async with scene(server) as one:
        one.room.enter("bob")
        await one.heard_all()
        await one.wait(2)
        one.room.leave("unabridged", {"307"}, actor="bob")
        await until(lambda: "unabridged" not in one.room.occupants)
        one.room.say("bob", "they can't hear us")
        await one.wait(1)
        with pytest.raises(Unavailable, match="kicked"):
            await one.say("hello?")
        await one.wait(RETRY_FIRST + 2)
        await until(lambda: "unabridged" in one.room.occupants)
        await one.heard_all()
        assert one.said() == ["they can't hear us"]
        await one.say("hello!")


async def test_a_listener_that_is_banned_does_not_knock_for_ever(server: ComponentServer) -> None:
    async with scene(server) as one:
        await one.heard_all()
        one.room.leave("unabridged", {"301"})
        await until(lambda: "unabridged" not in one.room.occupants)
        await one.wait(120)
        knocks = [stanza for stanza in server.seen if stanza.get("from", "").startswith(LISTENER) and "presence" in stanza.tag]
        assert len(knocks) <= 4
        with pytest.raises(Rejected, match="banned"):
            await one.say("hello?")


async def test_a_room_that_forgot_us_is_noticed_when_it_is_silent(server: ComponentServer) -> None:
    async with scene(server) as one:
        one.room.enter("bob")
        await one.say("hello")
        await one.heard_all()
        await one.wait(2)
        one.room.throw_out(LISTENER)
        one.room.throw_out(ALICE_JID)
        one.room.say("bob", "anybody?")
        await one.wait(QUIET_SECONDS + 5)
        await until(lambda: "unabridged" in one.room.occupants)
        await one.heard_all()
        assert one.said() == ["anybody?"]
        await one.say("here")


async def test_a_service_that_forgot_all_its_rooms_is_noticed_by_one_of_them(server: ComponentServer) -> None:
    channels = [LOBBY, *(ChannelId(LOBBY.network, f"room{number}@muc.example.org") for number in range(5))]
    async with scene(server, opened=False) as one:
        await one.adapter.open(*channels)
        rooms = [server.room(channel.id) for channel in channels]
        seen = len(server.seen)
        for room in rooms:
            room.throw_out(LISTENER)
            room.enter("bob")
            room.say("bob", f"anybody in {room.jid}?")
        await one.wait(SILENT_SECONDS + 5)
        await until(lambda: all("unabridged" in room.occupants for room in rooms))
        await until(lambda: len(one.said()) == len(rooms))
        assert sorted(one.said()) == sorted(f"anybody in {room.jid}?" for room in rooms)
        asked = [stanza.get("to", "").partition("/")[0] for stanza in server.seen[seen:] if named(stanza, "ping") is not None]
        assert sorted(asked) == sorted(channel.id for channel in channels), "each once"


async def test_a_room_that_forgot_all_of_us_is_noticed_by_the_first_word_that_comes_back(server: ComponentServer) -> None:
    async with scene(server) as one:
        one.room.enter("bob")
        await one.say("hello")
        await one.heard_all()
        one.room.throw_out(LISTENER)
        one.room.throw_out(ALICE_JID)
        one.room.say("bob", "anybody?")
        again = delivery("here")
        with pytest.raises(Unavailable):
            await one.adapter.deliver(again)
        await one.wait(2)
        await until(lambda: "unabridged" in one.room.occupants)
        await one.heard_all()
        assert one.said() == ["anybody?"]
        await one.adapter.deliver(again)
        assert one.shown() == [("alice", "hello"), ("alice", "here")]


async def test_what_forgot_one_of_us_is_asked_about_our_listener_too(server: ComponentServer) -> None:
    async with scene(server) as one:
        await one.say("hello")
        one.room.throw_out(LISTENER)
        one.room.throw_out(ALICE_JID)
        message, one.room.message = one.room.message, lambda stanza: None  # type: ignore[method-assign]  # it fell with the server
        lost = asyncio.ensure_future(one.say("anybody?"))
        await until(lambda: len(server.said()) == 2)
        await one.wait(16)
        await until(lambda: "unabridged" in one.room.occupants)
        with pytest.raises(Uncertain):
            await lost
        one.room.message = message  # type: ignore[method-assign]
        await one.say("here")


async def test_a_silent_room_that_remembers_us_is_left_alone(server: ComponentServer) -> None:
    async with scene(server) as one:
        await one.say("hello")
        seen = len(server.seen)
        await one.wait(QUIET_SECONDS + 5)
        pings = [stanza for stanza in server.seen[seen:] if stanza.tag.endswith("iq")]
        assert 1 <= len(pings) <= QUIET_SECONDS / SILENT_SECONDS
        assert not [stanza for stanza in server.seen[seen:] if stanza.tag.endswith("presence")]


async def test_after_a_lost_connection_everybody_speaks_on(server: ComponentServer) -> None:
    async with scene(server) as one:
        await one.say("hello")
        await reconnect(one)
        await one.say("hello again")
        await one.say("me too", CAROL)
        await one.heard_all()
        assert [text for _, text in one.shown()] == ["hello", "hello again", "me too"]
        assert one.said() == []
        assert one.moves() == []


async def test_who_is_still_in_a_room_after_a_lost_connection_need_not_come_in_again(server: ComponentServer) -> None:
    server.forgets = False
    async with scene(server) as one:
        await one.say("hello")
        await reconnect(one)
        await one.heard_all()
        seen = len(server.seen)
        await one.say("hello again")
        assert one.shown()[-1] == ("alice", "hello again")
        assert not [stanza for stanza in server.seen[seen:] if stanza.tag.endswith("presence")]


async def test_how_far_a_room_was_read_is_on_disk_from_the_first_word_on(server: ComponentServer) -> None:
    """A crash within its first second began it anew, and what was said meanwhile was lost."""
    inlet = RecordingInlet()
    async with scene(server, inlet) as one:
        one.room.enter("bob")
        await one.heard_all()
        assert f"room {ROOM}" in inlet.cursors


async def test_how_far_a_room_was_read_is_on_disk_before_anybody_sees_us_there(server: ComponentServer) -> None:
    """Killed between its answer and that, we had been there for everybody, and knew nothing of it."""
    inlet, had = RecordingInlet(), []
    join = server.room(ROOM).presence

    def watched(stanza: Element) -> None:
        had.append(f"room {ROOM}" in inlet.cursors)
        join(stanza)

    server.room(ROOM).presence = watched  # type: ignore[method-assign]
    async with scene(server, inlet):
        assert had == [True]


async def test_what_was_said_before_a_room_let_us_in_is_not_for_us(server: ComponentServer) -> None:
    inlet, room = RecordingInlet(), server.room(ROOM)
    room.members_only = True
    async with scene(server, inlet, opened=False) as one:
        assert (await one.open()).error is not None
        await until(lambda: not inlet.cursors[f"room {ROOM}"].value)
    room.enter("bob")
    room.say("bob", "among ourselves")
    room.members_only = False
    async with scene(server, inlet) as again:
        room.say("bob", "welcome")
        await again.heard_all()
    assert next(event.body.text.plain for event in inlet.events if isinstance(event.body, Message)) == "welcome"


async def test_what_comes_from_a_room_that_did_not_notice_our_going_is_told_in_its_place(server: ComponentServer) -> None:
    server.forgets = False
    inlet = RecordingInlet()
    async with scene(server, inlet) as one:
        one.room.enter("bob")
        one.room.say("bob", "before")
        await one.heard_all()
        await one.cut()
        one.room.say("bob", "meanwhile")
        answer = server.service._answer

        def busy(iq, room, nick):  # type: ignore[no-untyped-def]
            room.say("bob", "too early")
            room.rename("bob", "rob")
            room.rename("rob", "bob")
            answer(iq, room, nick)

        server.service._answer = busy  # type: ignore[method-assign]
        await one.connect()
        await one.open()
        server.service._answer = answer  # type: ignore[method-assign]
        await one.heard_all()
        assert one.said()[:3] == ["before", "meanwhile", "too early"]
        assert len(one.said()) == len([stanza for _, _, stanza in one.room.archive if stanza.get("from") == f"{ROOM}/bob"])
        assert len({event.author.id for event in one.of(Message) if event.author.name == "bob"}) == 1


async def test_who_was_left_in_a_room_by_a_bridge_that_died_does_not_stay_for_ever(server: ComponentServer) -> None:
    server.forgets = False
    room = server.room(ROOM)
    room.enter("ghost", f"ghost\\3aexample.org@{HOST}/unabridged")
    async with scene(server) as one:
        await one.heard_all()
        await until(lambda: "ghost" not in room.occupants)
        await one.heard_all()
        assert one.moves() in ([], [("leave", "ghost")])


async def test_a_kill_of_the_server_in_the_middle_of_a_stream_loses_and_doubles_nothing(server: ComponentServer) -> None:
    async with scene(server) as one:
        one.room.enter("bob")
        one.room.say("bob", "line 0")
        await one.heard_all()
        await one.wait(2)
        for turn in range(1, 200):
            one.room.say("bob", f"line {turn}")
            if turn % 40 == 0:
                await reconnect(one)
        await one.heard_all()
        assert one.said() == [f"line {number}" for number in range(200)]


async def test_events_of_a_ledger_that_was_away_are_not_lost(server: ComponentServer) -> None:
    inlet = RecordingInlet()
    async with scene(server, inlet) as one:
        one.room.enter("bob")
        await one.heard_all()
        await one.wait(2)
        inlet.shut()
        for number in range(20):
            one.room.say("bob", f"line {number}")
        await until(lambda: len(inlet.offered) > 1)
        inlet.unshut()
        await one.heard_all()
        assert one.said() == [f"line {number}" for number in range(20)]


async def test_an_archive_without_end_is_not_read_for_ever_to_find_one_message(server: ComponentServer) -> None:
    async with scene(server) as one:
        one.room.enter("bob")
        await one.heard_all()
        for number in range(50 * MOST_PAGES):
            one.room.archive.append((f"more{number}", *one.room.archive[-1][1:]))
        looks = 0

        def endless(query, to):  # type: ignore[no-untyped-def]
            nonlocal looks
            looks += 1
            most = query.find(".//{http://jabber.org/protocol/rsm}max")
            most.text = "5"
            return pages(query, to)

        pages = one.room.pages
        one.room.pages = endless  # type: ignore[method-assign]
        with pytest.raises(Uncertain):
            await one.adapter.find(delivery("never said"))
        assert looks == MOST_PAGES


async def test_many_rooms_open_together_and_one_that_does_not_answer_holds_up_no_other(server: ComponentServer) -> None:
    channels = [ChannelId(LOBBY.network, f"room{number}@muc.example.org") for number in range(60)]
    server.room(channels[7].id).presence = lambda stanza: None  # type: ignore[method-assign]
    async with scene(server, opened=False) as one:
        opening = asyncio.ensure_future(one.adapter.open(*channels))
        await until(lambda: sum(bool(room.occupants) for room in server.service.rooms.values()) == 59)
        await one.wait(25)
        infos = await opening
        assert [info.channel for info in infos if info.error] == [channels[7]]
        assert not one.of(Membership)
