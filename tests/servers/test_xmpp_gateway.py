"""One to one through the component, on real servers: somebody on XMPP and somebody on Matrix, neither with an account there."""

import hashlib
import struct
import zlib
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from msgspec import Struct, field
from slixmpp.exceptions import IqError

from bridge.demo.synapse import Synapse
from tests.servers.bridge import BridgeProcess
from tests.servers.clients import MatrixClient
from tests.servers.daemons import free_port
from tests.servers.xmpp import COMPONENT, HOST, Ejabberd, Prosody, XmppServer, running
from tests.servers.xmpp_client import CORRECT, REACTIONS, REPLY, RETRACT, XmppClient

pytestmark = [pytest.mark.servers, pytest.mark.asyncio(loop_scope="module")]

ALICE = rf"alice\3alocalhost@{COMPONENT}"
PUPPET = f"@_jabber_juliet=40{HOST}:localhost"
RECEIPTS = "{urn:xmpp:receipts}"
OOB = "{jabber:x:oob}x/{jabber:x:oob}url"
PHOTO = "{vcard-temp:x:update}photo"


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\x00" + bytes((x * y) % 256 for x in range(300)) for y in range(300))
    head = struct.pack(">IIBBBBB", 300, 300, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Parlour(Struct):
    xmpp: XmppServer
    bridge: BridgeProcess
    alice: MatrixClient
    juliet: XmppClient
    room: str = ""
    seen: Element = field(default_factory=lambda: Element("presence"))
    """How alice showed herself first: taken off juliet's list here, since the plays run in any order."""
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def mark(self) -> str:
        """A word that stands in no other message."""
        return f"mark{next(self.numbers)}x"

    def say(self, text: str, *children: Element) -> str:
        return self.juliet.say(ALICE, text, *children, kind="chat")


@asynccontextmanager
async def parlour(folder: Path, python: Path, xmpp: XmppServer) -> AsyncIterator[Parlour]:
    """alice has a name and a face; juliet has asked to see her, and been let in."""
    synapse = Synapse(python, folder / "synapse", port=free_port())
    bridge = BridgeProcess(folder / "bridge", homeserver=synapse.url, more='allow_addresses = ["127.0.0.0/8"]')
    xmpp.serve(bridge, accounts=False)
    synapse.write([await bridge.registration()])
    await synapse.start()
    try:
        token = await synapse.user("alice", "secret")
        async with MatrixClient(synapse.url, token) as alice, XmppClient(xmpp, "juliet") as juliet:
            await alice.call("PUT", f"profile/{alice.user}/displayname", {"displayname": "Alice <3"})
            face = await alice.upload(png(), "image/png")
            await alice.call("PUT", f"profile/{alice.user}/avatar_url", {"avatar_url": face})
            await bridge.start()
            made = Parlour(xmpp, bridge, alice, juliet)
            juliet.present(ALICE, "subscribe")
            made.room = await alice.enter(PUPPET)
            await alice.sees_text(made.room, f"accept juliet@{HOST}")
            await alice.say(made.room, f"!accept juliet@{HOST}")
            made.seen = await juliet.meets(ALICE)
            yield made
    finally:
        await bridge.stop()
        await synapse.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[Prosody, Ejabberd], ids=["prosody", "ejabberd"])
async def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, synapse_python: Path
) -> AsyncIterator[Parlour]:
    async with running(request.param) as server, parlour(tmp_path_factory.mktemp("parlour"), synapse_python, server) as made:
        yield made


def form(node: str, value: str) -> Element:
    command = Element("{http://jabber.org/protocol/commands}command", {"node": node, "action": "execute"})
    shape = SubElement(command, "{jabber:x:data}x", {"type": "submit"})
    SubElement(SubElement(shape, "{jabber:x:data}field", {"var": "matrix-id"}), "{jabber:x:data}value").text = value
    return command


async def begun(place: Parlour, who: str) -> str:
    """alice starts a chat as people do: by inviting whom she means. Nobody is in there yet when she begins to speak."""
    puppet = f"@_jabber_{who.replace('@', '=40')}:localhost"
    wish = {"preset": "trusted_private_chat", "is_direct": True, "invite": [puppet]}
    return str((await place.alice.call("POST", "createRoom", wish))["room_id"])


