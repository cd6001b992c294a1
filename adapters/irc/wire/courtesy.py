"""Good manners of a bot: it answers CTCP VERSION, PING, TIME and CLIENTINFO, and tells who writes to it in private what it is.

Never answers a NOTICE (RFC 1459 §4.4.2), and never so often that it could be used as a weapon.
"""

from collections.abc import Callable
from datetime import datetime

CTCP_BURST, CTCP_SECONDS = 3, 4.0
GREETING_SECONDS = 3600.0
MAX_REMEMBERED = 512
VERSION = "Unabridged, a Matrix bridge"
GREETING = "I am a bridge between this network and Matrix; I can't read private messages. In a linked channel, just talk."

Send = Callable[[str, str], None]


class Courtesy:
    """`notice(target, text)` writes a NOTICE."""

    def __init__(self, notice: Send) -> None:
        self._notice = notice
        self._tokens, self._at = float(CTCP_BURST), 0.0
        self._greeted: dict[str, float] = {}

    def ctcp(self, nick: str, text: str, *, monotonic: float, now: datetime) -> None:
        """A PRIVMSG that starts with \\x01 and is no ACTION."""
        word, _, argument = text.strip("\x01").partition(" ")
        answer = self._answer(word.upper(), argument, now)
        if answer is not None and self._may(monotonic):
            self._notice(nick, f"\x01{answer}\x01")

    def greet(self, nick: str, *, monotonic: float) -> None:
        """A private message of somebody; once an hour each."""
        if monotonic - self._greeted.get(nick, -GREETING_SECONDS) < GREETING_SECONDS or not self._may(monotonic):
            return
        self._greeted.pop(nick, None)
        self._greeted[nick] = monotonic
        if len(self._greeted) > MAX_REMEMBERED:
            del self._greeted[next(iter(self._greeted))]
        self._notice(nick, GREETING)

    def _answer(self, word: str, argument: str, now: datetime) -> str | None:
        match word:
            case "VERSION":
                return f"VERSION {VERSION}"
            case "PING":
                return f"PING {argument[:64]}"
            case "TIME":
                return f"TIME {now.isoformat(timespec='seconds')}"
            case "CLIENTINFO":
                return "CLIENTINFO ACTION CLIENTINFO PING TIME VERSION"
        return None

    def _may(self, monotonic: float) -> bool:
        self._tokens = min(float(CTCP_BURST), self._tokens + (monotonic - self._at) / CTCP_SECONDS)
        self._at = monotonic
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
