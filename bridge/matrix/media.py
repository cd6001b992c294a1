"""Media of the homeserver as streams, both ways (authenticated media, MSC3916, spec 1.11); and of the open web, guarded.

Nothing is ever whole in memory. An upload of a size nobody told goes by a temporary file, since homeservers want a
Content-Length; so does every other one, because what a stranger says of a size is not to be relied on.
"""

import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import IO

import aiohttp
import msgspec

from bridge.contract.toolbox import HttpClient, MediaStream
from bridge.matrix.streaming import BodyStream, MediaTooLarge, safe_file_name, safe_type
from bridge.model.events import Attachment

_MXC = re.compile(r"mxc://([A-Za-z0-9.:\[\]-]{1,255})/([A-Za-z0-9_-]{1,255})")
_DOWNLOADS = ("_matrix/client/v1/media/download", "_matrix/media/v3/download")
_THUMBNAILS = ("_matrix/client/v1/media/thumbnail", "_matrix/media/v3/thumbnail")
"""The second of each for homeservers from before 1.11."""
_IN_MEMORY = 256 * 1024
_CHUNK = 64 * 1024
_TIMEOUT = aiohttp.ClientTimeout(total=600, sock_connect=10, sock_read=60)


class HomeserverMedia:
    """The `MediaStore` of the contract. `cap` in bytes, both ways."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str, http: HttpClient, *, cap: int) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._http = http
        self._cap = cap

    @asynccontextmanager
    async def open(self, attachment: Attachment) -> AsyncIterator[MediaStream]:
        """Raises `OSError`: not there, not allowed, too large, cut off."""
        if not attachment.source.startswith("mxc:"):
            async with self._http.stream(attachment.source, limit=self._cap) as stream:
                yield stream
            return
        async with await self._download(attachment.source) as answer:
            yield BodyStream(answer, self._cap, name=attachment.name)

    @asynccontextmanager
    async def shrunk(self, source: str, pixels: int) -> AsyncIterator[MediaStream]:
        """Raises `OSError`: not there, no picture, one that the homeserver can't read."""
        params = {"width": str(pixels), "height": str(pixels), "method": "crop"}
        async with await self._download(source, _THUMBNAILS, params) as answer:
            yield BodyStream(answer, self._cap, name="picture")

    async def _download(
        self, source: str, paths: Sequence[str] = _DOWNLOADS, params: dict[str, str] | None = None
    ) -> aiohttp.ClientResponse:
        match = _MXC.fullmatch(source)
        if match is None:
            raise OSError("no mxc address")
        status = 0
        for path in paths:
            answer = await self._ask("GET", f"{self._url}/{path}/{match[1]}/{match[2]}", params=params)
            if answer.status == HTTPStatus.OK:
                return answer
            status, errcode = answer.status, await _errcode(answer)
            if errcode != "M_UNRECOGNIZED":
                break
        raise OSError(f"the homeserver answers {status} to a download")

    async def put(self, stream: MediaStream) -> str:
        """The mxc URI. Raises `OSError`; `MediaTooLarge` where the cap, ours or the homeserver's, is passed."""
        if stream.size is not None and stream.size > self._cap:
            raise MediaTooLarge(f"{stream.size} bytes, of which at most {self._cap} are taken")
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
            size = 0
            async for chunk in stream.chunks():
                size += len(chunk)
                if size > self._cap:
                    raise MediaTooLarge(f"more than {self._cap} bytes")
                file.write(chunk)
            file.seek(0)
            return await self._upload(file, size, stream)

    async def _upload(self, file: IO[bytes], size: int, stream: MediaStream) -> str:
        headers = {"Content-Type": safe_type(stream.type), "Content-Length": str(size)}
        query = {"filename": safe_file_name(stream.name)}
        answer = await self._ask("POST", f"{self._url}/_matrix/media/v3/upload", params=query, headers=headers, data=_read(file))
        async with answer:
            if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                raise MediaTooLarge("the homeserver takes no file so large")
            if answer.status != HTTPStatus.OK:
                raise OSError(f"the homeserver answers {answer.status} to an upload")
            uri = (await _body(answer)).get("content_uri")
        if not isinstance(uri, str) or _MXC.fullmatch(uri) is None:
            raise OSError("the homeserver's answer to an upload names no mxc address")
        return uri

    async def _ask(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
        data: AsyncIterator[bytes] | None = None,
    ) -> aiohttp.ClientResponse:
        try:
            return await self._session.request(
                method, url, headers=self._headers | (headers or {}), params=params, data=data, timeout=_TIMEOUT
            )
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise OSError(f"the homeserver's media cannot be reached: {type(error).__name__}") from error


async def _read(file: IO[bytes]) -> AsyncIterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


async def _errcode(answer: aiohttp.ClientResponse) -> str:
    async with answer:
        errcode = (await _body(answer)).get("errcode")
    return errcode if isinstance(errcode, str) else ""


async def _body(answer: aiohttp.ClientResponse) -> dict[str, object]:
    try:
        body = msgspec.json.decode(await answer.content.read(_CHUNK))
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}
