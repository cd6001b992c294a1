"""From the first byte to RPL_WELCOME: capabilities, login, a nick. Pure but for the `send` it is given.

Afterwards it keeps watching CAP and AUTHENTICATE: services that come back offer `sasl` anew, and a missed login is made up for.
"""

from collections.abc import Callable

from adapters.common.sasl import Mechanism, Plain
from adapters.common.scram import SaslFailed, Scram
from adapters.irc.config import IrcConfig, SaslWish
from adapters.irc.wire.caps import WANTED, Capabilities
from adapters.irc.wire.line import Line
from adapters.irc.wire.sasl import Exchange, External
from bridge.contract.errors import Disconnected

Send = Callable[..., None]

_NICK_ERRORS = frozenset({"431", "432", "433", "436", "437"})
_LOGIN_ENDS = frozenset({"902", "903", "904", "905", "906", "907", "908"})
MAX_NICKS = 20


class Registration:
    def __init__(self, config: IrcConfig, send: Send, *, nonce: str, sts: Callable[[str], None]) -> None:
        """`send(command, params)` writes a line; `nonce`: fresh randomness for SCRAM; `sts` is told the capability's value."""
        self._config = config
        self._send = send
        self._nonce = nonce
        self._sts = sts
        self.caps = Capabilities(name for name in WANTED if name != "draft/relaymsg" or config.relaymsg)
        self.nick = config.nick
        self.welcomed = False
        self.account: str | None = None
        """As whom services know us (900)."""
        self._tries = 0
        self._exchange: Exchange | None = None
        self._login_over = False
        self._ended = False

    def begin(self) -> None:
        """Before NICK and USER, so that the server holds its welcome back until we are ready."""
        self._send("CAP", ("LS", "302"))
        if self._config.password is not None:
            self._send("PASS", (self._config.password,))

    def receive(self, line: Line) -> None:
        """Raises `Disconnected` where going on is pointless or forbidden."""
        command = line.command
        if command == "CAP":
            self._on_cap(line)
        elif command == "AUTHENTICATE":
            self._on_challenge(line.param(0))
        elif command == "900":
            self.account = line.param(2) or None
        elif command in _LOGIN_ENDS:
            self._on_login_end(line)
        elif self.welcomed:
            return
        elif command == "001":
            self._on_welcome(line)
        elif command in _NICK_ERRORS:
            self._next_nick()
        elif command == "464":
            raise Disconnected(f"the server refuses our password: {_words(line)}", fatal=True)

    # capabilities

    def _on_cap(self, line: Line) -> None:
        requests = self.caps.receive(line)
        if "sts" in self.caps.offered and line.param(1).upper() in ("LS", "NEW"):
            self._sts(self.caps.offered["sts"])
        for names in requests:
            self._send("CAP", ("REQ", names))
        if self._config.sasl != "off" and line.param(1).upper() in ("ACK", "NEW"):
            self._start_login()
        self._go_on()

    def _go_on(self) -> None:
        """End the negotiation once nothing is open."""
        if self._ended or self.welcomed or not self.caps.settled or (self._exchange is not None and not self._login_over):
            return
        if self._must_log_in and self.account is None and not self._login_over:
            raise Disconnected("the server offers no SASL now, and sasl_required is set")
        self._ended = True
        self._send("CAP", ("END",))

    # login

    @property
    def _must_log_in(self) -> bool:
        return self._config.sasl_required and self._wants_login

    @property
    def _wants_login(self) -> bool:
        config = self._config
        return config.sasl != "off" and (config.sasl_password is not None or config.tls_certificate is not None)

    def _start_login(self) -> None:
        if not self._wants_login or self._exchange is not None or self.account is not None or not self.caps.has("sasl"):
            return
        offered = {name.upper() for name in self.caps.offered.get("sasl", "").split(",") if name}
        self._login_with(self._mechanism(offered))

    def _login_with(self, mechanism: Mechanism) -> None:
        self._login_over = False
        self._exchange = Exchange(mechanism)
        self._send("AUTHENTICATE", (mechanism.name,))

    def _mechanism(self, offered: set[str]) -> Mechanism:
        config = self._config
        user, password = config.sasl_user or config.nick, config.sasl_password
        wish = config.sasl
        if wish == "auto":
            by_password: SaslWish = "scram-sha-256" if "SCRAM-SHA-256" in offered else "plain"
            wish = "external" if password is None else by_password
        if wish == "external":
            return External(config.sasl_user or "")
        if password is None:
            raise Disconnected(f"sasl = {wish!r} needs sasl_password", fatal=True)
        return Scram(user, password, self._nonce) if wish == "scram-sha-256" else Plain(user, password)

    def _on_challenge(self, chunk: str) -> None:
        if self._exchange is None or self._login_over:
            return
        try:
            answers = self._exchange.receive(chunk)
        except SaslFailed as failure:
            self._send("AUTHENTICATE", ("*",))
            self._login_failed(str(failure), fatal=True)
            return
        for answer in answers:
            self._send("AUTHENTICATE", (answer,))

    def _on_login_end(self, line: Line) -> None:
        if self._exchange is None or self._login_over:
            return
        if line.command == "908":
            return  # the list of mechanisms; 904 follows
        if line.command in ("903", "907"):
            if line.command == "903" and not self._exchange.mechanism.done:
                self._login_failed("the server claims success without proof", fatal=True)
                return
            self._login_over = True
            self.account = self.account or self._config.sasl_user or self._config.nick
            self._go_on()
            return
        self._login_failed(_words(line), fatal=line.command in ("902", "904"))

    def _login_failed(self, words: str, *, fatal: bool) -> None:
        self._login_over = True
        if self._must_log_in and not self.welcomed:
            raise Disconnected(f"the login was refused: {words}", fatal=fatal)
        self._exchange = None if self.welcomed else self._exchange
        self._go_on()

    # nick

    def _on_welcome(self, line: Line) -> None:
        if self._must_log_in and self.account is None:
            raise Disconnected("the server let us in without the login that sasl_required asks for")
        self.nick = line.param(0) or self.nick
        self.welcomed = True

    def _next_nick(self) -> None:
        self._tries += 1
        if self._tries > MAX_NICKS:
            raise Disconnected("the server takes none of our nicks")
        self.nick = candidate(self._config.nick, self._tries)
        self._send("NICK", (self.nick,))


def candidate(nick: str, attempt: int) -> str:
    """What to try after `nick` is refused for the n-th time (from 1); at most nine characters once underscores did not help."""
    return nick + "_" * attempt if attempt <= 2 else f"{nick[:6].rstrip('_') or 'bridge'}{attempt}"


def _words(line: Line) -> str:
    return line.params[-1][:200] if line.params else line.command
