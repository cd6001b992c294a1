"""The commands that are words: asked of the running bridge, shown as tables or JSON."""

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bridge.cli.exits import DONE, FAILED, WRONG
from bridge.cli.talk import TooLarge, converse, named_files, read_files
from bridge.commands.render import as_json, as_text
from bridge.config.load import load_core
from bridge.config.places import places_of
from bridge.config.problems import ConfigError, nearest
from bridge.contract.words import Answer
from bridge.ops.remote import NotRunning, ask

_FILES = {"follow": "what"}
"""Words of the core whose argument may be a file."""
_NO_ARGUMENTS = ("command", "config", "json", "user")


def run(options: argparse.Namespace, config: Path, env: Mapping[str, str]) -> int:
    """One of the core's words, its arguments by name."""
    given = {name: value for name, value in vars(options).items() if name not in _NO_ARGUMENTS and value is not None}
    try:
        if options.command in _FILES:
            name = _FILES[options.command]
            given[name] = read_files(given[name], given[name])
    except (TooLarge, OSError) as error:
        complain(str(error))
        return FAILED
    return _ask(options.command, given, options, config, env)


def say(tokens: Sequence[str], options: argparse.Namespace, config: Path, env: Mapping[str, str], known: Sequence[str]) -> int:
    """A line as typed, for words that only the running bridge knows. Options that belong to all may stand at its end too."""
    words = list(tokens)
    while len(words) > 1 and words[-1] == "--json":
        options.json = True
        words.pop()
    try:
        places = places_of(load_core(config, env), config)
        words = [words[0], *read_files(words[1:], named_files(places.socket, words))]
        answer = converse(places.socket, ask(places.socket, words[0], words[1:], options.user), options.user)
    except TooLarge as error:
        complain(str(error))
        return FAILED
    except (ConfigError, NotRunning, OSError):
        hint = nearest(words[0], known) or ", and no running bridge to ask whether some network has it"
        complain(f'there is no command "{words[0]}"{hint}')
        return WRONG
    return show(answer, as_data=options.json)


def _ask(
    word: str, arguments: Mapping[str, str | Sequence[str]], options: argparse.Namespace, config: Path, env: Mapping[str, str]
) -> int:
    try:
        places = places_of(load_core(config, env), config)
        answer = converse(places.socket, ask(places.socket, word, arguments, options.user), options.user)
    except ConfigError as error:
        complain(str(error))
        return WRONG
    except (NotRunning, OSError) as error:
        if options.json:
            print(as_json(Answer(text=str(error), failed=True)))
        complain(str(error))
        return FAILED
    return show(answer, as_data=options.json)


def show(answer: Answer, *, as_data: bool) -> int:
    """Prints an answer; what failed goes to standard error unless it is for a script."""
    if as_data:
        print(as_json(answer))
    else:
        stream = sys.stderr if answer.failed else sys.stdout
        text = as_text(answer, shutil.get_terminal_size().columns if stream.isatty() else None)
        print(text, file=stream)
    return FAILED if answer.failed else DONE


def complain(words: str) -> None:
    """Tells on standard error what is wrong."""
    print(f"unabridged: {words}", file=sys.stderr)
