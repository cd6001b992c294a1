"""What an adapter is given, so that it needs no globals and a test can hold every string."""

import logging
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct

from bridge.contract.logins import LoginBook
from bridge.contract.places import Linking
from bridge.model.events import Attachment


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class NotReached(OSError):
    """No connection came about (to the last of the addresses, where redirects were followed): nothing was sent there."""


class HttpAnswer(Struct, frozen=True, kw_only=True):
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    url: str
    """After redirects."""


class HttpClient(Protocol):
    """Refuses private, link-local, CGNAT and mapped addresses after resolving, at each hop, unless the operator allowed them."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: int = 5 * 1024 * 1024,
        timeout: float = 30.0,
        redirects: int = 5,
    ) -> HttpAnswer:
        """Follows at most so many `redirects`; with 0 the redirect itself is the answer, for callers who go on by themselves.

        The body is capped at `limit` bytes after decompression. Raises `OSError` on any failure, `NotReached` where no connection
        came about.
        """
        ...

    def stream(self, url: str, *, limit: int, timeout: float = 120.0) -> AbstractAsyncContextManager["MediaStream"]: ...


class MediaStream(Protocol):
    """Bytes on their way; `chunks` raises `OSError` where they end early or pass the cap."""

    name: str
    type: str
    size: int | None

    def chunks(self) -> AsyncIterator[bytes]: ...


class MediaStore(Protocol):
    def open(self, attachment: Attachment) -> AbstractAsyncContextManager[MediaStream]:
        """Streams what an attachment refers to, wherever it lives. Raises `OSError`."""
        ...

    async def put(self, stream: MediaStream) -> str:
        """Uploads to the hub; returns the mxc URI. Raises `OSError`."""
        ...


@runtime_checkable
class Shrinks(Protocol):
    """Implemented by media stores that can scale pictures."""

    def shrunk(self, source: str, pixels: int) -> AbstractAsyncContextManager[MediaStream]:
        """A picture of the hub (an mxc URI), cut to a square of so many pixels, or little more. Raises `OSError`."""
        ...


class Metrics(Protocol):
    def count(self, name: str, amount: float = 1, **labels: str) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...

    def observe(self, name: str, seconds: float, **labels: str) -> None: ...


class Toolbox(Struct, frozen=True, kw_only=True):
    clock: Clock
    random: random.Random
    http: HttpClient
    media: MediaStore
    metrics: Metrics
    log: logging.Logger
    logins: LoginBook
    linking: Linking
    public_address: str | None = None
    """Under which strangers reach this network's `Listens.routes` (`https://host/net/<network>`); None: they can't."""
