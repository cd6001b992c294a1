"""The example and the generated pages say what the code does: each is checked against it."""

import re
import tomllib
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import fields

from bridge.config.adapters_found import found
from bridge.config.load import load
from bridge.config.reference import page
from bridge.config.settings import BridgeSettings, HomeserverSettings, LinkSettings, PortalSettings, VoiceSettings
from tests.unit.config.samples import PRETEND

TOP = Path(__file__).parents[3]
EXAMPLE = (TOP / "bridge.toml").read_text()
KINDS = (BridgeSettings, HomeserverSettings, PortalSettings, VoiceSettings)


def test_the_example_is_taken_as_it_stands() -> None:
    settings = load(TOP / "bridge.toml", {}, found())
    assert settings.bridge == BridgeSettings()
    assert [str(link.channel) for link in settings.portals[0].links] == ["local/#lobby"]


def test_the_example_is_taken_with_every_comment_made_a_setting() -> None:
    opened = re.sub(r"^(\s*)# (?=[a-z_]+ = |\[networks|\{ channel)", r"\1", EXAMPLE, flags=re.M)
    assert opened.count("\n# ") < EXAMPLE.count("\n# ")
    tomllib.loads(opened)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_the_example_has_every_setting(kind: type[Struct]) -> None:
    for field in fields(kind):
        assert re.search(rf"^#? ?{field.name} = ", EXAMPLE, re.M), f"{kind.__name__}.{field.name}"
    for field in fields(LinkSettings):
        assert f"{field.name} = " in EXAMPLE


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_the_examples_defaults_are_the_defaults(kind: type[Struct]) -> None:
    if kind is PortalSettings:
        return  # a room has no default, and its other values are examples
    for field in fields(kind):
        if field.default is None:
            continue
        line = re.search(rf"^#? ?({field.name} = .*)$", EXAMPLE, re.M)
        assert line is not None
        value = tomllib.loads(line[1])[field.name]
        assert (tuple(value) if isinstance(value, list) else value) == field.default, field.name


def test_every_setting_of_the_bridge_is_explained() -> None:
    for kind in (*KINDS, LinkSettings):
        for field in fields(kind):
            assert re.search(rf"^\| `{field.name}` \|.*\| [^|]+ \|$", page({}), re.M), f"{kind.__name__}.{field.name}"


def test_an_adapters_settings_are_shown_with_kind_default_and_inner_tables() -> None:
    text = page({"pretend": PRETEND})
    assert '### Pretend: `adapter = "pretend"`' in text
    assert "| `server` | text in quotes | **required** |" in text
    assert "| `password` | *secret* |" in text
    assert "#### `rate`\n\n| setting" in text


def test_the_page_of_settings_is_current() -> None:
    adapters = found()
    made = page({name: adapters[name] for name in adapters})
    assert (TOP / "docs" / "configuration.md").read_text() == made, "run `make docs`"
