"""What is said on the demo server, with and without the capabilities that change how it is told."""

import pytest

from tests.unit.irc.demo.people import ALL, MORE, brief, connect, person, serving


async def test_a_message_reaches_the_others_and_comes_back_to_who_asked_for_echoes() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a", caps=ALL)
        bob = await person(server, "bob", "#a")
        alice.say("@label=L1;+draft/reply=m0;secret=x PRIVMSG #A :hi there")
        heard = await bob.until("PRIVMSG")
        assert (heard.nick, heard.params, dict(heard.tags)) == ("alice", ("#A", "hi there"), {})
        echo = await alice.until("PRIVMSG")
        assert echo.tags["label"] == "L1" and echo.tags["+draft/reply"] == "m0" and "secret" not in echo.tags
        assert echo.tags["msgid"] and echo.tags["time"].endswith("Z")
        assert await bob.answers("PRIVMSG #a :no echo for me") == []


async def test_message_ids_are_unique_and_not_repeated_by_another_run() -> None:
    ids = set()
    for _ in range(2):
        async with serving() as server:
            alice = await person(server, "alice", "#a", caps="message-tags echo-message")
            for _ in range(3):
                alice.say("PRIVMSG #a :x")
                ids.add((await alice.until("PRIVMSG")).tags["msgid"])
    assert len(ids) == 6


async def test_every_labelled_line_gets_exactly_one_answer() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a", caps="labeled-response batch")
        got = await alice.answers(
            "@label=a PRIVMSG #a :no echo", "@label=b PRIVMSG #none :x", "@label=c WHOIS alice", "@label=d AWAY"
        )
        assert [(line.command, line.tags.get("label")) for line in got if "label" in line.tags] == [
            ("ACK", "a"),
            ("403", "b"),
            ("BATCH", "c"),
            ("305", "d"),
        ]
        opened = next(line for line in got if line.command == "BATCH")
        name = opened.params[0].removeprefix("+")
        assert opened.params == (f"+{name}", "labeled-response")
        assert {line.command for line in got if line.tags.get("batch") == name} >= {"311", "318"}
        assert f"BATCH -{name}" in brief(got)


async def test_a_label_means_nothing_without_the_capability() -> None:
    async with serving() as server:
        alice = await person(server, "alice")
        (answer,) = await alice.answers("@label=x PRIVMSG nobody :x")
        assert answer.command == "401" and "label" not in answer.tags


async def test_messages_that_cannot_be_delivered_are_told_but_notices_are_not() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a")
        bob = await person(server, "bob", "#a")
        carol = await person(server, "carol")
        await alice.answers("MODE #a +m", "MODE #a +b *!*@*")
        for one in (bob, carol):
            got = [line.command for line in await one.answers("PRIVMSG #a :x", "NOTICE #a :x")]
            assert [command for command in got if command not in ("MODE", "JOIN")] == ["404"]
        assert brief(await carol.answers("PRIVMSG", "PRIVMSG #a", "PRIVMSG #a :", "NOTICE nobody :x", "PRIVMSG a,b,c,d,e :x"))[
            :3
        ] == [
            "411 carol No recipient given (PRIVMSG)",
            "412 carol No text to send",
            "412 carol No text to send",
        ]
        await alice.answers("MODE #a +v bob")
        bob.say("PRIVMSG #a :voiced")
        assert (await alice.until("PRIVMSG")).params == ("#a", "voiced")


async def test_private_messages_and_the_absent() -> None:
    async with serving() as server:
        alice = await person(server, "alice", caps="echo-message")
        bob = await person(server, "bob")
        await bob.answers("AWAY :gone")
        assert brief(await alice.answers("PRIVMSG BOB :psst")) == ["PRIVMSG bob psst", "301 alice bob gone"]
        assert (await bob.until("PRIVMSG")).params == ("bob", "psst")


async def test_ranks_hear_what_is_for_them() -> None:
    async with serving() as server:
        op = await person(server, "op", "#a")
        voiced = await person(server, "voiced", "#a")
        plain = await person(server, "plain", "#a")
        await op.answers("MODE #a +v voiced")
        plain.say("PRIVMSG @#a :for ops", "PRIVMSG +#a :for voices")
        await plain.answers()
        assert [line.params[0] for line in await op.answers() if line.command == "PRIVMSG"] == ["@#a", "+#a"]
        assert [line.params[0] for line in await voiced.answers() if line.command == "PRIVMSG"] == ["+#a"]


