"""Each key of each struct, wrong in turn: generated from the settings, so that a new one is covered when it is written."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from bridge.config.adapters_found import found
from bridge.config.load import load
from bridge.config.problems import ConfigError
from bridge.config.secrets import is_secret
from bridge.config.settings import BridgeSettings, HomeserverSettings, LinkSettings, PortalSettings, VoiceSettings
from bridge.model.portals import Rule
from tests.unit.config.samples import ADAPTERS, PretendConfig

NETWORK = '[networks.local]\nadapter = "pretend"\n'
PORTAL = NETWORK + 'server = "x:1"\n[[portals]]\n'
PLACES: list[tuple[type[Struct], str, str]] = [
    (BridgeSettings, "[bridge]\n", "[bridge]"),
    (HomeserverSettings, "[homeserver]\n", "[homeserver]"),
    (PretendConfig, NETWORK, "[networks.local]"),
    (VoiceSettings, NETWORK + 'server = "x:1"\n[networks.local.voice]\n', "[networks.local.voice]"),
    (PortalSettings, PORTAL, "[[portals]] number 1"),
    (LinkSettings, PORTAL + 'room = "!a"\n[[portals.links]]\n', "[[portals]] number 1, links number 1"),
    (Rule, PORTAL + 'room = "!a"\n[[portals.timeline.rules]]\n', "[[portals]] number 1, timeline, rules number 1"),
]
WRONG: tuple[Any, ...] = ("true", "1979-05-27", "[[[true]]]", "{ nonsense = 1 }", '"\\u0000 wrong"', "-7.5")


def cases() -> Iterator[Any]:
    for kind, head, table in PLACES:
        for field in fields(kind):
            yield pytest.param(head, table, field.name, id=f"{kind.__name__}.{field.name}")


@pytest.mark.parametrize(("head", "table", "key"), list(cases()))
def test_a_wrong_type_names_line_table_and_key(tmp_path: Path, head: str, table: str, key: str) -> None:
    told: list[str] = []
    for value in WRONG:
        path = tmp_path / "bridge.toml"
        path.write_text(f"{head}{key} = {value}\n")
        line = head.count("\n") + 1
        try:
            load(path, {}, ADAPTERS)
        except ConfigError as error:
            told += [text for text in error.lines if text.startswith(f"bridge.toml:{line}: ") and key in text and table in text]
    assert len(told) >= len(WRONG) - 2, told


@pytest.mark.parametrize(("head", "table", "key"), list(cases()))
def test_a_misspelt_key_is_told_the_nearest(tmp_path: Path, head: str, table: str, key: str) -> None:
    path = tmp_path / "bridge.toml"
    path.write_text(f"{head}{key}x = 1\n")
    with pytest.raises(ConfigError) as caught:
        load(path, {}, ADAPTERS)
    line = head.count("\n") + 1
    expected = f"bridge.toml:{line}: {table}"
    (told,) = [text for text in caught.value.lines if text.startswith(expected) and "unknown key" in text]
    assert f'unknown key "{key}x"; did you mean "{key}' in told


@pytest.mark.parametrize("name", list(found()))
def test_every_installed_adapter_has_settings_that_are_read_strictly(tmp_path: Path, name: str) -> None:
    adapters = found()
    path = tmp_path / "bridge.toml"
    for field in fields(adapters[name].config):
        path.write_text(f'[networks.n]\nadapter = "{name}"\n{field.name}x = 1\n')
        with pytest.raises(ConfigError, match=r"bridge\.toml:3: \[networks\.n\] unknown key"):
            load(path, {}, adapters)
        if is_secret(field.name):
            path.write_text(f'[networks.n]\nadapter = "{name}"\n{field.name} = "x"\n')
            with pytest.raises(ConfigError, match="is a secret and must not stand in this file"):
                load(path, {}, adapters)
        assert field.default is not NODEFAULT or field.default_factory is not NODEFAULT or field.required
