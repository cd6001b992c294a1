"""What the demo server knows: who is there, which channels exist, and who hears whom."""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from adapters.irc.demo import lines
from adapters.irc.demo.client import Client
from adapters.irc.ids import fold

CAPS = frozenset(
    {
        "account-notify",
        "account-tag",
        "away-notify",
        "batch",
        "cap-notify",
        "chghost",
        "draft/message-redaction",
        "echo-message",
        "extended-join",
        "invite-notify",
        "labeled-response",
        "message-tags",
        "multi-prefix",
        "sasl",
        "server-time",
        "setname",
        "standard-replies",
        "userhost-in-names",
    }
)
"""All that is offered by default; `draft/relaymsg` is added by its knob."""

PREFIXES = {"o": "@", "v": "+"}
"""Highest first."""

_REMEMBERED = 2_000
"""Messages whose author is remembered, for REDACT."""


@dataclass(slots=True, kw_only=True)
class Knobs:
    """What a test or a demo may turn, also while the server runs."""

    server_name: str = "irc.demo"
    network: str = "Demo"
    motd: tuple[str, ...] = ("Welcome. What is said here is heard on the other side of the bridge.",)
    password: str | None = None
    caps: frozenset[str] = CAPS
    accounts: Mapping[str, str] = field(default_factory=dict)
    """SASL PLAIN: account name → password."""
    relaymsg: bool = False
    casemapping: str = "rfc1459"
    max_line: int = 512
    """Bytes of one line, CR LF included, tags apart."""
    nick_length: int = 30
    ping_every: float = 90.0
    """Seconds of silence before a PING, and again as long before the link is closed."""
    refuse: str | None = None
    """Every new connection is closed at once; a text that is not empty is said first (`ERROR :…`)."""
    record: bool = False
    """Keep every line that clients send, in `DemoServer.heard`."""


@dataclass(slots=True, eq=False)
class Channel:
    name: str
    created: int
    members: dict[Client, set[str]] = field(default_factory=dict)
    topic: str = ""
    topic_by: str = ""
    topic_at: int = 0
    bans: dict[str, tuple[str, int]] = field(default_factory=dict)
    modes: set[str] = field(default_factory=lambda: {"n", "t"})
    key: str | None = None
    limit: int | None = None
    invited: set[Client] = field(default_factory=set)

    def is_op(self, client: Client) -> bool:
        return "o" in self.members.get(client, ())

    def prefix_of(self, client: Client, every: bool) -> str:
        """`every`: all the marks a member has (multi-prefix), else the highest."""
        has = self.members.get(client, ())
        marks = "".join(mark for mode, mark in PREFIXES.items() if mode in has)
        return marks if every else marks[:1]


Execute = Callable[["World", Client, lines.Incoming], None]


