"""Pictures small enough to make and to measure by hand (PNG, RFC 2083)."""

import struct
import zlib

_MAGIC = b"\x89PNG\r\n\x1a\n"


def plain(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    """A PNG of one colour."""
    rows = (b"\0" + bytes(colour) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return _MAGIC + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")


def measured(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG, None for anything else."""
    if not data.startswith(_MAGIC) or len(data) < 24:
        return None
    width, height = struct.unpack(">II", data[16:24])
    return int(width), int(height)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
