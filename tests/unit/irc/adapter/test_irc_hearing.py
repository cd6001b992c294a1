"""What is heard reaches the ledger: all of it, in order, each thing once, and no faster than the ledger bears."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.common.pipeline import PAUSE_AT
from adapters.irc.demo.server import DemoServer
from bridge.model.events import Membership, Message, Move, Origin
from bridge.model.ids import ChannelId
from bridge.model.signals import Presence, Typing
from tests.unit.irc.adapter.scene import LOBBY, NET, Scene
from tests.unit.irc.adapter.scripted import in_lobby


@pytest.fixture
async def demo() -> AsyncIterator[DemoServer]:
    server = await DemoServer.start(record=True)
    yield server
    await server.stop()


async def test_a_burst_arrives_whole_and_in_order_in_few_commits() -> None:
    async with in_lobby() as (server, scene):
        server.say(*(f":al!a@h PRIVMSG #lobby :{number}" for number in range(1500)))
        await scene.inlet.until(lambda: len(scene.inlet.texts()) == 1500)
        assert scene.inlet.texts() == [str(number) for number in range(1500)]
        assert scene.inlet.calls < 150
        assert len({event.key for event in scene.inlet.events}) == 1500


async def test_while_the_ledger_cannot_store_reading_stops_and_nothing_is_lost() -> None:
    async with in_lobby() as (server, scene):
        scene.inlet.closed = True
        server.say(*(f":al!a@h PRIVMSG #lobby :{number}" for number in range(300)))
        await scene.inlet.until(lambda: scene.inlet.calls > 0)
        assert scene.adapter._link is not None and scene.adapter._link.session.wire.paused
        server.say(*(f":al!a@h PRIVMSG #lobby :{number}" for number in range(300, 600)))
        await scene.clock.advance(3)
        assert scene.inlet.events == []
        scene.inlet.closed = False
        await scene.clock.advance(2)
        await scene.inlet.until(lambda: len(scene.inlet.texts()) == 600)
        assert scene.inlet.texts() == [str(number) for number in range(600)]


async def test_more_than_the_ledger_keeps_up_with_stops_the_reader_until_it_has() -> None:
    async with in_lobby() as (server, scene):
        total = PAUSE_AT * 5
        server.say(*(f":al!a@h PRIVMSG #lobby :{number}" for number in range(total)))
        most = 0
        link = scene.adapter._link
        assert link is not None
        while len(scene.inlet.events) < total:
            most = max(most, len(link.listener.pipeline._waiting))
            scene.inlet.changed.clear()
            await asyncio.wait_for(scene.inlet.changed.wait(), 10)
        assert scene.inlet.texts() == [str(number) for number in range(total)]
        assert most < total


async def test_what_came_before_the_link_broke_is_handed_in() -> None:
    async with in_lobby() as (server, scene):
        server.say(*(f":al!a@h PRIVMSG #lobby :{number}" for number in range(200)), "ERROR :bye")
        await scene.inlet.until(lambda: len(scene.inlet.texts()) == 200)


async def test_keys_come_from_msgids_and_never_repeat_without_them() -> None:
    keys = []
    for _ in range(2):
        async with in_lobby("message-tags") as (server, scene):
            server.say("@msgid=abc :al!a@h PRIVMSG #lobby :one", ":al!a@h PRIVMSG #lobby :two", ":al!a@h PRIVMSG #lobby :two")
            await scene.inlet.until(lambda: len(scene.inlet.texts()) == 3)
            keys.append([event.key.id for event in scene.inlet.events])
    assert keys[0][0] == keys[1][0] == "abc"
    assert len({*keys[0], *keys[1]}) >= 3 and keys[0][1] != keys[0][2]


async def test_who_was_renamed_is_the_same_person_after_a_reconnect(demo: DemoServer) -> None:
    _, writer = await asyncio.open_connection(demo.host, demo.port)
    writer.write(b"NICK al\r\nUSER u 0 * :u\r\nJOIN #lobby\r\n")
    scene = Scene(f"{demo.host}:{demo.port}")
    async with scene.running(LOBBY):
        writer.write(b"PRIVMSG #lobby :one\r\nNICK al|away\r\nPRIVMSG #lobby :two\r\n")
        await scene.inlet.until(lambda: scene.inlet.texts() == ["one", "two"])
    scene.inlet.states.clear()
    async with scene.running(LOBBY):
        writer.write(b"PRIVMSG #lobby :three\r\n")
        await scene.inlet.until(lambda: "three" in scene.inlet.texts())
    assert {event.author.id.id for event in scene.inlet.events} == {"al"}
    writer.close()


async def test_operators_talk_stays_among_them_and_is_counted() -> None:
    async with in_lobby(isupport=["PREFIX=(ov)@+", "STATUSMSG=@+"]) as (server, scene):
        server.say(":al!a@h PRIVMSG @#lobby :among us", ":al!a@h PRIVMSG #lobby :to all")
        await scene.inlet.until(lambda: bool(scene.inlet.texts()))
        assert scene.inlet.texts() == ["to all"] and scene.metrics.counted["irc_dropped/to ranks only"] == 1


async def test_our_own_line_is_no_event_but_somebody_speaking_as_us_is() -> None:
    async with in_lobby("echo-message") as (server, scene):
        sending = asyncio.create_task(scene.adapter.deliver(scene.delivery("mine")))
        await server.expect("PRIVMSG")
        server.say(":bot!u@h PRIVMSG #lobby :<alice> mine", ":bot!u@h PRIVMSG #lobby :from my other client")
        await sending
        await scene.inlet.until(lambda: bool(scene.inlet.texts()))
        assert scene.inlet.texts() == ["from my other client"]


async def test_a_netsplit_is_neither_a_mass_leave_nor_a_mass_join() -> None:
    async with in_lobby("batch") as (server, scene):
        names = [f"p{number}" for number in range(50)]
        server.say(*(f":{name}!u@h JOIN #lobby" for name in names))
        await scene.inlet.until(lambda: len(scene.inlet.events) == 50)
        server.say(*(f":{name}!u@h QUIT :hub.example.org leaf.example.org" for name in names[:25]))
        server.say("BATCH +x netsplit a b", *(f"@batch=x :{name}!u@h QUIT :a b" for name in names[25:]), "BATCH -x")
        server.say(*(f":{name}!u@h JOIN #lobby" for name in names[:48]), ":p0!u@h PRIVMSG #lobby :back")
        await scene.inlet.until(lambda: "back" in scene.inlet.texts())
        assert len(scene.inlet.events) == 51
        for _ in range(11):
            await scene.clock.advance(58)
            server.say(":p0!u@h PRIVMSG #lobby :alive")
        await scene.inlet.until(lambda: len([e for e in scene.inlet.events if not isinstance(e.body, Message)]) == 52)
        gone = [event.body for event in scene.inlet.events if isinstance(event.body, Membership)][50:]
        assert [(body.who.name, body.move) for body in gone] == [("p48", Move.LEAVE), ("p49", Move.LEAVE)]


async def test_the_bot_answers_questions_politely_and_never_in_a_flood() -> None:
    async with in_lobby() as (server, scene):
        server.say(":al!a@h PRIVMSG bot :\x01VERSION\x01")
        assert "VERSION Unabridged" in await server.expect("NOTICE al")
        server.say(":al!a@h PRIVMSG bot :hello?")
        assert "bridge" in await server.expect("NOTICE al")
        before = len(server.sent)
        server.say(*[":al!a@h PRIVMSG bot :\x01PING 1\x01"] * 50, ":srv NOTICE bot :hi", ":al!a@h NOTICE bot :\x01VERSION x\x01")
        server.say(":al!a@h PRIVMSG #lobby :done")
        await scene.inlet.until(lambda: "done" in scene.inlet.texts())
        await server.expect("NOTICE al")
        assert sum("NOTICE" in line for line in server.sent[before:]) <= 3
        assert scene.inlet.texts() == ["done"]


async def test_a_bouncers_playback_of_our_own_lines_is_not_told_again() -> None:
    async with in_lobby("batch message-tags") as (server, scene):
        server.say(
            "BATCH +h chathistory #lobby",
            "@batch=h :bot!u@h PRIVMSG #lobby :<alice> mine",
            "@batch=h :al!a@h PRIVMSG #lobby :old",
            "BATCH -h",
        )
        await scene.inlet.until(lambda: bool(scene.inlet.texts()))
        assert [(event.origin, event.body.text.plain) for event in scene.inlet.events if isinstance(event.body, Message)] == [
            (Origin.HISTORY, "old")
        ]


async def test_typing_and_away_are_signals_not_events() -> None:
    async with in_lobby("message-tags away-notify") as (server, scene):
        server.say("@+typing=active :al!a@h TAGMSG #lobby", ":al!a@h AWAY :lunch", ":al!a@h PRIVMSG #lobby :x")
        await scene.inlet.until(lambda: bool(scene.inlet.texts()))
        assert [type(signal) for signal in scene.inlet.signals] == [Typing, Presence]


async def test_a_channel_keeps_the_spelling_it_was_linked_with() -> None:
    """The core folds before it knows the server's mapping: `#a[1]` is `#a{1}` for RFC 1459 servers."""
    async with in_lobby() as (server, scene):
        linked = ChannelId(NET, "#a[1]")
        opening = asyncio.create_task(scene.adapter.open(linked))
        await server.expect("JOIN")
        server.say(":bot!u@h JOIN #A{1}", ":srv 366 bot #A{1} :End")
        assert [info.error for info in await opening] == [None]
        server.say(":al!a@h PRIVMSG #A{1} :hello")
        await scene.inlet.until(lambda: bool(scene.inlet.texts()))
        assert scene.inlet.events[-1].channel == linked


async def test_what_we_do_for_others_is_not_told_back(demo: DemoServer) -> None:
    from bridge.model.events import ChannelChange

    scene = Scene(f"{demo.host}:{demo.port}")
    async with scene.running(LOBBY):
        await scene.adapter.deliver(scene.delivery(body=ChannelChange(topic="news")))
        await scene.adapter.deliver(scene.delivery("x"))
        assert scene.inlet.events == []
        assert demo._world.channels["#lobby"].topic == "news"
