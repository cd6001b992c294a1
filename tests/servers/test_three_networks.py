"""One Matrix room, an IRC channel and a MUC: everybody hears everybody, as themselves, on real servers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.servers.clients import Event, MatrixClient
from tests.servers.daemons import Inspircd
from tests.servers.square import CHANNEL, ROOM, Square, square
from tests.servers.xmpp import COMPONENT, Ejabberd, Prosody, running
from tests.servers.xmpp_client import CORRECT, REACTIONS, REPLY, RETRACT, XmppClient

pytestmark = [pytest.mark.servers, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[Prosody, Ejabberd], ids=["prosody", "ejabberd"])
async def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, synapse_python: Path, inspircd: Inspircd
) -> AsyncIterator[Square]:
    folder = tmp_path_factory.mktemp("square")
    async with running(request.param) as server, square(folder, synapse_python, inspircd, server) as made:
        yield made


def body(event: Event) -> str:
    return str(event["content"].get("body", ""))


async def settled(place: Square) -> None:
    """All that was said before has gone everywhere before: each network hears the others' next line."""
    mark = place.mark()
    await place.alice.say(place.room, f"{mark} matrix")
    await place.bob.hears(f"{mark} matrix")
    await place.juliet.hears(f"{mark} matrix")
    place.bob.say(CHANNEL, f"{mark} irc")
    await place.juliet.hears(f"{mark} irc")
    place.juliet.say(ROOM, f"{mark} xmpp")
    await place.bob.hears(f"{mark} xmpp")
    for network in ("irc", "xmpp"):
        await place.alice.sees_text(place.room, f"{mark} {network}")


async def test_everybody_hears_everybody_once_and_in_order(place: Square) -> None:
    mark = place.mark()
    for number in range(10):
        await place.alice.say(place.room, f"a{number} {mark}")
        place.bob.say(CHANNEL, f"b{number} {mark}")
        place.juliet.say(ROOM, f"j{number} {mark}")
    await settled(place)
    wanted = {who: [f"{who}{number}" for number in range(10)] for who in "abj"}
    on_matrix = [word for event in place.alice.messages(place.room) for word in body(event).split("\n") if mark in word]
    on_irc = [text for text in place.bob.heard(CHANNEL) if mark in text]
    on_xmpp = [said.body for said in place.juliet.heard if mark in said.body]
    for who, words in wanted.items():
        for lines, where in ((on_matrix, "matrix"), (on_irc, "irc"), (on_xmpp, "xmpp")):
            if (who, where) != ("b", "irc"):  # InspIRCd shows nobody their own lines
                found = [word for line in lines for word in line.replace("\n", " ").split() if word[0] == who and word in words]
                assert found == words, f"what {who} said, on {where}"


async def test_people_of_matrix_and_irc_are_occupants_of_their_own(place: Square) -> None:
    mark = place.mark()
    await place.alice.say(place.room, f"from matrix {mark}")
    place.bob.say(CHANNEL, f"from irc {mark}")
    assert (await place.juliet.hears(f"from matrix {mark}")).nick == "alice"
    assert (await place.juliet.hears(f"from irc {mark}")).nick == "bob [local]"
    assert (await place.juliet.hears(f"from irc {mark}")).body == f"from irc {mark}"
    assert {"alice", "bob [local]", "juliet", "unabridged"} <= set(place.juliet.occupants[ROOM])
    here = place.juliet.occupants[ROOM]["alice"]
    item = here.find(".//{http://jabber.org/protocol/muc#user}item")
    if item is not None and item.get("jid"):  # she owns the room, so she is shown who they are
        assert item.get("jid", "").startswith(rf"alice\3alocalhost@{COMPONENT}/")


async def test_xmpp_people_are_puppets_on_matrix_and_names_on_irc(place: Square) -> None:
    mark = place.mark()
    place.juliet.say(ROOM, f"hello {mark}")
    event = await place.alice.sees_text(place.room, mark)
    assert event["sender"].startswith("@_jabber_")
    member = place.alice.state[place.room]["m.room.member", event["sender"]]
    assert "juliet" in member["content"]["displayname"]
    assert "<juliet [jabber]>" in await place.bob.hears(mark)


async def test_colours_of_irc_are_styling_in_the_muc(place: Square) -> None:
    mark = place.mark()
    place.bob.say(CHANNEL, f"\x02bold\x02 \x1ditalic\x1d \x0304red\x03 \x1funder\x1f \x16 {mark}")
    said = await place.juliet.hears(mark)
    assert "*bold*" in said.body and "_italic_" in said.body and "red" in said.body
    place.bob.say(CHANNEL, f"still there {place.mark()} \x03 \x0f\x11")
    await settled(place)


