"""HTTP answers as streams of media: named, typed, capped, never whole in memory."""

import re
from collections.abc import AsyncIterator
from urllib.parse import unquote

import aiohttp

from bridge.text.escape import strip_controls

_CHUNK = 64 * 1024
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}")
_LONGEST_NAME = 100
UNKNOWN_TYPE = "application/octet-stream"


class MediaTooLarge(OSError):
    """It passes the cap."""


class BodyStream:
    """A `MediaStream` over an answer's body. `limit` in bytes, after decompression.

    Raises `MediaTooLarge` at once where the answer itself says it is too large.
    """

    def __init__(self, answer: aiohttp.ClientResponse, limit: int, *, name: str = "") -> None:
        disposition = answer.content_disposition
        given = name or (disposition.filename if disposition is not None else None) or answer.url.name
        self.name = safe_file_name(given)
        self.type = safe_type(answer.headers.get("Content-Type", ""))
        encoded = answer.headers.get("Content-Encoding", "identity").lower() != "identity"
        self.size = None if encoded else answer.content_length
        self._answer = answer
        self._limit = limit
        if self.size is not None and self.size > limit:
            raise MediaTooLarge(f"{self.size} bytes, of which at most {limit} are taken")

    async def chunks(self) -> AsyncIterator[bytes]:
        """Raises `OSError` where the body ends early or passes the cap."""
        seen = 0
        try:
            async for chunk in self._answer.content.iter_chunked(_CHUNK):
                seen += len(chunk)
                if seen > self._limit:
                    raise MediaTooLarge(f"more than {self._limit} bytes")
                yield chunk
        except aiohttp.ClientError as error:
            raise OSError(f"the body ended early: {type(error).__name__}") from error


def safe_type(header: str) -> str:
    """The bare media type of a Content-Type header, lower case; `application/octet-stream` for what is none."""
    bare = header.partition(";")[0].strip().lower()
    return bare if _TYPE.fullmatch(bare) else UNKNOWN_TYPE


def safe_file_name(name: str) -> str:
    """The last part of a path, without control characters, at most 100 characters; `file` where nothing is left."""
    bare = strip_controls(unquote(name)).replace("\\", "/").rsplit("/", 1)[-1]
    bare = "".join(character for character in bare if character.isprintable()).strip(" .")
    if len(bare) > _LONGEST_NAME:
        stem, dot, ending = bare.rpartition(".")
        bare = f"{stem[: _LONGEST_NAME - 11]}.{ending}" if dot and len(ending) <= 10 else bare[:_LONGEST_NAME]
    return bare or "file"
