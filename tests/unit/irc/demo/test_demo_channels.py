"""Channels on the demo server: joining, ruling, asking."""

import pytest

from tests.unit.irc.demo.people import brief, person, serving


async def test_joining_shows_the_names_and_tells_the_others() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#Lobby")
        bob = await person(server, "bob", caps="multi-prefix userhost-in-names extended-join")
        assert brief(await bob.answers("JOIN #lobby")) == [
            "JOIN #Lobby * Real bob",
            "353 bob = #Lobby @alice!~alice@127.0.0.1 bob!~bob@127.0.0.1",
            "366 bob #Lobby End of /NAMES list",
        ]
        assert brief(await alice.answers()) == ["JOIN #Lobby"]
        assert await bob.answers("JOIN #LOBBY") == []


async def test_a_long_list_of_names_comes_in_lines_that_fit() -> None:
    async with serving() as server:
        for number in range(40):
            await person(server, f"a_rather_long_nickname_{number:04}", "#a")
        last = await person(server, "last")
        got = await last.answers("JOIN #a")
        names = [name for line in got if line.command == "353" for name in line.params[3].split()]
        assert len(names) == len(set(names)) == 41
        assert sum(line.command == "353" for line in got) > 1


@pytest.mark.parametrize(
    ("mode", "numeric"), [("+i", "473"), ("+k secret", "475"), ("+l 1", "471"), ("+b *!*@127.*", "474"), ("+b BOB", "474")]
)
async def test_who_may_not_join_is_told_why_and_an_invitation_opens_the_door(mode: str, numeric: str) -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a")
        bob = await person(server, "bob")
        await alice.answers(f"MODE #a {mode}")
        assert [line.command for line in await bob.answers("JOIN #a")] == [numeric]
        await alice.answers("INVITE bob #a")
        await bob.until("INVITE", "bob", "#a")
        bob.say("JOIN #a secret")
        await bob.until("366")


async def test_keys_are_taken_by_position() -> None:
    async with serving() as server:
        await person(server, "alice", "#a", "#b")
        bob = await person(server, "bob")
        alice = await person(server, "alice2")
        assert brief(await alice.answers("JOIN #x,#y"))[0] == "JOIN #x"
        await alice.answers("MODE #y +k open")
        got = brief(await bob.answers("JOIN #x,#y none,open"))
        assert [line for line in got if line.startswith("JOIN")] == ["JOIN #x", "JOIN #y"]


@pytest.mark.parametrize("name", ["lobby", "#" + "x" * 60, "", "#a\x07b"])
async def test_a_bad_channel_name_is_refused(name: str) -> None:
    async with serving() as server:
        alice = await person(server, "alice")
        assert [line.command for line in await alice.answers(f"JOIN :{name}")] == ["403"]


async def test_parting_tells_all_and_an_empty_channel_is_gone() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a", "#b")
        assert brief(await alice.answers("PART #a :bye", "PART #a", "PART #none", "JOIN 0", "LIST")) == [
            "PART #a bye",
            "403 alice #a No such channel",
            "403 alice #none No such channel",
            "PART #b Left all channels",
            "321 alice Channel Users  Name",
            "323 alice End of /LIST",
        ]


async def test_the_topic_is_kept_with_its_setter() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a")
        bob = await person(server, "bob", "#a")
        first = brief(await alice.answers("TOPIC #a", "TOPIC #a :all news"))
        assert first == ["JOIN #a", "331 alice #a No topic is set", "TOPIC #a all news"]
        got = await bob.answers("TOPIC #a :mine", "TOPIC #a")
        assert brief(got)[:3] == ["TOPIC #a all news", "482 bob #a You're not channel operator", "332 bob #a all news"]
        assert got[3].command == "333" and got[3].params[2] == "alice!~alice@127.0.0.1" and got[3].params[3].isdigit()
        assert brief(await alice.answers("MODE #a -t"))[0] == "MODE #a -t"
        assert "TOPIC #a mine" in brief(await bob.answers("TOPIC #a :mine"))


async def test_modes_are_shown_set_and_refused() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a")
        bob = await person(server, "bob", "#a")
        assert brief(await alice.answers("MODE #a +ovm-t bob bob", "MODE #a +kl key 5", "MODE #a +Z", "MODE #a +o nobody")) == [
            "JOIN #a",
            "MODE #a +ovm-t bob bob",
            "MODE #a +kl key 5",
            "472 alice Z is unknown mode char to me",
            "441 alice nobody #a They aren't on that channel",
        ]
        assert brief(await bob.answers("MODE #a"))[-2] == "324 bob #a +mnkl key 5"
        assert brief(await alice.answers("MODE #a -o bob"))[0] == "MODE #a -o bob"
        await bob.until("MODE", "#a", "-o")
        assert brief(await bob.answers("MODE #a -m")) == ["482 bob #a You're not channel operator"]
        assert brief(await bob.answers("MODE bob", "MODE bob +iB", "MODE bob", "MODE alice +i", "MODE bob +Z")) == [
            "221 bob +",
            "MODE bob +iB",
            "221 bob +Bi",
            "502 bob Cant change mode for other users",
            "501 bob Unknown MODE flag",
        ]


