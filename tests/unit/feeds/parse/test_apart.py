"""A feed that takes long to read is read apart: the others are read meanwhile, and it is read too."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest

from adapters.feeds.parse.apart import APART, Parsers
from adapters.feeds.parse.process import ParserProcess, TooLong
from bridge.testing.doubles import until

GOOD = b'<rss version="2.0"><channel><title>t</title><item><guid>1</guid><description>hello</description></item></channel></rss>'
HELD = b'<rss version="2.0"><channel><title>hold on</title></channel></rss>'
SLOW, OTHER = "https://slow.example/feed", "https://other.example/feed"
STUCK = "signal.pause()"
SPINS = "os.kill(os.getpid(), signal.SIGXCPU)"
WORKER = """
import os, signal
from adapters.feeds.parse import worker
answer = worker._answer
def slowly(request):
  if b"hold on" in request.body:
    {}
  return answer(request)
worker._answer = slowly
worker.main()
"""


def process(then: str, seconds: int = 5) -> ParserProcess:
    """One that does so with the document that is to be held."""
    return ParserProcess(seconds=seconds, command=(sys.executable, "-c", WORKER.format(then), str(seconds), str(1 << 30)))


@pytest.fixture
async def parsers() -> AsyncIterator[Parsers]:
    """The quick one gives up, and the patient one never ends."""
    parsers = Parsers(quick=process(SPINS), patient=process(STUCK))
    yield parsers
    await parsers.close()


async def test_what_takes_long_is_read_apart() -> None:
    parsers = Parsers(quick=process(SPINS))
    assert (await parsers.parse(HELD, {}, SLOW)).title == "hold on"
    assert (await parsers.parse(GOOD, {}, OTHER)).entries
    await parsers.close()


async def test_nobody_waits_for_what_takes_long(parsers: Parsers) -> None:
    held = asyncio.ensure_future(parsers.parse(HELD, {}, SLOW))
    await until(lambda: parsers._patient.pid is not None)
    assert (await parsers.parse(GOOD, {}, OTHER)).entries
    assert not held.done()
    await parsers.close()
    with pytest.raises(OSError):
        await held


async def test_a_slow_feed_costs_the_others_one_second_and_not_one_each_time() -> None:
    parsers = Parsers(quick=process(SPINS))
    await parsers.parse(HELD, {}, SLOW)
    assert parsers._quick.pid is None
    for _ in range(3):
        await parsers.parse(HELD, {}, SLOW)
    assert parsers._quick.pid is None
    await parsers.close()


async def test_a_feed_that_was_slow_once_is_given_another_chance() -> None:
    parsers = Parsers(quick=process(SPINS))
    await parsers.parse(HELD, {}, SLOW)
    for _ in range(APART):
        assert parsers._is_slow(SLOW)
    assert not parsers._is_slow(SLOW)
    assert (await parsers.parse(GOOD, {}, SLOW)).entries
    assert not parsers._is_slow(SLOW)  # the quick one has read it
    await parsers.close()


async def test_the_patient_process_is_gone_when_it_has_nothing_to_read() -> None:
    parsers = Parsers(quick=process(SPINS))
    await parsers.parse(HELD, {}, SLOW)
    assert parsers._patient.pid is None
    await parsers.close()


async def test_what_takes_too_long_even_so_says_so() -> None:
    parsers = Parsers(quick=process(SPINS), patient=process(SPINS))
    with pytest.raises(TooLong, match="too long"):
        await parsers.parse(HELD, {}, SLOW)
    assert (await parsers.parse(GOOD, {}, OTHER)).entries
    await parsers.close()
