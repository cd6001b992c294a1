"""One account's session with its server, over all the connections that carry it (XEP-0198).

Both sides count stanzas. What we sent is kept until the server says that it has it, and is sent again where a connection ended
before. What came counts as handled only when whoever took it says so: for a message that is when the ledger has it, so what a
crash takes from us the server still holds. Stanzas may be settled in any order; those before the first that is not are counted.
"""

import asyncio
from collections import deque

from bridge.contract.errors import Uncertain

_WRAP = 2**32


class Session:
    """`jid`: our full address, as the server bound it."""

    def __init__(self) -> None:
        self.jid = ""
        self.key: str | None = None
        """By which it can be resumed; None where it can't."""
        self.counts_out = False
        self.counts_in = False
        self._unacked: deque[str] = deque()
        self._sent = 0
        self._acked = 0
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._taken = 0
        self._handled = 0
        """The last ticket before the first that is not settled."""
        self._base = 0
        """The ticket at which the server's count was zero."""
        self._settled: set[int] = set()
        self._told = 0

    @property
    def resumable(self) -> bool:
        return self.key is not None

    # what we send

    def enable(self) -> None:
        """From now on the server counts."""
        self.counts_out = True

    def enabled(self, key: str | None) -> None:
        """The server takes part; from now on we count."""
        self.key = key
        self.counts_in = True

    def sent(self, stanza: str) -> None:
        if self.counts_out:
            self._sent += 1
            self._unacked.append(stanza)

    @property
    def owed(self) -> int:
        """Stanzas that the server has not said to have."""
        return len(self._unacked)

    def fence(self) -> "asyncio.Future[None]":
        """Done once the server has all that was sent before; `Uncertain` where that can't be known any more."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._acked == self._sent:
            waiter.set_result(None)
        else:
            self._waiters.append((self._sent, waiter))
        return waiter

    def acked(self, h: int) -> None:
        """The server has so many. Raises `ValueError` where that is more than there were."""
        fresh = (h - self._acked) % _WRAP
        if fresh > len(self._unacked):
            raise ValueError(f"the server acknowledges {fresh} stanzas of {len(self._unacked)}")
        self._acked += fresh
        for _ in range(fresh):
            self._unacked.popleft()
        while self._waiters and self._waiters[0][0] <= self._acked:
            _, waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)

    # what comes

    def took(self) -> int:
        """A stanza came; returns what to settle it by."""
        self._taken += 1
        return self._taken

    def settle(self, ticket: int) -> None:
        """It needs nothing more from us. Of another session than this one, or settled before: nothing happens."""
        if not self._handled < ticket <= self._taken:
            return
        self._settled.add(ticket)
        while self._handled + 1 in self._settled:
            self._handled += 1
            self._settled.remove(self._handled)

    def acknowledged(self) -> int:
        """How many stanzas need nothing more from us, as the protocol counts; the server is being told."""
        self._told = self._handled
        return (self._handled - self._base) % _WRAP

    def to_tell(self) -> int | None:
        """The same, where the server does not know it yet."""
        return self.acknowledged() if self.counts_in and self._told != self._handled else None

    def resumed(self) -> tuple[str, ...]:
        """It goes on over another connection: what we did not acknowledge comes again. Returns what is to be sent again."""
        count = self._handled - self._base
        self._handle_all()
        self._base = self._taken - count
        return tuple(self._unacked)

    def _handle_all(self) -> None:
        """Tickets given so far mean nothing any more."""
        self._handled = self._told = self._taken
        self._settled.clear()

    # its end

    def lost(self, reason: str) -> None:
        """It can't be resumed: nobody will ever know whether the server has what it did not acknowledge."""
        waiters, self._waiters = self._waiters, deque()
        for _, waiter in waiters:
            if not waiter.done():
                waiter.set_exception(Uncertain(f"the connection was lost before the server answered: {reason}"))
                waiter.exception()
        self._unacked.clear()
        self._sent = self._acked = 0
        self._handle_all()
        self._base = self._taken
        self.key, self.counts_in, self.counts_out = None, False, False
