"""One connection's life: log on, stay, prove what we write, and pass on what we read.

Everything timed is data with a date, looked at by `tick`, so that a test can hold the clock. Nothing the server sends ends the
connection but what it means to: a line that we fail on is counted, logged and passed over.
"""

import asyncio
import secrets
import ssl
from collections.abc import Sequence

from irc.connection import AioFactory

from adapters.irc.config import IrcConfig, Rate
from adapters.irc.ids import fold
from adapters.irc.wire.bucket import Bucket
from adapters.irc.wire.channels import Channels
from adapters.irc.wire.connection import Wire
from adapters.irc.wire.governor import judge
from adapters.irc.wire.isupport import Isupport
from adapters.irc.wire.line import Line
from adapters.irc.wire.nick import NickKeeper
from adapters.irc.wire.pen import Pen
from adapters.irc.wire.proof import Proofs
from adapters.irc.wire.reader import Reader, Sink
from adapters.irc.wire.registration import Registration
from bridge.contract.errors import Disconnected
from bridge.contract.features import Evidence
from bridge.contract.toolbox import Toolbox

CONNECT_SECONDS = 30.0
CLOSE_SECONDS = 2.0
"""How long a goodbye may take before the socket is cut."""
REGISTER_SECONDS = 60.0
MOTD_SECONDS = 15.0
"""After the welcome, how long we wait for the end of the message of the day before we begin anyway."""
OVERDUE_SECONDS = 5.0
"""A line unproven for so long gets a fence, whatever should have proved it."""
_ODD = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What code can raise for a line it did not expect."""


class Session:
    """Use once: `connect`, then `ready`, then whatever until `over`."""

    def __init__(self, config: IrcConfig, tools: Toolbox, sink: Sink) -> None:
        self._config, self._tools, self._sink = config, tools, sink
        self._loop = asyncio.get_running_loop()
        self._monotonic = tools.clock.monotonic
        self.isupport = Isupport()
        token = f"{tools.random.getrandbits(40):010x}"
        rate = config.rate
        burst, seconds = (rate.burst, rate.seconds) if isinstance(rate, Rate) else (0, 1.0)
        self.bucket = Bucket(tools.clock, burst=burst, seconds=seconds)
        self.proofs = Proofs(sink.proved, self._monotonic, f"f{token}-")
        self.wire = Wire(self, encoding=config.encoding, count=self._count_odd, log=tools.log, loop=self._loop)
        self.registration = Registration(config, self._send, nonce=secrets.token_hex(24), sts=sink.sts)
        caps = self.registration.caps
        self.pen = Pen(self.wire, self.bucket, self.proofs, caps, self.isupport, self.fold)
        self.nicks = NickKeeper(config.nick, fold=self.fold, send=self.pen.say, monotonic=self._monotonic)
        self.channels = Channels(
            fold=self.fold,
            nick=lambda: self.nick,
            keys=config.channel_keys,
            isupport=self.isupport,
            rng=tools.random,
            join=lambda names, keys: self.pen.say("JOIN", (names, keys) if keys else (names,)),
            part=lambda name: self.pen.say("PART", (name,)),
            tell=sink.tell,
            monotonic=self._monotonic,
        )
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self.over: asyncio.Future[Disconnected] = self._loop.create_future()
        self.user: str | None = None
        self.host: str | None = None
        """Ours as others see them, once known."""
        self.small_pieces = False
        """The server lets what it read in one piece lie after a few lines, until its next second."""
        self._reader = Reader(self, sink)
        self._opened_at = self._read_at = self._monotonic()
        self._welcomed_at: float | None = None
        self.said: list[str] = []
        """What the server said as it threw us out."""

    def fold(self, name: str) -> str:
        return fold(name, self.isupport.casemapping)

    @property
    def nick(self) -> str:
        return self.nicks.current if self.registration.welcomed else self.registration.nick

    @property
    def capabilities(self) -> frozenset[str]:
        return self.registration.caps.enabled

    @property
    def evidence(self) -> Evidence:
        """What a message's receipt will prove."""
        return Evidence.ECHOED if "echo-message" in self.capabilities else Evidence.FENCED

    # life

    def _send(self, command: str, params: Sequence[str]) -> None:
        self.pen.send(command, params)

    def turned(self) -> None:
        self.pen.fence_turn()

    async def connect(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Raises `OSError` (which `TimeoutError` and `SSLError` are) where there is no link."""
        local = (self._config.bind, 0) if self._config.bind else None
        secure = {"ssl": tls, "server_hostname": host, "ssl_handshake_timeout": CONNECT_SECONDS} if tls else {}
        factory = AioFactory(local_addr=local, **secure)  # type: ignore[no-untyped-call]  # the library is untyped
        config = self._config
        async with asyncio.timeout(CONNECT_SECONDS):
            await self.wire.connect(  # type: ignore[no-untyped-call]
                host, port, config.nick, None, config.username, config.realname, connect_factory=factory
            )

    def opened(self) -> None:
        self._opened_at = self._read_at = self._monotonic()
        self.registration.begin()

    def closed(self, reason: str) -> None:
        self.end(Disconnected(f"{self.said[-1]} ({reason})" if self.said else reason))

    def end(self, error: Disconnected, goodbye: str = "") -> None:
        """Whatever ended the connection: everybody who waits is told, once."""
        if self.over.done():
            return
        if self.said and not error.fatal:
            verdict = judge(" ".join(self.said))
            error.fatal, error.retry_after = verdict.fatal, verdict.wait or error.retry_after
        self.over.set_result(error)
        if not self.ready.done():
            self.ready.cancel()
        self.wire.disconnect(goodbye)
        self.proofs.lose(f"the connection was lost before the server answered: {error.reason}")
        self.pen.lose()
        self.channels.lost()

    def tick(self) -> None:
        """About once a second."""
        now = self._monotonic()
        if not self.registration.welcomed:
            if now - self._opened_at > REGISTER_SECONDS:
                self.end(Disconnected("the server did not finish logging us on"))
            return
        if not self.ready.done() and self._welcomed_at is not None and now - self._welcomed_at > MOTD_SECONDS:
            self.become_ready()
        self._keep_alive(now)
        self.channels.tick()
        self.nicks.tick()

    def _keep_alive(self, now: float) -> None:
        if self.wire.paused:
            self._read_at = now
            return
        patience = self._config.ping_seconds
        age = self.proofs.fence_age
        if age is not None and age > patience and now - self._read_at > patience:
            self.end(Disconnected(f"the server has been silent for {now - self._read_at:.0f} seconds"))
        elif age is None and (now - self._read_at > patience or self.proofs.overdue(OVERDUE_SECONDS)):
            self.pen.write_fence()

    # reading

    def received(self, lines: Sequence[Line]) -> None:
        self._read_at = self._monotonic()
        for line in lines:
            if self.over.done():
                return
            try:
                self._reader.take(line)
            except Disconnected as error:
                self.end(error)
            except _ODD:  # whatever a server sends, its next line still counts: recorded, not hidden
                self._count_odd("raised")
                self._tools.log.exception("passed over a line: %.200r", line)

    def welcomed(self) -> None:
        """The server took us in; what it says about itself follows."""
        self._welcomed_at = self._monotonic()
        self.nicks.current = self.registration.nick

    def become_ready(self) -> None:
        """The server has said about itself what it says at the start: channels can be opened. Idempotent."""
        if self.ready.done() or not self.registration.welcomed:
            return
        if self.isupport.bot is not None:
            self.pen.say("MODE", (self.nick, "+" + self.isupport.bot))
        self.nicks.begin(self.nick, monitor=self.isupport.monitor > 0, nickserv_password=self._config.nickserv_password)
        self.ready.set_result(None)
        self._sink.ready(self)

    async def close(self, words: str) -> None:
        """Say goodbye; returns when no socket is left."""
        self.end(Disconnected(words), words)
        await self.wire.end(CLOSE_SECONDS)

    def _count_odd(self, kind: str) -> None:
        self._tools.metrics.count("irc_odd_lines", kind=kind)
