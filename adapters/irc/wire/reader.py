"""What each line means for the connection itself: proof, names, places, the end. What is left goes on to the sink."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from adapters.irc.wire import refusals
from adapters.irc.wire.answers import Answers
from adapters.irc.wire.isupport import Isupport
from adapters.irc.wire.line import Line
from bridge.contract.delivery import Receipt
from bridge.contract.errors import Disconnected

if TYPE_CHECKING:
    from adapters.irc.wire.session import Session

SPOKEN = ("PRIVMSG", "NOTICE", "TAGMSG", "REDACT", "TOPIC")
"""What comes back to us as our own."""
DEEDS = ("KICK", "MODE", "INVITE")
"""What we may have done for somebody of another network: the books are kept, the event is theirs."""
_REGISTRATION = ("CAP", "AUTHENTICATE", "431", "432", "433", "436", "464", "900", "902", "903", "904", "905", "906", "907", "908")


class Sink(Protocol):
    """Who is told what the server said."""

    def line(self, line: Line, *, batch: str, ours: bool) -> None:
        """Any line, in order, except our own messages coming back.

        `batch`: the kind of the batch it is in, or empty. `ours`: it comes of a delivery, whose event is known already.
        """
        ...

    def ready(self, session: "Session") -> None:
        """The server has taken us in and said what it is; the lines that follow matter."""
        ...

    def proved(self, label: str, receipt: Receipt) -> None:
        """Proof came for a line nobody waits for any more."""
        ...

    def tell(self, words: str) -> None:
        """Something about the connection that people should see in `status`."""
        ...

    def sts(self, value: str) -> None:
        """The server's transport policy. May raise `Disconnected`."""
        ...


