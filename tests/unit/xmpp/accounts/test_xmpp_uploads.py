"""Files reach people by their server's upload service, in their turn, and never twice for one message."""

import asyncio
from xml.etree.ElementTree import Element, SubElement, fromstring

import pytest

from adapters.xmpp.wire.uploads import UPLOAD, slot_in
from bridge.contract.delivery import Delivery
from bridge.contract.errors import Rejected, Unavailable
from bridge.contract.features import Feature, Level
from bridge.model.events import Attachment, Media, Message, Text
from bridge.testing import until
from tests.doubles.account_server import HOST
from tests.unit.xmpp.accounts.stage import CHAT, Stage, body_of, delivery, playing

PICTURE = Attachment(source="mxc://matrix.org/rose", name="rose.png", media=Media.IMAGE, type="image/png")
OFFERED = ["urn:xmpp:mam:2", UPLOAD]


def picture(id: str) -> Delivery:
    return delivery(id, Message(text=Text(plain=""), attachments=(PICTURE,)))


async def ready(stage: Stage) -> None:
    stage.server.features = OFFERED
    stage.web.files[PICTURE.source] = b"rose" * 1000
    await stage.start()


async def test_a_picture_is_put_and_shown_where_it_can_be_had() -> None:
    async with playing() as stage:
        await ready(stage)
        assert stage.crew.features(CHAT).level(Feature.ATTACHMENT) is Level.NATIVE
        await stage.crew.deliver(picture("a"))
        (message,) = stage.server.messages()
        assert message.findtext("{jabber:x:oob}x/{jabber:x:oob}url") == f"https://{HOST}/get/rose.png"
        ((url, data, headers),) = stage.web.put_to
        assert (data, headers["Content-Type"]) == (b"rose" * 1000, "image/png")
        assert url.startswith(f"https://{HOST}/put/")


async def test_what_is_said_behind_a_file_arrives_behind_it() -> None:
    async with playing() as stage:
        await ready(stage)
        stage.web.shut.clear()
        first = (picture("a"), delivery("b", "b"), delivery("c", "c"))
        sending = [asyncio.create_task(stage.crew.deliver(one)) for one in first]
        await until(lambda: any(one[0].tag.startswith(f"{{{UPLOAD}}}") for one in stage.server.seen if len(one)))
        sending.append(asyncio.create_task(stage.crew.deliver(delivery("d", "d"))))
        stage.web.shut.set()
        await asyncio.gather(*sending)
        assert [body_of(one) for one in stage.server.messages()][1:] == ["b", "c", "d"]


async def test_a_file_is_put_once_however_often_its_message_is_tried() -> None:
    async with playing() as stage:
        await ready(stage)
        for _ in range(2):
            await stage.crew.deliver(picture("a"))
        assert len(stage.web.put_to) == 1


async def test_a_file_that_can_not_be_had_is_tried_and_then_given_up() -> None:
    async with playing() as stage:
        await ready(stage)
        stage.web.files.clear()
        for _ in range(4):
            with pytest.raises(Unavailable):
                await stage.crew.deliver(picture("a"))
        with pytest.raises(Rejected, match="can't be sent"):
            await stage.crew.deliver(picture("a"))
        assert (await stage.crew.deliver(delivery("b", "next"))).ids


@pytest.mark.parametrize(("status", "outcome"), [(500, Unavailable), (413, Rejected), (302, Rejected)])
async def test_what_the_web_server_says_counts(status: int, outcome: type[Exception]) -> None:
    async with playing() as stage:
        await ready(stage)
        stage.web.status = status
        with pytest.raises(outcome):
            await stage.crew.deliver(picture("a"))


async def test_a_file_larger_than_the_server_takes_is_not_sent() -> None:
    async with playing() as stage:
        await ready(stage)
        account = stage.crew.account("me")
        assert account is not None
        account.services = type(account.services)(upload=HOST, upload_limit=1000)
        with pytest.raises(Rejected, match="larger than the 1000 bytes"):
            await stage.crew.deliver(picture("a"))
        assert not stage.web.put_to


@pytest.mark.parametrize(
    "url", ["", "file:///etc/passwd", "https://", "https://[x", "javascript:alert(1)", "https://a.example/\nX: y"]
)
def test_a_service_can_not_send_us_anywhere_but_to_the_web(url: str) -> None:
    iq = Element("iq")
    slot = SubElement(iq, f"{{{UPLOAD}}}slot")
    SubElement(slot, f"{{{UPLOAD}}}put", {"url": url})
    SubElement(slot, f"{{{UPLOAD}}}get", {"url": "https://example.org/x"})
    with pytest.raises(Rejected):
        slot_in(iq)


def test_a_service_can_not_have_us_say_whatever_it_likes() -> None:
    headers = "".join(f"<header name='{name}'>x</header>" for name in ("Authorization", "Host", "Content-Length", "X-Evil"))
    odd = "<header name='Cookie'>a&#10;Host: b</header>"
    urls = f"<put url='https://example.org/p'>{headers}{odd}</put><get url='https://example.org/g'/>"
    slot = slot_in(fromstring(f"<iq><slot xmlns='{UPLOAD}'>{urls}</slot></iq>"))
    assert slot.headers == {"Authorization": "x"}
