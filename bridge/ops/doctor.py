"""`unabridged check`: is everything set up well? Looks at files, the homeserver both ways, each room and each network.

It changes nothing, needs no running bridge and does not disturb one. Every trouble is a `Finding` with its cure; nothing here
raises, since a doctor who faints is of no use.
"""

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from bridge.commands.render import counted
from bridge.config.adapters_found import FoundAdapters
from bridge.config.mark import mark_of
from bridge.config.places import Places, places_of
from bridge.config.settings import Settings, Tokens
from bridge.contract.adapter import Examines, Phase
from bridge.contract.features import Feature, Features
from bridge.ledger.backend import open_backend, plain_words
from bridge.matrix.registration import RegistrationError, problems, read, tokens
from bridge.model.ids import ChannelId
from bridge.ops.features import losses
from bridge.ops.findings import Finding, Grade, reason
from bridge.ops.house_call import look_at_homeserver
from bridge.ops.named import unheld
from bridge.ops.remote import NotRunning, ask
from bridge.routing.hub import HUB_FEATURES

_OTHERS = Finding(
    "running bridge",
    Grade.WARNING,
    "it was started with other settings: what is said of its networks here is said of those; start it again to use these",
)


async def examine(settings: Settings, config: Path, env: Mapping[str, str], adapters: FoundAdapters) -> list[Finding]:
    """Everything, in the order in which troubles are best mended."""
    places = places_of(settings, config)
    content = f"{counted(len(settings.networks), 'network')}, {counted(len(settings.portals), 'room')}"
    findings = [Finding("configuration", Grade.OK, content)]
    findings += look_at_files(places)
    if places.database_file is None:
        findings.append(await asyncio.to_thread(look_at_database_server, places.database))
    held, told = look_at_registration(settings, places, env)
    findings += told
    if held is not None:
        findings += [finding async for finding in look_at_homeserver(settings, held)]
    live = await asyncio.to_thread(look_at_running_bridge, settings, places.socket)
    findings += live or [finding async for finding in look_at_networks(settings, adapters)]
    findings += await asyncio.to_thread(look_at_logins, settings, adapters, places.socket)
    findings += look_at_outside(settings)
    findings += look_at_losses(settings, adapters)
    return findings


def look_at_files(places: Places) -> list[Finding]:
    """The database and the key file."""
    told = []
    if places.database_file is not None:
        told.append(_database(places.database_file))
    if not places.key_file.exists():
        told.append(Finding("key file", Grade.NOTE, f"{places.key_file} is made at the first run"))
    elif not _owner_only(places.key_file):
        told.append(Finding("key file", Grade.WRONG, f"others can read {places.key_file}: chmod 600 it"))
    else:
        told.append(Finding("key file", Grade.OK, f"{places.key_file}, for its owner only"))
    return told


def _database(file: Path) -> Finding:
    if not file.parent.is_dir():
        return Finding("database", Grade.WRONG, f"there is no folder {file.parent}: make it")
    if not os.access(file.parent, os.W_OK):
        return Finding("database", Grade.WRONG, f"{file.parent} can't be written: SQLite keeps more than one file there")
    if not file.exists():
        return Finding("database", Grade.NOTE, f"{file} is made at the first run")
    if not os.access(file, os.R_OK | os.W_OK):
        return Finding("database", Grade.WRONG, f"{file} can't be read and written by this user")
    with file.open("rb") as opened:
        head = opened.read(16)
    if head and head != b"SQLite format 3\x00":
        return Finding("database", Grade.WRONG, f"{file} is no SQLite database")
    if not _owner_only(file):
        return Finding("database", Grade.WARNING, f"others can read {file}, and it holds all messages: chmod 600 it")
    return Finding("database", Grade.OK, str(file))


def look_at_database_server(url: str) -> Finding:
    """Connects and lets go again: no lock is taken, no table made."""
    try:
        open_backend(url).connect_reader().close()
    except Exception as error:  # noqa: BLE001 - whatever a driver says, it becomes a finding
        return Finding("database", Grade.WRONG, f"the database server refuses us: {plain_words(error)}")
    return Finding("database", Grade.OK, "the database server takes us in")


def look_at_running_bridge(settings: Settings, socket: Path) -> list[Finding]:
    """How the networks of a running bridge are, and whether it has these settings; nothing where none runs."""
    try:
        answer = ask(socket, "status", {}, None)
    except (NotRunning, OSError):
        return []
    told = answer.data if isinstance(answer.data, dict) else {}
    found = [_live(network) for network in told.get("networks", [])]
    return found if told.get("settings") == mark_of(settings) else [_OTHERS, *found]


