"""`bridge.toml` and the environment, read strictly into `Settings`.

Whatever is wrong is told at once, each problem with file, line and key: see `ConfigError`. A variable
`UNABRIDGED__TABLE__KEY` stands in for a key of the file and is typed by the setting it is for; a network's `-` is written `_`.
Lists and tables are written as in TOML: `UNABRIDGED__PERMISSIONS='{"*" = "relay"}'`.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

import msgspec

from bridge.config.adapters_found import AdapterBroken
from bridge.config.lines import Path, lines_of
from bridge.config.problems import ConfigError, describe, nearest
from bridge.config.reader import BAD, EnvText, Reader, Wrong, expected, show
from bridge.config.rules import DOMAIN, NETWORK_NAME, RULES, USER_ID
from bridge.config.secrets import url_password
from bridge.config.settings import (
    BridgeSettings,
    HomeserverSettings,
    NetworkSettings,
    PortalSettings,
    Settings,
    VoiceSettings,
)
from bridge.contract.features import Manifest
from bridge.model.ids import HUB, ChannelId, NetworkName
from bridge.model.permissions import Permission
from bridge.model.portals import repost_ends

PREFIX = "UNABRIDGED__"
SECTIONS = ("bridge", "homeserver", "permissions", "networks", "portals")
TOKENS = ("as_token", "hs_token", "appservice_token", "homeserver_token")


def load(path: FilePath, env: Mapping[str, str], adapters: Mapping[str, Manifest]) -> Settings:
    """Raises `ConfigError` with every problem found. `env` is the whole environment; only names with our prefix count."""
    table, lines = _read(path)
    reading = _Reading(path, table, adapters)
    origins = _override(table, env, reading.reader)
    settings = reading.settings()
    if settings is None:
        raise describe(reading.reader.problems, path.name, lines, origins)
    return settings


def load_core(path: FilePath, env: Mapping[str, str]) -> Settings:
    """Only `[bridge]` and `[homeserver]`, without importing any adapter: what a command needs to find the running bridge."""
    table, lines = _read(path)
    reading = _Reading(path, table, {})
    origins = _override(table, env, Reader(path.parent, {}, {}))
    settings = reading.core()
    if settings is None:
        raise describe(reading.reader.problems, path.name, lines, origins)
    return settings


def _read(path: FilePath) -> tuple[dict[str, Any], Mapping[Path, int]]:
    try:
        text = path.read_bytes().decode()
        return tomllib.loads(text), lines_of(text)
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror or error}"]) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{path.name}:{line}: the file is not UTF-8 text"]) from None
    except tomllib.TOMLDecodeError as error:
        words, _, place = str(error).rpartition(" (at ")
        number = place.removeprefix("line ").partition(",")[0]
        shown = f"{path.name}:{number}" if number.isdigit() else path.name
        raise ConfigError([f"{shown}: this is no TOML: {words or error}"]) from None
    except RecursionError:
        raise ConfigError([f"{path.name}: lists or tables are nested too deeply"]) from None


def _override(table: dict[str, Any], env: Mapping[str, str], reader: Reader) -> dict[Path, str]:
    """Puts the environment's values into the table; returns which path came from which variable."""
    origins: dict[Path, str] = {}
    for variable in sorted(name for name in env if name.startswith(PREFIX)):
        parts = variable.removeprefix(PREFIX).lower().split("__")
        if parts[0] == "networks" and len(parts) > 1:
            parts[1] = parts[1].replace("_", "-")
        path: Path = tuple(parts)
        origins[path] = variable
        into: Any = table
        for depth, part in enumerate(parts[:-1], 1):
            if isinstance(into, dict) and part not in into:
                origins[path[:depth]] = variable  # a table that only the environment has
            into = into.setdefault(part, {}) if isinstance(into, dict) else None
        if isinstance(into, dict) and all(parts):
            into[parts[-1]] = EnvText(env[variable])
        else:
            reader.wrong(path, "names no setting", ())
    return origins