async def test_several_targets_are_several_messages() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a", "#b", caps="echo-message")
        assert brief(await alice.answers("PRIVMSG #a,#b :x")) == ["PRIVMSG #a x", "PRIVMSG #b x"]


async def test_tag_messages_reach_only_who_understands_tags() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a", caps="message-tags")
        bob = await person(server, "bob", "#a", caps="message-tags")
        carol = await person(server, "carol", "#a")
        await alice.answers("@+typing=active TAGMSG #a")
        assert (await bob.until("TAGMSG")).tags["+typing"] == "active"
        assert await carol.answers() == []


async def test_a_message_can_be_taken_back_by_its_author_and_operators_only() -> None:
    async with serving() as server:
        op = await person(server, "op", "#a", caps=f"{ALL} {MORE}")
        bob = await person(server, "bob", "#a", caps=f"{ALL} {MORE}")
        ids = []
        for text in ("one", "two"):
            op.say(f"PRIVMSG #a :{text}")
            ids.append((await bob.until("PRIVMSG")).tags["msgid"])
        assert brief(await bob.answers(f"REDACT #a {ids[0]}", "REDACT #a nothing")) == [
            f"FAIL REDACT REDACT_FORBIDDEN #a {ids[0]} You are not authorised to delete this message",
            "FAIL REDACT UNKNOWN_MSGID #a nothing This message does not exist or is too old",
        ]
        op.say(f"REDACT #a {ids[1]} :typo")
        assert (await bob.until("REDACT")).params == ("#a", ids[1], "typo")


async def test_relayed_names_are_shown_as_nicks_and_cannot_be_real_ones() -> None:
    async with serving(relaymsg=True) as server:
        bot = await person(server, "bot", "#a", caps="draft/relaymsg echo-message message-tags standard-replies")
        bob = await person(server, "bob", "#a")
        bot.say("RELAYMSG #a alice/m :hello")
        heard = await bob.until("PRIVMSG")
        assert (heard.nick, heard.params) == ("alice/m", ("#a", "hello"))
        assert (await bot.until("PRIVMSG")).tags["draft/relaymsg"] == "bot"
        got = brief(await bot.answers("RELAYMSG #a bob :forged", "RELAYMSG #none x/m :x", "RELAYMSG #a x!y/m :x"))
        assert got == [
            "FAIL RELAYMSG INVALID_NICK bob Invalid nickname",
            "442 bot #none You're not on that channel",
            "FAIL RELAYMSG INVALID_NICK x!y/m Invalid nickname",
        ]
    async with serving() as server:
        bot = await person(server, "bot", "#a")
        assert [line.command for line in await bot.answers("RELAYMSG #a x/m :x")] == ["421"]


async def test_no_line_is_longer_than_the_limit_tags_apart() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a", caps="message-tags")
        bob = await person(server, "bob", "#a", caps="message-tags server-time")
        text = "x" * (512 - len("PRIVMSG #a :\r\n"))
        alice.say(f"@+big={'y' * 4000} PRIVMSG #a :{text}")
        raw = await bob.reader.readline()
        tags, _, body = raw.partition(b" ")
        assert len(tags) > 4000 and len(body) == 512 and body.endswith(b"\r\n")
        await alice.answers()
        too_long = [f"PRIVMSG #a :{text}x", f"@+big={'y' * 4100} PRIVMSG #a :x"]
        assert [line.command for line in await alice.answers(*too_long)] == ["417", "417"]


async def test_a_longer_limit_is_announced_and_held() -> None:
    async with serving(max_line=2048) as server:
        alice = await connect(server)
        alice.say("NICK alice", "USER a 0 * :A")
        tokens = [token for line in await alice.answers() if line.command == "005" for token in line.params]
        assert "LINELEN=2048" in tokens


@pytest.mark.parametrize("text", [b"caf\xe9", "漢字".encode(), b"\x02bold\x02", b"\xff\xfe"])
async def test_bytes_pass_unharmed_whatever_their_encoding(text: bytes) -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a")
        bob = await person(server, "bob", "#a")
        alice.say(b"PRIVMSG #a :" + text)
        assert (await bob.reader.readline()).endswith(b"PRIVMSG #a :" + text + b"\r\n")


async def test_a_smuggled_carriage_return_is_a_second_command() -> None:
    async with serving(record=True) as server:
        alice = await person(server, "alice", "#a")
        await alice.answers("PRIVMSG #a :x\rPART #a")
        assert server.members("#a") == []
        assert ("alice", "PART") in [(nick, line.command) for nick, line in server.heard]
