"""The fake homeserver's sender of transactions: in order, at most 100 events each, again until it is answered 200."""

import asyncio
import io
from collections import deque
from typing import Any

import aiohttp
import msgspec

_encode = msgspec.json.Encoder().encode


class Pusher:
    """Owns one connection to the appservice. `attempts` has (transaction id, answer's status or 0) of every try."""

    def __init__(self, hs_token: str, *, first_wait: float = 0.005, longest_wait: float = 0.1) -> None:
        self.url: str | None = None
        self.hs_token = hs_token
        self.attempts: list[tuple[str, int]] = []
        self.answers_to_lose = 0
        """So many answers of 200 are taken as lost: the same transaction is sent again."""
        self.held = False
        self.batch = 100
        """Events in one transaction, at most."""
        self.attempted = asyncio.Event()
        """Set at every try."""
        self._events: deque[bytes] = deque()
        self._edus: deque[dict[str, Any]] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._first_wait, self._longest_wait = first_wait, longest_wait
        self._number = 0

    def offer(self, *events: dict[str, Any]) -> None:
        """Queue events; the same one may be offered again, as homeservers do."""
        self._events.extend(_encode(event) for event in events)
        self._idle.clear()
        self._wake.set()

    def offer_ephemeral(self, edu: dict[str, Any]) -> None:
        self._edus.append(edu)
        self._idle.clear()
        self._wake.set()

    def wake(self) -> None:
        """End a back-off now, as an appservice ping does."""
        self._wake.set()

    def hold(self, held: bool = True) -> None:
        """Push nothing, as after an outage; `hold(False)` lets everything go."""
        self.held = held
        self._wake.set()

    async def settled(self) -> None:
        """Returns once all that was offered has been answered 200."""
        await self._idle.wait()

    async def run(self) -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
            while True:
                while self.url is None or self.held or not (self._events or self._edus):
                    if not (self._events or self._edus):
                        self._idle.set()
                    self._wake.clear()
                    await self._wake.wait()
                await self._push(session)

    async def _push(self, session: aiohttp.ClientSession) -> None:
        events = [self._events.popleft() for _ in range(min(self.batch, len(self._events)))]
        edus = [self._edus.popleft() for _ in range(min(100, len(self._edus)))]
        body = b'{"events":[' + b",".join(events) + b"]"
        body += b',"ephemeral":' + _encode(edus) + b',"de.sorunome.msc2409.ephemeral":' + _encode(edus) + b"}" if edus else b"}"
        self._number += 1
        txn, wait = str(self._number), self._first_wait
        while not await self.send(session, txn, body):
            self._wake.clear()
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                wait = min(wait * 2, self._longest_wait)

    async def send(self, session: aiohttp.ClientSession, txn: str, body: bytes) -> bool:
        """One try; True where it was answered 200 and the answer was not lost."""
        headers = {"Authorization": f"Bearer {self.hs_token}", "Content-Type": "application/json"}
        status = 0
        try:
            data = io.BytesIO(body)  # aiohttp warns of large bodies in plain bytes
            async with session.put(f"{self.url}/_matrix/app/v1/transactions/{txn}", data=data, headers=headers) as answer:
                await answer.read()
                status = answer.status
        except aiohttp.ClientError:
            pass
        self.attempts.append((txn, status))
        self.attempted.set()
        if status == 200 and self.answers_to_lose:
            self.answers_to_lose -= 1
            return False
        return status == 200
