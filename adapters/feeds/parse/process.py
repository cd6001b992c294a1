"""The parser process, seen from the bridge: started, watched, killed when it takes too long, started again.

Parsing what strangers wrote costs up to seconds and may never end; here it costs the loop only the decoding of plain values. One
poisonous feed fails alone: the process dies with it, and the next feed gets a new one.
"""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

from adapters.feeds.parse.entries import ParsedFeed
from adapters.feeds.parse.frames import ANSWERS, BODY_CAP, FRAME_CAP, LENGTH, Request, frame
from adapters.feeds.parse.turns import Turns

SECONDS = 10
"""For one feed, of processor time; three times that by the wall clock. Big real feeds take less than one."""
MEMORY = 1024 * 1024 * 1024
"""Bytes of address space."""
_ENDED_FROM_OUTSIDE = (-signal.SIGKILL, -signal.SIGTERM)
_HEADERS = ("content-type", "content-language")
_LAST_WORDS = re.compile(rb"(?:^|\n)([A-Za-z_.]{1,80}(?:Error|Exception|Warning|Exit))(?::[^\n]*)?\s*$")


class TooLong(OSError):
    """It takes longer to read than it may."""


class _Died(Exception):
    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.words, self.status = words, status


class ParserProcess:
    """Feeds are read one at a time, hosts taking turns, so that no host's many feeds keep another's waiting."""

    def __init__(self, *, seconds: int = SECONDS, memory: int = MEMORY, command: Sequence[str] | None = None) -> None:
        """`command` replaces the program that is started (for tests)."""
        self._seconds = seconds
        self._command = tuple(
            command or (sys.executable, "-W", "ignore", "-m", "adapters.feeds.parse.worker", str(seconds), str(memory))
        )
        self._turns = Turns()
        self._process: asyncio.subprocess.Process | None = None
        self._closed = False

    async def start(self) -> None:
        """Starts the process beforehand; otherwise the first feed does. Raises `OSError`."""
        self._closed = False
        await self._running()

    async def close(self) -> None:
        """Ends the process; a feed that is being read fails."""
        self._closed = True
        await self._end()

    @property
    def pid(self) -> int | None:
        """Of the process that runs now; None where none does."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def parse(self, body: bytes, headers: Mapping[str, str], url: str) -> ParsedFeed:
        """What the document says. `url` is where we know it to be from: that is believed, what it says of itself isn't.

        `headers`: names in lower case; the media type and its charset are looked at. Raises `OSError` in plain words for what is
        no feed or breaks the parser, `TooLong` among them.
        """
        if len(body) > BODY_CAP:
            raise OSError("the feed is too big")
        asked = Request(body, {name: headers[name] for name in _HEADERS if name in headers}, url)
        async with self._turns.of(_host(url)):
            return await self._ask(asked)

    async def _ask(self, asked: Request) -> ParsedFeed:
        fresh = self._process is None
        process = await self._running()
        try:
            content = await self._told(process, asked)
        except _Died as died:
            if fresh or died.status not in _ENDED_FROM_OUTSIDE:
                raise _failure(died) from None
            try:  # an idle process somebody killed is not this feed's fault
                content = await self._told(await self._running(), asked)
            except _Died as again:
                raise _failure(again) from None
        try:
            answer = ANSWERS.decode(content)
        except msgspec.DecodeError:
            await self._end()
            raise OSError("the parser gave no usable answer") from None
        if answer.last:
            await self._end()
        if answer.feed is None:
            raise OSError(answer.refused or "it is no feed")
        return answer.feed

    async def _told(self, process: asyncio.subprocess.Process, asked: Request) -> bytes:
        """One exchange. Half a one can't be gone on with: then the process is ended, also where we are cancelled."""
        done = False
        try:
            async with asyncio.timeout(3 * self._seconds):
                content = await _exchange(process, frame(asked))
            done = True
        except TimeoutError:
            raise TooLong("it takes too long to read") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise await _examined(process) from None
        finally:
            if not done:
                await self._end()
        return content

    async def _running(self) -> asyncio.subprocess.Process:
        if self._closed:
            raise OSError("the parser is closed")
        if self._process is not None and self._process.returncode is None and self._process.stdin is not None:
            if not self._process.stdin.is_closing():
                return self._process
            await self._end()
        pipe = asyncio.subprocess.PIPE
        # Nothing of our own environment goes in: it may hold secrets.
        environment = {
            "PYTHONPATH": os.pathsep.join(one for one in sys.path if one) or ".",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LC_ALL": "C.UTF-8",
        }
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment
        )
        return self._process

    async def rest(self) -> None:
        """Ends the process while nothing is to be read; the next feed starts another."""
        await self._end()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        if process.returncode is None:
            process.kill()
        await process.wait()


def _failure(died: _Died) -> OSError:
    return (
        TooLong("it takes too long to read")
        if died.status == -signal.SIGXCPU
        else OSError(f"it breaks the parser ({died.words})")
    )


async def _examined(process: asyncio.subprocess.Process) -> _Died:
    """Why it died: the kind of its error, or how it was ended. Never what the feed said."""
    try:
        async with asyncio.timeout(1):
            said = await process.stderr.read() if process.stderr is not None else b""
            status = await process.wait()
    except TimeoutError:
        return _Died("no answer", 0)
    if status == -signal.SIGXCPU:
        return _Died("it takes too long", status)
    found = _LAST_WORDS.search(said[-2000:])
    return _Died(found[1].decode() if found else f"ended with status {status}", status)


async def _exchange(process: asyncio.subprocess.Process, request: bytes) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise ConnectionError("the parser has no pipes")
    process.stdin.write(request)
    await process.stdin.drain()
    (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
    if length > FRAME_CAP:
        raise ConnectionError("the parser says too much")
    return await process.stdout.readexactly(length)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
