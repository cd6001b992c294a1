"""Becoming somebody on the demo server: as WeeChat and irssi expect it."""

import base64

import pytest

from tests.unit.irc.demo.people import ALL, MORE, brief, connect, person, serving


async def test_a_plain_client_is_welcomed_with_all_that_clients_read() -> None:
    async with serving() as server:
        alice = await connect(server)
        alice.say("NICK Alice", "USER alice 0 * :Alice A.")
        got = await alice.answers()
        numerics = [line.command for line in got]
        assert numerics[:4] == ["001", "002", "003", "004"] and numerics[-1] == "376"
        assert got[0].params == ("Alice", "Welcome to the Demo Internet Relay Chat Network Alice!~alice@127.0.0.1")
        tokens = {token for line in got if line.command == "005" for token in line.params[1:-1]}
        assert {"CASEMAPPING=rfc1459", "PREFIX=(ov)@+", "CHANTYPES=#&", "STATUSMSG=@+", "BOT=B"} <= tokens
        assert all(len(line.params) <= 15 for line in got)


async def test_negotiation_holds_registration_until_its_end() -> None:
    async with serving() as server:
        alice = await connect(server)
        alice.say("CAP LS 302", "NICK alice", "USER a 0 * :A")
        listed = await alice.until("CAP", "*", "LS")
        assert set(f"{ALL} {MORE}".split()) <= set(listed.params[-1].split())
        await alice.answers("CAP REQ :echo-message")
        assert server.nicks() == []
        alice.say("CAP END")
        await alice.until("001")


async def test_a_request_is_granted_whole_or_not_at_all() -> None:
    async with serving() as server:
        alice = await person(server, "alice")
        assert brief(await alice.answers("CAP REQ :batch nonsense", "CAP LIST")) == [
            "CAP alice NAK batch nonsense",
            "CAP alice LIST ",
        ]
        assert brief(await alice.answers("CAP REQ :batch setname", "CAP REQ -batch", "CAP LIST", "CAP WHAT")) == [
            "CAP alice ACK batch setname",
            "CAP alice ACK -batch",
            "CAP alice LIST setname",
            "410 alice WHAT Invalid CAP command",
        ]


async def test_who_did_not_ask_is_not_told_of_values() -> None:
    async with serving(accounts={"a": "b"}, relaymsg=True) as server:
        alice = await connect(server)
        alice.say("CAP LS")
        plain = (await alice.until("CAP")).params[-1].split()
        alice.say("CAP LS 302")
        valued = (await alice.until("CAP")).params[-1].split()
        assert {"sasl", "draft/relaymsg"} <= set(plain) and {"sasl=PLAIN", "draft/relaymsg=/"} <= set(valued)


async def test_offers_come_and_go() -> None:
    async with serving() as server:
        alice = await person(server, "alice", caps="cap-notify echo-message")
        server.offer(frozenset({"cap-notify", "batch"}))
        assert "echo-message" in (await alice.until("CAP", "alice", "DEL")).params[-1].split()
        server.offer(frozenset({"cap-notify", "batch", "setname"}))
        assert (await alice.until("CAP", "alice", "NEW")).params[-1] == "setname"
        assert brief(await alice.answers("CAP LIST")) == ["CAP alice LIST cap-notify"]


def plain(user: str, password: str) -> str:
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


async def test_sasl_plain_logs_in_before_the_welcome() -> None:
    async with serving(accounts={"alice": "secret"}) as server:
        alice = await connect(server)
        alice.say("CAP LS 302", "CAP REQ :sasl account-notify", "NICK alice", "USER a 0 * :A", "AUTHENTICATE PLAIN")
        assert (await alice.until("AUTHENTICATE")).params == ("+",)
        assert [line.command for line in await alice.answers(f"AUTHENTICATE {plain('alice', 'secret')}")] == ["900", "903"]
        alice.say("CAP END")
        await alice.until("001")
        assert "330 alice alice alice is logged in as" in brief(await alice.answers("WHOIS alice"))


