"""Public links: who may open what, until when, and what a browser is told."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.toolbox import MediaStream
from bridge.matrix.links import LinkDesk, Links, disposition
from bridge.matrix.server import Listener, application
from bridge.model.events import Attachment, Boost, Edit, Event, Message, Redaction, Ref, Text
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity
from tests.doubles.clock import FakeClock
from tests.unit.matrix.incoming.surroundings import Counts
from tests.unit.matrix.incoming.test_media import Broken, Pieces

KEY = EventKey(HUB, "$event")
CAT = Attachment(source="mxc://localhost/cat", name="a cät.png")
PAGE = Attachment(source="mxc://localhost/page", name='e"vil.html')
BROKEN = Attachment(source="mxc://localhost/broken", name="broken.bin")
GONE = Attachment(source="mxc://localhost/gone", name="gone.bin")


def event(key: EventKey = KEY, body: object = None) -> Event:
    message = Message(text=Text(plain="<b>long</b> text"), attachments=(CAT, PAGE, BROKEN, GONE), warning="spiders")
    return Event(
        key=key,
        channel=ChannelId(HUB, "!room"),
        author=Identity(id=IdentityId(HUB, "@alice:localhost")),
        happened_at=datetime(2026, 1, 1, tzinfo=UTC),
        body=body or message,  # type: ignore[arg-type]
    )


class Ledger:
    def __init__(self) -> None:
        self.events = {KEY: event()}
        self.revoked: set[EventKey] = set()
        self.roots = {EventKey(NetworkName("irc"), "copy"): KEY}

    async def event(self, key: EventKey) -> Event | None:
        return self.events.get(key)

    async def root(self, key: EventKey) -> EventKey | None:
        return self.roots.get(key)

    async def link_revoked(self, key: EventKey) -> bool:
        return key in self.revoked

    async def revoke_links(self, key: EventKey) -> None:
        self.revoked.add(key)


class Store:
    """A `MediaStore` with a picture, a page of HTML, and trouble."""

    @asynccontextmanager
    async def open(self, attachment: Attachment) -> AsyncIterator[MediaStream]:
        if attachment == GONE:
            raise OSError("not there")
        if attachment == BROKEN:
            yield Broken(size=1000, type="text/html")
        elif attachment == PAGE:
            yield Pieces(b"<script>", b"</script>", type="text/html")
        else:
            yield Pieces(b"p" * 100_000, b"ng", size=100_002)

    async def put(self, stream: MediaStream) -> str:
        raise NotImplementedError


class Place:
    """A public listener with its links."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.ledger = Ledger()
        self.links = Links(b"k" * 32, self.clock, address="https://bridge.example/", days=30)
        self.desk = LinkDesk(self.links, self.ledger, Store(), Counts())
        self.listener = Listener(application(self.desk.routes()), "127.0.0.1:0")

    def path(self, attachment: Attachment) -> str:
        link = self.links.link_for(attachment, self.ledger.events[KEY])
        assert link is not None
        return link.removeprefix("https://bridge.example")

    async def get(self, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        address = f"http://{self.listener.address}{path}"
        async with aiohttp.ClientSession() as session, session.request(method, address) as answer:
            return answer.status, dict(answer.headers), await answer.read()


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    found = Place()
    await found.listener.start()
    yield found
    await found.listener.stop()


async def test_a_link_shows_a_picture(place: Place) -> None:
    status, headers, body = await place.get(place.path(CAT))
    assert (status, body) == (200, b"p" * 100_000 + b"ng")
    assert headers["Content-Type"] == "image/png"
    assert headers["Content-Length"] == "100002"
    assert headers["Content-Disposition"] == "inline; filename=\"a c_t.png\"; filename*=UTF-8''a%20c%C3%A4t.png"


async def test_a_page_that_somebody_sent_cannot_run_here(place: Place) -> None:
    status, headers, body = await place.get(place.path(PAGE))
    assert (status, body) == (200, b"<script></script>")
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"].startswith("attachment;")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"] and "default-src 'none'" in headers["Content-Security-Policy"]


async def test_head_sends_no_body(place: Place) -> None:
    status, headers, body = await place.get(place.path(CAT), "HEAD")
    assert (status, headers["Content-Length"], body) == (200, "100002", b"")


async def test_a_long_text_has_a_page_of_plain_text(place: Place) -> None:
    link = place.links.page_for(place.ledger.events[KEY])
    assert link is not None
    status, headers, body = await place.get(link.removeprefix("https://bridge.example"))
    assert status == 200 and headers["Content-Type"] == "text/plain; charset=utf-8"
    assert body.decode() == "@alice:localhost, 2026-01-01 00:00 UTC\n\n[spiders]\n\n<b>long</b> text\n"
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_a_link_expires(place: Place) -> None:
    path = place.path(CAT)
    place.clock.shift(29 * 86400)
    assert (await place.get(path))[0] == 200
    place.clock.shift(1.1 * 86400)
    assert (await place.get(path))[0] == 404


