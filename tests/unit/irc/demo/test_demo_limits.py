"""What is split for a limit arrives whole over a server that cuts at 512 bytes, and one byte more would not."""

from adapters.irc.outbound import State, line_for
from adapters.irc.split import split
from adapters.irc.wire.line import encode
from bridge.contract.features import Features, Limits, Unit
from bridge.model.events import Message, Text
from tests.unit.irc.demo.people import person, serving
from tests.unit.irc.pure.deliveries import delivery


async def test_long_formatted_text_arrives_whole_even_as_a_repeat() -> None:
    words = " ".join(f"wörd{number} 👩‍👩‍👧‍👦" for number in range(200))
    message = Message(text=Text(plain=words, html=words.replace("wörd7", "<b>wörd7</b>")))
    async with serving() as server:
        bot = await person(server, "bot", "#lobby")
        bob = await person(server, "bob", "#lobby")
        limit = 512 - len(":bot!~bot@127.0.0.1 PRIVMSG #lobby :\r\n")
        parts = split(message, delivery(message).voice, Features(levels={}, limits=Limits(text=limit, unit=Unit.BYTES)))
        assert len(parts) > 5
        heard = []
        for part in parts:
            out = line_for(delivery(part, repeat=True), State(limit=limit))
            bot.say(encode(out.command, out.params, out.tags).removesuffix(b"\r\n"))
            got = await bob.until("PRIVMSG")
            assert got.params == out.params
            heard.append(part.text.plain)
        assert " ".join(heard).split() == words.split()
        bot.say("PRIVMSG #lobby :" + "x" * (limit + 1))
        assert len((await bob.until("PRIVMSG")).params[1]) == limit
