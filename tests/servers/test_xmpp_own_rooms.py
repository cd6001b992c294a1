"""Rooms that somebody on Matrix is in with an XMPP account of theirs: a whole bridge, Synapse and Prosody."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import pytest
from msgspec import Struct
from slixmpp.exceptions import IqError

from bridge.contract.words import Answer
from bridge.demo.synapse import Synapse
from bridge.ops.remote import ask
from tests.servers.bridge import BridgeProcess
from tests.servers.clients import MatrixClient
from tests.servers.daemons import free_port
from tests.servers.xmpp import HOST, MUC, Prosody
from tests.servers.xmpp_client import RETRACT, XmppClient

pytestmark = pytest.mark.servers

ROMEO = f"romeo@{HOST}"
TEA, MUSIC = f"tea@{MUC}", f"music@{MUC}"
BOOKMARKS, PUBSUB = "urn:xmpp:bookmarks:1", "http://jabber.org/protocol/pubsub"
FORM = "jabber:x:data"
OPTIONS = {"FORM_TYPE": f"{PUBSUB}#publish-options", "pubsub#persist_items": "true", "pubsub#max_items": "max"}
LINES = 60


class Scene(Struct):
    """alice is on Matrix and logged in as romeo; juliet has the rooms, and romeo's phone is another program of alice's."""

    bridge: BridgeProcess
    alice: MatrixClient
    juliet: XmppClient
    phone: XmppClient

    async def word(self, name: str, **given: str) -> Answer:
        return await asyncio.to_thread(ask, self.bridge.folder / "unabridged.sock", name, given, self.alice.user)

    async def entered(self, room: str) -> str:
        """alice follows her invitation to the Matrix room of a room."""
        return await self.alice.enter(f"@_jabber_{room.replace('@', '=40')}:localhost")

    def lines(self, room: str) -> Sequence[str]:
        """What alice was shown; several may have come joined."""
        return [line for event in self.alice.messages(room) for line in event["content"].get("body", "").splitlines()]

    def said(self, room: str) -> Sequence[str]:
        """Lines by romeo, as juliet heard them."""
        said = [one.body for one in self.juliet.heard if one.room == room and one.nick == "romeo"]
        return [line for body in said for line in body.splitlines()]

    async def bookmarks(self) -> dict[str, Element]:
        query = Element(f"{{{PUBSUB}}}pubsub")
        SubElement(query, f"{{{PUBSUB}}}items", {"node": BOOKMARKS})
        try:
            answer = await self.phone.ask(ROMEO, "get", query)
        except IqError as error:
            assert error.condition == "item-not-found"
            return {}
        return {one.get("id", ""): one[0] for one in answer.iter(f"{{{PUBSUB}}}item")}

    async def bookmark(self, room: str, nick: str) -> None:
        """As another program does (XEP-0402)."""
        query = Element(f"{{{PUBSUB}}}pubsub")
        item = SubElement(SubElement(query, f"{{{PUBSUB}}}publish", {"node": BOOKMARKS}), f"{{{PUBSUB}}}item", {"id": room})
        conference = SubElement(item, f"{{{BOOKMARKS}}}conference", {"autojoin": "true", "name": "Music"})
        SubElement(conference, f"{{{BOOKMARKS}}}nick").text = nick
        options = SubElement(SubElement(query, f"{{{PUBSUB}}}publish-options"), f"{{{FORM}}}x", {"type": "submit"})
        for name, value in OPTIONS.items():
            SubElement(SubElement(options, f"{{{FORM}}}field", {"var": name}), f"{{{FORM}}}value").text = value
        await self.phone.ask(ROMEO, "set", query)

    async def unmark(self, room: str) -> None:
        query = Element(f"{{{PUBSUB}}}pubsub")
        retract = SubElement(query, f"{{{PUBSUB}}}retract", {"node": BOOKMARKS, "notify": "true"})
        SubElement(retract, f"{{{PUBSUB}}}item", {"id": room})
        await self.phone.ask(ROMEO, "set", query)

    def are_in(self, room: str) -> set[str]:
        return set(self.juliet.occupants.get(room, {}))


@asynccontextmanager
async def scene(folder: Path, python: Path) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        xmpp = Prosody(folder / "xmpp")
        await xmpp.start()
        stack.push_async_callback(xmpp.stop)
        synapse = Synapse(python, folder / "synapse", port=free_port())
        bridge = BridgeProcess(folder / "bridge", homeserver=synapse.url)
        xmpp.serve(bridge, component=False)
        synapse.write([await bridge.registration()])
        await synapse.start()
        stack.push_async_callback(synapse.stop)
        token = await synapse.user("alice", "secret")
        await bridge.start()
        stack.push_async_callback(bridge.stop)
        alice = await stack.enter_async_context(MatrixClient(synapse.url, token))
        juliet = await stack.enter_async_context(XmppClient(xmpp, "juliet"))
        phone = await stack.enter_async_context(XmppClient(xmpp, "romeo"))
        for room in (TEA, MUSIC):
            await juliet.join(room)
            await juliet.configure(room, persistentroom="1", enablearchiving="1")
        await bridge.log_in("jabber", alice.user, ROMEO, "romeo"[::-1])
        made = Scene(bridge, alice, juliet, phone)
        async with asyncio.timeout(20):
            while (await made.word("rooms")).failed:  # it is being connected
                await asyncio.sleep(0)
        yield made


async def test_a_room_is_joined_talked_in_and_left_by_word(tmp_path: Path, synapse_python: Path) -> None:
    async with scene(tmp_path, synapse_python) as one:
        alice, juliet = one.alice, one.juliet
        joining = asyncio.create_task(one.word("join", room=TEA))
        await juliet.until(lambda: "romeo" in one.are_in(TEA))
        juliet.say(TEA, "welcome")
        answer = await joining
        assert not answer.failed, answer.text
        room = await one.entered(TEA)
        await alice.sees_text(room, "welcome")
        first = juliet.say(TEA, "tea is ready")
        event = await alice.sees_text(room, "tea is ready")
        assert event["sender"] != alice.user
        mine = await alice.say(room, "coming")
        heard = await juliet.hears("coming")
        assert (heard.room, heard.nick) == (TEA, "romeo")
        juliet.react(TEA, heard.stanza_id, ["🫖"])
        await alice.sees(room, lambda event: event["type"] == "m.reaction")
        juliet.correct(TEA, first, "tea was ready")
        await alice.sees(room, lambda event: "tea was ready" in str(event["content"].get("m.new_content")))
        await alice.redact(room, mine)
        await juliet.sees(lambda said: said.relates(RETRACT) is not None)
        assert (await one.bookmarks())[TEA].get("autojoin") == "true"

        assert not (await one.word("leave", room=TEA)).failed
        await juliet.until(lambda: "romeo" not in one.are_in(TEA))
        assert await one.bookmarks() == {}


async def test_who_is_kicked_hears_why_and_comes_back_by_word(tmp_path: Path, synapse_python: Path) -> None:
    async with scene(tmp_path, synapse_python) as one:
        await one.word("join", room=TEA)
        room = await one.entered(TEA)
        one.juliet.say(f"{TEA}/romeo", "psst", kind="chat")
        await one.alice.sees_text(room, "(to you alone) psst")
        await one.juliet.kick(TEA, "romeo")
        await one.alice.sees_text(room, "You are out: kicked from the room by juliet.")
        assert one.are_in(TEA) == {"juliet"}
        await one.word("join", room=TEA)
        await one.juliet.until(lambda: "romeo" in one.are_in(TEA))
        await one.alice.say(room, "here again")
        await one.juliet.hears("here again")


async def test_bookmarks_of_another_program_are_rooms_at_once_and_after_a_start(tmp_path: Path, synapse_python: Path) -> None:
    async with scene(tmp_path, synapse_python) as one:
        await one.bookmark(MUSIC, "piper")
        room = await one.entered(MUSIC)
        await one.juliet.until(lambda: "piper" in one.are_in(MUSIC))
        one.juliet.say(MUSIC, "play")
        await one.alice.sees_text(room, "play")
        await one.bridge.kill()
        await one.bookmark(TEA, "steeper")
        await one.bridge.start()
        await one.entered(TEA)
        await one.juliet.until(lambda: "steeper" in one.are_in(TEA) and "piper" in one.are_in(MUSIC))
        await one.unmark(MUSIC)
        await one.juliet.until(lambda: "piper" not in one.are_in(MUSIC))


async def test_nothing_is_lost_or_doubled_where_the_bridge_is_killed(tmp_path: Path, synapse_python: Path) -> None:
    async with scene(tmp_path, synapse_python) as one:
        await one.word("join", room=TEA)
        room = await one.entered(TEA)
        one.juliet.say(TEA, "before")
        await one.alice.sees_text(room, "before")
        inward, outward = ([f"{way} {number}" for number in range(LINES)] for way in ("in", "out"))

        async def writes() -> None:
            for text in outward:
                await one.alice.say(room, text)

        async def strikes() -> None:
            for text in inward[: LINES // 2]:
                one.juliet.say(TEA, text)
            await one.alice.sees_text(room, inward[LINES // 4])
            await one.bridge.kill()
            for text in inward[LINES // 2 :]:
                one.juliet.say(TEA, text)
            await one.bridge.start()

        await asyncio.gather(writes(), strikes())
        await one.juliet.hears(outward[-1], 60)
        await one.alice.sees_text(room, inward[-1], 60)
        assert [line for line in one.lines(room) if line.startswith("in ")] == inward
        assert [line for line in one.said(TEA) if line.startswith("out ")] == outward
