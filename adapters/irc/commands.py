"""The adapter's words: who is there, our nick, and a raw line for those who know what they do."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.model.permissions import Permission

Given = Mapping[str, str | Sequence[str]]

FORBIDDEN = frozenset({"PASS", "AUTHENTICATE", "CAP", "USER", "QUIT", "NICK", "PRIVMSG", "NOTICE", "TAGMSG", "RELAYMSG", "OPER"})
"""What a raw line may not be: the bridge's own affairs, secrets that would be repeated in the room, and talk without a trace."""


class Speaks(Protocol):
    """What the words need of a live connection."""

    nick: str

    def names(self, channel: str) -> Sequence[str] | None:
        """Nicks in a channel, None where we are not in it."""
        ...

    def say(self, command: str, params: Sequence[str]) -> None: ...


class Words:
    def __init__(self, live: "Live") -> None:
        self._live = live

    def all(self) -> tuple[Word, ...]:
        channel = Argument(name="channel", summary="the IRC channel, as in #lobby")
        nick = Argument(name="nick", summary="the new nick", required=False)
        line = Argument(name="line", summary="the line, as IRC wants it", many=True)
        return (
            Word(name="names", summary="who is in an IRC channel", run=self._names, arguments=(channel,)),
            Word(
                name="nick",
                summary="the bridge's nick, or a new one",
                run=self._nick,
                arguments=(nick,),
                permission=Permission.ADMIN,
            ),
            Word(name="raw", summary="send one raw IRC line", run=self._raw, arguments=(line,), permission=Permission.ADMIN),
        )

    async def _names(self, asker: Asker, given: Given) -> Answer:
        speaks = self._live()
        if speaks is None:
            return _away()
        channel = _text(given, "channel")
        names = speaks.names(channel)
        if names is None:
            return Answer(text=f"The bridge is not in {channel}.", failed=True)
        people = sorted(names, key=str.lower)
        return Answer(text=f"{len(people)} in {channel}", columns=("nick",), rows=tuple((name,) for name in people), data=people)

    async def _nick(self, asker: Asker, given: Given) -> Answer:
        speaks = self._live()
        if speaks is None:
            return _away()
        wanted = _text(given, "nick")
        if not wanted:
            return Answer(text=f"The bridge is {speaks.nick}.", data=speaks.nick)
        return self._send(
            speaks, "NICK", (wanted,), f"Asked for the nick {wanted}; the configured one is taken back at the next connect."
        )

    async def _raw(self, asker: Asker, given: Given) -> Answer:
        speaks = self._live()
        if speaks is None:
            return _away()
        head, colon, trailing = _text(given, "line").partition(" :")
        command, *params = head.split() or [""]
        if colon:
            params.append(trailing)
        command = command.upper()
        if command in FORBIDDEN or not command.isalnum() or not command.isascii():
            return Answer(text=f"{command or 'Nothing'} can't be sent that way.", failed=True)
        return self._send(speaks, command, params, "Sent.")

    @staticmethod
    def _send(speaks: Speaks, command: str, params: Sequence[str], done: str) -> Answer:
        try:
            speaks.say(command, params)
        except ValueError as error:
            return Answer(text=f"That is no IRC line: {error}", failed=True)
        return Answer(text=done)


class Live(Protocol):
    """The connection there is now, or None."""

    def __call__(self) -> Speaks | None: ...


def _away() -> Answer:
    return Answer(text="The network is not connected now.", failed=True)


def _text(given: Given, name: str) -> str:
    value = given.get(name, "")
    return value if isinstance(value, str) else " ".join(value)