@pytest.mark.parametrize(
    ("lines", "numerics"),
    [
        (["AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('alice', 'wrong')}"], ["AUTHENTICATE", "904"]),
        (["AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('nobody', '')}"], ["AUTHENTICATE", "904"]),
        (["AUTHENTICATE PLAIN", "AUTHENTICATE !!!"], ["AUTHENTICATE", "904"]),
        (["AUTHENTICATE PLAIN", "AUTHENTICATE " + "A" * 401], ["AUTHENTICATE", "905"]),
        (["AUTHENTICATE PLAIN", "AUTHENTICATE *"], ["AUTHENTICATE", "906"]),
        (["AUTHENTICATE SCRAM-SHA-256"], ["908", "904"]),
        (
            ["AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('alice', 'secret')}", "AUTHENTICATE PLAIN"],
            ["AUTHENTICATE", "900", "903", "907"],
        ),
    ],
)
async def test_sasl_says_what_is_wrong(lines: list[str], numerics: list[str]) -> None:
    async with serving(accounts={"alice": "secret"}) as server:
        alice = await person(server, "alice", caps="sasl")
        assert [line.command for line in await alice.answers(*lines)] == numerics


async def test_logging_in_late_is_told_to_the_channel() -> None:
    async with serving(accounts={"acc": "pw"}) as server:
        bob = await person(server, "bob", "#a", caps="account-notify account-tag extended-join")
        alice = await person(server, "alice", "#a", caps="sasl")
        await alice.answers("AUTHENTICATE PLAIN", f"AUTHENTICATE {plain('acc', 'pw')}")
        assert (await bob.until("ACCOUNT")).params == ("acc",)
        alice.say("PRIVMSG #a :hi")
        assert (await bob.until("PRIVMSG")).tags["account"] == "acc"


async def test_a_taken_nick_is_refused_whatever_its_case() -> None:
    async with serving() as server:
        await person(server, "Alice[]")
        bob = await person(server, "bob")
        assert brief(await bob.answers("NICK alice{}")) == ["433 bob alice{} Nickname is already in use"]
        assert brief(await bob.answers("NICK", "NICK 1x", "NICK :a b")) == [
            "431 bob No nickname given",
            "432 bob 1x Erroneous nickname",
            "432 bob a b Erroneous nickname",
        ]


async def test_a_nick_change_is_told_to_all_who_share_a_channel_once() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a", "#b")
        bob = await person(server, "bob", "#a", "#b")
        alice.say("NICK Alice2")
        await alice.until("NICK", "Alice2")
        assert [line.nick for line in await bob.answers() if line.command == "NICK"] == ["alice"]
        assert set(server.nicks()) == {"Alice2", "bob"}


async def test_without_the_password_nobody_comes_in() -> None:
    async with serving(password="pw") as server:
        mallory = await connect(server)
        mallory.say("NICK m", "USER m 0 * :m")
        assert "Bad password" in await mallory.closed()
        alice = await connect(server)
        alice.say("PASS pw", "NICK alice", "USER a 0 * :A")
        await alice.until("001")


async def test_before_registration_little_is_allowed() -> None:
    async with serving() as server:
        one = await connect(server)
        one.say("JOIN #a", "WHAT", "PRIVMSG #a :x")
        assert [line.command for line in await one.answers()] == ["451", "451", "451"]


async def test_too_few_parameters_and_unknown_words_are_told() -> None:
    async with serving() as server:
        alice = await person(server, "alice")
        assert brief(await alice.answers("JOIN", "WHAT x", "USER a 0 * :A", "PASS x")) == [
            "461 alice JOIN Not enough parameters",
            "421 alice WHAT Unknown command",
            "462 alice You may not reregister",
            "462 alice You may not reregister",
        ]


async def test_a_goodbye_is_seen_by_others() -> None:
    async with serving() as server:
        bob = await person(server, "bob", "#a")
        alice = await person(server, "alice", "#a")
        alice.say("QUIT :so long")
        assert "Quit: so long" in await alice.closed()
        assert (await bob.until("QUIT")).params == ("Quit: so long",)
        assert server.members("#a") == ["bob"]