async def test_an_emote_is_one_everywhere(place: Square) -> None:
    mark = place.mark()
    place.juliet.say(ROOM, f"/me waves {mark}")
    event = await place.alice.sees_text(place.room, mark)
    assert event["content"]["msgtype"] == "m.emote" and body(event) == f"waves {mark}"
    assert "* juliet [jabber] waves" in await place.bob.hears(mark)
    place.bob.say(CHANNEL, f"\x01ACTION bows {mark}\x01")
    assert (await place.juliet.hears(f"bows {mark}")).body == f"/me bows {mark}"
    await place.alice.say(place.room, f"nods {mark}", msgtype="m.emote")
    assert (await place.juliet.hears(f"nods {mark}")).body == f"/me nods {mark}"


async def test_a_correction_is_an_edit_and_a_corrected_line(place: Square) -> None:
    mark = place.mark()
    first = place.juliet.say(ROOM, f"teh {mark}")
    event = await place.alice.sees_text(place.room, f"teh {mark}")
    await place.bob.hears(f"teh {mark}")
    place.juliet.correct(ROOM, first, f"the {mark}")
    edit = await place.alice.sees_text(place.room, f"the {mark}")
    assert edit["content"]["m.relates_to"] == {"rel_type": "m.replace", "event_id": event["event_id"]}
    assert edit["content"]["m.new_content"]["body"] == f"the {mark}"
    assert "*" in await place.bob.hears(f"the {mark}")


async def test_a_matrix_edit_is_a_correction_in_the_muc(place: Square) -> None:
    mark = place.mark()
    event = await place.alice.say(place.room, f"teh {mark}")
    first = await place.juliet.hears(f"teh {mark}")
    new = {"msgtype": "m.text", "body": f"the {mark}"}
    relation = {"rel_type": "m.replace", "event_id": event}
    await place.alice.say(place.room, f"* the {mark}", **{"m.new_content": new, "m.relates_to": relation})
    second = await place.juliet.hears(f"the {mark}")
    assert (second.nick, second.body) == ("alice", f"the {mark}")
    assert second.relates(CORRECT) == first.id
    again = await place.alice.say(
        place.room,
        f"* The {mark}",
        **{"m.new_content": {"msgtype": "m.text", "body": f"The {mark}"}, "m.relates_to": relation},
    )
    assert again
    assert (await place.juliet.hears(f"The {mark}")).relates(CORRECT) == first.id


async def test_replies_point_at_what_they_answer(place: Square) -> None:
    mark = place.mark()
    place.juliet.say(ROOM, f"question {mark}")
    question = await place.alice.sees_text(place.room, f"question {mark}")
    asked = await place.juliet.hears(f"question {mark}")
    relation = {"m.relates_to": {"m.in_reply_to": {"event_id": question["event_id"]}}}
    await place.alice.say(place.room, f"answer {mark}", **relation)
    answer = await place.juliet.hears(f"answer {mark}")
    assert answer.relates(REPLY) == asked.stanza_id != ""
    assert "juliet" in await place.bob.hears(f"answer {mark}")
    place.juliet.reply(ROOM, answer, f"thanks {mark}")
    thanks = await place.alice.sees_text(place.room, f"thanks {mark}")
    answered = thanks["content"]["m.relates_to"]["m.in_reply_to"]["event_id"]
    assert body(await place.alice.sees(place.room, lambda event: event.get("event_id") == answered)) == f"answer {mark}"
    assert "alice" in await place.bob.hears(f"thanks {mark}")


