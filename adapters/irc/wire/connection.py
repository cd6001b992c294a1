"""The library's asyncio connection, hardened: no line of a server can end it, no text of ours can become a second command.

What is kept of `irc`: the protocol class, the way a connection is made and logged on, the verbs (`join`, `part`, `nick` …).
What is not, and why: its line reader raises on 9 of 24 hostile lines and closes the link; its writer lets CR through, counts tags
against the 512 bytes, and raises after a close under uvloop; its dispatch costs five times our parser.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from irc.client_aio import AioConnection, AioReactor, IrcProtocol

from adapters.irc.wire.buffer import LineBuffer
from adapters.irc.wire.line import Line, encode, parse

ODD_LINE_LOGS = 5
"""Odd lines of one connection that are logged; all are counted."""


class Receiver(Protocol):
    """Who is told what happens on a wire."""

    def opened(self) -> None:
        """Connected; nothing is sent yet."""
        ...

    def received(self, lines: Sequence[Line]) -> None:
        """The lines of one read, in order."""
        ...

    def turned(self) -> None:
        """The turn of the loop in which something was written is over."""
        ...

    def closed(self, reason: str) -> None:
        """Once, whoever closed it."""
        ...


class WireProtocol(IrcProtocol):
    """Tells the connection why it was lost."""

    def connection_lost(self, exc: Exception | None) -> None:
        self.connection.lost(f"connection lost: {exc}" if exc else "the server closed the connection")
        if not self.connection.gone.done():
            self.connection.gone.set_result(None)


class Wire(AioConnection):
    """One connection. What is written goes to the transport at once: the network should have it before anybody is answered."""

    protocol_class = WireProtocol

    def __init__(
        self,
        receiver: Receiver,
        *,
        encoding: str,
        count: Callable[[str], None],
        log: logging.Logger,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """`count` takes the kind of an odd line: "unparsed", "nul", "cr", "overlong", "raised"."""
        super().__init__(AioReactor(on_connect=self._begin, loop=loop))  # type: ignore[no-untyped-call]  # the library is untyped
        self._receiver = receiver
        self._encoding = encoding
        self._count = count
        self._log = log
        self._loop = loop
        self._lines = LineBuffer()
        self._odd = 0
        self._turning = False
        self._ended = False
        self.transport: asyncio.Transport | None = None
        self.gone: asyncio.Future[None] = loop.create_future()
        """Done when no socket is left."""

    def _begin(self, protocol: Any, transport: asyncio.Transport) -> None:
        self._receiver.opened()

    # reading

    def process_data(self, new_data: bytes) -> None:  # type: ignore[override]  # as AioConnection's, which mypy cannot see
        """Called by the protocol with what was read. Never raises."""
        overlong = self._lines.overlong
        lines = []
        for raw in self._lines.feed(new_data):
            if raw.endswith(b"\r"):
                raw = raw[:-1]
            if not raw:
                continue
            if b"\0" in raw:
                self._note("nul", raw)
            if b"\r" in raw:
                self._note("cr", raw)
            line = parse(raw, self._encoding)
            if line is None:
                self._note("unparsed", raw)
            else:
                lines.append(line)
        for _ in range(self._lines.overlong - overlong):
            self._note("overlong", b"")
        if lines:
            self._receiver.received(lines)

    def _note(self, kind: str, raw: bytes) -> None:
        self._count(kind)
        self._odd += 1
        if self._odd <= ODD_LINE_LOGS:
            self._log.warning("odd line from the server (%s): %.200r", kind, raw)

    @property
    def paused(self) -> bool:
        return self.transport is not None and not self.transport.is_closing() and not self.transport.is_reading()

    def pause(self) -> None:
        if self.transport is not None and not self.transport.is_closing() and self.transport.is_reading():
            self.transport.pause_reading()

    def resume(self) -> None:
        if self.transport is not None and not self.transport.is_closing() and not self.transport.is_reading():
            self.transport.resume_reading()

    # writing

    def send(self, command: str, params: Sequence[str] = (), tags: Mapping[str, str] | None = None) -> None:
        """Raises `ValueError` for what cannot be one line."""
        self.write(encode(command, params, tags))

    def send_raw(self, string: str) -> None:
        """The library's verbs end here. Raises `ValueError` for CR, LF or NUL."""
        if "\r" in string or "\n" in string or "\0" in string:
            raise ValueError("a line cannot hold CR, LF or NUL")
        self.write(string.encode("utf-8", "replace") + b"\r\n")

    def write(self, data: bytes) -> None:
        """One whole line, at once. On a closed wire it goes nowhere: `closed` has been or is about to be called."""
        if not self._turning:
            self._turning = True
            self._loop.call_soon(self._turn)
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def _turn(self) -> None:
        if not self._ended:
            self._receiver.turned()
        self._turning = False

    # ending

    def lost(self, reason: str) -> None:
        """The connection is gone; tells the receiver, once."""
        if not self._ended:
            self._ended = True
            self.connected = False
            self._receiver.closed(reason)

    def disconnect(self, message: str = "") -> None:
        """Close, with a QUIT where `message` is given. What was written still leaves."""
        if self.transport is None or self._ended:
            return
        if message:
            self.send("QUIT", (message,))
        self.transport.close()
        self.lost(message or "closed by us")

    async def end(self, seconds: float) -> None:
        """After `disconnect`: returns when the socket is closed, by force after so many seconds."""
        if self.transport is None:
            return
        done, _ = await asyncio.wait([self.gone], timeout=seconds)
        if not done:
            self.transport.abort()
            await self.gone
