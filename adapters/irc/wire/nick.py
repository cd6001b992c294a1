"""Keeping our nick, and getting it back: never "unabridged_" for longer than needed.

Where the server has MONITOR we are told when the nick is free; else we look once in a while, and whenever its holder goes. With a
NickServ password the holder is told to go. One try at a time, later each time: a NICK each second is how bridges get banned.
"""

from collections.abc import Callable, Sequence

from adapters.irc.wire.line import Line

FIRST_SECONDS, CAP_SECONDS = 60.0, 900.0

Send = Callable[[str, Sequence[str]], None]


class NickKeeper:
    def __init__(self, wanted: str, *, fold: Callable[[str], str], send: Send, monotonic: Callable[[], float]) -> None:
        self._wanted = wanted
        self._fold = fold
        self._send = send
        self._monotonic = monotonic
        self.current = wanted
        self._watching = False
        self._due_at = 0.0
        self._delay = FIRST_SECONDS

    @property
    def content(self) -> bool:
        return self._fold(self.current) == self._fold(self._wanted)

    def begin(self, current: str, *, monitor: bool, nickserv_password: str | None) -> None:
        """Logged on as `current`."""
        self.current = current
        if nickserv_password is not None:
            self._send("PRIVMSG", ("NickServ", f"IDENTIFY {self._wanted} {nickserv_password}"))
            if not self.content:
                self._send("PRIVMSG", ("NickServ", f"REGAIN {self._wanted} {nickserv_password}"))
        if not self.content:
            self._miss(monitor)

    def changed(self, nick: str, *, monitor: bool) -> None:
        """Our own NICK came."""
        self.current = nick
        if self.content:
            self._delay = FIRST_SECONDS
            if self._watching:
                self._watching = False
                self._send("MONITOR", ("-", self._wanted))
        else:
            self._miss(monitor)

    def freed(self, nick: str) -> None:
        """Somebody gave up a nick: quit, changed, or MONITOR says offline."""
        if not self.content and self._fold(nick) == self._fold(self._wanted):
            self._try()

    def receive(self, line: Line) -> None:
        """731 (RPL_MONOFFLINE) names who is gone."""
        if line.command == "731":
            for name in line.param(1).split(","):
                self.freed(name.partition("!")[0])

    def tick(self) -> None:
        if not self.content and self._monotonic() >= self._due_at:
            self._try()

    def _miss(self, monitor: bool) -> None:
        self._due_at = self._monotonic() + self._delay
        if monitor and not self._watching:
            self._watching = True
            self._send("MONITOR", ("+", self._wanted))

    def _try(self) -> None:
        self._delay = min(CAP_SECONDS, self._delay * 2)
        self._due_at = self._monotonic() + self._delay
        self._send("NICK", (self._wanted,))