async def test_who_was_accepted_sees_a_name_and_a_face(place: Parlour) -> None:
    here = place.seen
    nick = here.findtext("{http://jabber.org/protocol/nick}nick")
    digest = next((one.text for one in here.iter(PHOTO)), None)
    assert nick == "Alice <3"
    card = await place.juliet.ask(ALICE, "get", Element("{vcard-temp}vCard"))
    picture = b64decode(card.findtext(".//{vcard-temp}BINVAL") or "")
    assert card.findtext(".//{vcard-temp}FN") == "Alice <3"
    assert picture and hashlib.sha1(picture).hexdigest() == digest
    await place.alice.sees_text(place.room, "sees when you are there")
    await place.alice.sees_text(place.room, "lets you see")  # slixmpp says so to whoever asks


async def test_words_go_both_ways_and_are_confirmed(place: Parlour) -> None:
    mark = place.mark()
    id = place.say(f"good morrow {mark}", Element(f"{RECEIPTS}request"))
    event = await place.alice.sees_text(place.room, mark)
    assert event["sender"] == PUPPET
    receipt = await place.juliet.sees(lambda said: said.relates(f"{RECEIPTS}received") == id)
    assert receipt.room == ALICE
    await place.alice.say(place.room, f"and to you {mark}")
    said = await place.juliet.hears(f"and to you {mark}")
    assert (said.room, said.kind) == (ALICE, "chat")
    assert said.element.find(f"{RECEIPTS}request") is not None


async def test_replies_reactions_corrections_and_retractions_find_what_they_are_about(place: Parlour) -> None:
    mark, alice, juliet = place.mark(), place.alice, place.juliet
    first = place.say(f"teh {mark}")
    event = (await alice.sees_text(place.room, f"teh {mark}"))["event_id"]
    place.say(f"the {mark}", Element(CORRECT, {"id": first}))
    edit = await alice.sees_text(place.room, f"the {mark}")
    assert edit["content"]["m.relates_to"] == {"rel_type": "m.replace", "event_id": event}
    reaction = Element(REACTIONS, {"id": first})
    await alice.say(place.room, f"what? {mark}", **{"m.relates_to": {"m.in_reply_to": {"event_id": event}}})
    answer = await juliet.hears(f"what? {mark}")
    assert answer.relates(REPLY) == first
    reaction = Element(REACTIONS, {"id": answer.id})
    SubElement(reaction, "{urn:xmpp:reactions:0}reaction").text = "🌹"
    place.say("", reaction)
    shown = await alice.sees(place.room, lambda one: one["type"] == "m.reaction")
    assert shown["content"]["m.relates_to"]["key"] == "🌹"
    await alice.send(place.room, "m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": event, "key": "👍"}})
    assert (await juliet.sees(lambda said: said.element.find(REACTIONS) is not None)).relates(REACTIONS) == first
    place.say("gone", Element(RETRACT, {"id": first}))
    await alice.sees(place.room, lambda one: one["type"] == "m.room.redaction" and event in str(one))
    mine = await alice.say(place.room, f"mine {mark}")
    sent = await juliet.hears(f"mine {mark}")
    await alice.redact(place.room, mine)
    assert (await juliet.sees(lambda said: said.element.find(RETRACT) is not None)).relates(RETRACT) == sent.id


async def test_a_picture_is_a_file_that_the_other_can_fetch(place: Parlour) -> None:
    picture = png()
    source = await place.alice.upload(picture, "image/png")
    info = {"mimetype": "image/png", "size": len(picture)}
    rose = {"msgtype": "m.image", "body": "rose.png", "url": source, "info": info}
    await place.alice.send(place.room, "m.room.message", rose)
    shared = await place.juliet.sees(lambda said: said.element.find(OOB) is not None)
    url = shared.element.findtext(OOB) or ""
    assert url.startswith(f"http://127.0.0.1:{place.xmpp.http_port}/"), url
    async with ClientSession() as web, web.get(url) as answer:
        assert (answer.status, await answer.read()) == (200, picture)
    mark = place.mark()
    await place.alice.say(place.room, f"behind it {mark}")
    await place.juliet.hears(f"behind it {mark}")


