"""What comes of the lines: events for the ledger, signals, and good manners. One for each connection."""

from datetime import datetime

from msgspec.structs import replace

from adapters.common.pipeline import Pipeline
from adapters.irc.config import IrcConfig
from adapters.irc.ids import Roster, made_id
from adapters.irc.inbound import Inbound
from adapters.irc.wire import sts
from adapters.irc.wire.courtesy import Courtesy
from adapters.irc.wire.line import Line
from adapters.irc.wire.netsplit import Netsplits, is_split
from adapters.irc.wire.session import Session
from bridge.contract.adapter import Cursor, Inlet, NetworkState, Phase
from bridge.contract.delivery import Receipt
from bridge.contract.toolbox import Toolbox
from bridge.model.events import Event, Origin
from bridge.model.ids import ChannelId, NetworkName

_SIGNALS = frozenset({"TAGMSG", "AWAY"})


class Listener:
    """The `Sink` of a session. Lines before `ready` mean nothing to anybody."""

    def __init__(
        self,
        network: NetworkName,
        config: IrcConfig,
        inlet: Inlet,
        tools: Toolbox,
        roster: Roster,
        *,
        host: str,
        port: int,
        secure: bool,
    ) -> None:
        """`roster` outlives the connection: whoever was renamed stays who they are when we are back."""
        self._network, self._config, self._inlet, self._tools = network, config, inlet, tools
        self._host, self._port, self._secure = host, port, secure
        self.pipeline = Pipeline(inlet, tools, name="irc", pause=self._pause, resume=self._resume)
        self._session: Session | None = None
        self._inbound: Inbound | None = None
        self.roster = roster
        self._courtesy: Courtesy | None = None
        self._splits = Netsplits()
        self._spellings: dict[str, ChannelId] = {}
        now = tools.clock.now()
        self._epoch = f"{int(now.timestamp() * 1000):x}.{tools.random.getrandbits(24):06x}"
        self._count = 0

    def ready(self, session: Session) -> None:
        self._session = session
        self.roster.restart(session.isupport.casemapping)
        self._inbound = Inbound(
            self._network,
            self.roster,
            session.isupport,
            show_joins=self._config.show_joins,
            to_ranks=self._config.to_ranks,
            dropped=lambda why: self._tools.metrics.count("irc_dropped", reason=why),
        )
        self._inbound.me = session.nick
        self._courtesy = Courtesy(lambda target, text: session.pen.say("NOTICE", (target, text)))

    def spell(self, channel: ChannelId) -> None:
        """Events of this channel carry this very id, also where the server's folding would spell it differently."""
        if self._session is not None and (folded := self._session.fold(channel.id)) != channel.id:
            self._spellings[folded] = channel

    def line(self, line: Line, *, batch: str, ours: bool) -> None:
        inbound, session = self._inbound, self._session
        if inbound is None or session is None:
            return
        command = line.command
        history = bool(batch) and ("playback" in batch or "history" in batch)
        if command in ("PRIVMSG", "NOTICE", "TAGMSG") and self._private(line, session):
            return
        if history and line.nick == session.nick:
            return  # ours, played back by a bouncer: it is in the ledger since we wrote it
        self._count += 1
        now = self._tools.clock.now()
        origin = Origin.HISTORY if history else Origin.LIVE
        events = inbound.events(line, now, made_id(self._epoch, self._count), origin=origin)
        if command in _SIGNALS:
            for signal in inbound.signals(line):
                self._inlet.signal(signal)
        if events and not ours:
            self.pipeline.put(self._damped(line, batch, [self._spelt(event) for event in events] if self._spellings else events))

    def tick(self) -> None:
        if self._splits.held:
            self.pipeline.put(self._splits.due(self._tools.clock.monotonic()))

    def flush_splits(self) -> None:
        """The connection is over: who left in a split left."""
        self.pipeline.put(self._splits.due(float("inf")))

    def proved(self, label: str, receipt: Receipt) -> None:
        self._inlet.proved(label, receipt)

    def tell(self, words: str) -> None:
        self._tools.log.warning("%s: %s", self._network, words)
        self._inlet.report(NetworkState(network=self._network, phase=Phase.CONNECTED, reason=words))

    def sts(self, value: str) -> None:
        port, duration = sts.advertised(value)
        if self._secure:
            if duration is not None:
                policy = sts.renewed(self._host, self._port, duration, self._now())
                self.pipeline.put_cursor(Cursor(scope=sts.SCOPE, value=sts.dump(policy)))
        elif port is not None:
            raise sts.Upgrade(port)

    def _now(self) -> datetime:
        return self._tools.clock.now()

    def _damped(self, line: Line, batch: str, events: "list[Event] | tuple[Event, ...]") -> "list[Event] | tuple[Event, ...]":
        if line.command == "QUIT" and (batch == "netsplit" or is_split(line.param(0))):
            return self._splits.depart(events, self._tools.clock.monotonic())
        if line.command == "JOIN" and self._splits.held:
            return self._splits.arrive(events)
        return events

    def _spelt(self, event: Event) -> Event:
        channel = self._spellings.get(event.channel.id)
        return event if channel is None else replace(event, channel=channel)

    def _private(self, line: Line, session: Session) -> bool:
        """Something said to the bot itself: answered as manners ask, and no event."""
        if line.param(0) != session.nick and session.fold(line.param(0)) != session.fold(session.nick):
            return False
        person = line.user is not None and "bot" not in line.tags and not line.nick.lower().endswith("serv")
        if self._courtesy is None or line.command != "PRIVMSG" or not person or len(line.params) < 2:
            return True
        text, monotonic = line.params[1], self._tools.clock.monotonic()
        if text.startswith("\x01"):
            self._courtesy.ctcp(line.nick, text, monotonic=monotonic, now=self._now())
        else:
            self._courtesy.greet(session.fold(line.nick), monotonic=monotonic)
        return True

    def _pause(self) -> None:
        if self._session is not None:
            self._session.wire.pause()

    def _resume(self) -> None:
        if self._session is not None:
            self._session.wire.resume()
