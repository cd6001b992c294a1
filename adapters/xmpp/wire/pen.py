"""Writing to a stream: what is put in one turn of the loop leaves in one piece."""

import asyncio
from collections.abc import Callable


class Pen:
    """`transport`: what to write to, now; None where there is none."""

    def __init__(self, transport: Callable[[], asyncio.WriteTransport | None]) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._buffer: list[str] = []
        self._last = ""
        self._scheduled = False

    @property
    def open(self) -> bool:
        transport = self._transport()
        return transport is not None and not transport.is_closing()

    def put(self, data: str) -> None:
        self._schedule()
        self._buffer.append(data)

    def end_with(self, data: str) -> None:
        """Behind all that this turn still writes; said once however often it is asked for."""
        self._schedule()
        self._last = data

    def flush(self) -> None:
        self._scheduled = False
        data, self._buffer, self._last = "".join((*self._buffer, self._last)), [], ""
        transport = self._transport()
        if data and transport is not None and not transport.is_closing():
            transport.write(data.encode("utf-8", "replace"))

    def drop(self) -> None:
        """What has not left never will."""
        self._buffer.clear()
        self._last = ""

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self.flush)
