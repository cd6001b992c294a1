"""The IRC adapter alone on real servers: what operators and other people do to a bridge, on InspIRCd and on ngIRCd."""

import itertools
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bridge.contract.delivery import Target
from bridge.contract.errors import Rejected, Unavailable
from bridge.contract.features import Evidence
from bridge.model.events import Membership, Message, Move, Ref, Text
from bridge.model.ids import ChannelId
from tests.servers.clients import IrcClient
from tests.servers.daemons import Daemon, Inspircd, Ngircd
from tests.unit.irc.adapter.scene import NET, Scene

pytestmark = pytest.mark.servers
_numbers = itertools.count(1)


@pytest.fixture(params=["inspircd", "ngircd"])
def server(request: pytest.FixtureRequest, inspircd: Inspircd, ngircd: Ngircd) -> Daemon:
    return inspircd if request.param == "inspircd" else ngircd


@pytest.fixture
def channel() -> ChannelId:
    """Nobody was ever in it."""
    return ChannelId(NET, f"#place{next(_numbers)}")


@pytest_asyncio.fixture
async def oper(server: Daemon, channel: ChannelId) -> AsyncIterator[IrcClient]:
    """Who came first, and so is the channel's operator."""
    async with IrcClient(server.host, server.port, f"op{next(_numbers)}") as client:
        await client.join(channel.id)
        yield client


async def moded(oper: IrcClient, channel: ChannelId, mode: str) -> None:
    """Returns when it holds."""
    oper.send(f"MODE {channel.id} {mode}")
    await oper.sees(lambda line: f" MODE {channel.id} " in line and mode[:2] in line)


def on(server: Daemon, **settings: object) -> Scene:
    return Scene(f"{server.host}:{server.port}", **{"nick": f"bot{next(_numbers)}", **settings})


async def test_who_may_not_speak_is_told_why_and_the_next_line_goes(server: Daemon, channel: ChannelId, oper: IrcClient) -> None:
    scene = on(server)
    async with scene.running(channel):
        await moded(oper, channel, "+m")
        with pytest.raises(Rejected, match="does not take the message"):
            await scene.adapter.deliver(scene.delivery("unheard", channel=channel))
        await moded(oper, channel, "-m")
        receipt = await scene.adapter.deliver(scene.delivery("heard", channel=channel))
        assert receipt.evidence is (Evidence.ECHOED if isinstance(server, Inspircd) else Evidence.FENCED)
        await oper.sees(lambda line: line.endswith("<alice> heard"))
        assert not any("unheard" in line for line in oper.lines)


async def test_thrown_out_the_bridge_comes_back_and_meanwhile_nothing_counts_as_sent(
    server: Daemon, channel: ChannelId, oper: IrcClient
) -> None:
    scene = on(server)
    async with scene.running(channel):
        told = len(scene.inlet.states)
        oper.send(f"KICK {channel.id} {scene.nick} :out")
        await scene.inlet.until(lambda: len(scene.inlet.states) > told)
        with pytest.raises(Unavailable):
            await scene.adapter.deliver(scene.delivery("early", channel=channel))
        await scene.clock.advance(16)
        await oper.sees(lambda line: f"{scene.nick}!" in line and "JOIN" in line)
        await scene.inlet.until(lambda: "again" in (scene.inlet.states[-1].reason or ""))
        await scene.adapter.deliver(scene.delivery("late", channel=channel))
        await oper.sees(lambda line: line.endswith("<alice> late"))


@pytest.mark.parametrize(("mode", "words"), [("+i", "invite-only"), ("+k den", "key"), ("+b *!*@*", "banned")])
async def test_a_channel_that_is_shut_says_how(
    server: Daemon, channel: ChannelId, oper: IrcClient, mode: str, words: str
) -> None:
    await moded(oper, channel, mode)
    scene = on(server)
    async with scene.running():
        (info,) = await scene.adapter.open(channel)
        assert words in (info.error or "")
        with pytest.raises(Rejected, match=words):
            await scene.adapter.deliver(scene.delivery("x", channel=channel))
    if mode.startswith("+k"):
        async with on(server, channel_keys={channel.id: "den"}).running(channel):
            pass


async def test_what_operators_do_to_people_is_told(server: Daemon, channel: ChannelId, oper: IrcClient) -> None:
    scene = on(server)
    async with scene.running(channel), IrcClient(server.host, server.port, f"al{next(_numbers)}") as al:
        await al.join(channel.id)
        oper.send(f"MODE {channel.id} +b {al.nick}!*@*", f"KICK {channel.id} {al.nick} :enough")
        await scene.inlet.until(lambda: len(scene.inlet.events) >= 3)
        moves = [event.body for event in scene.inlet.events if isinstance(event.body, Membership)]
        assert [(body.move, body.who.name) for body in moves] == [(move, al.nick) for move in (Move.JOIN, Move.BAN, Move.KICK)]
        assert moves[2].reason == "enough" and moves[2].by is not None and moves[2].by.name == oper.nick


async def test_a_nick_that_is_taken_is_had_again_when_it_is_free(server: Daemon, channel: ChannelId) -> None:
    async with IrcClient(server.host, server.port, f"own{next(_numbers)}") as holder:
        await holder.join(channel.id)
        scene = on(server, nick=holder.nick)
        async with scene.running(channel):
            link = scene.adapter._link
            assert link is not None
            other = link.nick
            assert other != holder.nick
            holder.send("NICK another")
            await holder.sees(lambda line: line.startswith(f":{other}!") and line.endswith(holder.nick))
            await scene.adapter.deliver(scene.delivery("me again", channel=channel))
            await holder.sees(lambda line: line.startswith(f":{holder.nick}!") and line.endswith("me again"))


async def test_an_answer_is_one_for_clients_with_tags_and_names_its_person_for_all(
    inspircd: Inspircd, channel: ChannelId
) -> None:
    async with IrcClient(inspircd.host, inspircd.port, f"al{next(_numbers)}", "message-tags echo-message") as al:
        await al.join(channel.id)
        scene = on(inspircd)
        async with scene.running(channel):
            al.send(f"PRIVMSG {channel.id} :noon?")
            await scene.inlet.until(lambda: scene.inlet.texts() == ["noon?"])
            asked = scene.inlet.events[-1]
            body = Message(text=Text(plain="yes"), reply_to=Ref(key=asked.key, author=asked.author))
            target = Target(event=asked.key, ids=(asked.key.id,), ours=False)
            await scene.adapter.deliver(scene.delivery(channel=channel, body=body, reply_to=target))
            line = await al.sees(lambda line: line.endswith(f"<alice> {al.nick}: yes"))
            assert f"+reply={asked.key.id}" in line
