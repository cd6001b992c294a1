"""Where files are, and which adapters are there: both must not depend on the working directory or on a neighbour's fault."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bridge.config.adapters_found import GROUP, AdapterBroken, FoundAdapters
from bridge.config.load import load
from bridge.config.places import places_of
from bridge.config.problems import ConfigError
from bridge.config.settings import BridgeSettings, Settings


def test_relative_paths_begin_at_the_configurations_folder(tmp_path: Path) -> None:
    places = places_of(Settings(), tmp_path / "bridge.toml")
    assert places.database == f"sqlite:///{tmp_path}/unabridged.db"
    assert places.database_file == tmp_path / "unabridged.db"
    assert places.registration == tmp_path / "registration.yaml"
    assert places.key_file == tmp_path / "bridge.key"
    assert places.socket == tmp_path / "unabridged.sock"


def test_the_socket_is_beside_the_database(tmp_path: Path) -> None:
    settings = Settings(bridge=BridgeSettings(database="sqlite:////var/lib/bridge/b.db"))
    places = places_of(settings, tmp_path / "bridge.toml")
    assert places.database == "sqlite:////var/lib/bridge/b.db"
    assert places.socket == Path("/var/lib/bridge/unabridged.sock")


def test_with_a_database_server_the_socket_is_beside_the_configuration(tmp_path: Path) -> None:
    settings = Settings(bridge=BridgeSettings(database="postgresql://u@h/d"))
    places = places_of(settings, tmp_path / "bridge.toml")
    assert places.database == "postgresql://u@h/d"
    assert places.database_file is None
    assert places.socket == tmp_path / "unabridged.sock"


def test_a_relative_configuration_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert places_of(Settings(), Path("bridge.toml")).key_file == tmp_path / "bridge.key"


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("no.such.module:X", "can't be imported: No module named"),
        ("json:Nothing", "can't be imported"),
        ("json:loads", "no manifest"),
    ],
)
def test_a_broken_adapter_is_told_at_the_network_that_names_it(tmp_path: Path, target: str, told: str) -> None:
    adapters = FoundAdapters({"odd": EntryPoint("odd", target, GROUP)})
    path = tmp_path / "bridge.toml"
    path.write_text('[networks.n]\nadapter = "odd"\n')
    with pytest.raises(ConfigError) as caught:
        load(path, {}, adapters)
    assert str(caught.value).startswith('bridge.toml:2: [networks.n] the adapter "odd"')
    assert told in str(caught.value)


def test_an_adapter_nobody_names_is_never_imported(tmp_path: Path) -> None:
    adapters = FoundAdapters({"odd": EntryPoint("odd", "no.such.module:X", GROUP)})
    path = tmp_path / "bridge.toml"
    path.write_text("")
    assert load(path, {}, adapters) == Settings()
    assert list(adapters) == ["odd"]
    assert len(adapters) == 1
    with pytest.raises(AdapterBroken):
        adapters["odd"]
    with pytest.raises(KeyError):
        adapters["other"]
