"""Files of other networks on their way to the homeserver, each source once."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from typing import Protocol

from bridge.contract.toolbox import MediaStore, MediaStream
from bridge.ledger.rows import Uploaded
from bridge.matrix.pictures import HEAD, pixels
from bridge.model.events import Attachment, Body, ChannelChange, Edit, Message


class MediaMemory(Protocol):
    async def media(self, source: str) -> Uploaded | None: ...
    async def save_media(self, source: str, file: Uploaded, sha256: str | None) -> None: ...


class _Measured:
    """A stream that knows afterwards what went through it."""

    def __init__(self, stream: MediaStream, fallback: Attachment) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.name = fallback.name or stream.name
        self.type = stream.type or fallback.type
        self.size = stream.size
        self.seen = 0
        self.head = b""

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream.chunks():
            self._hash.update(chunk)
            self.seen += len(chunk)
            if len(self.head) < HEAD:
                self.head += chunk[: HEAD - len(self.head)]
            yield chunk

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


class Uploads:
    def __init__(self, memory: MediaMemory, media: MediaStore, *, cap: int, log: logging.Logger) -> None:
        self._memory = memory
        self._media = media
        self._cap = cap
        self._log = log

    async def of(self, body: Body) -> dict[str, Uploaded]:
        """By source, every file the body names. What cannot be had is left out: it will go as a link."""
        files = _files(body)
        if not files:
            return {}
        found = [
            (file.source, await self._uploaded(file)) for file in files if file.source and not file.source.startswith("mxc://")
        ]
        return {source: uploaded for source, uploaded in found if uploaded is not None}

    async def _uploaded(self, file: Attachment) -> Uploaded | None:
        known = await self._memory.media(file.source)
        if known is not None:
            return known
        if file.size is not None and file.size > self._cap:
            return None
        try:
            async with self._media.open(file) as stream:
                measured = _Measured(stream, file)
                address = await self._media.put(measured)
        except OSError as error:
            self._log.info("a file goes as a link: %s", error)
            return None
        width, height = await asyncio.to_thread(pixels, measured.head) or (None, None)
        uploaded = Uploaded(mxc=address, size=measured.seen, width=width, height=height)
        await self._memory.save_media(file.source, uploaded, measured.sha256)
        return uploaded


def _files(body: Body) -> tuple[Attachment, ...]:
    match body:
        case Message():
            return body.attachments
        case Edit():
            return body.message.attachments
        case ChannelChange() if body.avatar:
            return (Attachment(source=body.avatar, name="avatar"),)
        case _:
            return ()
