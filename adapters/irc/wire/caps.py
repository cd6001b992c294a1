"""Capability negotiation, version 302 with cap-notify: pure state, fed with CAP lines, answering with what to send.

https://ircv3.net/specs/extensions/capability-negotiation
"""

from collections.abc import Iterable

from adapters.irc.wire.line import Line

WANTED = (
    "account-notify",
    "account-tag",
    "away-notify",
    "batch",
    "cap-notify",
    "chghost",
    "draft/message-redaction",
    "draft/relaymsg",
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
)
"""What buys the user something. `sts` is never requested (its specification forbids it); UTF8ONLY is ISUPPORT's."""

NEEDS = {"labeled-response": ("batch",)}
MAX_REQUEST = 400
"""Bytes of capability names in one CAP REQ."""
MAX_OFFERED = 256


class Capabilities:
    """What the server offers and what is on. `settled` once no request is unanswered after the first whole list."""

    def __init__(self, wanted: Iterable[str] = WANTED) -> None:
        self._wanted = frozenset(wanted)
        self.offered: dict[str, str] = {}
        """Name → value (empty where there is none)."""
        self.enabled: frozenset[str] = frozenset()
        self.listed = False
        """The first list is complete."""
        self._open: set[str] = set()

    @property
    def settled(self) -> bool:
        return self.listed and not self._open

    def has(self, name: str) -> bool:
        return name in self.enabled

    def receive(self, line: Line) -> list[str]:
        """Take one CAP line; returns the capability lists to request now, each for one `CAP REQ :…`. Never raises."""
        match line.param(1).upper():
            case "LS":
                return self._listing(line)
            case "NEW":
                names = self._offer(line.params[-1])
                return self._requests(names)
            case "ACK":
                self._acknowledge(line.params[-1])
            case "NAK":
                self._open -= set(line.params[-1].split())
            case "DEL":
                gone = {_name(item) for item in line.params[-1].split()}
                for name in gone:
                    self.offered.pop(name, None)
                self.enabled -= gone
        return []

    def _listing(self, line: Line) -> list[str]:
        if len(line.params) > 2:
            self._offer(line.params[-1])
        if line.param(2) == "*" and len(line.params) > 3:
            return []
        first, self.listed = not self.listed, True
        return self._requests(self.offered) if first else []

    def _offer(self, names: str) -> list[str]:
        found = []
        for item in names.split():
            name, _, value = item.partition("=")
            if len(self.offered) < MAX_OFFERED:
                self.offered[name] = value
                found.append(name)
        return found

    def _acknowledge(self, names: str) -> None:
        for item in names.split():
            name = _name(item)
            self._open.discard(name)
            self.enabled = self.enabled - {name} if item.startswith("-") else self.enabled | {name}

    def _requests(self, offered: Iterable[str]) -> list[str]:
        wish = sorted(name for name in offered if name in self._wanted and name not in self.enabled and name not in self._open)
        wish = [name for name in wish if all(need in self.offered for need in NEEDS.get(name, ()))]
        self._open |= set(wish)
        lists: list[str] = []
        for name in wish:
            if lists and len(lists[-1]) + len(name) < MAX_REQUEST:
                lists[-1] += " " + name
            else:
                lists.append(name)
        return lists


def _name(item: str) -> str:
    return item.lstrip("-~=").partition("=")[0]
