"""The registration file: how the homeserver knows us, and where the tokens live (AS API, "Registration").

`make` and `make_double_puppet` write what the settings ask for; `problems` says where an installed file and the settings
have parted; `tokens` is what the bridge runs with. Tokens may come from the environment instead of the file.
"""

import os
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from bridge.config.settings import Settings, Tokens
from bridge.contract.errors import BridgeError
from bridge.matrix import plain_yaml
from bridge.model.ids import NetworkName

AS_TOKEN, HS_TOKEN, DOUBLE_PUPPET_TOKEN = "UNABRIDGED_AS_TOKEN", "UNABRIDGED_HS_TOKEN", "UNABRIDGED_DOUBLE_PUPPET_TOKEN"
DOUBLE_PUPPET_FILE = "double-puppet.yaml"
"""Beside the registration file."""
BOT = "unabridged"


class RegistrationError(BridgeError):
    """The file cannot be read or written; the words name it and say what to do, and hold no token."""


class Namespace(msgspec.Struct, frozen=True, kw_only=True):
    regex: str
    exclusive: bool = True


class Namespaces(msgspec.Struct, frozen=True, kw_only=True):
    users: tuple[Namespace, ...] = ()
    aliases: tuple[Namespace, ...] = ()
    rooms: tuple[Namespace, ...] = ()


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """Keys that we do not use are let through: homeservers have their own."""

    id: str
    url: str | None
    as_token: str
    hs_token: str
    sender_localpart: str
    rate_limited: bool = False
    namespaces: Namespaces = Namespaces()
    protocols: tuple[str, ...] = ()
    receive_ephemeral: bool = False
    push_ephemeral: bool = msgspec.field(name="de.sorunome.msc2409.push_ephemeral", default=False)

    def __repr__(self) -> str:
        return f"Registration(id={self.id!r}, url={self.url!r}, sender_localpart={self.sender_localpart!r})"


def make(settings: Settings, *, token: Callable[[], str] = lambda: secrets.token_hex(32)) -> Registration:
    """A fresh one, with new tokens: for the networks of the settings, all their users and aliases exclusively ours."""
    domain = re.escape(settings.homeserver.domain)
    names = sorted(settings.networks)
    return Registration(
        id=BOT,
        url=settings.bridge.public_url,
        as_token=token(),
        hs_token=token(),
        sender_localpart=BOT,
        namespaces=Namespaces(
            users=(Namespace(regex=f"@{BOT}:{domain}"), *(Namespace(regex=f"@_{name}_.*:{domain}") for name in names)),
            aliases=(
                *(Namespace(regex=f"#_{name}_.*:{domain}") for name in names),
                *(Namespace(regex=re.escape(alias), exclusive=False) for alias in _own_aliases(settings)),
            ),
        ),
        protocols=tuple(sorted({network.adapter for network in settings.networks.values()})),
        receive_ephemeral=True,
        push_ephemeral=True,
    )


def _own_aliases(settings: Settings) -> list[str]:
    """The portals' aliases that we may have to make: homeservers let us make only what the registration names."""
    tail = f":{settings.homeserver.domain}"
    return [portal.room for portal in settings.portals if portal.room.startswith("#") and portal.room.endswith(tail)]


def make_double_puppet(settings: Settings, *, token: Callable[[], str] = lambda: secrets.token_hex(32)) -> Registration:
    """The second one, by which people are spoken for: no url, so nothing is pushed, and a claim on users that excludes nobody."""
    everybody = Namespace(regex=f"@.*:{re.escape(settings.homeserver.domain)}", exclusive=False)
    return Registration(
        id=f"{BOT}-double-puppet",
        url=None,
        as_token=token(),
        hs_token=token(),
        sender_localpart=f"{BOT}-double-puppet",
        namespaces=Namespaces(users=(everybody,)),
    )


def write(registration: Registration, path: Path, *, replace: bool = False) -> None:
    """Mode 0600. Raises `RegistrationError` where a file is there already: new tokens would lock the homeserver out."""
    text = "# For the homeserver. The tokens in here are secrets: keep this file to yourself and to it.\n"
    text += plain_yaml.dump(msgspec.to_builtins(registration))
    try:
        if replace:
            path.unlink(missing_ok=True)
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise RegistrationError(f"{path} is there already; a new one has new tokens, so remove it first if you mean it") from None
    except OSError as error:
        raise RegistrationError(f"{path} cannot be written: {error.strerror}") from error
    with os.fdopen(opened, "w", encoding="utf-8") as file:
        file.write(text)


