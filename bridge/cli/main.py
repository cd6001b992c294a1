"""From arguments to an exit status: 0 done, 1 it failed, 2 the command or the configuration is wrong."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bridge.cli.exits import DONE, FAILED, WRONG
from bridge.cli.parser import DEFAULT_CONFIG, make_parser

_OPTIONS_WITH_VALUE = ("--config", "--as")


def run_command(arguments: Sequence[str], env: Mapping[str, str] | None = None) -> int:
    """Runs one command line. Errors go to standard error in plain words."""
    env = os.environ if env is None else env
    parser = make_parser()
    try:
        return _run(parser, list(arguments), env)
    except SystemExit as end:  # argparse: after --help, or after telling what is wrong with the arguments
        return end.code if isinstance(end.code, int) else WRONG
    except BrokenPipeError:  # `unabridged links | head`
        sys.stderr.close()
        return FAILED
    except KeyboardInterrupt:
        return FAILED


def _run(parser: argparse.ArgumentParser, arguments: list[str], env: Mapping[str, str]) -> int:
    at = _command_at(arguments)
    known = _commands(parser)
    if at is not None and arguments[at] not in known:
        return _said_to_bridge(parser, arguments, at, env)
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return DONE
    config = _config(options, env)
    if options.command == "demo":
        from bridge.demo.demo import main

        return main(options.folder)
    if options.command in ("run", "check", "registration", "version"):
        from bridge.cli import local

        return local.run(options, config, env)
    from bridge.cli import words

    return words.run(options, config, env)


def _said_to_bridge(parser: argparse.ArgumentParser, arguments: list[str], at: int, env: Mapping[str, str]) -> int:
    """A word that only the running bridge can know: a network's own."""
    from bridge.cli import words

    known = _commands(parser)
    options, rest = parser.parse_known_args(arguments[:at])
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return words.say(arguments[at:], options, _config(options, env), env, known)


def _config(options: argparse.Namespace, env: Mapping[str, str]) -> Path:
    return Path(options.config or env.get("UNABRIDGED_CONFIG") or DEFAULT_CONFIG)


def _command_at(arguments: list[str]) -> int | None:
    """Where the command stands, after options that belong to all."""
    at = 0
    while at < len(arguments) and arguments[at].startswith("-"):
        at += 2 if arguments[at] in _OPTIONS_WITH_VALUE else 1
    return at if at < len(arguments) else None


def _commands(parser: argparse.ArgumentParser) -> list[str]:
    return next(list(action.choices) for action in parser._actions if isinstance(action, argparse._SubParsersAction))
