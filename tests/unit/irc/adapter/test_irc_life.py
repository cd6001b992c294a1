"""The connection's life: what a network does to its clients must neither stop the bridge nor make it a nuisance."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.irc.config import Rate
from adapters.irc.demo.server import DemoServer
from bridge.contract.adapter import Adapter, Commands, Demonstrates, Examines, Phase, Signals
from bridge.contract.errors import Disconnected, Unavailable
from bridge.contract.features import Feature, Level, VoiceKind
from bridge.contract.words import Asker
from bridge.model.ids import HUB, ChannelId, IdentityId
from bridge.model.permissions import Permission
from bridge.model.signals import Typing
from tests.unit.irc.adapter.scene import LOBBY, NET, Scene
from tests.unit.irc.adapter.scripted import ScriptedServer, in_lobby

HOSTILE = (
    b":al!a@h PRIVMSG #lobby :caf\xe9",
    b":al!a@h PRIVMSG #lobby :a\0b",
    b":al!a@h QUIT",
    b"QUIT",
    b"   ",
    b":al!a@h PRIVMSG #lobby",
    b":al!a@h PRIVMSG",
    b":al!a@h NOTICE",
    b"PING",
    b":al!a@h NICK",
    b"NICK",
    b":srv 005 bot PREFIX=)( CHANMODES TARGMAX=JOIN:x,,: MODES=abc LINELEN=-4 :are supported",
    b":srv 005",
    b":srv 001",
    b":al!a@h PRIVMSG #lobby :" + b"x" * 20_000,
    b"@" + b";".join(b"k%d=v" % n for n in range(2000)) + b" :al!a@h PRIVMSG #lobby :tag bomb",
    b":al!a@h PRIVMSG #lobby :lone\rQUIT :cr",
    b":al!a@h MODE #lobby +bbb",
    b":al!a@h MODE",
    b":al!a@h KICK",
    b":al!a@h KICK #lobby",
    b":al!a@h JOIN",
    b":bot!u@h JOIN",
    b":al!a@h TOPIC",
    b":srv 353",
    b":srv 353 bot = #lobby",
    b":srv 353 bot = #lobby :",
    b":srv 332 bot",
    b"BATCH",
    b"BATCH +",
    b":srv CAP",
    b":srv CAP * LS",
    b":srv CAP * NEW",
    b"AUTHENTICATE",
    b":srv 404 bot",
    b":srv FAIL",
    b":srv PONG",
    b":srv 396 bot",
    b":bot!u@h CHGHOST",
    b"@ :al!a@h PRIVMSG #lobby :no tags",
    b"@+typing :al!a@h TAGMSG",
    b"@time=yesterday;msgid= :al!a@h PRIVMSG #lobby :odd time",
    b":",
    b"@",
    b": PRIVMSG #lobby :no one",
    b"\xff\xfe\xfd",
    b":al!a@h REDACT #lobby",
    b":al!a@h AWAY",
    b":al!a@h ACCOUNT",
)


@pytest.fixture
async def demo() -> AsyncIterator[DemoServer]:
    server = await DemoServer.start(record=True)
    yield server
    await server.stop()


def at(server: DemoServer) -> str:
    return f"{server.host}:{server.port}"


def test_the_adapter_is_what_it_says_it_is() -> None:
    adapter: Adapter = Scene("127.0.0.1").adapter
    assert isinstance(adapter, Signals) and isinstance(adapter, Commands)
    assert isinstance(type(adapter), Demonstrates) and isinstance(type(adapter), Examines)


@pytest.mark.parametrize("caps", ["", "batch echo-message labeled-response message-tags"])
async def test_no_hostile_line_ends_the_connection_or_hides_the_next(caps: str) -> None:
    async with in_lobby(caps) as (server, scene):
        for number, line in enumerate(HOSTILE):
            server.say(line, f":al!a@h PRIVMSG #lobby :still here {number}")
        await scene.inlet.until(lambda: f"still here {len(HOSTILE) - 1}" in scene.inlet.texts())
        texts = scene.inlet.texts()
        assert [text for text in texts if text.startswith("still here")] == [f"still here {n}" for n in range(len(HOSTILE))]
        assert "café" in texts and "odd time" in texts and "tag bomb" in texts
        assert scene.inlet.phase is Phase.CONNECTED and server.connections == 1
        counted = scene.metrics.counted
        assert counted["irc_odd_lines/nul"] == 1 and counted["irc_odd_lines/cr"] == 1 and counted["irc_odd_lines/unparsed"] >= 3
        assert counted["irc_odd_lines/raised"] == 0
        assert not [line for line in server.sent if line.startswith("QUIT")]


async def test_whoever_stops_the_bridge_hears_it_say_goodbye() -> None:
    async with in_lobby() as (server, scene):
        assert scene.inlet.phase is Phase.CONNECTED
    assert server.sent[-1] == "QUIT :the bridge is stopping"


async def test_a_thousand_channels_are_joined_in_few_lines(demo: DemoServer) -> None:
    channels = [ChannelId(NET, f"#channel-{number}") for number in range(1000)]
    scene = Scene(at(demo), channel_keys={"#channel-7": "secret"})
    async with scene.running():
        infos = await scene.adapter.open(*channels)
        assert [info.channel for info in infos if info.error is None] == channels
        joins = [line for _, line in demo.heard if line.command == "JOIN"]
        assert len(joins) < 50
        assert await scene.adapter.open(*channels) == infos
        assert len([line for _, line in demo.heard if line.command == "JOIN"]) == len(joins)


async def test_a_channel_that_will_not_have_us_says_why() -> None:
    async with in_lobby() as (server, scene):
        names = ["#banned", "#invite", "#full", "#key", "#many", "#moved"]
        opening = asyncio.create_task(scene.adapter.open(*(ChannelId(NET, name) for name in names), ChannelId(NET, "nochannel")))
        await server.expect("JOIN")
        for numeric, name in zip(("474", "473", "471", "475", "405"), names, strict=False):
            server.say(f":srv {numeric} bot {name} :Cannot join channel")
        server.say(":srv 470 bot #moved ##moved :Forwarding to another channel", ":bot!u@h JOIN ##moved")
        errors = {info.channel.id: info.error or "" for info in await opening}
        assert "banned" in errors["#banned"] and "invite" in errors["#invite"] and "full" in errors["#full"]
        assert "key" in errors["#key"] and "too many" in errors["#many"] and "##moved" in errors["#moved"]
        assert errors["nochannel"]
        assert await server.expect("PART") == "PART ##moved"


async def test_a_join_without_an_answer_is_given_up() -> None:
    async with in_lobby() as (server, scene):
        channels = [ChannelId(NET, f"#silent-{number}") for number in range(200)]
        opening = asyncio.create_task(scene.adapter.open(*channels))
        await server.expect("JOIN")
        await scene.clock.advance(30)
        assert {info.error for info in await opening} == {"the server gave no answer"}
        assert sum(line.startswith("JOIN") for line in server.sent) < 4


async def test_kicked_the_bot_comes_back_later_each_time_and_says_so(demo: DemoServer) -> None:
    async with in_lobby() as (server, scene):
        for wait in (16, 31):
            server.say(":op!o@h KICK #lobby bot :go away")
            await scene.inlet.until(lambda: "kicked" in (scene.inlet.states[-1].reason or ""))
            with pytest.raises(Unavailable):
                await scene.adapter.deliver(scene.delivery())
            joins = sum(line.startswith("JOIN") for line in server.sent)
            await scene.clock.advance(wait / 2 - 2)
            assert sum(line.startswith("JOIN") for line in server.sent) == joins
            await scene.clock.advance(wait / 2 + 3)
            await server.expect("JOIN")
            server.say(":bot!u@h JOIN #lobby", ":srv 366 bot #lobby :End")
            await scene.inlet.until(lambda: "again" in (scene.inlet.states[-1].reason or ""))


async def test_a_taken_nick_is_won_back_when_its_holder_goes(demo: DemoServer) -> None:
    _, holder = await asyncio.open_connection(demo.host, demo.port)
    holder.write(b"NICK bot\r\nUSER x 0 * :x\r\n")
    async with asyncio.timeout(10):
        while "bot" not in demo.nicks():
            await asyncio.sleep(0)
    scene = Scene(at(demo))
    async with scene.running(LOBBY):
        assert "bot_" in demo.nicks()
        holder.close()
        async with asyncio.timeout(10):
            while sorted(demo.nicks()) != ["bot"]:
                await scene.clock.advance(10)
        receipt = await scene.adapter.deliver(scene.delivery())
        assert receipt.ids


@pytest.mark.parametrize(
    ("words", "fatal", "least"),
    [
        ("Closing link: (K-lined: spam)", True, 0),
        ("Closing Link: bot (Banned)", True, 0),
        ("Closing link: Trying to reconnect too fast.", False, 60),
        ("Your host is throttled", False, 60),
        ("Closing link: Server shutting down", False, 0),
    ],
)
async def test_what_the_server_says_as_it_throws_us_out_decides_when_we_come_back(words: str, fatal: bool, least: float) -> None:
    async with ScriptedServer() as server:
        scene = Scene(server.address)
        task = asyncio.create_task(scene.adapter.run())
        await server.welcome()
        await scene.connected(task)
        server.say(f"ERROR :{words}")
        with pytest.raises(Disconnected) as caught:
            await task
        assert caught.value.fatal is fatal and words in caught.value.reason
        assert (caught.value.retry_after or 0) >= least


async def test_failures_in_a_row_wait_longer_each_time() -> None:
    server = await DemoServer.start(refuse="")
    scene = Scene(at(server), rate=Rate())
    waits = []
    for _ in range(12):
        with pytest.raises(Disconnected) as caught:
            await scene.adapter.run()
        waits.append(caught.value.retry_after or 0)
    assert waits[0] <= 1 and 400 <= waits[-1] <= 900 and waits[-1] > waits[3] > waits[0]
    await server.stop()


async def test_a_server_that_falls_silent_is_left() -> None:
    async with in_lobby() as (server, scene):
        sending = asyncio.create_task(scene.adapter.deliver(scene.delivery()))
        await server.expect("PRIVMSG")
        await scene.clock.advance(130)
        with pytest.raises(Exception, match="silent"):
            await sending


async def test_a_silent_but_living_server_is_asked_and_kept(demo: DemoServer) -> None:
    async with in_lobby() as (server, scene):
        for _ in range(5):
            await scene.clock.advance(62)
            await server.pong()
            server.say(":al!a@h PRIVMSG #lobby :tick")
            count = len(scene.inlet.texts())
            await scene.inlet.until(lambda count=count: len(scene.inlet.texts()) > count)  # type: ignore[misc]
        assert scene.inlet.phase is Phase.CONNECTED and server.connections == 1


async def test_it_connects_again_with_the_same_object_and_nothing_is_left_behind(demo: DemoServer) -> None:
    scene = Scene(at(demo))
    before = asyncio.all_tasks()
    for _ in range(3):
        async with scene.running(LOBBY) as task:
            await scene.adapter.deliver(scene.delivery())
            demo.cut()
            with pytest.raises(Disconnected):
                await task
    async with scene.running(LOBBY):
        await scene.adapter.deliver(scene.delivery())
    assert asyncio.all_tasks() == before
    async with asyncio.timeout(10):
        while demo.nicks():
            await asyncio.sleep(0)


async def test_stopped_in_the_middle_of_logging_on_it_leaves_nothing() -> None:
    async with ScriptedServer() as server:
        scene = Scene(server.address)
        before = asyncio.all_tasks()
        task = asyncio.create_task(scene.adapter.run())
        await server.expect("USER")
        before |= {one for one in asyncio.all_tasks() if "_serve" in repr(one)}
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() - before == set()


async def test_a_server_that_never_finishes_logging_on_is_left() -> None:
    async with ScriptedServer() as server:
        scene = Scene(server.address)
        task = asyncio.create_task(scene.adapter.run())
        await server.expect("USER")
        await scene.clock.advance(70)
        with pytest.raises(Disconnected, match="logging us on"):
            await task


async def test_nobody_there_is_told_in_plain_words(demo: DemoServer) -> None:
    await demo.stop()
    scene = Scene(at(demo))
    with pytest.raises(Disconnected, match="cannot be reached"):
        await scene.adapter.run()
    with pytest.raises(Unavailable):
        await scene.adapter.deliver(scene.delivery())
    assert [info.error for info in await scene.adapter.open(LOBBY)] == ["the network is not connected"]


async def test_features_follow_the_connection(demo: DemoServer) -> None:
    scene = Scene(at(demo))
    unknown = scene.adapter.features(LOBBY)
    assert unknown.limits.text is not None and unknown.limits.text <= 400
    assert unknown.level(Feature.REACTIONS) is Level.DROPPED
    async with scene.running(LOBBY):
        known = scene.adapter.features(LOBBY)
        me = demo._world.nicks["bot"]
        overhead = len(f":{me.nick}!{me.user}@{me.host} PRIVMSG #lobby :\r\n".encode())
        assert known.limits.text == 512 - overhead and known.limits.in_flight == 64
        assert known.voice is VoiceKind.PREFIX and known.level(Feature.REACTIONS) is Level.NATIVE
        assert scene.adapter.features(LOBBY) is known
        demo.change_host("bot", "u", "a.much.longer.host.example.org")
        await scene.adapter.deliver(scene.delivery())
        assert (scene.adapter.features(LOBBY).limits.text or 0) < (known.limits.text or 0)


async def test_a_server_that_reads_in_small_pieces_gets_small_pieces() -> None:
    async with in_lobby() as (server, scene):
        assert scene.adapter.features(LOBBY).limits.in_flight == 64
        link = scene.adapter._link
        assert link is not None and not link.session.small_pieces
    async with ScriptedServer() as server:
        scene = Scene(server.address)
        task = asyncio.create_task(scene.adapter.run())
        await server.expect("USER")
        server.say(":srv CAP * LS :")
        await server.expect("CAP END")
        server.say(
            ":srv 001 bot :Welcome", ":srv 004 bot srv ngircd-26.1 abc def", ":srv 005 bot CHANTYPES=# :x", ":srv 376 bot :End"
        )
        await scene.connected(task)
        assert scene.adapter.features(LOBBY).limits.in_flight == 3
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_typing_is_told_at_most_every_three_seconds(demo: DemoServer) -> None:
    scene = Scene(at(demo))
    async with scene.running(LOBBY):
        typing = Typing(channel=LOBBY, who=IdentityId(HUB, "@a:b"), active=True)
        for _ in range(5):
            await scene.adapter.send_signal(typing)
        await scene.clock.advance(4)
        await scene.adapter.send_signal(typing)
        await scene.adapter.deliver(scene.delivery())
    assert sum(line.command == "TAGMSG" for _, line in demo.heard) == 2


async def test_the_words_answer_and_raw_cannot_reach_secrets(demo: DemoServer) -> None:
    scene = Scene(at(demo))
    words = {word.name: word for word in scene.adapter.words()}
    admin = Asker(user="terminal", permission=Permission.ADMIN)
    assert (await words["names"].run(admin, {"channel": "#lobby"})).failed
    async with scene.running(LOBBY):
        assert (await words["names"].run(admin, {"channel": "#Lobby"})).data == ["bot"]
        assert (await words["nick"].run(admin, {})).data == "bot"
        assert (await words["raw"].run(admin, {"line": "PRIVMSG #lobby :as the bridge"})).failed
        assert (await words["raw"].run(admin, {"line": "TOPIC #lobby :news\r\nQUIT"})).failed
        assert not (await words["raw"].run(admin, {"line": "TOPIC #lobby :news of today"})).failed
        await scene.adapter.deliver(scene.delivery())
    assert demo.heard and any(line.command == "TOPIC" for _, line in demo.heard)
    assert words["raw"].permission is Permission.ADMIN and words["nick"].permission is Permission.ADMIN


async def test_check_says_what_answers(demo: DemoServer) -> None:
    scene = Scene(at(demo))
    assert "unencrypted" in await type(scene.adapter).examine(scene.adapter._config)
