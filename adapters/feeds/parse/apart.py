"""Feeds that take long to read are read apart: a document that costs seconds keeps nobody waiting but its like.

What the quick process doesn't read within a second of processor time is read by a second one, which has patience; from then on
that feed goes there at once, for a while.
"""

from collections import OrderedDict
from collections.abc import Mapping

from adapters.feeds.parse.entries import ParsedFeed
from adapters.feeds.parse.process import ParserProcess, TooLong

QUICK_SECONDS = 1
"""Of processor time; nearly all real feeds take a tenth of it."""
KEPT = 1000
"""Slow feeds that are remembered."""
APART = 20
"""So many documents of such a feed are read apart, before one is tried quickly again."""


class Parsers:
    """Two parser processes; the second runs only while it has something to read."""

    def __init__(self, *, quick: ParserProcess | None = None, patient: ParserProcess | None = None) -> None:
        """`quick` and `patient` replace the two (for tests)."""
        self._quick = quick or ParserProcess(seconds=QUICK_SECONDS)
        self._patient = patient or ParserProcess()
        self._slow: OrderedDict[str, int] = OrderedDict()
        self._apart = 0

    async def start(self) -> None:
        """Raises `OSError`."""
        await self._quick.start()

    async def close(self) -> None:
        """Feeds that are being read fail."""
        await self._quick.close()
        await self._patient.close()

    async def parse(self, body: bytes, headers: Mapping[str, str], url: str) -> ParsedFeed:
        """See `ParserProcess.parse`."""
        if not self._is_slow(url):
            try:
                return await self._quick.parse(body, headers, url)
            except TooLong:
                self._remember(url)
        self._apart += 1
        try:
            return await self._patient.parse(body, headers, url)
        finally:
            self._apart -= 1
            if not self._apart:
                await self._patient.rest()

    def _is_slow(self, url: str) -> bool:
        left = self._slow.get(url)
        if left is None:
            return False
        self._slow[url] = left - 1
        if left <= 1:
            del self._slow[url]
        return True

    def _remember(self, url: str) -> None:
        self._slow[url] = APART
        while len(self._slow) > KEPT:
            self._slow.popitem(last=False)
