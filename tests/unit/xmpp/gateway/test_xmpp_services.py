"""What addresses answer: the truth about who is there, nothing about who is not, and nobody waits for an answer in vain."""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.xmpp.gateway import adhoc
from adapters.xmpp.gateway.contacts import Contact
from adapters.xmpp.gateway.faces import LARGEST
from adapters.xmpp.stanza import ns
from bridge.contract.adapter import Cursor
from bridge.model.events import Attachment
from bridge.model.ids import HUB, IdentityId
from bridge.model.people import Profile
from bridge.testing import until
from tests.doubles.component_server import HOST
from tests.unit.xmpp.gateway.parlour import ALICE, ALICE_JID, CHAT, JULIET, PHONE, Parlour, Street, condition, inside, parlour

FACE = b"\x89PNG a face"
COMMANDS = "http://jabber.org/protocol/commands"
FORM = "jabber:x:data"


class Album:
    """A media store with pictures, which it can shrink."""

    def __init__(self, **pictures: bytes) -> None:
        self.pictures = pictures
        self.asked = 0
        self.type = "image/png"

    @asynccontextmanager
    async def open(self, attachment: Attachment) -> AsyncIterator["Page"]:
        raise OSError("only small ones")
        yield

    @asynccontextmanager
    async def shrunk(self, source: str, pixels: int) -> AsyncIterator["Page"]:
        self.asked += 1
        name = source.rpartition("/")[2]
        if name not in self.pictures:
            raise OSError("not there")
        yield Page(self.pictures[name], self.type)


class Page:
    def __init__(self, data: bytes, type: str) -> None:
        self.name, self.type, self.size, self._data = "picture", type, len(data), data

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._data


async def ask(one: Parlour, inner: str, to: str = ALICE_JID, *, type: str = "get", sender: str = PHONE) -> Element:
    before = len(one.street.to(sender, "iq"))
    one.hear(inner, name="iq", to=to, type=type, id="q1", sender=sender)
    await until(lambda: len(one.street.to(sender, "iq")) > before)
    answer = one.street.to(sender, "iq")[-1]
    assert (answer.get("id"), answer.get("from")) == ("q1", to)
    return answer


def of(answer: Element, name: str) -> list[dict[str, Any]]:
    return [one.attrib for one in answer.iter() if one.tag.rpartition("}")[2] == name]


@pytest.mark.parametrize("to", [HOST, ALICE_JID, f"{ALICE_JID}/unabridged", f"bridge@{HOST}/unabridged", f"nobody@{HOST}"])
async def test_every_address_answers_a_ping_and_what_it_does_not_know(street: Street, to: str) -> None:
    async with parlour(street) as one:
        assert (await ask(one, "<ping xmlns='urn:xmpp:ping'/>", to)).get("type") == "result"
        assert condition(await ask(one, "<query xmlns='what:is:this'/>", to)) == "service-unavailable"
        assert condition(await ask(one, "<vCard xmlns='vcard-temp'/>", to, type="set")) == "service-unavailable"
        version = await ask(one, "<query xmlns='jabber:iq:version'/>", to)
        name = inside(version, "name")
        assert name is not None and name.text == "Unabridged"
        utc = inside(await ask(one, "<time xmlns='urn:xmpp:time'/>", to), "utc")
        assert utc is not None and (utc.text or "").endswith("Z")


async def test_a_person_says_what_their_client_may_do(street: Street) -> None:
    info = f"<query xmlns='{ns.INFO}'/>"
    async with parlour(street) as one:
        answer = await ask(one, info)
        assert ("account", "registered") in [(each["category"], each["type"]) for each in of(answer, "identity")]
        assert {"urn:xmpp:receipts", "vcard-temp", "urn:xmpp:reactions:0"} <= {each["var"] for each in of(answer, "feature")}
        full = await ask(one, info, f"{ALICE_JID}/unabridged")
        assert [(each["category"], each["name"]) for each in of(full, "identity")] == [("client", "Alice")]
        assert condition(await ask(one, info, f"nobody\\3aexample.org@{HOST}")) == "item-not-found"
        assert condition(await ask(one, f"<query xmlns='{ns.INFO}' node='x'/>")) == "item-not-found"
        one.houses.profiles[IdentityId(HUB, "@new:example.org")] = Profile()
        one.houses.away = 1
        assert condition(await ask(one, info, f"new\\3aexample.org@{HOST}")) == "resource-constraint"
        assert (await ask(one, info, f"new\\3aexample.org@{HOST}")).get("type") == "result"


