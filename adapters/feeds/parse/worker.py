"""The parser process: `python -m adapters.feeds.parse.worker`. Reads requests from stdin, writes answers to stdout, one by one.

It holds nothing worth stealing and little to break: no secrets in its environment, no file can grow, its memory is capped, and
each request may use so much processor time and no more. What goes beyond that ends the process; the bridge starts another.
"""

import resource
import sys
from typing import BinaryIO

from adapters.feeds.parse.frames import LENGTH, REQUESTS, Answer, Request, frame
from adapters.feeds.parse.read import NoFeed, read_feed

_BROKEN = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError, RecursionError)
"""What parsers raise over input that their authors didn't think of."""
_GROWN = 256 * 1024
"""KiB of memory at which a process that has done its work is replaced rather than kept."""


def _confine(memory: int) -> None:
    _at_most(resource.RLIMIT_AS, memory)
    _at_most(resource.RLIMIT_FSIZE, 0)
    _at_most(resource.RLIMIT_CORE, 0)
    _at_most(resource.RLIMIT_NOFILE, 64)


def _at_most(what: int, limit: int) -> None:
    _, hard = resource.getrlimit(what)
    ceiling = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(what, (ceiling, ceiling))


def _allow_time(seconds: int) -> None:
    """So many seconds of processor time from now; then the kernel ends this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _answer(request: Request) -> Answer:
    try:
        return Answer(feed=read_feed(request.body, request.headers, request.url), last=_grown())
    except NoFeed as refused:
        return Answer(refused=str(refused), last=_grown())
    except _BROKEN as error:
        return Answer(refused=f"it breaks the parser ({type(error).__name__})", last=_grown())


def _grown() -> bool:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > _GROWN


def serve(source: BinaryIO, sink: BinaryIO, seconds: int) -> None:
    """Until the other side hangs up, or this process has grown too big."""
    while True:
        head = source.read(LENGTH.size)
        if len(head) < LENGTH.size:
            return
        (length,) = LENGTH.unpack(head)
        content = source.read(length)
        if len(content) < length:
            return
        _allow_time(seconds)
        answer = _answer(REQUESTS.decode(content))
        sink.write(frame(answer))
        sink.flush()
        if answer.last:
            return


def main() -> None:
    seconds, memory = int(sys.argv[1]), int(sys.argv[2])
    _confine(memory)
    serve(sys.stdin.buffer, sys.stdout.buffer, seconds)


if __name__ == "__main__":
    main()