async def test_a_redaction_by_any_of_its_ids_kills_every_link(place: Place) -> None:
    page = place.links.page_for(place.ledger.events[KEY])
    assert page is not None
    await place.desk.redacted(EventKey(NetworkName("irc"), "copy"))
    for path in (place.path(CAT), page.removeprefix("https://bridge.example")):
        assert (await place.get(path))[0] == 404


async def test_a_link_of_an_edit_dies_with_what_it_edits(place: Place) -> None:
    edit = event(EventKey(HUB, "$edit"), Edit(target=Ref(key=EventKey(NetworkName("irc"), "copy")), message=event().body))  # type: ignore[arg-type]
    place.ledger.events[edit.key] = edit
    link = place.links.link_for(CAT, edit)
    assert link is not None
    path = link.removeprefix("https://bridge.example")
    assert (await place.get(path))[0] == 200
    await place.desk.redacted(KEY)
    assert (await place.get(path))[0] == 404


async def test_what_was_pruned_is_gone(place: Place) -> None:
    path = place.path(CAT)
    place.ledger.events.clear()
    assert (await place.get(path))[0] == 404


async def test_guessing_shows_nothing(place: Place) -> None:
    real = place.path(CAT).split("/")[2]
    page = place.links.page_for(place.ledger.events[KEY])
    assert page is not None
    other = Links(b"other", place.clock, address="https://bridge.example", days=30)
    forged = other.link_for(CAT, place.ledger.events[KEY])
    assert forged is not None
    paths = [f"/media/{real[:-2]}AA/x", "/media/x/y", "/media/%C3%A9/y", "/media/=/y", f"/media/text/{real}"]
    paths += [f"/media/{page.rsplit('/', 1)[1]}/x", forged.removeprefix("https://bridge.example")]
    answers = [await place.get(path) for path in paths]
    assert {(status, body) for status, _, body in answers} == {(404, b"There is nothing here, or not any more.\n")}


async def test_what_cannot_be_had_is_said(place: Place) -> None:
    assert (await place.get(place.path(GONE)))[0] == 502


async def test_a_file_that_breaks_off_is_not_taken_for_whole(place: Place) -> None:
    with pytest.raises(aiohttp.ClientError):
        await place.get(place.path(BROKEN))


async def test_nothing_else_is_on_the_public_listener(place: Place) -> None:
    for path in ("/", "/_matrix/app/v1/ping", "/health", "/metrics", "/media", "/media/x"):
        assert (await place.get(path))[0] == 404


def test_without_a_public_address_there_are_no_links() -> None:
    links = Links(b"k", FakeClock(), address=None, days=1)
    assert links.link_for(CAT, event()) is None and links.page_for(event()) is None


def test_what_has_an_address_of_its_own_keeps_it() -> None:
    links = Links(b"k", FakeClock(), address=None, days=1)
    assert links.link_for(Attachment(source="https://example.org/a.png", name="a"), event()) == "https://example.org/a.png"


def test_an_attachment_that_is_not_the_events_has_no_link() -> None:
    links = Links(b"k", FakeClock(), address="https://b", days=1)
    assert links.link_for(Attachment(source="mxc://a/b", name="a"), event()) is None
    assert links.link_for(CAT, event(body=Redaction(target=Ref(key=KEY)))) is None
    assert links.link_for(CAT, event(body=Boost(target=Ref(key=KEY), original=event().body))) is not None  # type: ignore[arg-type]


@given(st.text(max_size=80), st.text(max_size=80), st.integers(0, 50))
def test_a_token_says_what_it_was_made_of(network: str, native: str, index: int) -> None:
    links = Links(b"k", FakeClock(), address="https://b", days=1)
    key = EventKey(NetworkName(network or "n"), native)
    files = tuple(Attachment(source=f"mxc://a/{number}", name="x") for number in range(index + 1))
    try:
        native.encode(), network.encode()
    except UnicodeEncodeError:
        return
    link = links.link_for(files[index], event(key, Message(text=Text(plain=""), attachments=files)))
    assert link is not None and link.isascii()
    claim = links.read(link.split("/")[4])
    assert claim is not None and (claim.key, claim.index) == (key, index)


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_no_token_that_we_did_not_make_is_read(token: str) -> None:
    assert Links(b"k", FakeClock(), address="https://b", days=1).read(token) is None


@given(st.text())
def test_a_name_cannot_break_out_of_its_header(name: str) -> None:
    header = disposition("attachment", name)
    assert header.isascii() and header.isprintable() and header.count('"') == 2
