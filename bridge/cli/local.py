"""The commands that need no running bridge: run, check, registration, version."""

import argparse
import asyncio
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import bridge
from bridge.cli.exits import WRONG
from bridge.cli.words import complain, show
from bridge.config.adapters_found import FoundAdapters, found
from bridge.config.load import load
from bridge.config.places import places_of
from bridge.config.problems import ConfigError
from bridge.config.settings import Settings
from bridge.contract.words import Answer


def run(options: argparse.Namespace, config: Path, env: Mapping[str, str]) -> int:
    if options.command == "version":
        answer = Answer(text=f"unabridged {bridge.__version__}", data={"version": bridge.__version__})
        return show(answer, as_data=options.json)
    adapters = found()
    try:
        settings = load(config, env, adapters)
    except ConfigError as error:
        if options.json:
            show(Answer(text=str(error), failed=True, data=list(error.lines)), as_data=True)
        complain(str(error))
        return WRONG
    if options.command == "check":
        return _check(options, settings, config, env, adapters)
    return (_run if options.command == "run" else _registration)(options, settings, config, env)


def _run(options: argparse.Namespace, settings: Settings, config: Path, env: Mapping[str, str]) -> int:
    from bridge.config.secrets import secrets_in
    from bridge.matrix.registration import RegistrationError, tokens
    from bridge.ops.logs import Scrubber, configure

    try:
        held = tokens(places_of(settings, config).registration, env)
    except RegistrationError as error:
        complain(str(error))
        return WRONG
    from bridge import app  # what a wrong set-up need not wait for

    hidden = (held.appservice, held.homeserver, held.double_puppet or "", *secrets_in(settings))
    configure(settings.bridge.log_level, settings.bridge.log_format, Scrubber(hidden))
    return _loop(app.run(settings, config_path=config))


def _loop(work: Coroutine[Any, Any, int]) -> int:
    """On uvloop where it is installed: about a third less time for each message."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def _registration(options: argparse.Namespace, settings: Settings, config: Path, env: Mapping[str, str]) -> int:
    from bridge.matrix import registration

    path = places_of(settings, config).registration
    if options.double_puppet:
        path = path.with_name(registration.DOUBLE_PUPPET_FILE)
    made = registration.make_double_puppet(settings) if options.double_puppet else registration.make(settings)
    try:
        registration.write(made, path, replace=options.force)
    except registration.RegistrationError as error:
        return show(Answer(text=str(error), failed=True), as_data=options.json)
    text = f"Wrote {path}.\nGive it to the homeserver (Synapse: app_service_config_files) and restart that."
    return show(Answer(text=text, data={"path": str(path), "id": made.id}), as_data=options.json)


def _check(options: argparse.Namespace, settings: Settings, config: Path, env: Mapping[str, str], adapters: FoundAdapters) -> int:
    from bridge.ops.doctor import examine
    from bridge.ops.findings import as_answer

    findings = asyncio.run(examine(settings, config, env, adapters))
    return show(as_answer(findings), as_data=options.json)
