"""People talk across on real servers: Synapse with InspIRCd (labels and echoes) and with ngIRCd (nothing of the kind)."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.servers.clients import Event
from tests.servers.daemons import Daemon, Inspircd, Ngircd
from tests.servers.town import ALIAS, CHANNEL, Town, town

pytestmark = [pytest.mark.servers, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["inspircd", "ngircd"])
async def place(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    synapse_python: Path,
    inspircd: Inspircd,
    ngircd: Ngircd,
) -> AsyncIterator[Town]:
    ircd: Daemon = inspircd if request.param == "inspircd" else ngircd
    async with town(tmp_path_factory.mktemp("town"), synapse_python, ircd) as made:
        yield made


def body(event: Event) -> str:
    return str(event["content"].get("body", ""))


async def test_a_line_crosses_each_way_under_its_authors_name(place: Town) -> None:
    mark = place.mark()
    place.bob.say(CHANNEL, f"hello {mark}")
    event = await place.alice.sees_text(place.room, mark)
    assert event["sender"] == place.puppet("bob")
    assert body(event) == f"hello {mark}"
    member = place.alice.state[place.room]["m.room.member", place.puppet("bob")]
    assert "bob" in member["content"]["displayname"]
    await place.alice.say(place.room, f"hi {mark}")
    line = await place.bob.hears(f"hi {mark}")
    assert "<alice>" in line


async def test_an_action_is_an_emote_and_back(place: Town) -> None:
    mark = place.mark()
    place.bob.say(CHANNEL, f"\x01ACTION waves {mark}\x01")
    event = await place.alice.sees_text(place.room, mark)
    assert event["content"]["msgtype"] == "m.emote"
    assert body(event) == f"waves {mark}"
    await place.alice.say(place.room, f"bows {mark}", msgtype="m.emote")
    assert "* alice bows" in await place.bob.hears(f"bows {mark}")


async def test_colours_arrive_as_html(place: Town) -> None:
    mark = place.mark()
    place.bob.say(CHANNEL, f"\x02bold\x02 \x0304red\x03 {mark}")
    event = await place.alice.sees_text(place.room, mark)
    assert body(event) == f"bold red {mark}"
    html = event["content"]["formatted_body"]
    assert "<b>bold</b>" in html or "<strong>bold</strong>" in html
    assert "#ff0000" in html.lower()


async def test_a_long_text_arrives_whole_in_lines_that_fit(place: Town) -> None:
    mark = place.mark()
    words = [f"{mark}-{number}-žluťoučký" for number in range(120)]
    await place.alice.say(place.room, " ".join(words))
    await place.bob.hears(words[-1])
    lines = [line for line in place.bob.lines if mark in line]
    assert all(len(line.encode()) <= 510 for line in lines)
    heard = " ".join(text.removeprefix("<alice> ") for text in place.bob.heard(CHANNEL) if mark in text)
    assert heard.split() == words


async def test_a_line_break_can_not_smuggle_a_command(place: Town) -> None:
    mark = place.mark()
    await place.alice.say(place.room, f"one {mark}\r\nQUIT :{mark} gone\nJOIN #elsewhere\x00 {mark} end")
    await place.bob.hears(f"{mark} end")
    assert not [line for line in place.bob.lines if line.split()[1] in ("QUIT", "JOIN") and "unabridged" in line and mark in line]
    texts = [text for text in place.bob.heard(CHANNEL) if mark in text]
    assert all(text.startswith("<alice>") for text in texts), "each line says who speaks"


async def test_bytes_that_are_no_utf8_arrive_readable(place: Town) -> None:
    mark = place.mark()
    place.bob._writer.write(f"PRIVMSG {CHANNEL} :caf".encode() + b"\xe9 " + mark.encode() + b"\r\n")
    event = await place.alice.sees_text(place.room, mark)
    assert body(event) == f"café {mark}"


async def test_an_edit_is_a_correction_on_irc(place: Town) -> None:
    mark = place.mark()
    event = await place.alice.say(place.room, f"teh {mark}")
    await place.bob.hears(f"teh {mark}")
    new = {"msgtype": "m.text", "body": f"the {mark}"}
    await place.alice.say(
        place.room, f"* the {mark}", **{"m.new_content": new, "m.relates_to": {"rel_type": "m.replace", "event_id": event}}
    )
    assert "*" in await place.bob.hears(f"the {mark}")


async def test_a_reply_names_whom_it_answers(place: Town) -> None:
    mark = place.mark()
    place.bob.say(CHANNEL, f"question {mark}")
    question = await place.alice.sees_text(place.room, mark)
    relation = {"m.in_reply_to": {"event_id": question["event_id"]}}
    await place.alice.say(place.room, f"answer {mark}", **{"m.relates_to": relation})
    assert "bob" in await place.bob.hears(f"answer {mark}")


async def test_a_nick_change_is_the_same_person(place: Town) -> None:
    mark = place.mark()
    async with place.irc("dora") as dora:
        await dora.join(CHANNEL)
        dora.say(CHANNEL, f"first {mark}")
        first = await place.alice.sees_text(place.room, f"first {mark}")
        dora.send("NICK dorothy")
        await dora.sees(lambda line: " NICK " in line)
        dora.say(CHANNEL, f"second {mark}")
        second = await place.alice.sees_text(place.room, f"second {mark}")
    assert first["sender"] == second["sender"] == place.puppet("dora")


async def test_who_leaves_irc_leaves_the_room(place: Town) -> None:
    mark = place.mark()
    async with place.irc("leaver") as leaver:
        await leaver.join(CHANNEL)
        leaver.say(CHANNEL, mark)
        await place.alice.sees_text(place.room, mark)
        leaver.send("QUIT :bye")
    await place.alice.sees(
        place.room,
        lambda event: event.get("state_key") == place.puppet("leaver") and event["content"]["membership"] == "leave",
    )


async def test_names_that_are_no_user_id_are_escaped(place: Town) -> None:
    mark = place.mark()
    async with place.irc("[X]_^`") as odd:
        await odd.join(CHANNEL)
        odd.say(CHANNEL, mark)
        event = await place.alice.sees_text(place.room, mark)
    sender = event["sender"]
    assert sender.startswith("@_local_") and sender == sender.lower()


async def test_topics_cross_both_ways(place: Town) -> None:
    mark = place.mark()
    async with place.irc(f"op{mark}") as speaker:
        await speaker.join(CHANNEL)
        place.bob.send(f"TOPIC {CHANNEL} :about {mark}")
        await place.alice.sees(
            place.room, lambda event: event["type"] == "m.room.topic" and event["content"]["topic"] == f"about {mark}"
        )


async def test_a_picture_is_a_link_that_dies_with_its_redaction(place: Town) -> None:
    mark = place.mark()
    async with (
        aiohttp.ClientSession(headers=place.alice._headers) as session,
        session.post(f"{place.synapse.url}/_matrix/media/v3/upload?filename=dot.png", data=b"\x89PNG not really") as answer,
    ):
        mxc = (await answer.json())["content_uri"]
    event = await place.alice.say(
        place.room, f"{mark}.png", msgtype="m.image", url=mxc, info={"mimetype": "image/png", "size": 15}
    )
    line = await place.bob.hears(mark)
    link = next(word for word in line.split() if word.lstrip(":").startswith("http"))
    async with aiohttp.ClientSession() as session:
        async with session.get(link) as answer:
            assert answer.status == 200, link
            assert await answer.read() == b"\x89PNG not really"
        await place.alice.redact(place.room, event)
        async with place.irc(f"w{mark}") as witness:
            await witness.join(CHANNEL)
            await place.alice.say(place.room, f"after {mark}")
            await witness.hears(f"after {mark}")
        async with session.get(link) as answer:
            assert answer.status in (404, 410)


async def test_joining_an_alias_makes_a_room_for_the_channel(place: Town) -> None:
    mark = place.mark()
    channel = f"#{mark}"
    async with place.irc(f"k{mark}") as keeper:
        await keeper.join(channel)
        room = await place.alice.join(f"#_local_#{mark}:localhost")
        assert await place.alice.join(f"#_local_=23{mark}:localhost") == room
        await keeper.sees(lambda line: " JOIN " in line and channel in line and "unabridged" in line)
        keeper.say(channel, f"welcome {mark}")
        await place.alice.sees_text(room, f"welcome {mark}")
        await place.alice.say(room, f"thanks {mark}")
        await keeper.hears(f"thanks {mark}")


async def test_a_chat_with_a_puppet_is_declined_in_words(place: Town) -> None:
    mark = place.mark()
    place.bob.say(CHANNEL, f"hello {mark}")
    await place.alice.sees_text(place.room, mark)
    chat = await place.alice.call("POST", "createRoom", {"is_direct": True, "invite": [place.puppet("bob")]})
    event = await place.alice.sees_text(chat["room_id"], "not possible yet")
    assert event["sender"] == place.puppet("bob")


async def test_the_bot_answers_words_in_the_room(place: Town) -> None:
    await place.admin.say(place.room, "!links")
    await place.admin.sees(
        place.room,
        lambda event: (
            event["type"] == "m.room.message" and event["sender"] == "@unabridged:localhost" and "local/#town" in body(event)
        ),
    )


async def test_the_terminal_traces_a_message(place: Town) -> None:
    mark = place.mark()
    event = await place.alice.say(place.room, mark)
    await place.bob.hears(mark)
    traced = await place.bridge.command("trace", event)
    assert "local/#town" in traced
    assert "local/#town" in await place.bridge.command("links")
    assert ALIAS in await place.bridge.command("links") or place.room in await place.bridge.command("links")
