"""Writing: each line in its turn, remembered until it is proved."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from adapters.irc.wire.bucket import Bucket
from adapters.irc.wire.caps import Capabilities
from adapters.irc.wire.connection import Wire
from adapters.irc.wire.isupport import Isupport
from adapters.irc.wire.line import encode, encode_tags
from adapters.irc.wire.proof import ECHOED_COMMANDS, Proofs
from bridge.contract.delivery import Receipt
from bridge.contract.errors import Rejected, Unavailable

FENCE_LINES = 4
"""With flood control, lines that one fence stands for while others wait in line."""


class Pen:
    """Of one connection. `fold` folds names as the server does."""

    def __init__(
        self, wire: Wire, bucket: Bucket, proofs: Proofs, caps: Capabilities, isupport: Isupport, fold: Callable[[str], str]
    ) -> None:
        self._wire, self._bucket, self._proofs, self._caps, self._isupport, self._fold = (
            wire,
            bucket,
            proofs,
            caps,
            isupport,
            fold,
        )
        self._own = 0
        self._queued: set[asyncio.Future[Receipt]] = set()

    def send(self, command: str, params: Sequence[str] = ()) -> None:
        """Past the flood control: what the server waits for, or cannot wait itself. Raises `ValueError`."""
        self._bucket.charge(1)
        self._wire.send(command, params)

    def say(self, command: str, params: Sequence[str]) -> None:
        """A line of our own that nobody waits for, in its turn. Raises `ValueError`."""
        data = encode(command, params)

        def write() -> None:
            if command in ECHOED_COMMANDS:
                self._own += 1
                self._note(f"own{self._own}", command, params, None, data)
            else:
                self._wire.write(data)

        self._bucket.submit(write)

    def tag(self, target: str, tags: Mapping[str, str]) -> None:
        """A TAGMSG that nobody waits for."""
        self._own += 1
        data = b"@" + encode_tags(tags).encode() + b" " + encode("TAGMSG", (target,))
        self._note(f"own{self._own}", "TAGMSG", (target,), None, data)

    def submit(self, label: str, command: str, params: Sequence[str], tags: Mapping[str, str]) -> "asyncio.Future[Receipt]":
        """Write one line now, or in its turn where flood control is on; the future ends as `Adapter.deliver` does.

        Raises `Rejected` for what cannot be one line here.
        """
        try:
            data = encode(command, params)
            if len(data) > self._isupport.linelen:
                raise Rejected("the line is too long for this network")
            if tags:
                data = b"@" + encode_tags(tags).encode("utf-8", "replace") + b" " + data
        except ValueError as error:
            raise Rejected(f"that cannot be said on IRC: {error}") from None
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        if self._bucket.unlimited:
            self._note(label, command, params, future, data)
            return future
        self._queued.add(future)

        def write() -> None:
            self._queued.discard(future)
            if not future.done():
                self._note(label, command, params, future, data)

        self._bucket.submit(write)
        return future

    def _note(
        self, label: str, command: str, params: Sequence[str], future: "asyncio.Future[Receipt] | None", data: bytes
    ) -> None:
        """Write, and remember what is to be proved."""
        caps = self._caps.enabled
        labelled = "labeled-response" in caps
        self._proofs.echoes = "echo-message" in caps
        if labelled:
            mark = b"@label=" + label.encode()
            data = mark + (b";" + data[1:] if data[:1] == b"@" else b" " + data)
        target = self._fold(self._isupport.strip_status(params[0])) if params else ""
        text = params[-1] if len(params) > 1 else ""
        self._proofs.write(label, command, target, text, future, labelled=labelled)
        self._wire.write(data)

    def write_fence(self) -> None:
        """A PING behind all that was written so far, unless one is out: then its answer brings the next."""
        token = self._proofs.fence()
        if token is not None:
            self._bucket.charge(0.5)
            self._wire.send("PING", (token,))

    def fence_turn(self) -> None:
        """What a turn of the loop wrote gets one fence, where it needs one. With flood control one stands for several."""
        waiting = self._proofs.unfenced
        if waiting and (self._bucket.unlimited or not self._bucket.waiting or waiting >= FENCE_LINES):
            self.write_fence()

    def lose(self) -> None:
        """The connection is gone: what was not written was surely not sent."""
        for future in self._queued:
            if not future.done():
                future.set_exception(Unavailable("the connection was lost before this was sent"))
        self._queued.clear()
