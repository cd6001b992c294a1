"""Media in both directions between homeserver, bridge and web, in streams."""

import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.toolbox import HttpAnswer, MediaStream
from bridge.matrix.media import HomeserverMedia
from bridge.matrix.streaming import UNKNOWN_TYPE, MediaTooLarge, safe_file_name, safe_type
from bridge.model.events import Attachment
from tests.doubles.homeserver import FakeHomeserver

CAP = 5_000_000


class Pieces:
    """A `MediaStream` of given pieces."""

    def __init__(self, *pieces: bytes, size: int | None = None, name: str = "cat.png", type: str = "image/png") -> None:
        self.name, self.type, self.size = name, type, size
        self._pieces = pieces

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


class Broken(Pieces):
    async def chunks(self) -> AsyncIterator[bytes]:
        yield b"half"
        raise OSError("the body ended early")


class Web:
    """An `HttpClient` that has one file everywhere."""

    async def request(self, method: str, url: str, **more: object) -> HttpAnswer:
        raise NotImplementedError

    @asynccontextmanager
    async def stream(self, url: str, *, limit: int, timeout: float = 120.0) -> AsyncIterator[MediaStream]:
        yield Pieces(f"{url} {limit}".encode())


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        yield server


@pytest.fixture
async def media(hs: FakeHomeserver) -> AsyncIterator[HomeserverMedia]:
    async with aiohttp.ClientSession() as session:
        yield HomeserverMedia(session, hs.url, "as-token", Web(), cap=CAP)


async def whole(media: HomeserverMedia, source: str, name: str = "") -> bytes:
    async with media.open(Attachment(source=source, name=name)) as stream:
        return b"".join([chunk async for chunk in stream.chunks()])


async def test_what_is_put_can_be_opened(media: HomeserverMedia, hs: FakeHomeserver) -> None:
    address = await media.put(Pieces(b"a" * 1_000_000, b"b" * 1_000_000, name="a cät.png"))
    assert await whole(media, address) == b"a" * 1_000_000 + b"b" * 1_000_000
    [(_, kind, name)] = hs.media.values()
    assert (kind, name) == ("image/png", "a cät.png")


async def test_an_empty_file_is_a_file(media: HomeserverMedia) -> None:
    assert await whole(media, await media.put(Pieces())) == b""


async def test_a_size_that_was_a_lie_does_no_harm(media: HomeserverMedia) -> None:
    assert await whole(media, await media.put(Pieces(b"12345", size=3))) == b"12345"
    assert await whole(media, await media.put(Pieces(b"12345", size=3_000_000))) == b"12345"


async def test_a_large_upload_is_not_held_in_memory(media: HomeserverMedia, hs: FakeHomeserver) -> None:
    hs.faults.drop_before("upload")
    tracemalloc.start()
    with pytest.raises(OSError):
        await media.put(Pieces(*[b"x" * 65536] * 70))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


async def test_the_cap_holds_both_ways(media: HomeserverMedia, hs: FakeHomeserver) -> None:
    with pytest.raises(MediaTooLarge):
        await media.put(Pieces(*[b"x" * 1_000_000] * 6))
    with pytest.raises(MediaTooLarge):
        await media.put(Pieces(b"", size=CAP + 1))
    assert hs.calls["upload"] == 0
    with pytest.raises(MediaTooLarge):
        await whole(media, hs.store(b"x" * (CAP + 1), "image/png", None))


async def test_the_homeservers_own_cap_is_told(media: HomeserverMedia, hs: FakeHomeserver) -> None:
    hs.upload_cap = 10
    with pytest.raises(MediaTooLarge, match="homeserver"):
        await media.put(Pieces(b"x" * 11))


async def test_a_source_that_breaks_off_uploads_nothing(media: HomeserverMedia, hs: FakeHomeserver) -> None:
    with pytest.raises(OSError, match="ended early"):
        await media.put(Broken())
    assert hs.media == {}


@pytest.mark.parametrize(
    "source",
    ["mxc://localhost/unknown", "mxc://elsewhere/x", "mxc://localhost/../../x", "mxc://localhost/a?b", "mxc:", "mxc://x"],
)
async def test_what_is_not_there_is_an_oserror(media: HomeserverMedia, source: str) -> None:
    with pytest.raises(OSError):
        await whole(media, source)


async def test_a_homeserver_that_fails_is_an_oserror(media: HomeserverMedia, hs: FakeHomeserver) -> None:
    address = hs.store(b"x", "image/png", None)
    hs.faults.status(500)
    hs.faults.limit()
    hs.faults.drop_before(times=2)
    for _ in range(3):
        with pytest.raises(OSError):
            await whole(media, address)
    hs.faults.armed.clear()
    hs.faults.status(500, "upload")
    with pytest.raises(OSError, match="500"):
        await media.put(Pieces(b"x"))


async def test_a_stream_is_named_as_the_attachment_is(media: HomeserverMedia, hs: FakeHomeserver) -> None:
    address = hs.store(b"x", "Text/HTML; charset=x", "server.html")
    async with media.open(Attachment(source=address, name="../mine.html")) as stream:
        assert (stream.name, stream.type, stream.size) == ("mine.html", "text/html", 1)
    async with media.open(Attachment(source=address, name="")) as stream:
        assert stream.name == "server.html"


async def test_the_web_is_reached_through_the_guard(media: HomeserverMedia) -> None:
    assert await whole(media, "https://example.org/a") == f"https://example.org/a {CAP}".encode()


@given(st.text())
def test_a_file_name_is_one_safe_part_of_a_path(name: str) -> None:
    safe = safe_file_name(name)
    assert 0 < len(safe) <= 100
    assert safe.isprintable() and not set(safe) & set("/\\") and safe not in (".", "..")
    assert safe_file_name(safe) == safe or "%" in safe
    safe.encode()


def test_a_long_name_keeps_its_ending() -> None:
    assert safe_file_name("x" * 300 + ".jpeg").endswith(".jpeg")


@given(st.text())
def test_a_type_is_a_type(header: str) -> None:
    assert "/" in safe_type(header) and safe_type(header).isascii()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("image/PNG; x=y", "image/png"),
        ("", UNKNOWN_TYPE),
        ("text", UNKNOWN_TYPE),
        ("a/b\r\nX: y", UNKNOWN_TYPE),
        ("a/é", UNKNOWN_TYPE),
    ],
)
def test_types_are_bare(header: str, expected: str) -> None:
    assert safe_type(header) == expected


async def test_a_picture_is_had_no_larger_than_wanted_and_what_is_none_is_no_picture(
    media: HomeserverMedia, hs: FakeHomeserver
) -> None:
    async with media.shrunk(hs.store(b"x" * 500, "image/png", None), 96) as stream:
        assert (stream.type, b"".join([chunk async for chunk in stream.chunks()])) == ("image/png", b"x" * 96)
    for source in (hs.store(b"x", "text/plain", None), "mxc://elsewhere/x", "https://example.org/x.png"):
        with pytest.raises(OSError):
            async with media.shrunk(source, 96):
                pass