async def test_bans_are_listed_and_lifted() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a")
        await alice.answers("MODE #a +b bad", "MODE #a +b *@host", "MODE #a +b x!y@z")
        listed = await alice.answers("MODE #a b")
        assert [line.params[2] for line in listed[:-1]] == ["bad!*@*", "*!*@host", "x!y@z"] and listed[-1].command == "368"
        assert brief(await alice.answers("MODE #a -b bad!*@*", "MODE #a -b bad!*@*")) == ["MODE #a -b bad!*@*"]


async def test_kicking_is_for_operators() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a")
        bob = await person(server, "bob", "#a")
        assert brief(await bob.answers("KICK #a alice")) == ["482 bob #a You're not channel operator"]
        assert brief(await alice.answers("KICK #a nobody", "KICK #a bob :out")) == [
            "JOIN #a",
            "441 alice nobody #a They aren't on that channel",
            "KICK #a bob out",
        ]
        assert (await bob.until("KICK")).params == ("#a", "bob", "out")
        assert server.members("#a") == ["alice"]


async def test_invitations_are_told_to_the_channel_that_asked() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a")
        carol = await person(server, "carol", "#a", caps="invite-notify")
        await person(server, "bob")
        assert brief(await alice.answers("INVITE bob #a", "INVITE carol #a", "INVITE x #a")) == [
            "JOIN #a",
            "341 alice bob #a",
            "443 alice carol #a is already on channel",
            "401 alice x No such nick/channel",
        ]
        assert (await carol.until("INVITE")).params == ("bob", "#a")


async def test_a_secret_channel_is_seen_by_its_members_only() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#s")
        bob = await person(server, "bob")
        await alice.answers("MODE #s +s", "TOPIC #s :hidden")
        got = brief(await bob.answers("LIST", "NAMES #s", "WHO #s", "TOPIC #s", "WHOIS alice"))
        assert not any("#s :" in line or "hidden" in line or " alice #s" in line for line in got)
        assert "353 alice @ #s @alice" in brief(await alice.answers("NAMES #s"))


async def test_people_can_be_asked_about() -> None:
    async with serving() as server:
        alice = await person(server, "alice", "#a")
        bob = await person(server, "bob", "#a", caps="multi-prefix away-notify setname chghost")
        await alice.answers("MODE #a +v alice", "MODE alice +B", "AWAY :lunch", "SETNAME :Not shown to who lacks it")
        got = brief(await bob.answers("WHO #a", "WHOIS alice", "ISON alice nobody BOB", "USERHOST alice"))
        assert "352 bob #a ~alice 127.0.0.1 irc.demo alice GB@+ 0 Not shown to who lacks it" in got
        assert {"319 bob alice @+#a", "301 bob alice lunch", "335 bob alice is a bot", "303 bob alice bob"} <= set(got)
        assert "302 bob alice=-~alice@127.0.0.1" in got
        assert "AWAY lunch" in got and "SETNAME Not shown to who lacks it" in got
        server.change_host("alice", "a", "cloak.example")
        assert (await bob.until("CHGHOST")).params == ("a", "cloak.example")
        alice.say("AWAY", "PRIVMSG #a :back")
        assert (await bob.until("AWAY")).params == ()
        assert (await bob.until("PRIVMSG")).host == "cloak.example"


async def test_who_is_watched_is_told_coming_and_going() -> None:
    async with serving() as server:
        bob = await person(server, "bob")
        assert brief(await bob.answers("MONITOR + alice,bob", "MONITOR L")) == [
            "731 bob alice",
            "730 bob bob!~bob@127.0.0.1",
            "732 bob alice,bob",
            "733 bob End of MONITOR list",
        ]
        alice = await person(server, "Alice")
        assert (await bob.until("730")).params[1].startswith("Alice!")
        alice.say("NICK other")
        assert (await bob.until("731")).params[1] == "Alice"
        assert brief(await bob.answers("MONITOR - alice", "MONITOR S", "MONITOR C", "MONITOR L", "MONITOR ?")) == [
            "730 bob bob!~bob@127.0.0.1",
            "733 bob End of MONITOR list",
            "461 bob MONITOR Not enough parameters",
        ]
        crowds = [",".join(f"{letter}{number}" for number in range(60)) for letter in "nm"]
        crowd = await bob.answers(*(f"MONITOR + {nicks}" for nicks in crowds))
        assert sum(line.command == "734" for line in crowd) == 20


async def test_the_server_tells_about_itself() -> None:
    async with serving(motd=()) as server:
        alice = await person(server, "alice")
        got = [line.command for line in await alice.answers("MOTD", "LUSERS", "VERSION", "TIME")]
        assert got == ["422", "251", "252", "253", "254", "255", "265", "266", "351", "391"]
