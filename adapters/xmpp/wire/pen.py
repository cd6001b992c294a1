"""Writing to a stream: at once, but for what is to stand behind all that a turn of the loop writes."""

import asyncio
from collections.abc import Callable


class Pen:
    """`transport`: what to write to, now; None where there is none."""

    def __init__(self, transport: Callable[[], asyncio.WriteTransport | None]) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._last = ""

    @property
    def open(self) -> bool:
        transport = self._transport()
        return transport is not None and not transport.is_closing()

    def put(self, data: str) -> None:
        """Where the stream is closed it goes nowhere."""
        transport = self._transport()
        if transport is not None and not transport.is_closing():
            transport.write(data.encode("utf-8", "replace"))

    def end_with(self, data: str) -> None:
        """Behind all that this turn still writes; said once however often it is asked for."""
        if not self._last:
            self._loop.call_soon(self.end)
        self._last = data

    def end(self) -> None:
        """Say now what was to stand behind."""
        data, self._last = self._last, ""
        if data:
            self.put(data)

    def drop(self) -> None:
        """What has not left never will."""
        self._last = ""
