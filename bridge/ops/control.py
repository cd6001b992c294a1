"""The Unix socket by which the terminal talks to a running bridge: one JSON object a line each way.

`{"word", "arguments", "as"}` → `{"text", "columns", "rows", "data", "failed"}`. Who may open the socket (mode 0600) is whom the
bridge belongs to, so no word of it is refused unless `as` names somebody with fewer rights. Still nothing that arrives here may
hurt: lines are capped, connections are few, and what is no request is answered as such.
"""

import asyncio
import logging
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct, field

from bridge.contract.errors import BridgeError
from bridge.contract.words import Answer
from bridge.matrix.shutting import shut
from bridge.ops.sockets import address_of

LARGEST = 4 * 1024 * 1024
"""Bytes of one request."""
CONNECTIONS = 16
IDLE = 600.0
"""Seconds after which a connection that asks nothing is closed."""

Arguments: TypeAlias = dict[str, str | list[str]] | list[str]
Answers: TypeAlias = Callable[[str, Arguments, str | None], Awaitable[Answer]]
"""(word, arguments by name or as typed, the Matrix ID to act for) → the answer."""


class SocketTaken(BridgeError):
    """Another bridge answers on that socket, or something that is no socket is in the way. Its text is for people."""


class Request(Struct, frozen=True, kw_only=True):
    word: str
    arguments: dict[str, str | list[str]] | list[str] = []
    user: str | None = field(default=None, name="as")


_REQUEST = msgspec.json.Decoder(Request)


class ControlServer:
    def __init__(self, path: Path, answer: Answers, log: logging.Logger) -> None:
        self._path = path
        self._answer = answer
        self._log = log
        self._server: asyncio.Server | None = None
        self._inode: int | None = None
        self._talks: set[asyncio.Task[Any]] = set()
        self._closing = False

    async def start(self) -> None:
        """Listens. Raises `SocketTaken`, or `OSError` where the folder is missing or not ours."""
        listener = _listener(self._path)
        self._inode = self._path.stat().st_ino
        self._server = await asyncio.start_unix_server(self._talk, sock=listener, limit=LARGEST)

    async def close(self) -> None:
        """Stops listening, ends every connection and takes the socket away. Idempotent."""
        if self._server is None:
            return
        await shut(self._server)
        self._closing = True
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        self._server = None
        if self._path.exists() and self._path.stat().st_ino == self._inode:
            self._path.unlink()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        self._talks.add(talk)
        try:
            if len(self._talks) > CONNECTIONS:
                await _send(writer, Answer(text="Too many are asking at once; try again.", failed=True))
            else:
                await self._requests(reader, writer)
        except (ConnectionError, TimeoutError):
            pass  # whoever asked is gone
        except asyncio.CancelledError:
            if not self._closing:  # our own close() waits for us; asyncio would log the cancellation as an error
                raise
        finally:
            self._talks.discard(talk)
            writer.close()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                async with asyncio.timeout(IDLE):
                    line = await reader.readline()
            except ValueError:
                await _send(writer, Answer(text=f"A request has at most {LARGEST} bytes.", failed=True))
                return
            if not line.endswith(b"\n"):
                return
            await _send(writer, await self._one(line))

    async def _one(self, line: bytes) -> Answer:
        try:
            request = _REQUEST.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return Answer(text=f"That is no request: {error}", failed=True)
        try:
            return await self._answer(request.word, request.arguments, request.user)
        except Exception:  # noqa: BLE001 - an adapter's word may fail in any way; the asker learns that it did
            self._log.exception("the word %.100r failed by a bug", request.word)
            return Answer(text="That failed by a fault in the bridge; its log says more.", failed=True)


def _listener(path: Path) -> socket.socket:
    _make_room(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with address_of(path) as address:
            listener.bind(address)
        path.chmod(0o600)  # before listen(): until then nobody can connect
        listener.listen(CONNECTIONS)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _make_room(path: Path) -> None:
    """Takes away the socket of a bridge that was killed."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise SocketTaken(f"{path} is in the way: it is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, address_of(path) as address:
        probe.setblocking(False)
        try:
            probe.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except BlockingIOError:
            pass
    raise SocketTaken(f"another bridge answers on {path}")


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(msgspec.json.encode(answer, enc_hook=str) + b"\n")
    await writer.drain()
