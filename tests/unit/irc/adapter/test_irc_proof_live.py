"""A delivery ends as its evidence says: never "sent" for what may be lost, never "lost" for what was refused."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.irc.config import Rate
from adapters.irc.demo.server import DemoServer
from adapters.irc.demo.world import CAPS
from bridge.contract.errors import Disconnected, Rejected, Unavailable, Uncertain
from bridge.contract.features import Evidence
from bridge.model.ids import ChannelId
from tests.unit.irc.adapter.scene import LOBBY, NET, Scene
from tests.unit.irc.adapter.scripted import in_lobby

NO_LABELS = CAPS - {"labeled-response"}
BARE = frozenset[str]()


@pytest.fixture(params=["labels", "echo", "fence"])
async def demo(request: pytest.FixtureRequest) -> AsyncIterator[tuple[DemoServer, str]]:
    caps = {"labels": CAPS, "echo": NO_LABELS, "fence": BARE}[request.param]
    server = await DemoServer.start(caps=caps, record=True)
    yield server, request.param
    await server.stop()


async def test_every_line_of_a_burst_is_proved_and_arrives_in_order(demo: tuple[DemoServer, str]) -> None:
    server, kind = demo
    scene = Scene(f"127.0.0.1:{server.port}")
    async with scene.running(LOBBY):
        receipts = await asyncio.gather(*(scene.adapter.deliver(scene.delivery(f"line {n}")) for n in range(200)))
    said = [line.params[1] for nick, line in server.heard if line.command == "PRIVMSG"]
    assert said == [f"<alice> line {n}" for n in range(200)]
    wanted = Evidence.FENCED if kind == "fence" else Evidence.ECHOED
    assert {receipt.evidence for receipt in receipts} == {wanted}
    if kind != "fence":
        assert len({receipt.ids for receipt in receipts}) == 200
    assert scene.inlet.texts() == []


async def test_a_fence_stands_for_many_lines(demo: tuple[DemoServer, str]) -> None:
    server, kind = demo
    scene = Scene(f"127.0.0.1:{server.port}")
    async with scene.running(LOBBY):
        before = sum(line.command == "PING" for _, line in server.heard)
        await asyncio.gather(*(scene.adapter.deliver(scene.delivery(f"line {n}")) for n in range(50)))
        pings = sum(line.command == "PING" for _, line in server.heard) - before
    assert pings == (1 if kind == "fence" else 0)


async def test_a_line_the_channel_refuses_is_rejected_and_the_next_still_goes(demo: tuple[DemoServer, str]) -> None:
    server, _ = demo
    scene = Scene(f"127.0.0.1:{server.port}")
    async with scene.running(LOBBY):
        await scene.adapter.deliver(scene.delivery("before"))
        reader, writer = await _op(server)
        writer.write(b"MODE #lobby +m\r\nMODE #lobby -v bot\r\nMODE #lobby -o bot\r\nPING done\r\n")
        while b"done" not in await reader.readline():
            pass
        with pytest.raises(Rejected, match="does not take"):
            await scene.adapter.deliver(scene.delivery("while moderated"))
        writer.write(b"MODE #lobby -m\r\nPING done\r\n")
        while b"done" not in await reader.readline():
            pass
        await scene.adapter.deliver(scene.delivery("after"))
        writer.close()


async def _op(server: DemoServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Somebody with operator rights in the lobby, which the bot made."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(b"NICK op\r\nUSER op 0 * :op\r\nJOIN #lobby\r\nPING joined\r\n")
    while b"joined" not in await reader.readline():
        pass
    channel = server._world.channels["#lobby"]
    channel.members[server._world.nicks["op"]].add("o")
    return reader, writer


async def test_a_lost_connection_leaves_the_unproven_uncertain(demo: tuple[DemoServer, str]) -> None:
    server, _ = demo
    scene = Scene(f"127.0.0.1:{server.port}")
    async with scene.running(LOBBY) as task:
        server.mute("bot")
        sending = asyncio.gather(*(scene.adapter.deliver(scene.delivery(str(n))) for n in range(3)), return_exceptions=True)
        await _heard(server, "<alice> 2")
        server.cut()
        assert [type(outcome) for outcome in await sending] == [Uncertain] * 3
        with pytest.raises(Disconnected):
            await task
        with pytest.raises(Unavailable):
            await scene.adapter.deliver(scene.delivery("later"))


async def _heard(server: DemoServer, text: str) -> None:
    async with asyncio.timeout(10):
        while not any(line.params[-1:] == [text] or line.params[-1:] == (text,) for _, line in server.heard):
            await asyncio.sleep(0)


async def test_flood_control_holds_lines_back_in_order_and_they_are_unavailable_when_the_link_breaks() -> None:
    async with in_lobby(rate=Rate(burst=8, seconds=2.0)) as (server, scene):
        sending = [asyncio.create_task(scene.adapter.deliver(scene.delivery(str(n)))) for n in range(12)]
        await server.expect("PRIVMSG #lobby :<alice> 0")
        await scene.clock.advance(4)
        await server.expect("PRIVMSG #lobby :<alice> 1")
        await server.hang_up()
        outcomes = await asyncio.gather(*sending, return_exceptions=True)
        written = sum("PRIVMSG" in line for line in server.sent)
        assert [type(one) for one in outcomes] == [Uncertain] * written + [Unavailable] * (12 - written)
        assert 0 < written < 12


async def test_echoes_without_labels_pass_over_a_line_the_server_swallowed() -> None:
    async with in_lobby(caps="echo-message") as (server, scene):
        first, second = (asyncio.create_task(scene.adapter.deliver(scene.delivery(text))) for text in ("one", "two"))
        await server.expect("PRIVMSG #lobby :<alice> two")
        server.say(":bot!u@host.example PRIVMSG #lobby :<alice> two")
        assert (await second).evidence is Evidence.ECHOED
        assert (await first).evidence is Evidence.FENCED


async def test_a_server_that_forgets_to_echo_does_not_hold_the_lane_for_ever() -> None:
    async with in_lobby(caps="batch echo-message labeled-response") as (server, scene):
        sending = asyncio.create_task(scene.adapter.deliver(scene.delivery("hello")))
        await server.expect("PRIVMSG")
        await scene.clock.advance(7)
        await server.pong()
        assert (await sending).evidence is Evidence.FENCED


async def test_an_error_is_tied_to_its_line_by_label_whatever_the_order() -> None:
    async with in_lobby(caps="batch echo-message labeled-response message-tags") as (server, scene):
        first, second = (asyncio.create_task(scene.adapter.deliver(scene.delivery(text))) for text in ("one", "two"))
        line = await server.expect("PRIVMSG #lobby :<alice> two")
        label = line.split()[0].partition("label=")[2]
        server.say(f"@label={label} :srv 404 bot #lobby :Cannot send to channel (no bad words)")
        with pytest.raises(Rejected, match="no bad words"):
            await second
        assert not first.done()
        server.say("@label=" + server.sent[-2].split()[0].partition("label=")[2] + ";msgid=m1 :bot!u@h PRIVMSG #lobby :x")
        assert (await first).ids == ("m1",)


async def test_proof_that_nobody_waits_for_any_more_closes_the_delivery_all_the_same() -> None:
    async with in_lobby(caps="batch echo-message labeled-response message-tags") as (server, scene):
        delivery = scene.delivery("hello")
        sending = asyncio.create_task(scene.adapter.deliver(delivery))
        await server.expect("PRIVMSG")
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        server.say(f"@label={delivery.id};msgid=m1 :bot!u@h PRIVMSG #lobby :<alice> hello")
        await scene.inlet.until(lambda: bool(scene.inlet.late))
        assert [(id, receipt.ids) for id, receipt in scene.inlet.late] == [(delivery.id, ("m1",))]
        assert scene.inlet.events == []


async def test_a_channel_we_were_thrown_out_of_is_unavailable_not_rejected() -> None:
    async with in_lobby() as (server, scene):
        sending = asyncio.create_task(scene.adapter.deliver(scene.delivery("hello")))
        await server.expect("PRIVMSG")
        server.say(":srv 442 bot #lobby :You're not on that channel")
        with pytest.raises(Unavailable):
            await sending
        await scene.clock.advance(2)
        await server.expect("JOIN")


async def test_what_cannot_be_one_line_is_rejected_and_nothing_is_written() -> None:
    server = await DemoServer.start(record=True)
    scene = Scene(f"127.0.0.1:{server.port}")
    async with scene.running(LOBBY):
        with pytest.raises(Rejected):
            await scene.adapter.deliver(scene.delivery("x", channel=ChannelId(NET, "#lobby\r\nQUIT")))
        before = len(server.heard)
        receipt = await scene.adapter.deliver(scene.delivery("a\r\nQUIT :gone\0"))
        assert receipt.evidence is Evidence.ECHOED
        assert [line.command for _, line in server.heard[before:]] == ["PRIVMSG"]
    await server.stop()