def read(path: Path) -> Registration:
    """Raises `RegistrationError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RegistrationError(f"{path} is missing; write one with `unabridged registration`") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RegistrationError(f"{path} cannot be read: {error}") from error
    try:
        return msgspec.convert(plain_yaml.load(text), Registration)
    except plain_yaml.YamlError as error:
        raise RegistrationError(f"{path}: {error}") from error
    except (msgspec.ValidationError, RecursionError) as error:
        raise RegistrationError(f"{path} is no registration: {error}") from error


def tokens(path: Path, environment: Mapping[str, str]) -> Tokens:
    """What the bridge runs with. With both tokens in the environment the file may be missing. Raises `RegistrationError`."""
    by_environment = bool(environment.get(AS_TOKEN) and environment.get(HS_TOKEN))
    found = None if by_environment and not path.exists() else read(path)
    double = environment.get(DOUBLE_PUPPET_TOKEN) or None
    second = path.with_name(DOUBLE_PUPPET_FILE)
    if double is None and second.exists():
        double = read(second).as_token
    return Tokens(
        appservice=environment.get(AS_TOKEN) or (found.as_token if found else ""),
        homeserver=environment.get(HS_TOKEN) or (found.hs_token if found else ""),
        appservice_id=found.id if found else BOT,
        bot=found.sender_localpart if found else BOT,
        double_puppet=double,
    )


def problems(registration: Registration, settings: Settings) -> list[str]:
    """Where the file the homeserver was given disagrees with the settings, each in one sentence with its cure."""
    found: list[str] = []
    if registration.url is None:
        found.append("its url is null: the homeserver will push nothing; set it to bridge.public_url")
    elif registration.url.rstrip("/") != settings.bridge.public_url.rstrip("/"):
        found.append(f"its url is {registration.url}, but bridge.public_url is {settings.bridge.public_url}")
    if not registration.as_token or not registration.hs_token or registration.as_token == registration.hs_token:
        found.append("as_token and hs_token must both be set and differ; write a new file with `unabridged registration`")
    if registration.rate_limited:
        found.append("rate_limited is true: puppets will be slowed down; set it to false")
    if not registration.receive_ephemeral and not registration.push_ephemeral:
        found.append("receive_ephemeral is not true: typing and read receipts will not arrive")
    found += _namespace_problems(registration, settings)
    missing = sorted({network.adapter for network in settings.networks.values()} - set(registration.protocols))
    if missing:
        found.append(f"protocols lacks {', '.join(missing)}: clients cannot search there")
    return found


def _namespace_problems(registration: Registration, settings: Settings) -> list[str]:
    found: list[str] = []
    spaces, domain = registration.namespaces, settings.homeserver.domain
    patterns: dict[str, re.Pattern[str]] = {}
    for space in (*spaces.users, *spaces.aliases, *spaces.rooms):
        try:
            patterns[space.regex] = re.compile(space.regex)
        except (re.error, RecursionError, OverflowError):
            found.append(f"the namespace {space.regex!r} is no regular expression")

    def covered(by: tuple[Namespace, ...], name: str, *, shared: bool = False) -> bool:
        fitting = (space for space in by if space.exclusive or shared)
        return any(space.regex in patterns and patterns[space.regex].match(name) for space in fitting)

    for network in sorted(settings.networks):
        for sigil, kind, by in (("@", "users", spaces.users), ("#", "aliases", spaces.aliases)):
            if not covered(by, f"{sigil}_{network}_x:{domain}"):
                wanted = f"{sigil}_{network}_.*:{re.escape(domain)}"
                found.append(f"namespaces.{kind} has no exclusive {wanted!r}: add it, then restart the homeserver")
    for alias in _own_aliases(settings):
        if not covered(spaces.aliases, alias, shared=True):
            found.append(
                f"namespaces.aliases lacks {re.escape(alias)!r} (exclusive: false): the bridge may not make that alias itself"
            )
    for person in (f"@alice:{domain}", f"@{registration.sender_localpart}x:{domain}"):
        if covered(spaces.users, person):
            found.append(f"namespaces.users claims ordinary people such as {person} for the bridge: make it narrower")
            break
    return found


def ownership(networks: Mapping[NetworkName, Any], bot: str, domain: str) -> Callable[[str], bool]:
    """Says of a user id whether it is the bot (`bot` is its localpart) or a puppet of one of these networks; quick."""
    ours = "|".join(["_(?:" + "|".join(map(re.escape, networks)) + ")_.*"] if networks else [])
    match = re.compile(f"@(?:{re.escape(bot)}{'|' + ours if ours else ''}):{re.escape(domain)}", re.S).fullmatch
    return lambda user: match(user) is not None
