"""The demo server misbehaves when told to, survives those who misbehave, and leaves nothing behind."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.irc.demo.server import DemoServer
from tests.unit.irc.demo.people import ALL, brief, connect, person, serving


async def test_a_cut_connection_is_gone_without_a_goodbye() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a")
        bob = await person(server, "bob", "#a")
        server.cut("alice")
        assert "ERROR" not in await alice.closed()
        assert (await bob.until("QUIT")).nick == "alice"
        assert server.nicks() == ["bob"]


async def test_a_frozen_client_is_neither_read_nor_answered_until_it_thaws() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a")
        bob = await person(server, "bob", "#a")
        server.freeze("bob")
        await alice.answers("PRIVMSG #a :one")
        bob.say("PRIVMSG #a :two")
        assert [line for line in await alice.answers() if line.command == "PRIVMSG"] == []
        server.thaw("bob")
        assert (await bob.until("PRIVMSG")).params[1] == "one"
        assert (await alice.until("PRIVMSG")).params[1] == "two"


async def test_who_connects_to_a_frozen_server_waits() -> None:
    async with serving() as server:
        server.freeze()
        alice = await connect(server)
        alice.say("NICK alice", "USER a 0 * :A")
        assert server.nicks() == []
        await asyncio.sleep(0)
        server.thaw()
        await alice.until("001")


async def test_a_muted_client_is_obeyed_in_silence() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a", caps=ALL)
        bob = await person(server, "bob", "#a")
        await alice.answers()
        server.mute("alice")
        alice.say("PRIVMSG #a :did it arrive?", "PING :x")
        assert (await bob.until("PRIVMSG")).params[1] == "did it arrive?"
        server.cut("alice")
        assert await alice.closed() == ""


async def test_refusal_says_its_words_and_hangs_up() -> None:
    async with serving(refuse="Throttled: reconnecting too fast") as server:
        alice = await connect(server)
        assert await alice.closed() == "ERROR Throttled: reconnecting too fast"
        server.knobs.refuse = ""
        assert await (await connect(server)).closed() == ""
        server.knobs.refuse = None
        await person(server, "alice")


async def test_a_kill_says_why() -> None:
    async with serving() as server:
        alice = await person(server, "alice")
        server.kill("alice", "K-Lined: no bots")
        assert await alice.closed() == "ERROR Closing Link: 127.0.0.1 (K-Lined: no bots)"


async def test_injected_bytes_arrive_as_they_are() -> None:
    async with serving() as server:
        alice = await person(server, "alice")
        server.inject("alice", b"\xff\x00:\r\n@@@ \r\n")
        assert await alice.reader.readexactly(11) == b"\xff\x00:\r\n@@@ \r\n"


async def test_it_can_stop_listening_and_come_back_on_the_same_port() -> None:
    async with serving() as server:
        alice = await person(server, "alice")
        await server.stop_listening()
        with pytest.raises(OSError):
            await asyncio.open_connection(server.host, server.port)
        await alice.answers("PING :still here")
        port = server.port
        await server.listen()
        assert server.port == port
        await person(server, "bob")


async def test_the_silent_are_asked_and_then_let_go() -> None:
    async with serving(ping_every=60) as server:
        alice = await person(server, "alice")
        bob = await person(server, "bob")
        now = asyncio.get_running_loop().time()
        server.sweep(now + 61)
        await alice.until("PING")
        await bob.until("PING")
        await alice.answers("PONG :irc.demo")
        server.sweep(now + 122)
        assert "Ping timeout" in await bob.closed()
        assert server.nicks() == ["alice"]


async def test_a_stopped_server_leaves_no_connection() -> None:
    server = await DemoServer.start()
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(b"NICK a\r\nUSER a 0 * :a\r\n")
    await reader.readuntil(b" 376 ")
    await server.stop()
    rest = await reader.read()
    assert b"ERROR :Closing Link: 127.0.0.1 (Server shutting down)" in rest
    writer.close()
    await writer.wait_closed()
    assert server.nicks() == []
    with pytest.raises(OSError):
        await asyncio.open_connection(server.host, server.port)


async def test_a_line_without_end_costs_no_memory_and_no_neighbour() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a")
        bob = await person(server, "bob", "#a")
        alice.writer.write(b"x" * 300_000 + b"\r\n")
        assert brief(await alice.answers("PRIVMSG #a :and on"))[-1] == "417 alice Input line was too long"
        assert (await bob.until("PRIVMSG")).params[1] == "and on"


WORDS = st.sampled_from(
    [
        *("#a", "#b", "@#a", "alice", "bob", "*", "0", ":", "", "+b", "-o+v", "+ovbkl", "*!*@*", "302", "LS", "REQ", "END", "+"),
        *("PLAIN", "AAAA", "\x01ACTION\x01", "é" * 30, "x" * 300, ",,,", "echo-message", "-batch", ":a b c", "4", "@", "/"),
        *("a/b", "C", "S", "L", "-"),
    ]
) | st.text(max_size=6)
COMMANDS = st.sampled_from(
    [
        *("CAP", "AUTHENTICATE", "PASS", "NICK", "USER", "JOIN", "PART", "TOPIC", "NAMES", "LIST", "KICK", "INVITE", "MODE"),
        *("PRIVMSG", "NOTICE", "TAGMSG", "REDACT", "RELAYMSG", "MOTD", "LUSERS", "WHO", "WHOIS", "ISON", "USERHOST", "AWAY"),
        *("SETNAME", "MONITOR", "VERSION", "TIME", "PING", "PONG"),
    ]
)
TAGS = st.sampled_from(["", "@label=1 ", "@+x=y;label= ", "@ ", "@;;= ", "@label "])
LINES = st.builds(
    lambda tags, command, words: f"{tags}{command} {' '.join(words)}".encode("utf-8", "replace"),
    TAGS,
    COMMANDS,
    st.lists(WORDS, max_size=5),
) | st.binary(max_size=60)


@given(st.lists(LINES, max_size=25))
async def test_no_lines_bring_it_down(raw: list[bytes]) -> None:
    async with serving(relaymsg=True, accounts={"a": "b"}) as server:
        bob = await person(server, "bob", "#a", caps=ALL)
        alice = await person(server, "alice", "#a", "#b", caps=f"{ALL} sasl draft/relaymsg")
        alice.say(*raw, "QUIT")
        await alice.closed()
        got = await bob.answers("NAMES #a")
        assert any(line.command == "366" for line in got)
        assert server.nicks() == ["bob"]
