"""A line typed by a person, made a word and its arguments. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from bridge.contract.words import Argument, Word

Arguments: TypeAlias = Mapping[str, str | Sequence[str]]

_PAIRS = {'"': '"', "'": "'", "“": "”", "„": "“", "‘": "’", "«": "»"}
"""Phones put typographic quotes where a person typed straight ones."""
_DASHES = re.compile(r"\A[—–](?=\w)")


class Misused(Exception):
    """The arguments do not fit the word; its text says how the word is used."""


class Said(Struct, frozen=True):
    """What was said to us. `plainly`: to nobody else, by our name or in a direct chat, so that it always deserves an answer."""

    text: str
    plainly: bool


def addressed(body: str, *, prefix: str, names: Sequence[str], direct: bool) -> Said | None:
    """What a message asks of the bot, or None where it is not for the bot.

    It is where it begins with the prefix and a letter, or with one of the bot's names and `:`, `,` or a space;
    in a direct chat everything is.
    """
    text = body.strip()
    if text.startswith(prefix) and text[len(prefix) : len(prefix) + 1].isalpha():
        return Said(text[len(prefix) :], direct)
    for name in sorted(names, key=len, reverse=True):
        if name and text[: len(name)].casefold() == name.casefold():
            rest = text[len(name) :]
            if not rest or rest[0] in ":, \t\n":
                said = rest.lstrip(":, \t\n")
                return Said(said.removeprefix(prefix), True)
    return Said(text, True) if direct and text else None


def split(line: str) -> list[str]:
    """Words divided by white space; a quoted one may hold spaces. A quote that is never closed is an ordinary character."""
    found: list[str] = []
    at = 0
    while at < len(line):
        if line[at].isspace():
            at += 1
            continue
        close = _PAIRS.get(line[at])
        end = line.find(close, at + 1) if close else -1
        if end > 0 and (end + 1 == len(line) or line[end + 1].isspace()):
            found.append(line[at + 1 : end])
            at = end + 1
            continue
        start = at
        while at < len(line) and not line[at].isspace():
            at += 1
        found.append(line[start:at])
    return found


def bind(word: Word, tokens: Sequence[str]) -> Arguments:
    """Arguments by name: in the word's order, or as `--name value` or `--name=value`; `--name` alone means "yes".

    Raises `Misused`.
    """
    known = {argument.name: argument for argument in word.arguments}
    named: dict[str, str] = {}
    rest: list[str] = []
    queue = [_DASHES.sub("--", token) for token in tokens]
    while queue:
        token = queue.pop(0)
        name, equals, value = token.removeprefix("--").partition("=")
        if not token.startswith("--") or not token[2:3].isalpha():  # "-->" ends a comment in a list of feeds
            rest.append(token)
        elif name not in known:
            raise Misused(f"{word.name} has no --{name}. {usage(word)}")
        elif equals:
            named[name] = value
        else:
            named[name] = queue.pop(0) if queue and not queue[0].startswith("--") else "yes"
    return _fill(word, named, rest)


def _fill(word: Word, named: Mapping[str, str], rest: list[str]) -> Arguments:
    bound: dict[str, str | Sequence[str]] = {}
    for argument in word.arguments:
        if argument.name in named:
            given = named[argument.name]
            bound[argument.name] = (given, *rest) if argument.many else given
            rest = [] if argument.many else rest
        elif argument.many and rest:
            bound[argument.name], rest = tuple(rest), []
        elif rest:
            bound[argument.name] = rest.pop(0)
    if rest:
        raise Misused(f"{rest[0]!r} is one argument too many. {usage(word)}")
    return complete(word, bound)


def complete(word: Word, given: Arguments) -> Arguments:
    """Checks names and kinds, and adds defaults. Raises `Misused`."""
    known = {argument.name: argument for argument in word.arguments}
    for name, value in given.items():
        if name not in known:
            raise Misused(f"{word.name} has no argument {name!r}. {usage(word)}")
        if isinstance(value, str) == known[name].many:
            raise Misused(f"{name} must be {'a list' if known[name].many else 'one value'}. {usage(word)}")
    full = dict(given)
    for argument in word.arguments:
        if argument.name in full:
            continue
        if argument.required:
            raise Misused(f"{argument.name.upper()} is missing. {usage(word)}")
        if argument.default is not None:
            full[argument.name] = argument.default
    return full


def usage(word: Word) -> str:
    """`Usage: link CHANNEL [ROOM]`"""
    return " ".join(["Usage:", word.name, *(_shown(argument) for argument in word.arguments)])


def _shown(argument: Argument) -> str:
    name = argument.name.upper() + ("…" if argument.many else "")
    return name if argument.required else f"[{name}]"
