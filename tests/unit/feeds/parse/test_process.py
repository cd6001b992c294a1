"""The parser process: whatever a feed does to it, the next feed is read."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from adapters.feeds.parse.process import ParserProcess
from adapters.feeds.parse.turns import Turns

GOOD = b'<rss version="2.0"><channel><title>t</title><item><guid>1</guid><description>hello</description></item></channel></rss>'
URL = "https://blog.example/feed"
STUCK = (sys.executable, "-c", "import signal, sys; sys.stdin.buffer.read(1); signal.pause()")
SPINS = (sys.executable, "-c", "import os, signal, sys; sys.stdin.buffer.read(1); os.kill(os.getpid(), signal.SIGXCPU)")
CRASHES = (sys.executable, "-c", "import sys; sys.stdin.buffer.read(1); raise KeyError('what the feed said')")
LIES = (sys.executable, "-c", "import sys; sys.stdin.buffer.read(1); sys.stdout.buffer.write(b'\\xff\\xff\\xff\\xff')")
NONSENSE = (sys.executable, "-c", "import sys; sys.stdin.buffer.read(1); sys.stdout.buffer.write(b'\\0\\0\\0\\1x')")


@pytest.fixture
async def parser() -> AsyncIterator[ParserProcess]:
    process = ParserProcess(seconds=5)
    yield process
    await process.close()


async def test_a_feed_is_read_in_the_other_process(parser: ParserProcess) -> None:
    await parser.start()
    feed = await parser.parse(GOOD, {"content-type": "application/rss+xml"}, URL)
    assert [entry.text.plain for entry in feed.entries] == ["hello"]
    assert feed.url == URL


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"<html><body>hello</body></html>", "a page, not a feed"),
        (b"{", "JSON"),
        (b'{"items": ' + b"[" * 200_000, "nested too deep"),
        (b"<rss><channel>" + b"<a>" * 200_000, "nested too deep"),
        (b"x" * (7 * 1024 * 1024), "too big"),
        (b"<rss>" + b"<i/>" * 500_000, "too many elements"),
    ],
)
async def test_what_is_no_feed_says_why_and_the_next_is_read(parser: ParserProcess, body: bytes, words: str) -> None:
    with pytest.raises(OSError, match=words):
        await parser.parse(body, {}, URL)
    assert (await parser.parse(GOOD, {}, URL)).entries


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (SPINS, "too long"),
        (CRASHES, r"breaks the parser \(KeyError\)"),
        (LIES, "breaks the parser"),
        (NONSENSE, "no usable answer"),
    ],
)
async def test_a_feed_that_kills_the_process_fails_alone(command: tuple[str, ...], words: str) -> None:
    process = ParserProcess(seconds=5, command=command)
    for _ in range(2):  # each time a new process
        with pytest.raises(OSError, match=words) as failed:
            await process.parse(GOOD, {}, URL)
        assert "what the feed said" not in str(failed.value)
    await process.close()


async def test_a_process_that_never_answers_is_given_up() -> None:
    process = ParserProcess(seconds=0, command=STUCK)
    with pytest.raises(OSError, match="too long"):
        await process.parse(GOOD, {}, URL)
    await process.close()


async def test_an_idle_process_that_somebody_killed_is_not_held_against_the_feed(parser: ParserProcess) -> None:
    await parser.start()
    pid = parser.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert (await parser.parse(GOOD, {}, URL)).entries
    assert parser.pid != pid


async def test_whoever_gives_up_waiting_leaves_no_half_read_answer_to_the_next(parser: ParserProcess) -> None:
    await parser.start()
    asked = asyncio.ensure_future(parser.parse(GOOD.replace(b"hello", b"first"), {}, URL))
    for _ in range(3):
        await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    feed = await parser.parse(GOOD, {}, URL)
    assert feed.entries[0].text.plain == "hello"


async def test_a_closed_parser_says_so_and_can_be_started_again(parser: ParserProcess) -> None:
    await parser.close()
    with pytest.raises(OSError, match="closed"):
        await parser.parse(GOOD, {}, URL)
    await parser.start()
    assert (await parser.parse(GOOD, {}, URL)).entries


async def test_the_process_sees_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNABRIDGED_SECRET", "swordfish")
    tells = "import os, sys; sys.stdin.buffer.read(1); sys.exit(7 if 'swordfish' in str(os.environ) else 3)"
    process = ParserProcess(seconds=5, command=(sys.executable, "-c", tells))
    with pytest.raises(OSError, match="status 3"):
        await process.parse(GOOD, {}, URL)
    await process.close()


async def test_a_host_with_many_feeds_lets_others_in_between() -> None:
    turns, order = Turns(), []

    async def one(name: str) -> None:
        async with turns.of(name[0]):
            order.append(name)
            await asyncio.sleep(0)

    await asyncio.gather(*(one(name) for name in ("a1", "a2", "a3", "a4", "b1", "b2", "c1")))
    assert order == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]


async def test_a_turn_that_comes_to_somebody_who_left_goes_to_the_next() -> None:
    turns, order = Turns(), []

    async def one(name: str) -> None:
        async with turns.of(name):
            order.append(name)
            await asyncio.sleep(0)

    first, second, third = (asyncio.ensure_future(one(name)) for name in "abc")
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(first, third)
    assert order == ["a", "c"]
    async with asyncio.timeout(1), turns.of("d"):
        order.append("d")
    assert order[-1] == "d"
