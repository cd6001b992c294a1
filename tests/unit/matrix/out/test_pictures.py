"""How large a picture is, seen in its first bytes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.matrix.pictures import HEAD, pixels

SIZES = st.integers(1, 0x3FFF)
KINDS = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF89a",
    b"RIFF\0\0\0\0WEBPVP8 ",
    b"P6",
    b"<svg",
    b"II*\0",
    b"\0\0\0\x0cjP  \r\n\x87\n",
)


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">L4sLLBBBBB", 13, b"IHDR", width, height, 8, 2, 0, 0, 0)


def jpeg(width: int, height: int, turned: int = 1) -> bytes:
    notes = b"Exif\0\0MM\0*" + struct.pack(">LHHHLHHL", 8, 1, 0x0112, 3, 1, turned, 0, 0)
    frame = struct.pack(">BHHB", 8, height, width, 3) + b"\x01\x11\0\x02\x11\0\x03\x11\0"
    return b"\xff\xd8" + _part(0xE1, notes) + _part(0xC0, frame) + b"\xff\xda\0\x02"


def webp(width: int, height: int) -> bytes:
    body = b"VP8X" + struct.pack("<LL", 10, 0) + struct.pack("<L", width - 1)[:3] + struct.pack("<L", height - 1)[:3]
    return b"RIFF" + struct.pack("<L", 4 + len(body)) + b"WEBP" + body


def _part(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, kind, len(payload) + 2) + payload


@given(width=SIZES, height=SIZES)
def test_it_is_what_the_picture_says(width: int, height: int) -> None:
    gif = b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0"
    assert [pixels(head) for head in (png(width, height), jpeg(width, height), webp(width, height), gif)] == [(width, height)] * 4


@pytest.mark.parametrize("turned", [5, 6, 7, 8])
def test_a_photo_that_is_to_be_turned_is_as_high_as_it_is_wide(turned: int) -> None:
    assert pixels(jpeg(4000, 3000, turned)) == (3000, 4000)


@pytest.mark.parametrize(
    "head", [b"", b"P6 9 9 255\n", b"<svg width='9' height='9'/>", png(0, 9), png(9, 2**31), b"\xff\xd8\xff"]
)
def test_what_is_no_picture_of_a_known_kind_has_no_size(head: bytes) -> None:
    assert pixels(head) is None


@given(st.sampled_from(KINDS), st.binary(max_size=2000))
def test_whatever_a_file_holds_nothing_breaks(kind: bytes, rest: bytes) -> None:
    found = pixels(kind + rest)
    assert found is None or min(found) > 0


def test_a_head_full_of_the_smallest_parts_is_read_to_its_end() -> None:
    assert pixels(b"\xff\xd8" + _part(0xE2, b"") * (HEAD // 4)) is None