async def test_who_goes_away_on_matrix_is_seen_to(place: Parlour) -> None:
    for presence, show in (("unavailable", "away"), ("online", None)):
        mark = place.mark()
        place.alice.presence = presence
        wish = {"presence": presence, "status_msg": f"at tea {mark}"}
        await place.alice.call("PUT", f"presence/{place.alice.user}/status", wish)

        def says_so(one: Element, mark: str = mark, show: str | None = show) -> bool:
            """A sync of alice's that was under way may say for a moment that she is as she was."""
            return mark in (one.findtext("{*}status") or "") and one.findtext("{*}show") == show

        seen = await place.juliet.notices(says_so)
        assert (seen.get("from") or "").partition("/")[0] == ALICE


async def test_nobody_is_where_nobody_is(place: Parlour) -> None:
    mark = place.mark()
    for to in (rf"nobody\3alocalhost@{COMPONENT}", rf"alice\3aelsewhere.example@{COMPONENT}", f"plain@{COMPONENT}"):
        id = place.juliet.say(to, mark, kind="chat")
        answer = await place.juliet.sees(lambda said, id=id: said.id == id and said.kind == "error")  # type: ignore[misc]
        assert answer.element.find(".//{urn:ietf:params:xml:ns:xmpp-stanzas}item-not-found") is not None
    unknown = f"nobody-{mark}@{HOST}"
    room = await begun(place, unknown)
    await place.alice.say(room, f"anybody? {mark}")
    await place.alice.sees(room, lambda event: event["sender"] != place.alice.user and event["type"] == "m.room.message")


async def test_the_component_is_found_and_finds_people(place: Parlour) -> None:
    info = await place.juliet.ask(COMPONENT, "get", Element("{http://jabber.org/protocol/disco#info}query"))
    kinds = [one.get("category") for one in info.iter("{http://jabber.org/protocol/disco#info}identity")]
    assert kinds == ["gateway"]
    prompt = Element("{jabber:iq:gateway}query")
    SubElement(prompt, "{jabber:iq:gateway}prompt").text = "@alice:localhost"
    found = await place.juliet.ask(COMPONENT, "set", prompt)
    assert found.findtext(".//{jabber:iq:gateway}jid") == ALICE
    answer = await place.juliet.ask(COMPONENT, "set", form("find", "@alice:localhost"))
    assert ALICE in [one.text for one in answer.iter("{jabber:x:data}value")]
    with pytest.raises(IqError):
        await place.juliet.ask(rf"nobody\3alocalhost@{COMPONENT}", "get", Element("{vcard-temp}vCard"))


async def test_a_chat_begun_on_matrix_is_one_on_xmpp(place: Parlour) -> None:
    mark = place.mark()
    async with XmppClient(place.xmpp, "romeo") as romeo:
        room = await begun(place, f"romeo@{HOST}")
        await place.alice.say(room, f"hello {mark}")
        await place.alice.say(room, f"are you there? {mark}")
        await romeo.hears(f"hello {mark}")
        said = await romeo.hears(f"are you there? {mark}")
        assert said.room == ALICE
        romeo.say(said.sender, f"I am {mark}", kind="chat")
        await place.alice.sees_text(room, f"I am {mark}")


async def test_a_server_that_dies_takes_nothing_along(place: Parlour) -> None:
    mark = place.mark()
    if isinstance(place.xmpp, Prosody):
        await place.xmpp.crash()
    else:
        await place.xmpp.stop()
    await place.alice.say(place.room, f"while you were away {mark}")
    await place.xmpp.start()
    await place.juliet.reconnect()
    assert (await place.juliet.hears(f"while you were away {mark}", 60)).room == ALICE
    await place.juliet.meets(ALICE)  # what was agreed still is
    place.say(f"back again {mark}")
    await place.alice.sees_text(place.room, f"back again {mark}")
    assert len([said for said in place.juliet.heard if f"away {mark}" in said.body]) == 1