class _Reading:
    """One reading of one file: the order of the sections matters, since portals name networks and networks name adapters."""

    def __init__(self, path: FilePath, table: dict[str, Any], adapters: Mapping[str, Manifest]) -> None:
        self.table = table
        self.adapters = adapters
        self.manifests: dict[str, Manifest | None] = {}
        """By network; None where the network's adapter is unknown, which is told once, there."""
        self.reader = Reader(path.parent, {ChannelId: self._channel, Permission: _permission}, RULES)

    def core(self) -> Settings | None:
        bridge = self.reader.struct(self._without_tokens("bridge"), BridgeSettings, ("bridge",))
        homeserver = self.reader.struct(self._without_tokens("homeserver"), HomeserverSettings, ("homeserver",))
        if self.reader.problems or bridge is None or homeserver is None:
            return None
        return Settings(bridge=bridge, homeserver=homeserver)

    def settings(self) -> Settings | None:
        for key in self.table:
            if key not in SECTIONS:
                self.reader.wrong((key,), f'unknown table "{key}"{nearest(key, SECTIONS)}', ())
        core = self.core()
        permissions = self._permissions()
        networks = self._networks()
        portals = self._portals()
        if self.reader.problems or core is None:
            return None
        return msgspec.structs.replace(core, permissions=permissions, networks=networks, portals=portals)

    def _without_tokens(self, section: str) -> Any:
        """The section, less what may be nowhere in this file, which is told."""
        raw = self.reader.plain(self.table.get(section, {}))
        if not isinstance(raw, dict):
            return raw
        for key in raw.keys() & set(TOKENS):
            words = "tokens live in the registration file, or in the environment as UNABRIDGED_AS_TOKEN and UNABRIDGED_HS_TOKEN"
            self.reader.wrong((section, key), f'"{key}" must not stand here: {words}')
        database = raw.get("database")
        if isinstance(database, str) and not isinstance(database, EnvText) and url_password(database):
            words = (
                "set the whole address as UNABRIDGED__BRIDGE__DATABASE in the environment, or let the server know us by ~/.pgpass"
            )
            self.reader.wrong((section, "database"), f'"database" holds a password, which must not stand in this file: {words}')
        return {key: value for key, value in raw.items() if key not in TOKENS}

    def _permissions(self) -> dict[str, Permission]:
        read = self.reader.value(self.table.get("permissions", {}), dict[str, Permission], ("permissions",))
        if read is BAD:
            return {}
        permissions: dict[str, Permission] = read
        for who in permissions:
            if who != "*" and not USER_ID.match(who) and not (who.startswith("*:") and DOMAIN.match(who[2:])):
                words = f'{show(who)} is nobody: write a Matrix ID like "@alice:example.org", "*:example.org" or "*"'
                self.reader.wrong(("permissions", who), words)
        return permissions

    def _networks(self) -> dict[NetworkName, NetworkSettings]:
        raw = self.reader.plain(self.table.get("networks", {}))
        if not isinstance(raw, dict):
            self.reader.wrong(("networks",), '"networks" must be tables like [networks.local]', ())
            return {}
        read = {NetworkName(name): self._network(name, table, ("networks", name)) for name, table in raw.items()}
        return {name: network for name, network in read.items() if network is not None}

    def _network(self, name: str, raw: Any, path: Path) -> NetworkSettings | None:
        reader = self.reader
        self.manifests[name] = None
        if not NETWORK_NAME.match(name):
            reader.wrong(path, "a network's name holds a-z, 0-9 and - only", path)
            return None
        if name == HUB:
            reader.wrong(path, f'"{HUB}" is the name of the hub itself: choose another', path)
            return None
        if not isinstance(raw, dict):
            reader.wrong(path, f'"{name}" must be a table: [networks.{name}]', ("networks",))
            return None
        manifest = self._manifest(raw, path)
        if manifest is None:
            return None
        self.manifests[name] = manifest
        voice = reader.struct(raw.get("voice", {}), VoiceSettings, (*path, "voice"))
        own = {key: value for key, value in raw.items() if key not in ("adapter", "voice")}
        config = reader.struct(own, manifest.config, path)
        if voice is None or config is None:
            return None
        return NetworkSettings(name=NetworkName(name), adapter=manifest.protocol, config=config, voice=voice)

    def _manifest(self, raw: dict[str, Any], path: Path) -> Manifest | None:
        adapter = raw.get("adapter")
        known = f"installed are {', '.join(self.adapters) or 'none'}"
        if adapter is None:
            self.reader.wrong(path, f'the key "adapter" is missing; {known}', path)
        elif not isinstance(adapter, str):
            self.reader.wrong((*path, "adapter"), f'"adapter" must be {expected(str)}, not {show(adapter)}')
        elif adapter not in self.adapters:
            self.reader.wrong((*path, "adapter"), f'there is no adapter "{adapter}"{nearest(adapter, self.adapters)}; {known}')
        else:
            try:
                return self.adapters[adapter]
            except AdapterBroken as error:
                self.reader.wrong((*path, "adapter"), str(error))
        return None

    def _portals(self) -> tuple[PortalSettings, ...]:
        raw = self.reader.plain(self.table.get("portals", []))
        raw = [_links_as_tables(entry) for entry in raw] if isinstance(raw, list) else raw
        read = self.reader.value(raw, tuple[PortalSettings, ...], ("portals",))
        if read is BAD:
            return ()
        portals: tuple[PortalSettings, ...] = read
        rooms: set[str] = set()
        for number, portal in enumerate(portals):
            path: Path = ("portals", number)
            if portal.room in rooms:
                self.reader.wrong((*path, "room"), f"the room {portal.room} has a portal already: put all its links into one")
            rooms.add(portal.room)
            self._portal(portal, path)
        return portals

    def _portal(self, portal: PortalSettings, path: Path) -> None:
        seen: set[ChannelId] = set()
        for number, link in enumerate(portal.links):
            if link.channel in seen:
                self.reader.wrong((*path, "links", number), f"{link.channel} is linked to this room twice", path)
            seen.add(link.channel)
        for number, login in enumerate(portal.post_to):
            self._login(login, "post_to", (*path, "post_to", number), path)
        for number, rule in enumerate(portal.timeline.repost):
            place: Path = (*path, "timeline", "repost", number)
            ends = repost_ends(rule)
            if ends is None:
                self.reader.wrong(place, f'{show(rule)} is no rule: write "from@a -> to@b"', path)
            elif ends[0] == ends[1]:
                self.reader.wrong(place, f"{show(rule)} repeats an account on itself", path)
            else:
                for login in ends:
                    self._login(login, "repost", place, path)

    def _login(self, login: str, key: str, place: Path, path: Path) -> None:
        """Whether it can be one: of a network that is configured, where one can post."""
        network, _, name = login.partition("@")
        if not name or not network:
            self.reader.wrong(place, f'{show(login)}: is no login: write "network@name"', path)
        elif network not in self.manifests:
            hint = nearest(network, self.manifests)
            words = f'"{key}" names logins like "social@me"; there is no network "{network}"{hint}'
            self.reader.wrong(place, f"{show(login)}: {words}", path)
        elif (manifest := self.manifests[network]) is not None and manifest.posts_to is None:
            self.reader.wrong(place, f"{show(login)}: nobody has an account of {network} to post with", path)

    def _channel(self, raw: Any) -> ChannelId:
        if not isinstance(raw, str):
            raise Wrong(f'must be "network/channel", not {show(raw)}')
        try:
            channel = ChannelId.parse(raw)
        except ValueError:
            raise Wrong(f'{show(raw)} is no channel: write "network/channel"') from None
        if channel.network == HUB:
            raise Wrong(f"{show(raw)}: a Matrix room is a portal, not a link")
        if channel.network not in self.manifests:
            raise Wrong(f'{show(raw)}: there is no network "{channel.network}"{nearest(channel.network, self.manifests)}')
        manifest = self.manifests[channel.network]
        if manifest is None:
            return channel
        try:
            return ChannelId(channel.network, manifest.fold_channel(channel.id))
        except ValueError as error:
            raise Wrong(f"{show(raw)} is no channel of {channel.network}: {error}") from None


def _permission(raw: Any) -> Permission:
    names = [permission.name.lower() for permission in Permission]
    if isinstance(raw, str) and raw in names:
        return Permission[raw.upper()]
    hint = nearest(raw.lower(), names) if isinstance(raw, str) else ""
    shown = ", ".join(f'"{name}"' for name in names)
    raise Wrong(f"must be one of {shown}, not {show(raw)}{hint}")


def _links_as_tables(portal: Any) -> Any:
    """`"network/channel"` is short for `{ channel = "network/channel" }`."""
    if not isinstance(portal, dict) or not isinstance(portal.get("links"), list):
        return portal
    links = [{"channel": link} if isinstance(link, str) else link for link in portal["links"]]
    return {**portal, "links": links}
