"""One connection of the demo server: bytes in, lines executed, bytes out once per read."""

import asyncio
from typing import TYPE_CHECKING

from adapters.irc.demo import lines

if TYPE_CHECKING:
    from adapters.irc.demo.world import Channel, World

_TAG_BITS = {
    "server-time": lines.TIME,
    "message-tags": lines.TAGS,
    "account-tag": lines.ACCOUNT,
    "draft/relaymsg": lines.RELAY,
}
_MAX_TAGS = 4096
"""Bytes of tags a client may send, the `@` and the space included (IRCv3 message-tags: 4094 of data)."""
_MAX_UNREAD = 16 * 1024 * 1024
"""Bytes we keep for a client that does not read before its link is closed."""


class Client(asyncio.Protocol):
    """A connection, registered or not. `frozen` reads nothing; `mute` executes but lets nothing out."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.transport: asyncio.Transport | None = None
        self.nick, self.user, self.realname, self.host = "*", "", "", "localhost"
        self.account: str | None = None
        self.away: str | None = None
        self.password: str | None = None
        self.sasl: str | None = None
        self.modes: set[str] = set()
        self.caps: set[str] = set()
        self.bits = 0
        self.cap_version = 0
        self.negotiating = self.registered = self.closed = self.frozen = self.mute = False
        self.channels: dict[str, Channel] = {}
        self.monitored: dict[str, str] = {}
        self.spoke_at = world.loop.time()
        self.since = world.seconds()
        self.pinged = False
        self._unread = b""
        self._skipping = False
        self._out: list[bytes] = []
        self._answers: list[lines.Outgoing] | None = None

    @property
    def source(self) -> str:
        return f"{self.nick}!{self.user}@{self.host}"

    def set_caps(self, caps: set[str]) -> None:
        self.caps = caps
        self.bits = sum(bit for cap, bit in _TAG_BITS.items() if cap in caps)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        peer = transport.get_extra_info("peername")
        host = str(peer[0]) if peer else "localhost"
        self.host = f"0{host}" if host.startswith(":") else host
        self.world.connected(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.world.leave(self, "Connection closed" if error is None else "Connection reset by peer")
        self.world.flush()

    def data_received(self, data: bytes) -> None:
        """A lone CR ends a line too, as on many real servers: what smuggles one in gets its second half executed."""
        self.pinged = False
        self.spoke_at = self.world.loop.time()
        pieces = (self._unread + data).replace(b"\r", b"\n").split(b"\n")
        self._unread = pieces.pop()
        for piece in pieces:
            if self._skipping:
                self._skipping = False
            elif piece and not self.closed:
                self._execute(piece)
        if len(self._unread) > _MAX_TAGS + self.world.knobs.max_line:
            self._unread = b""
            if not self._skipping:
                self.reply("417", "Input line was too long")
            self._skipping = True
        self.world.flush()

    def _execute(self, raw: bytes) -> None:
        tags = raw.find(b" ") + 1 if raw.startswith(b"@") else 0
        if tags > _MAX_TAGS or len(raw) - tags > self.world.knobs.max_line - 2:
            self.reply("417", "Input line was too long")
            return
        line = lines.parse(raw.replace(b"\0", b"").decode("utf-8", "surrogateescape"))
        if line is None:
            return
        label = line.tags.get("label") if "labeled-response" in self.caps else None
        if not label:
            self.world.execute(self, line)
            return
        self._answers = []
        self.world.execute(self, line)
        answers, self._answers = self._answers, None
        self._answer(label, answers)

    def _answer(self, label: str, answers: list[lines.Outgoing]) -> None:
        """One answer carries the label itself, several go in a batch that does, none is an ACK."""
        if len(answers) == 1:
            self.write(answers[0].bytes_for(self.bits, f"label={label}"))
        elif not answers:
            self.write(lines.encode(f"@label={label} :{self.world.knobs.server_name} ACK\r\n"))
        else:
            server, batch = self.world.knobs.server_name, self.world.next_id()
            self.write(lines.encode(f"@label={label} :{server} BATCH +{batch} labeled-response\r\n"))
            for answer in answers:
                self.write(answer.bytes_for(self.bits, f"batch={batch}"))
            self.write(lines.encode(f":{server} BATCH -{batch}\r\n"))

    def send(self, line: lines.Outgoing) -> None:
        if self._answers is not None:
            self._answers.append(line)
        else:
            self.write(line.bytes_for(self.bits))

    def say(self, body: str) -> None:
        """A line of the server's own, given without its source."""
        self.send(lines.Outgoing(f":{self.world.knobs.server_name} {body}", self.world.knobs.max_line))

    def reply(self, numeric: str, *params: str) -> None:
        """A numeric; the last parameter may hold spaces."""
        middle = "".join(f"{param} " for param in params[:-1])
        self.say(f"{numeric} {self.nick} {middle}:{params[-1]}")

    def fail(self, command: str, code: str, *context: str) -> None:
        """A standard reply; NOTICE for those who did not ask for any."""
        if "standard-replies" in self.caps:
            self.say(" ".join(("FAIL", command, code, *context[:-1])) + f" :{context[-1]}")
        else:
            self.say(f"NOTICE {self.nick} :{command}: {context[-1]}")

    def write(self, data: bytes) -> None:
        """Bytes as they are, line end or not; they leave with the next flush."""
        if not self.closed and not self.mute:
            if not self._out:
                self.world.dirty.append(self)
            self._out.append(data)

    def flush(self) -> None:
        if self.frozen:
            return
        out, self._out = self._out, []
        if not out or self.transport is None or self.transport.is_closing():
            return
        self.transport.write(b"".join(out))
        if self.transport.get_write_buffer_size() > _MAX_UNREAD:
            self.transport.abort()

    def close(self, reason: str) -> None:
        """Say goodbye and hang up; others see a QUIT with the reason."""
        if self.closed:
            return
        for line in (*(self._answers or ()), lines.Outgoing(f"ERROR :Closing Link: {self.host} ({reason})")):
            self.write(line.bytes_for(self.bits))
        self.flush()
        self.world.leave(self, reason)
        if self.transport is not None:
            self.transport.close()