def look_at_logins(settings: Settings, adapters: FoundAdapters, socket: Path) -> list[Finding]:
    """Rooms that name logins nobody has, by what the running bridge says; nothing where none runs."""
    try:
        answer = ask(socket, "logins", {}, None)
    except (NotRunning, OSError):
        return []
    accounts = answer.data if isinstance(answer.data, list) else []
    held = {f"{account['network']}@{account['name']}" for account in accounts}

    def login_of(channel: ChannelId) -> str | None:
        return adapters[settings.networks[channel.network].adapter].login_of(channel.id)

    return [Finding(portal.room, Grade.WARNING, words) for portal, words in unheld(settings, held, login_of)]


def look_at_outside(settings: Settings) -> list[Finding]:
    """Rooms that are meant to be read outside where nobody outside can reach us."""
    if settings.bridge.public_listen is not None and settings.bridge.public_address is not None:
        return []
    words = "timeline.outfeed has no effect: bridge.public_listen and bridge.public_address are not both set"
    return [Finding(portal.room, Grade.WARNING, words) for portal in settings.portals if portal.timeline.outfeed]


def _live(network: dict[str, Any]) -> Finding:
    grade = {Phase.CONNECTED: Grade.OK, Phase.FAILED: Grade.WRONG}.get(network["phase"], Grade.WARNING)
    words = f"{network['phase']}, {network['open']} of {network['links']} links open" if network["links"] else network["phase"]
    failed = "".join(f"; {channel}: {error}" for channel, error in network["failed"].items())
    if failed and grade is Grade.OK:
        grade = Grade.WARNING
    return Finding(network["network"], grade, f"{words}{': ' + network['reason'] if network['reason'] else ''}{failed}")


def look_at_registration(settings: Settings, places: Places, env: Mapping[str, str]) -> tuple[Tokens | None, list[Finding]]:
    """The tokens, where there are any, and what is wrong with them."""
    area = "registration"
    try:
        held = tokens(places.registration, env)
    except RegistrationError as error:
        return None, [Finding(area, Grade.WRONG, str(error))]
    if not places.registration.exists():
        return held, [Finding(area, Grade.OK, "the tokens come from the environment")]
    told = [Finding(area, Grade.WRONG, words) for words in problems(read(places.registration), settings)]
    if not _owner_only(places.registration):
        told.append(Finding(area, Grade.WARNING, f"others can read {places.registration}, and it holds tokens"))
    return held, told or [Finding(area, Grade.OK, f"{places.registration} agrees with the configuration")]


async def look_at_networks(settings: Settings, adapters: FoundAdapters) -> AsyncIterator[Finding]:
    """Can each network be reached? Its adapter knows how to find out."""
    for network in settings.networks.values():
        adapter = adapters.adapter(network.adapter)
        if not isinstance(adapter, Examines):
            yield Finding(network.name, Grade.NOTE, f"{adapter.manifest.title}: `status` of the running bridge shows how it is")
            continue
        try:
            words = await adapter.examine(network.config)
        except OSError as error:
            yield Finding(network.name, Grade.WRONG, reason(error))
        else:
            yield Finding(network.name, Grade.OK, words)


def look_at_losses(settings: Settings, adapters: FoundAdapters) -> list[Finding]:
    """For each pair of places that some room joins: what is written as something simpler, and what is left out."""
    told: dict[tuple[str, str], str] = {}
    for portal in settings.portals:
        places: dict[str, Features] = {"matrix": HUB_FEATURES}
        for link in portal.links:
            places[link.channel.network] = adapters[settings.networks[link.channel.network].adapter].features
        for source, its in places.items():
            for destination, theirs in places.items():
                if source != destination:
                    told[source, destination] = _lost(its, theirs)
    return [Finding(f"{source} → {destination}", Grade.NOTE, words) for (source, destination), words in told.items()]


def _lost(source: Features, destination: Features) -> str:
    lost = losses(source, destination)
    kinds = (("written simpler", lost.rendered), ("left out", lost.dropped), ("refused", lost.refused))
    return "; ".join(f"{kind}: {_names(features)}" for kind, features in kinds if features) or "nothing is lost"


def _names(features: tuple[Feature, ...]) -> str:
    return ", ".join(feature.value for feature in features)


def _owner_only(path: Path) -> bool:
    return stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
