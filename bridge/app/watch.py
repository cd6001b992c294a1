"""A connection held to the homeserver, on which nothing is ever said: it ends when the homeserver does.

A homeserver that is killed forgets what it had not yet put into a transaction, and comes back as if nothing had been. With
the bridge up all the time only this tells of it. An idle connection may also be ended for its age; then the next one is taken at
once, and that is no outage. Behind a proxy it tells nothing, and does no harm.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

from bridge.contract.toolbox import Clock

PAUSE = 0.5
"""Seconds between two tries to connect."""


class Watch:
    """`gone` is called when nobody takes connections any more, `back` when somebody does again."""

    def __init__(self, url: str, clock: Clock, *, gone: Callable[[], None], back: Callable[[], None]) -> None:
        at = urlsplit(url)
        self._host = at.hostname or "127.0.0.1"
        self._port = at.port or (443 if at.scheme == "https" else 80)
        self._clock = clock
        self._gone, self._back = gone, back

    async def run(self) -> None:
        """Until cancelled."""
        there = True
        while True:
            try:
                reader, writer = await asyncio.open_connection(self._host, self._port)
            except OSError:
                if there:
                    self._gone()
                there = False
                await self._clock.sleep(PAUSE)
                continue
            if not there:
                self._back()
            there = True
            since = self._clock.monotonic()
            try:
                with suppress(OSError):
                    await reader.read()
            finally:
                writer.close()
            if self._clock.monotonic() - since < PAUSE:
                await self._clock.sleep(PAUSE)  # somebody who will not be held on to must not be asked in a rush