async def test_an_irc_line_is_answered_from_xmpp(place: Square) -> None:
    mark = place.mark()
    place.bob.say(CHANNEL, f"who {mark}")
    said = await place.juliet.hears(f"who {mark}")
    event = await place.alice.sees_text(place.room, f"who {mark}")
    place.juliet.reply(ROOM, said, f"me {mark}")
    answer = await place.alice.sees_text(place.room, f"me {mark}")
    assert answer["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] == event["event_id"]
    assert "bob" in await place.bob.hears(f"me {mark}")


async def test_a_mention_names_people_as_each_network_knows_them(place: Square) -> None:
    mark = place.mark()
    place.juliet.say(ROOM, f"ready {mark}")
    sender = (await place.alice.sees_text(place.room, f"ready {mark}"))["sender"]
    html = f'<a href="https://matrix.to/#/{sender}">juliet</a>: look {mark}'
    await place.alice.say(
        place.room,
        f"juliet: look {mark}",
        format="org.matrix.custom.html",
        formatted_body=html,
        **{"m.mentions": {"user_ids": [sender]}},
    )
    said = await place.juliet.hears(f"look {mark}")
    assert said.body == f"juliet: look {mark}"
    assert "juliet: look" in await place.bob.hears(f"look {mark}")


async def test_reactions_are_the_whole_set_and_are_taken_back(place: Square) -> None:
    mark = place.mark()
    event = await place.alice.say(place.room, f"cake {mark}")
    said = await place.juliet.hears(f"cake {mark}")
    place.juliet.react(ROOM, said.stanza_id, ["👍", "🎂"])
    found = {}
    for key in ("👍", "🎂"):
        found[key] = await place.alice.sees(
            place.room,
            lambda one, key=key: (
                one["type"] == "m.reaction" and one["content"]["m.relates_to"] == relation(event, key)  # type: ignore[misc]
            ),
        )
    place.juliet.react(ROOM, said.stanza_id, ["🎂"])
    await place.alice.sees(place.room, lambda one: one["type"] == "m.room.redaction" and redacts(one) == found["👍"]["event_id"])
    place.juliet.say(ROOM, f"mine {mark}")
    mine = await place.alice.sees_text(place.room, f"mine {mark}")
    back = await place.juliet.hears(f"mine {mark}")
    sent = await place.alice.send(place.room, "m.reaction", {"m.relates_to": relation(mine["event_id"], "❤️")})
    reacted = await place.juliet.sees(lambda one: one.relates(REACTIONS) == back.stanza_id and bool(keys(one)))
    assert (reacted.nick, keys(reacted)) == ("alice", ["❤️"])
    await place.alice.redact(place.room, sent)
    await place.juliet.sees(lambda one: one.relates(REACTIONS) == back.stanza_id and not keys(one))


def relation(event: str, key: str) -> dict[str, str]:
    return {"rel_type": "m.annotation", "event_id": event, "key": key}


def redacts(event: Event) -> str | None:
    found: str | None = event.get("redacts") or event["content"].get("redacts")
    return found


def keys(said: object) -> list[str]:
    return [one.text for one in said.element.find(REACTIONS)]  # type: ignore[attr-defined]


async def test_what_is_taken_back_goes_everywhere_it_can(place: Square) -> None:
    mark = place.mark()
    id = place.juliet.say(ROOM, f"oops {mark}")
    event = await place.alice.sees_text(place.room, f"oops {mark}")
    said = await place.juliet.hears(f"oops {mark}")
    place.juliet.retract(ROOM, said.stanza_id or id)
    await place.alice.sees(place.room, lambda one: one["type"] == "m.room.redaction" and redacts(one) == event["event_id"])
    sent = await place.alice.say(place.room, f"argh {mark}")
    first = await place.juliet.hears(f"argh {mark}")
    await place.alice.redact(place.room, sent)
    taken = await place.juliet.sees(lambda one: one.relates(RETRACT) == first.stanza_id)
    assert taken.nick == "alice"


async def test_a_nick_that_is_taken_gets_a_number_and_is_given_back(place: Square) -> None:
    mark = place.mark()
    token = await place.synapse.user(mark, "secret")
    async with XmppClient(place.xmpp, "romeo") as romeo, MatrixClient(place.synapse.url, token) as xena:
        await romeo.join(ROOM, mark)
        romeo.say(ROOM, "I have that name")
        other = await place.alice.sees_text(place.room, "I have that name")
        await xena.join(place.room)
        await xena.say(place.room, "so have I")
        assert (await place.juliet.hears("so have I")).nick == f"{mark} (2)"
        assert other["sender"].startswith("@_jabber_"), "a nick makes nobody somebody of Matrix"
        await romeo.leave(ROOM)
        await place.juliet.until(lambda: f"{mark} (2)" not in place.juliet.occupants[ROOM], 20)
        await xena.say(place.room, "mine at last")
        assert (await place.juliet.hears("mine at last")).nick == mark


async def test_who_is_kicked_from_the_muc_is_kicked_from_the_room_and_comes_back_to_both(place: Square) -> None:
    mark = place.mark()
    await place.alice.say(place.room, f"one {mark}")
    await place.juliet.hears(f"one {mark}")
    await place.juliet.kick(ROOM, "alice")
    gone = await place.admin.sees(
        place.room, lambda event: event.get("state_key") == place.alice.user and event["content"]["membership"] == "leave"
    )
    assert gone["sender"] == "@unabridged:localhost"
    place.juliet.say(ROOM, f"who is next {mark}")
    await place.admin.sees_text(place.room, f"who is next {mark}")
    await place.admin.call("POST", f"rooms/{place.room}/invite", {"user_id": place.alice.user})
    await place.alice.join(place.room)
    await place.alice.say(place.room, f"two {mark}")
    assert (await place.juliet.hears(f"two {mark}")).nick == "alice"
    await settled(place)


async def test_a_topic_is_one_everywhere(place: Square) -> None:
    mark = place.mark()
    await place.admin.call("PUT", f"rooms/{place.room}/state/m.room.topic", {"topic": f"matrix {mark}"})
    await place.juliet.until(lambda: place.juliet.subjects.get(ROOM) == f"matrix {mark}", 20)
    await place.bob.sees(lambda line: " TOPIC " in line and f"matrix {mark}" in line)
    place.juliet.subject(ROOM, f"xmpp {mark}")
    await place.alice.sees(
        place.room, lambda event: event["type"] == "m.room.topic" and event["content"]["topic"] == f"xmpp {mark}"
    )
    await place.bob.sees(lambda line: " TOPIC " in line and f"xmpp {mark}" in line)