class Reader:
    """Of one session. A reaction returns True where nobody else needs the line."""

    def __init__(self, session: "Session", sink: Sink) -> None:
        self._session = session
        self._sink = sink
        self._answers = answers = Answers(session)
        self._reactions: Mapping[str, Callable[[Line], bool]] = {
            "PING": self._ping,
            "PONG": self._pong,
            "ERROR": self._error,
            "465": self._error,
            "463": self._error,
            "BATCH": answers.batch,
            "ACK": answers.acknowledged,
            "001": self._welcome,
            "004": self._version,
            "005": self._isupport,
            "376": self._motd_end,
            "422": self._motd_end,
            "396": self._host,
            "731": self._freed,
            "QUIT": self._freed,
            "JOIN": self._moved,
            "PART": self._moved,
            "KICK": self._moved,
            "NICK": self._nick,
            "CHGHOST": self._host,
            **dict.fromkeys(_REGISTRATION, self._registration),
            **dict.fromkeys(SPOKEN, self._spoken),
            "MODE": self._mode,
        }

    def take(self, line: Line) -> None:
        """Raises `Disconnected` where the server's words mean the end."""
        reaction = self._reactions.get(line.command)
        if reaction is not None:
            if reaction(line):
                return
        elif line.command in refusals.WORDS or line.command.isdigit():
            self._answers.numeric(line)
        ours = line.command in DEEDS and self._ours(line) and self._answers.came_back(line)
        self._sink.line(line, batch=self._answers.batch_of(line), ours=ours)

    def _ours(self, line: Line) -> bool:
        session = self._session
        nick = session.nick
        if line.nick == nick:
            return True
        if len(line.nick) == len(nick) and session.fold(line.nick) == session.fold(nick):
            return True
        return bool(line.tags) and line.tags.get("draft/relaymsg", line.tags.get("relaymsg")) == nick

    # talk

    def _spoken(self, line: Line) -> bool:
        if not self._ours(line):
            return False
        session = self._session
        if line.host is not None and line.nick == session.nick:
            session.user, session.host = line.user, line.host
        return self._answers.came_back(line)

    # the link

    def _ping(self, line: Line) -> bool:
        if line.params:
            self._session.pen.send("PONG", (line.params[-1],))
        return True

    def _pong(self, line: Line) -> bool:
        session = self._session
        if line.params and session.proofs.ponged(line.params[-1]) and session.proofs.unfenced:
            session.pen.write_fence()
        return True

    def _error(self, line: Line) -> bool:
        words = line.params[-1][:300] if line.params else "the server ended the connection"
        self._session.said.append(words)
        if line.command == "463":
            raise Disconnected(f"the server does not take connections from here: {words}", fatal=True)
        if line.command == "ERROR":
            raise Disconnected(words)
        return True

    def _registration(self, line: Line) -> bool:
        self._session.registration.receive(line)
        return True

    def _welcome(self, line: Line) -> bool:
        first = not self._session.registration.welcomed
        self._session.registration.receive(line)
        if first:
            self._session.welcomed()
        return True

    def _version(self, line: Line) -> bool:
        self._session.small_pieces = line.param(2).lower().startswith("ngircd")
        return False

    def _isupport(self, line: Line) -> bool:
        self._session.isupport.load(line.params)
        return True

    def _motd_end(self, line: Line) -> bool:
        self._session.become_ready()
        return True

    # us and others

    def _moved(self, line: Line) -> bool:
        """JOIN, PART, KICK: ours change where we are. All go on to the sink."""
        session = self._session
        if line.command == "KICK":
            if session.fold(line.param(1)) == session.fold(session.nick):
                why = f": {line.params[2][:200]}" if len(line.params) > 2 else ""
                session.channels.left(line.param(0), f"kicked from {line.param(0)} by {line.nick}{why}")
        elif self._ours(line):
            if line.command == "JOIN":
                if line.host is not None:
                    session.user, session.host = line.user, line.host
                session.channels.joined(line.param(0))
            else:
                session.channels.left(line.param(0), f"made to leave {line.param(0)}")
        return False

    def _mode(self, line: Line) -> bool:
        """Whether we are an operator of the channel."""
        session = self._session
        wish = session.channels.wish(session.fold(line.param(0)))
        if wish is not None:
            rank = rank_after(line.params[1:], session.isupport, lambda name: session.fold(name) == session.fold(session.nick))
            wish.op = wish.op if rank is None else rank
        return False

    def _nick(self, line: Line) -> bool:
        session = self._session
        if not line.params:
            return False
        if self._ours(line):
            session.nicks.changed(line.params[0], monitor=session.isupport.monitor > 0)
        else:
            session.nicks.freed(line.nick)
        return False

    def _freed(self, line: Line) -> bool:
        """QUIT and 731 (RPL_MONOFFLINE): a nick may be free now."""
        nicks = self._session.nicks
        if line.command == "QUIT":
            nicks.freed(line.nick)
            return False
        nicks.receive(line)
        return True

    def _host(self, line: Line) -> bool:
        """396 (RPL_VISIBLEHOST) and our own CHGHOST: what others see of us, and what our lines may hold."""
        session = self._session
        if line.command == "396":
            user, at, host = line.param(1).rpartition("@")
            session.user, session.host = (user if at and user else session.user), host
            return True
        if self._ours(line) and len(line.params) > 1:
            session.user, session.host = line.params[0], line.params[1]
        return False


def rank_after(words: Sequence[str], isupport: Isupport, is_me: Callable[[str], bool]) -> bool | None:
    """What a MODE's words say about our being operator (`o` or above); None where they say nothing of it."""
    lists, always, when_set, _ = isupport.chanmodes
    ranks = "".join(isupport.prefix.values())
    high = ranks[: ranks.find("o") + 1]
    arguments = iter(words[1:])
    adding, answer = True, None
    for letter in words[0] if words else "":
        if letter in "+-":
            adding = letter == "+"
        elif letter in ranks or letter in lists or letter in always or (adding and letter in when_set):
            argument = next(arguments, "")
            if letter in high and is_me(argument):
                answer = adding
    return answer
