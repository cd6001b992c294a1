"""Files of other networks on their way to the homeserver, each source once."""

import hashlib
import logging
from collections.abc import AsyncIterator
from typing import Protocol

from bridge.contract.toolbox import MediaStore, MediaStream
from bridge.model.events import Attachment, Body, ChannelChange, Edit, Message


class MediaMemory(Protocol):
    async def media(self, source: str) -> str | None: ...
    async def save_media(self, source: str, mxc: str, sha256: str | None, size: int | None) -> None: ...


class _Measured:
    """A stream that knows afterwards what went through it."""

    def __init__(self, stream: MediaStream, fallback: Attachment) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.name = fallback.name or stream.name
        self.type = stream.type or fallback.type
        self.size = stream.size
        self.seen = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream.chunks():
            self._hash.update(chunk)
            self.seen += len(chunk)
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

    async def of(self, body: Body) -> dict[str, str]:
        """mxc addresses by source, of every file the body names. What cannot be had is left out: it will go as a link."""
        files = _files(body)
        if not files:
            return {}
        found = [
            (file.source, await self._address(file)) for file in files if file.source and not file.source.startswith("mxc://")
        ]
        return {source: address for source, address in found if address}

    async def _address(self, file: Attachment) -> str | None:
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
        await self._memory.save_media(file.source, address, measured.sha256, measured.seen)
        return address


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