class World:
    """All state of one server. Commands are functions over it (`registration`, `channels`, `modes`, `messages`, `queries`)."""

    def __init__(self, knobs: Knobs, commands: Mapping[str, "Command"]) -> None:
        self.knobs = knobs
        self.loop = asyncio.get_running_loop()
        self.started = datetime.now(UTC)
        self.connections: set[Client] = set()
        self.nicks: dict[str, Client] = {}
        self.channels: dict[str, Channel] = {}
        self.watchers: dict[str, set[Client]] = {}
        self.authors: OrderedDict[str, tuple[str, Client]] = OrderedDict()
        self.heard: list[tuple[str, lines.Incoming]] = []
        self.dirty: list[Client] = []
        self.frozen = False
        self._commands = commands
        self._epoch = secrets.token_hex(5)
        self._ids = count(1)

    def fold(self, name: str) -> str:
        return fold(name, self.knobs.casemapping)

    def next_id(self) -> str:
        """Unique over every run of every server; short, of letters, digits and `-` only."""
        return f"{self._epoch}-{next(self._ids):x}"

    def now(self) -> datetime:
        return datetime.now(UTC)

    def seconds(self) -> int:
        return int(datetime.now(UTC).timestamp())

    def connected(self, client: Client) -> None:
        self.connections.add(client)
        if self.frozen and client.transport is not None:
            client.frozen = True
            client.transport.pause_reading()
        if self.knobs.refuse is not None:
            if self.knobs.refuse:
                client.send(lines.Outgoing(f"ERROR :{self.knobs.refuse}"))
            client.flush()
            self.leave(client, "refused")
            if client.transport is not None:
                client.transport.close()

    def execute(self, client: Client, line: lines.Incoming) -> None:
        if self.knobs.record:
            self.heard.append((client.nick, line))
        command = self._commands.get(line.command)
        if command is None:
            if client.registered:
                client.reply("421", line.command, "Unknown command")
            else:
                client.reply("451", "You have not registered")
        elif command.registered and not client.registered:
            client.reply("451", "You have not registered")
        elif len(line.params) < command.params:
            client.reply("461", line.command, "Not enough parameters")
        else:
            command.run(self, client, line)

    def flush(self) -> None:
        dirty, self.dirty = self.dirty, []
        for client in dirty:
            client.flush()

    def event(
        self, by: Client, body: str, tags: Mapping[str, tuple[int, str]] | None = None, *, source: str | None = None
    ) -> lines.Outgoing:
        """A line that `by` caused, stamped with the time and his account."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
        stamped: dict[str, tuple[int, str]] = {"time": (lines.TIME, now)}
        if by.account is not None:
            stamped["account"] = (lines.ACCOUNT, by.account)
        if "B" in by.modes:
            stamped["bot"] = (lines.TAGS, "")
        if tags:
            stamped.update(tags)
        return lines.Outgoing(f":{source or by.source} {body}", self.knobs.max_line, stamped)

    def tell(self, listeners: Iterable[Client], line: lines.Outgoing, *, cap: str | None = None) -> None:
        for listener in listeners:
            if cap is None or cap in listener.caps:
                listener.send(line)

    def peers(self, client: Client) -> set[Client]:
        """Everybody who shares a channel, without the client himself."""
        peers: set[Client] = set()
        for channel in client.channels.values():
            peers.update(channel.members)
        peers.discard(client)
        return peers

    def remember(self, msgid: str, target: str, author: Client) -> None:
        self.authors[msgid] = (target, author)
        if len(self.authors) > _REMEMBERED:
            self.authors.popitem(last=False)

    def part(self, channel: Channel, client: Client) -> None:
        """Forget the membership; an empty channel is gone."""
        channel.members.pop(client, None)
        client.channels.pop(self.fold(channel.name), None)
        if not channel.members:
            self.channels.pop(self.fold(channel.name), None)

    def leave(self, client: Client, reason: str) -> None:
        """The connection is over: peers see a QUIT, and nothing of it stays."""
        self.connections.discard(client)
        if client.closed:
            return
        client.closed = True
        if client.registered:
            self.tell(self.peers(client), self.event(client, f"QUIT :{reason}"))
            self.notice_watchers(client, online=False)
        if self.nicks.get(self.fold(client.nick)) is client:
            del self.nicks[self.fold(client.nick)]
        for channel in list(client.channels.values()):
            self.part(channel, client)
        for channel in self.channels.values():
            channel.invited.discard(client)
        for name in client.monitored:
            self.watchers.get(name, set()).discard(client)

    def notice_watchers(self, client: Client, *, online: bool) -> None:
        """MONITOR: 730 when a nick comes, 731 when it goes."""
        for watcher in self.watchers.get(self.fold(client.nick), ()):
            watcher.reply("730" if online else "731", client.source if online else client.nick)


@dataclass(slots=True, frozen=True)
class Command:
    run: Execute
    params: int = 0
    """Fewer than these are answered with 461."""
    registered: bool = True
    """Only after registration; else 451."""
