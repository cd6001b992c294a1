"""What a server says about itself in RPL_ISUPPORT (005): the library's `FeatureSet` that no token can break.

The library raises on an odd PREFIX, TARGMAX or CHANLIMIT; here an odd token leaves the value as it was and is counted.
"""

from collections.abc import Mapping, Sequence

from irc.features import FeatureSet

MAX_TOKENS = 512
"""Of a connection; more is nonsense."""


class Isupport(FeatureSet):
    """The typed face of 005. Before any came, the values of RFC 1459."""

    def __init__(self) -> None:
        self.raw: dict[str, str] = {}
        self.odd = 0
        """Tokens that could not be read."""
        self.casemapping = "rfc1459"
        self.chantypes = "#&"
        self.prefix: Mapping[str, str] = {"@": "o", "+": "v"}
        """Symbol → mode letter, highest first."""
        self.chanmodes: tuple[str, str, str, str] = ("beI", "k", "l", "imnpst")
        """Lists, always with a parameter, with a parameter when set, never with one."""
        self.statusmsg = ""
        self.linelen = 512
        """Bytes of a line with its CR LF, tags excluded."""
        self.nicklen: int | None = None
        self.channellen: int | None = None
        self.topiclen: int | None = None
        self.modes = 3
        self.monitor = 0
        """How many nicks we may watch; 0: no MONITOR."""
        self.bot: str | None = None
        """The user mode letter that marks a bot."""
        self.targmax: Mapping[str, int | None] = {}
        self.network: str | None = None
        self.whox = False
        self.utf8only = False

    def has(self, token: str) -> bool:
        return token.upper() in self.raw

    def load(self, arguments: Sequence[str]) -> None:
        """The parameters of one 005: our nick, tokens, and the closing words."""
        for token in arguments[1:-1]:
            self.load_feature(token)

    def load_feature(self, feature: str) -> None:
        """One token: `NAME`, `NAME=value` or `-NAME`. Never raises."""
        name, _, value = feature.partition("=")
        name = name.upper()
        if name.startswith("-"):
            self._forget(name[1:])
            return
        if not name or len(self.raw) >= MAX_TOKENS:
            self.odd += 1
            return
        value = _unescape(value)
        try:
            self._take(name, value)
        except ValueError:
            self.odd += 1
            return
        self.raw[name] = value

    def _forget(self, name: str) -> None:
        if self.raw.pop(name, None) is None:
            return
        fresh = vars(Isupport())
        if name.lower() in fresh and name.lower() not in ("raw", "odd"):
            setattr(self, name.lower(), fresh[name.lower()])

    def _take(self, name: str, value: str) -> None:
        match name:
            case "CASEMAPPING":
                self.casemapping = value.lower() or "rfc1459"
            case "CHANTYPES":
                self.chantypes = value
            case "PREFIX":
                self.prefix = _prefix(value)
            case "CHANMODES":
                lists = [*value.split(","), "", "", "", ""]
                self.chanmodes = (lists[0], lists[1], lists[2], lists[3])
            case "STATUSMSG":
                self.statusmsg = value
            case "LINELEN":
                self.linelen = max(512, min(int(value), 1 << 16))
            case "NICKLEN" | "CHANNELLEN" | "TOPICLEN":
                setattr(self, name.lower(), max(1, int(value)) if value else None)
            case "MODES":
                self.modes = int(value) if value else 100
            case "MONITOR":
                self.monitor = int(value) if value else 100
            case "BOT":
                self.bot = value[:1] or None
            case "TARGMAX":
                self.targmax = _targmax(value)
            case "NETWORK":
                self.network = value or None
            case "WHOX":
                self.whox = True
            case "UTF8ONLY":
                self.utf8only = True

    def is_channel(self, target: str) -> bool:
        return target[:1] != "" and target[0] in self.chantypes

    def strip_status(self, target: str) -> str:
        """`@#channel` → `#channel`, where the server lets messages go to ranks."""
        if len(target) > 1 and target[0] in self.statusmsg and not self.is_channel(target) and self.is_channel(target[1:]):
            return target[1:]
        return target


def _prefix(value: str) -> dict[str, str]:
    if not value:
        return {}
    letters, close, symbols = value.removeprefix("(").partition(")")
    if not value.startswith("(") or not close or len(letters) != len(symbols):
        raise ValueError(value)
    return dict(zip(symbols, letters, strict=True))


def _targmax(value: str) -> dict[str, int | None]:
    limits: dict[str, int | None] = {}
    for item in filter(None, value.split(",")):
        command, _, number = item.partition(":")
        limits[command.upper()] = int(number) if number else None
    return limits


def _unescape(value: str) -> str:
    """`\\x20` and the like (modern 005)."""
    if "\\x" not in value:
        return value
    head, *rest = value.split("\\x")
    out = [head]
    for piece in rest:
        try:
            out.append(chr(int(piece[:2], 16)) + piece[2:])
        except ValueError:
            out.append("\\x" + piece)
    return "".join(out)
