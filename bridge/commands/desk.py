"""The front desk: takes what was said, finds the word, checks who asks, and answers. It never answers with a traceback."""

from collections.abc import Iterator, Mapping, Sequence

from bridge.commands.line import Arguments, Misused, Said, bind, complete, split, usage
from bridge.config.problems import nearest
from bridge.contract.errors import BridgeError
from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.model.ids import NetworkName
from bridge.model.permissions import Permission, permission_of

TERMINAL = "terminal"
"""`Asker.user` of whoever sits at the machine and names nobody to act for."""


def terminal_asker(user: str | None, permissions: Mapping[str, Permission]) -> Asker:
    """Whoever sits at the machine may do all, unless they act for a Matrix ID: then what that one may."""
    if user is None:
        return Asker(user=TERMINAL, permission=Permission.ADMIN)
    return Asker(user=user, permission=permission_of(user, permissions))


class Desk:
    """All the words: the core's, and each network's own, which are said after its name (`!libera nick new`).

    A network's word may be said alone where no other network and not the core has it.
    """

    def __init__(self, core: Sequence[Word], networks: Mapping[NetworkName, Sequence[Word]] | None = None) -> None:
        self._core = {word.name: word for word in core}
        self._core["help"] = self._help()
        self._networks = {name: {word.name: word for word in words} for name, words in (networks or {}).items()}

    async def hear(self, asker: Asker, said: Said) -> Answer | None:
        """Answers a line from a room. None: it was perhaps meant for another bot, so silence is better."""
        tokens = split(said.text)
        if not tokens:
            return self._overview(asker) if said.plainly else None
        if self._find(tokens)[0] is None and not said.plainly and not nearest(tokens[0].lower(), self._names()):
            return None
        return await self.ask(asker, tokens[0], tokens[1:])

    async def ask(self, asker: Asker, name: str, arguments: Arguments | Sequence[str]) -> Answer:
        """Runs one word; arguments by name, or as typed."""
        word, given = self._find((name,) if isinstance(arguments, Mapping) else (name, *arguments))
        if word is None:
            return self._unknown(name)
        refused = self._refusal(word, asker)
        if refused is not None:
            return Answer(text=refused, failed=True)
        try:
            bound = complete(word, arguments) if isinstance(arguments, Mapping) else bind(word, given)
            return await word.run(asker, bound)
        except (Misused, BridgeError, OSError) as error:
            return Answer(text=str(error) or type(error).__name__, failed=True)

    def files(self, tokens: Sequence[str]) -> Iterator[str]:
        """Of a line as typed in a terminal: the values that name files whose text is meant. None where it is no right line."""
        word, given = self._find(tokens) if tokens else (None, ())
        if word is None or not any(argument.file for argument in word.arguments):
            return
        try:
            bound = bind(word, given)
        except Misused:
            return
        for argument in word.arguments:
            value = bound.get(argument.name, ()) if argument.file else ()
            yield from (value,) if isinstance(value, str) else value

    def words(self) -> Iterator[tuple[str, Word]]:
        """Every word with the way to say it."""
        yield from sorted(self._core.items())
        for network, words in sorted(self._networks.items()):
            for name, word in sorted(words.items()):
                yield f"{network} {name}", word

    def _find(self, tokens: Sequence[str]) -> tuple[Word | None, Sequence[str]]:
        first, rest = tokens[0].lower(), tokens[1:]
        if first in self._core:
            return self._core[first], rest
        if first in self._networks and rest and rest[0].lower() in self._networks[NetworkName(first)]:
            return self._networks[NetworkName(first)][rest[0].lower()], rest[1:]
        offered = [words[first] for words in self._networks.values() if first in words]
        return (offered[0], rest) if len(offered) == 1 else (None, rest)

    def _names(self) -> list[str]:
        return [*self._core, *self._networks, *(name for words in self._networks.values() for name in words)]

    def _unknown(self, name: str) -> Answer:
        if name.lower() in self._networks:
            offered = ", ".join(sorted(self._networks[NetworkName(name.lower())])) or "none"
            return Answer(text=f"The words of {name.lower()} are: {offered}.", failed=True)
        within = [network for network, words in self._networks.items() if name.lower() in words]
        if within:
            ways = " or ".join(f'"{network} {name.lower()}"' for network in sorted(within))
            return Answer(text=f"Several networks have that word: say {ways}.", failed=True)
        shown = name if len(name) <= 40 else name[:39] + "…"
        hint = nearest(name.lower(), self._names()) or '; "help" lists the words'
        return Answer(text=f'There is no word "{shown}"{hint}', failed=True)

    @staticmethod
    def _refusal(word: Word, asker: Asker) -> str | None:
        if asker.permission < word.permission:
            needed, has = word.permission.name.lower(), asker.permission.name.lower()
            return f'"{word.name}" needs the permission "{needed}"; yours is "{has}".'
        if word.room_power is None or asker.room is None or asker.permission >= Permission.ADMIN:
            return None
        if asker.room_power is None or asker.room_power < word.room_power:
            return f'"{word.name}" needs power level {word.room_power} in this room; yours is {asker.room_power or 0}.'
        return None

    def _help(self) -> Word:
        async def run(asker: Asker, arguments: Arguments) -> Answer:
            if "word" not in arguments:
                return self._overview(asker)
            named = arguments["word"]
            word, _ = self._find((named,) if isinstance(named, str) else tuple(named))
            return self._unknown(" ".join(named) if not isinstance(named, str) else named) if word is None else _explain(word)

        argument = Argument(name="word", summary="the word to explain", required=False, many=True)
        return Word(
            name="help", summary="the words, or how to use one", run=run, arguments=(argument,), permission=Permission.RELAY
        )

    def _overview(self, asker: Asker) -> Answer:
        rows = tuple((said, word.summary) for said, word in self.words() if asker.permission >= word.permission)
        return Answer(text='What you may say; "help WORD" tells more.', columns=("word", "what it does"), rows=rows)


def _explain(word: Word) -> Answer:
    rows = tuple((argument.name.upper(), argument.summary) for argument in word.arguments)
    needs = f"Needs the permission {word.permission.name.lower()}"
    power = f" and power level {word.room_power} in the room" if word.room_power is not None else ""
    return Answer(text=f"{word.summary}\n{usage(word)}\n{needs}{power}.", columns=("argument", "meaning"), rows=rows)