async def test_a_name_and_a_picture_are_shown_in_every_way_clients_ask_for_them(street: Street) -> None:
    async with parlour(street) as one:
        album = Album(face=FACE)
        one.houses.profiles[ALICE.id] = Profile(name="Alice\x02 <&>", avatar="mxc://example.org/face")
        one.use(media=album)
        card = await ask(one, "<vCard xmlns='vcard-temp'/>")
        texts = {child.tag.rpartition("}")[2]: child.text for child in card.iter()}
        assert (texts["FN"], texts["TYPE"]) == ("Alice <&>", "image/png")
        assert b64decode(texts["BINVAL"] or "") == FACE
        assert texts["URL"] == "https://matrix.to/#/@alice:example.org"
        sha1 = hashlib.sha1(FACE).hexdigest()
        pubsub = "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='{}'/></pubsub>"
        metadata = await ask(one, pubsub.format("urn:xmpp:avatar:metadata"))
        assert of(metadata, "info") == [{"id": sha1, "type": "image/png", "bytes": str(len(FACE))}]
        data = inside(await ask(one, pubsub.format("urn:xmpp:avatar:data")), "data")
        assert data is not None and data.text == b64encode(FACE).decode()
        nick = inside(await ask(one, pubsub.format("http://jabber.org/protocol/nick")), "nick")
        assert nick is not None and nick.text == "Alice <&>"
        assert condition(await ask(one, pubsub.format("secrets"))) == "item-not-found"
        assert condition(await ask(one, "<pubsub xmlns='http://jabber.org/protocol/pubsub'/>")) == "service-unavailable"
        assert album.asked == 1


@pytest.mark.parametrize(
    ("data", "kind"), [(b"x" * (LARGEST + 1), "image/png"), (FACE, "text/html"), (b"", "image/png"), (None, "")]
)
async def test_a_picture_that_is_none_is_left_out(street: Street, data: bytes | None, kind: str) -> None:
    async with parlour(street) as one:
        album = Album(**({"face": data} if data is not None else {}))
        album.type = kind
        one.use(media=album)
        one.houses.profiles[ALICE.id] = Profile(name="Alice", avatar="mxc://example.org/face")
        for _ in range(2):
            assert inside(await ask(one, "<vCard xmlns='vcard-temp'/>"), "PHOTO") is None
        assert album.asked == 1


async def test_the_component_says_what_it_is_and_names_nobody(street: Street) -> None:
    async with parlour(street) as one:
        answer = await ask(one, f"<query xmlns='{ns.INFO}'/>", HOST)
        assert [(each["category"], each["type"]) for each in of(answer, "identity")] == [("gateway", "matrix")]
        assert of(await ask(one, f"<query xmlns='{ns.ITEMS}'/>", HOST), "item") == []
        offered = of(await ask(one, f"<query xmlns='{ns.ITEMS}' node='{COMMANDS}'/>", HOST), "item")
        for node in [each["node"] for each in offered]:
            assert of(await ask(one, f"<query xmlns='{ns.INFO}' node='{node}'/>", HOST), "identity")
        assert condition(await ask(one, f"<query xmlns='{ns.INFO}' node='x'/>", HOST)) == "item-not-found"
        assert "seconds" in of(await ask(one, "<query xmlns='jabber:iq:last'/>", HOST), "query")[0]
        assert condition(await ask(one, "<query xmlns='jabber:iq:last'/>")) == "service-unavailable"


async def test_an_address_is_found_for_a_matrix_id(street: Street) -> None:
    async with parlour(street) as one:
        assert inside(await ask(one, "<query xmlns='jabber:iq:gateway'/>", HOST), "prompt") is not None
        typed = "<query xmlns='jabber:iq:gateway'><prompt>@Alice/x:Example.ORG</prompt></query>"
        found = inside(await ask(one, typed.replace("Alice/x", "alice"), HOST, type="set"), "jid")
        assert found is not None and found.text == ALICE_JID
        wrong = await ask(one, typed.replace("@Alice/x:Example.ORG", "no id"), HOST, type="set")
        assert condition(wrong) == "not-acceptable"
        registered = await ask(one, "<query xmlns='jabber:iq:register'/>", HOST)
        assert inside(registered, "registered") is not None
        assert (await ask(one, "<query xmlns='jabber:iq:register'><x/></query>", HOST, type="set")).get("type") == "result"


