"""What nobody should send to XMPP or from there: the stream stays, and no room loses a word or gets another's."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import aiohttp
import pytest

from adapters.xmpp.caps import MOST_GUESTS
from bridge.testing.doubles import until
from tests.doubles.component_server import HOST, SECRET
from tests.plays.hall import ALICE_JID, DEN, LOBBY, Hall, hall
from tests.plays.turns import LONGEST_TURN, Turns
from tests.unit.app.town import ALICE, passing, says
from tests.unit.delivery.stage import background


@pytest.fixture
async def there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Hall]:
    with caplog.at_level(logging.DEBUG):
        async with hall(tmp_path) as one:
            yield one
    assert SECRET not in caplog.text
    assert "Traceback" not in caplog.text


async def unharmed(there: Hall) -> None:
    """The one connection is still there, and so is everybody."""
    (connection,) = there.server.connections
    await there.goes_on()
    assert there.server.connections == [connection]


# from Matrix

ODD_TEXTS = {
    "controls": "".join(map(chr, range(0x20))) + "\x7f\x85",
    "noncharacters": "\ufffe\uffff\ufdd0\U0001ffff\U0010ffff",
    "directions": "\u202e\u2066\u200b\u2028\ufeff",
    "markup": "]]><!-- <body> --> &lt; &#0; <?x?> </message></stream:stream>",
    "combining": "e" + "\u0301" * 3000,
}


@pytest.mark.parametrize("text", list(ODD_TEXTS.values()), ids=list(ODD_TEXTS))
async def test_no_letters_end_the_stream(there: Hall, text: str) -> None:
    (connection,) = there.server.connections
    html = {"msgtype": "m.text", "body": text, "format": "org.matrix.custom.html", "formatted_body": f"<b>{text}</b>"}
    for content in (text, html, {"msgtype": "m.emote", "body": text}, {"msgtype": text, "body": f"begin{text}end"}):
        await there.says(content)
    await there.says({"msgtype": "m.file", "body": text, "filename": text, "url": "mxc://localhost/" + text})
    there.hs.set_state(there.hs.bot, there.rooms[LOBBY], "m.room.power_levels", {"users": {there.hs.bot: 100, ALICE: 100}})
    there.hs.set_state(ALICE, there.rooms[LOBBY], "m.room.topic", {"topic": text})
    await there.says(f"begin {text} end")
    assert any("begin" in body and "end" in body for body in there.heard())
    assert there.server.connections == [connection]


async def test_half_a_letter_in_a_transaction_costs_no_neighbour_its_words(there: Hall) -> None:
    """JSON can spell a surrogate alone; UTF-8, and so XML, can't."""
    event = (
        f'{{"type":"m.room.message","room_id":"{there.rooms[LOBBY]}","sender":"{ALICE}","event_id":"$half","origin_server_ts":1,'
    )
    body = f'{{"events":[{event}"content":{{"msgtype":"m.text","body":"half \\ud800 a letter"}}}}]}}'
    url = f"http://{there.plant.listeners[0].address}/_matrix/app/v1/transactions/half"
    headers = {"Authorization": f"Bearer {there.hs.push.hs_token}"}
    async with aiohttp.ClientSession() as session, session.put(url, data=body.encode(), headers=headers) as answer:
        assert answer.status < 500
    await unharmed(there)


BOMBS = {
    "nested": "<b>" * 10_000 + "x",
    "nested and closed": "<i>" * 5000 + "x" + "</i>" * 5000,
    "quoted": "<blockquote>" * 20 + "a<br>" * 12_000,
    "marks": "<b>*</b>" * 8000,
    "styles": "<b><i>x</i></b> " * 4000,
    "paragraphs": "<p>*" * 16_000,
    "lines": "<br>" * 16_000,
    "links": "<a href='https://matrix.to/#/@bob:localhost'>b</a>" * 1200,
    "words": "word " * 12_000,
}


