"""What an error line says about a message of ours, in plain words for its author."""

from msgspec import Struct

from adapters.irc.wire.line import Line

NOT_THERE = frozenset({"403", "442"})
"""The server thinks we are not in the channel."""

WORDS = {
    "401": "there is nobody of that name",
    "403": "there is no such channel",
    "404": "the channel does not take the message",
    "407": "the message went to too many",
    "408": "the channel takes no colours",
    "412": "the message is empty",
    "413": "the address is wrong",
    "414": "the address is wrong",
    "415": "the address is wrong",
    "417": "the message is too long",
    "421": "the server does not know that",
    "435": "the channel does not take that now",
    "437": "the channel is unavailable for now",
    "442": "the bridge is not in the channel",
    "461": "the server wants more than that",
    "477": "the channel takes messages of logged-in nicks only",
    "482": "the bridge has no rights for that in the channel",
    "486": "they take messages of logged-in nicks only",
    "489": "the channel takes no such message",
    "492": "the channel takes no such message",
    "494": "the channel takes no such message",
    "531": "they do not take the message",
    "716": "they take messages of friends only",
    "723": "the bridge has no rights for that",
    "FAIL": "the server refuses it",
}

_BY_COMMAND = frozenset({"421", "461"})
_NO_TARGET = frozenset({"412", "413", "414", "417"})


class Refusal(Struct, frozen=True):
    """`target` or `command` tell which line it was; both None: the oldest."""

    words: str
    target: str | None = None
    command: str | None = None
    not_there: bool = False


def read(line: Line) -> Refusal | None:
    """None where the line is no such error."""
    words = WORDS.get(line.command)
    if words is None or len(line.params) < 2:
        return None
    told = line.params[-1][:200].strip()
    words = f"{words} ({told})" if told else words
    if line.command == "FAIL":
        context = line.params[2:-1]
        return Refusal(words, target=context[0] if context else None, command=line.params[0].upper())
    if line.command in _NO_TARGET or len(line.params) < 3:
        return Refusal(words)
    if line.command in _BY_COMMAND:
        return Refusal(words, command=line.params[1].upper())
    return Refusal(words, target=line.params[1], not_there=line.command in NOT_THERE)