def step(node: str, given: str | None = None, **more: str) -> str:
    attributes = "".join(f" {key}='{value}'" for key, value in more.items())
    shape = "" if given is None else f"<x xmlns='{FORM}' type='submit'><field var='matrix-id'><value>{given}</value></field></x>"
    return f"<command xmlns='{COMMANDS}' node='{node}'{attributes}>{shape}</command>"


async def test_commands_find_people_and_start_chats(street: Street) -> None:
    async with parlour(street) as one:
        shape = await ask(one, step("find"), HOST, type="set")
        assert of(shape, "command")[0]["status"] == "executing"
        assert of(shape, "field")[0]["var"] == "matrix-id"
        session = of(shape, "command")[0]["sessionid"]
        found = await ask(one, step("find", "@alice:example.org", sessionid=session), HOST, type="set")
        assert ALICE_JID in [value.text for value in found.iter(f"{{{FORM}}}value")]
        assert not one.houses.directs
        await ask(one, step("chat", "https://matrix.to/#/@alice:example.org"), HOST, type="set")
        await until(one.words)
        assert "would like to chat" in one.words()[0] and one.events()[0].channel == CHAT
        for wrong in ("@nobody:example.org", "", "what"):
            note = await ask(one, step("find", wrong), HOST, type="set")
            assert [each["type"] for each in of(note, "note")] == ["error"]
        canceled = await ask(one, step("chat", action="cancel"), HOST, type="set")
        assert of(canceled, "command")[0]["status"] == "canceled"
        assert condition(await ask(one, step("rm"), HOST, type="set")) == "item-not-found"
        about = inside(await ask(one, step("about"), HOST, type="set"), "note")
        assert about is not None and HOST in (about.text or "")


async def test_who_asks_without_end_is_told_to_wait_and_others_are_not(street: Street) -> None:
    async with parlour(street) as one:
        for _ in range(200):
            one.hear("<ping xmlns='urn:xmpp:ping'/>", name="iq", type="get", id="p", to=HOST)
        await until(lambda: len(street.to(PHONE, "iq")) == 200)
        refused = [answer for answer in street.to(PHONE, "iq") if answer.get("type") == "error"]
        assert len(refused) == 80 and {condition(answer) for answer in refused} == {"resource-constraint"}
        assert (await ask(one, "<ping xmlns='urn:xmpp:ping'/>", HOST, sender="romeo@capulet.example/x")).get("type") == "result"


@given(st.text(max_size=40))
def test_what_is_typed_is_a_matrix_id_or_none(text: str) -> None:
    who = adhoc.matrix_id(text)
    if who is not None:
        name, _, domain = who.id.partition(":")
        assert name.startswith("@") and len(name) > 1 and domain and not set(" \n/@") & set(domain)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (" @Alice:Example.org ", "@Alice:example.org"),
        ("alice:example.org:8448", "@alice:example.org:8448"),
        ("https://matrix.to/#/@alice:example.org?via=x", "@alice:example.org"),
        ("https://matrix.to/#/%40alice%3Aexample.org", "@alice:example.org"),
        ("matrix:u/alice:example.org", "@alice:example.org"),
        ("!room:example.org", None),
        ("alice@example.org", None),
        ("@alice", None),
        ("@" + "a" * 300 + ":b", None),
    ],
)
def test_a_matrix_id_is_read_as_people_write_it(typed: str, meant: str | None) -> None:
    who = adhoc.matrix_id(typed)
    assert (who.id if who is not None else None) == meant


async def test_the_hash_in_a_presence_is_that_of_what_is_answered(street: Street) -> None:
    """As clients check it (XEP-0115 §5.4): with whom it does not agree they don't believe."""
    async with parlour(street) as one:
        scope = f"contact {CHAT.id}"
        one.inlet.cursors[scope] = Cursor(scope=scope, value=Contact(sees=True).kept)
        one.hear(name="presence", type="probe", sender=JULIET)
        await until(lambda: street.to(JULIET, "presence"))
        caps = inside(street.to(JULIET, "presence")[-1], "c")
        assert caps is not None and caps.get("hash") == "sha-1"
        node = f"{caps.get('node')}#{caps.get('ver')}"
        answer = await ask(one, f"<query xmlns='{ns.INFO}' node='{node}'/>", f"{ALICE_JID}/unabridged")
        kinds = [f"{each['category']}/{each['type']}//{each['name']}<" for each in of(answer, "identity")]
        said = "".join(sorted(kinds) + [f"{var}<" for var in sorted(each["var"] for each in of(answer, "feature"))])
        assert b64encode(hashlib.sha1(said.encode()).digest()).decode() == caps.get("ver")
