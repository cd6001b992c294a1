"""Files of the component's people: as files where a service takes them, as links where none does, and nothing overtakes them."""

import asyncio
from collections.abc import AsyncIterator
from xml.etree.ElementTree import Element

import pytest

from adapters.xmpp.wire.uploads import TRIES
from bridge.contract.errors import Rejected, Unavailable
from bridge.contract.features import Feature, Level
from bridge.model.events import Attachment, Media, Message, Text
from bridge.testing import until
from tests.doubles.component_server import HOST, ComponentServer
from tests.doubles.component_uploads import UPLOAD, UploadService
from tests.unit.xmpp.gateway.parlour import ALICE_JID, CHAT, JULIET, Street, parlour
from tests.unit.xmpp.rooms.scene import CAROL, LOBBY, Scene, scene

ROSE = Attachment(source="mxc://matrix.org/rose", name="rose.png", media=Media.IMAGE, type="image/png")
PICTURE = Message(text=Text(plain=""), attachments=(ROSE,))
DATA = b"rose" * 1000
WHERE = f"https://{UPLOAD}/get/rose.png"


@pytest.fixture
async def server() -> AsyncIterator[ComponentServer]:
    server = await ComponentServer.start()
    server.uploads = UploadService(limit=5000)
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def street() -> AsyncIterator[Street]:
    street = await Street.start()
    street.uploads = UploadService()
    try:
        yield street
    finally:
        await street.stop()


def address(message: Element) -> str | None:
    return message.findtext("{jabber:x:oob}x/{jabber:x:oob}url")


async def ready(one: Scene) -> None:
    one.web.files[ROSE.source] = DATA
    await until(lambda: one.adapter.features(LOBBY).level(Feature.ATTACHMENT) is Level.NATIVE)


async def test_a_picture_is_a_file_in_the_room_asked_for_in_its_author_s_name(server: ComponentServer) -> None:
    async with scene(server) as one:
        await ready(one)
        assert one.adapter.features(LOBBY).limits.attachment == 5000
        await one.say(PICTURE)
        (message,) = server.said()
        assert address(message) == WHERE
        ((url, data, _),) = one.web.put_to
        assert (url, data) == (f"https://{UPLOAD}/put/rose.png", DATA)
        assert server.uploads is not None and server.uploads.asked[-1] == (f"{ALICE_JID}/unabridged", "rose.png")


async def test_what_is_said_behind_a_file_arrives_behind_it(server: ComponentServer) -> None:
    async with scene(server) as one:
        await ready(one)
        one.web.shut.clear()
        sending = [asyncio.create_task(one.say(PICTURE)), asyncio.create_task(one.say("b", CAROL))]
        assert server.uploads is not None
        await until(lambda: server.uploads is not None and server.uploads.asked[-1][1] == "rose.png")
        sending.append(asyncio.create_task(one.say("c")))
        await one.heard_all()
        assert one.shown() == []
        one.web.shut.set()
        await asyncio.gather(*sending)
        assert one.shown() == [("alice", WHERE), ("carol", "b"), ("alice", "c")]


async def test_a_file_is_put_once_however_often_it_is_tried_and_never_names_our_media(server: ComponentServer) -> None:
    async with scene(server) as one:
        await ready(one)
        one.web.status = 500
        for outcome in (Unavailable, Unavailable, Unavailable, Unavailable, Rejected):
            with pytest.raises(outcome):
                await one.say(PICTURE, id="a" * 32)
        one.web.status = 201
        for _ in range(2):
            await one.say(PICTURE, id="b" * 32)
        assert len(one.web.put_to) == 6
        assert one.shown()[0] == ("alice", WHERE)


@pytest.mark.parametrize("offered", [True, False])
async def test_where_no_service_takes_files_they_are_links_and_the_log_says_so_once(
    server: ComponentServer, caplog: pytest.LogCaptureFixture, offered: bool
) -> None:
    server.uploads = UploadService() if offered else None
    if server.uploads is not None:
        server.uploads.refuses = ("forbidden", "auth")
    async with scene(server) as one:
        await until(lambda: "files are sent as links" in caplog.text)
        assert one.adapter.features(LOBBY).level(Feature.ATTACHMENT) is Level.RENDERED
        with pytest.raises(Rejected, match="shown as a link"):
            await one.say(PICTURE)
        await one.say("and on it goes")
        await one.cut()
        await one.connect()
        await one.open()
        await one.say("again")
    assert caplog.text.count("files are sent as links") == 1


