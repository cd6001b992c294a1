"""How large a picture is, out of its first bytes. Pure."""

import io

import imagesize

HEAD = 256 * 1024
"""Bytes in which a camera's own notes, up to 64 KiB each, leave room for the size."""
_LARGEST = 1 << 20
_KNOWN = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"RIFF")
"""PNG, JPEG, GIF and WebP: what is sent in chats. Of rarer ones the library's readers are loops that a file may drive."""


def pixels(head: bytes) -> tuple[int, int] | None:
    """(width, height) as it is shown, turned as its EXIF says; None where that is not to be seen. Never raises."""
    if not head.startswith(_KNOWN):
        return None
    width, height = imagesize.get(io.BytesIO(head))
    return (width, height) if 0 < width <= _LARGEST and 0 < height <= _LARGEST else None