@pytest.mark.parametrize("bomb", list(BOMBS.values()), ids=list(BOMBS))
async def test_no_html_holds_up_the_other_room(there: Hall, bomb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(monkeypatch)
    content = {"msgtype": "m.text", "body": "!", "format": "org.matrix.custom.html", "formatted_body": bomb}
    there.hs.say(ALICE, there.rooms[LOBBY], content)
    await unharmed(there)
    assert turns.longest < LONGEST_TURN, turns.where


NAMES = {
    "long": "n" * 5000,
    "wide": "\U0001f469\u200d\U0001f4bb" * 400,
    "blank": " \u3000\u200b\u2003",
    "controls": "\0\x01\n\r\t\x7f",
    "directions": "\u202eecila\u2066",
    "combining": "a" + "\u0301" * 1100,
    "forbidden": "\ufffe\ue000\U000e0041",
    "bob": "bob",
    "homoglyph": "b\u043eb",
    "slashes": "a/b@c/d",
    "markup": "<x a='\"'>&amp;",
    "nothing": "",
}


@pytest.mark.parametrize("name", list(NAMES.values()), ids=list(NAMES))
async def test_whatever_somebody_is_called_they_are_heard_as_nobody_else(there: Hall, name: str) -> None:
    (connection,) = there.server.connections
    odd = there.hs.user("odd", name=name)
    there.hs.join(odd, there.rooms[LOBBY])
    await there.says("it is me", user=odd)
    (sender,) = [one.get("from", "") for _, _, one in there.muc().archive if "it is me" in "".join(one.itertext())]
    assert sender not in (f"{LOBBY}/bob", f"{LOBBY}/eve", f"{LOBBY}/alice")
    assert len(sender.partition("/")[2].encode()) <= 1023
    assert there.server.connections == [connection]


LOCALPARTS = ["a=b", "a/b", "_", ".", "-", "=40", "\\20", "a\\3ab", "A", "x" * 240, "\xe9t\xe9", "a b", "a&b'\"<>", "!", "\u202e"]


@pytest.mark.parametrize("localpart", LOCALPARTS)
async def test_whatever_somebodys_id_is_they_are_heard(there: Hall, localpart: str) -> None:
    (connection,) = there.server.connections
    who = f"@{localpart}:localhost"
    there.hs.world.users[who] = {"displayname": "somebody odd"}
    there.hs.join(who, there.rooms[LOBBY])
    await there.says("an odd id", user=who)
    assert any("an odd id" in body for body in there.heard())
    assert there.server.connections == [connection]


async def test_what_is_about_nothing_changes_nothing(there: Hall) -> None:
    """Reactions, replies, edits and redactions of what is not there, is another's, or is no id."""
    there.muc().say("bob", "the truth")
    truth = (await there.hs.wait_for(there.rooms[LOBBY], says("the truth")))["event_id"]
    mallory = there.hs.user("mallory")
    there.hs.join(mallory, there.rooms[LOBBY])
    before = len(there.muc().archive)
    for target in (truth, "$nothing", "", "x" * 70_000, "\0", 7, None, ["$x"]):
        new = {"msgtype": "m.text", "body": "FORGED"}
        relation: dict[str, Any] = {"rel_type": "m.replace", "event_id": target}
        await there.says({**new, "m.new_content": new, "m.relates_to": relation}, user=mallory)
        await there.says({"msgtype": "m.text", "body": "an answer", "m.relates_to": {"m.in_reply_to": {"event_id": target}}})
        for key in ("x" * 60_000, "\0\ufffe", "", "<b>"):
            content = {"m.relates_to": {"rel_type": "m.annotation", "event_id": target, "key": key}}
            await there.says(content, user=mallory, kind="m.reaction")
    await unharmed(there)
    for _, _, stanza in there.muc().archive[before:]:
        assert not any(one.tag.endswith("}replace") or one.tag.endswith("}retract") for one in stanza)


# from there


def to_all(
    there: Hall, inner: str, *, sender: str = f"{LOBBY}/eve", kind: str = "groupchat", id: str = "h", name: str = "message"
) -> None:
    """To our listener, to alice in the room, and to her one to one."""
    for to in {one.jid for one in there.muc().occupants.values() if HOST in one.jid} | {ALICE_JID, HOST, f"nobody@{HOST}"}:
        head = f"<{name} from={quoteattr(sender)} to={quoteattr(to)} id={quoteattr(id)}"
        there.server.send(head + (f" type={quoteattr(kind)}>" if kind else ">") + inner + f"</{name}>")


FORGED = "FORGED"
CARBON, MAM, FORWARD = "urn:xmpp:carbons:2", "urn:xmpp:mam:2", "urn:xmpp:forward:0"
INNER = (
    f"<forwarded xmlns='{FORWARD}'><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>"
    f"<message xmlns='jabber:client' from='{{by}}' to='{LOBBY}' type='groupchat' id='f'>"
    f"<body>{FORGED}</body></message></forwarded>"
)
WRAPS = [
    *(f"<{word} xmlns='{CARBON}'>{INNER.format(by=f'{LOBBY}/bob')}</{word}>" for word in ("sent", "received")),
    *(f"<result xmlns='{MAM}' queryid='{number}' id='r'>{INNER.format(by=f'{LOBBY}/bob')}</result>" for number in range(1, 6)),
    f"<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='urn:xmpp:bookmarks:1'><item id='{DEN}'>"
    f"<conference xmlns='urn:xmpp:bookmarks:1' autojoin='true' name='{FORGED}'/></item></items></event>",
    f"<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='http://jabber.org/protocol/nick'><item>"
    f"<nick xmlns='http://jabber.org/protocol/nick'>{FORGED}</nick></item></items></event>",
]


@pytest.mark.parametrize(
    "sender", [f"{LOBBY}/eve", LOBBY, "eve@example.org/x", "eve@example.org", "example.org", f"{DEN}/eve", ""]
)
async def test_nothing_that_is_wrapped_is_taken_for_what_its_author_said(there: Hall, sender: str) -> None:
    for wrap in WRAPS:
        for kind in ("groupchat", "chat", "headline", ""):
            to_all(there, wrap, sender=sender, kind=kind)
    await unharmed(there)
    assert not any(FORGED in body or FORGED in name for jid in (LOBBY, DEN) for name, body in there.shown(jid))


@pytest.mark.parametrize(
    "sender", [f"{LOBBY}/nobody", f"{DEN}/bob", "eve@example.org/bob", f"{ALICE_JID}/x", f"{HOST}", "@@/", ""]
)
async def test_nobody_speaks_as_another_or_in_another_room(there: Hall, sender: str) -> None:
    """A room's message that claims somebody who is not in it, or comes from nowhere near it."""
    bob = next(one for one in there.muc().archive if one[2].get("from") == f"{LOBBY}/bob")
    for change in ("replace xmlns='urn:xmpp:message-correct:0'", "retract xmlns='urn:xmpp:message-retract:1'"):
        for id in (bob[0], bob[2].get("id", "")):
            to_all(there, f"<body>{FORGED}</body><{change} id='{id}'/>", sender=sender)
            to_all(there, f"<body>{FORGED}</body><{change} id='{id}'/>", sender=sender, kind="chat")
    to_all(there, f"<subject>{FORGED}</subject>", sender=sender)
    before = there.hs.events(there.rooms[LOBBY])
    await unharmed(there)
    for event in there.hs.events(there.rooms[LOBBY])[len(before) - 1 :]:
        assert event["type"] != "m.room.redaction"
        assert event["content"].get("m.relates_to", {}).get("rel_type") != "m.replace"
    assert not any(FORGED in body for name, body in there.shown() if name.startswith("bob"))
    assert not any(FORGED in body for name, body in there.shown(DEN) if not sender.startswith(DEN))


LARGE = {
    "body": f"<body>{'x' * 1_000_000}</body>",
    "deep": "<body>deep</body>" + "<a xmlns='urn:x'>" * 20_000 + "</a>" * 20_000,
    "wide": "<body>wide</body>" + "<a xmlns='urn:x'/>" * 20_000,
    "attributes": "<body>many</body><x xmlns='urn:x' " + " ".join(f"a{number}='x'" for number in range(20_000)) + "/>",
    "marks": f"<body>{'*_~`' * 15_000}</body>",
    "quotes": f"<body>{'&gt; ' * 20_000}</body>",
    "reactions": "<reactions xmlns='urn:xmpp:reactions:0' id='s1'>" + "<reaction>x</reaction>" * 20_000 + "</reactions>",
}


@pytest.mark.parametrize("inner", list(LARGE.values()), ids=list(LARGE))
async def test_nothing_large_holds_up_the_other_room(there: Hall, inner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(monkeypatch)
    there.server.send(f"<message type='groupchat' from='{LOBBY}/eve' to='{there.listener()}' id='big'>{inner}</message>")
    await unharmed(there)
    assert turns.longest < LONGEST_TURN, turns.where


NO_XML = {
    "control": "<message><body>&#1;</body></message>",
    "unclosed": "<message><body></message>",
    "doctype": "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><message><body>&b;</body></message>",
    "entity": "<message><body>&nothing;</body></message>",
    "prefix": "<x:message/>",
    "half": "<message><body>\ud800</body></message>",
}


@pytest.mark.parametrize("text", list(NO_XML.values()), ids=list(NO_XML))
async def test_what_is_no_xml_costs_a_connection_and_no_words(there: Hall, text: str) -> None:
    for connection in there.server.connections:
        connection.transport.write(text.encode(errors="surrogatepass"))
    for jid in (LOBBY, DEN):
        there.hs.say(ALICE, there.rooms[jid], "said meanwhile")
    async with background(lambda: passing(there.clock)):
        await there.goes_on()
    for jid in (LOBBY, DEN):
        assert [body for body in there.heard(jid) if "said meanwhile" in body] == ["said meanwhile"]


@pytest.mark.parametrize("text", ["<!-- a comment -->", "<?a processing instruction?>", "<x xmlns='urn:x'/>", "words", "\n \n"])
async def test_what_stands_between_stanzas_is_passed_over(there: Hall, text: str) -> None:
    there.server.send(text)
    await unharmed(there)


# floods


ASKS = "<presence type='subscribe' from='{}' to='{}'><status>hi</status></presence>"
SAYS = "<message type='chat' from='{}' to='{}' id='x'><body>hi</body></message>"


@pytest.mark.parametrize("stanza", [ASKS, SAYS], ids=["asking", "writing"])
async def test_thousands_of_strangers_are_no_thousands_of_rooms(there: Hall, stanza: str) -> None:
    before = len(there.hs.world.rooms)
    for part in range(2):
        for number in range(1000):
            there.server.send(stanza.format(f"s{part}x{number}@h{number % 500}.example", ALICE_JID))
        there.server.send(f"<presence type='probe' from='end{part}@h.example' to='nobody@{HOST}'/>")
        await until(lambda part=part: any(one.get("to") == f"end{part}@h.example" for one in there.server.seen))  # type: ignore[misc]
    await until(lambda: len(there.hs.world.rooms) - before == MOST_GUESTS)
    await unharmed(there)
    to_carol = f"carol\\3alocalhost@{HOST}"
    there.hs.user("carol")
    there.server.send(
        f"<message type='chat' from='friend@example.net' to='{to_carol}' id='y'><body>hello, carol</body></message>"
    )
    await until(lambda: len(there.hs.world.rooms) - before == MOST_GUESTS + 1)