LINKED = Attachment(source=ROSE.source, name="rose.png", media=Media.IMAGE, instead="rose.png: https://bridge.example.org/r")


@pytest.mark.parametrize("why", ["refused", "too large", "web", "gone", "unreadable"])
async def test_a_file_that_is_refused_when_it_is_sent_goes_as_a_link_and_the_log_says_so_once(
    server: ComponentServer, caplog: pytest.LogCaptureFixture, why: str
) -> None:
    """It was planned as a file, and its author can do nothing about it."""
    async with scene(server) as one:
        await ready(one)
        assert server.uploads is not None
        if why == "refused":
            server.uploads.refuses = ("not-allowed", "cancel")
        elif why == "too large":
            one.web.files[ROSE.source] = DATA * 2
        elif why == "web":
            one.web.status = 413
        elif why == "unreadable":
            del one.web.files[ROSE.source]
        else:
            server.uploads = None
            await one.cut()
            await one.connect()
            await one.open()
        for words, html in (("", None), ("look", "<b>look</b>")):
            message = Message(text=Text(plain=words, html=html), attachments=(LINKED,))
            for _ in range(TRIES - 1 if why == "unreadable" else 0):
                with pytest.raises(Unavailable):
                    await one.say(message, id=(words or "none").rjust(32, "0"))
            await one.say(message, id=(words or "none").rjust(32, "0"))
        await one.say(Message(text=Text(plain="both"), attachments=(LINKED,) * 2), id="f" * 32) if why == "web" else None
        said = [words for _, words in one.shown()]
        assert said[:2] == [LINKED.instead, f"*look*\n{LINKED.instead}"]
        assert said[2:] == ([f"both\n{LINKED.instead}\n{LINKED.instead}"] if why == "web" else [])
        assert all(address(stanza) is None for stanza in server.said())
    assert caplog.text.count("as a link: ") == (0 if why == "gone" else 1)


async def test_a_server_that_says_nothing_costs_no_word(server: ComponentServer) -> None:
    async with scene(server, upload_service="silent.example.org") as one:
        await one.say("hello")
        assert one.shown() == [("alice", "hello")]


async def test_a_picture_one_to_one_is_a_file_and_nothing_overtakes_it(street: Street) -> None:
    async with parlour(street) as one:
        one.use(media=one.web)
        one.web.files[ROSE.source] = DATA
        await one.open()
        await until(lambda: one.adapter.features(CHAT).level(Feature.ATTACHMENT) is Level.NATIVE)
        one.web.shut.clear()
        sending = [asyncio.create_task(one.write(PICTURE)), asyncio.create_task(one.write("behind it"))]
        await until(lambda: street.uploads is not None and len(street.uploads.asked) == 2)
        await one.heard_all()
        assert street.to(JULIET) == []
        one.web.shut.set()
        await asyncio.gather(*sending)
        first, second = street.to(JULIET)
        assert address(first) == WHERE and second.findtext("{*}body") == "behind it"
        assert street.uploads is not None and street.uploads.asked == [
            (f"files@{HOST}/unabridged", "probe.txt"),
            (f"{ALICE_JID}/unabridged", "rose.png"),
        ]


async def test_a_connection_lost_while_a_file_is_on_its_way_has_it_sent_again(street: Street) -> None:
    async with parlour(street) as one:
        one.use(media=one.web)
        one.web.files[ROSE.source] = DATA
        await one.open()
        await until(lambda: one.adapter.features(CHAT).level(Feature.ATTACHMENT) is Level.NATIVE)
        one.web.shut.clear()
        sending = asyncio.create_task(one.write(PICTURE))
        await until(lambda: street.uploads is not None and len(street.uploads.asked) == 2)
        street.cut()
        await until(lambda: one.running is not None and one.running.done())
        one.web.shut.set()
        with pytest.raises(Unavailable):
            await sending
        assert street.to(JULIET) == []
