"""Where the demo keeps things, and the ports it found free."""

import json
import secrets
import tomllib
from importlib.resources import files
from pathlib import Path
from string import Template

import msgspec

from bridge.demo.process import free_port

_FIRST_PORTS = {"homeserver": 8008, "bridge": 29320, "public": 29321}
_FIRST_NETWORK_PORTS = {"local": 6667, "social": 8180}


class Places(msgspec.Struct, frozen=True):
    """One demo's folder, with the ports in it. Everything the demo writes is below `folder`."""

    folder: Path
    ports: dict[str, int]

    @property
    def config(self) -> Path:
        return self.folder / "bridge.toml"

    @property
    def homeserver_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['homeserver']}"

    @property
    def bridge_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['bridge']}"

    def networks(self) -> dict[str, str]:
        """The networks of the configuration as it stands now: name to adapter."""
        tables = tomllib.loads(self.config.read_text()).get("networks", {})
        return {name: table["adapter"] for name, table in tables.items()}


def prepare(folder: Path) -> Places:
    """Make the folder and the configuration, or take those that are there; ports in use since the last time are stepped around.

    Raises `OSError` where the folder can't be written or no port is free.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    places = Places(folder, _find_ports(folder))
    if not places.config.exists():
        template = Template(files("bridge.demo").joinpath("bridge.toml.template").read_text())
        places.config.write_text(template.substitute({f"{name}_port": port for name, port in places.ports.items()}))
    return places


def _find_ports(folder: Path) -> dict[str, int]:
    kept_file = folder / "ports.json"
    kept: dict[str, int] = json.loads(kept_file.read_text()) if kept_file.exists() else {}
    wanted = {**_FIRST_PORTS, **_FIRST_NETWORK_PORTS, **kept}
    ports: dict[str, int] = {}
    for name, port in wanted.items():
        ports[name] = free_port(port, frozenset(ports.values()))
    _move_ports(folder / "bridge.toml", {kept[name]: ports[name] for name in kept if kept[name] != ports[name]})
    kept_file.write_text(json.dumps(ports))
    return ports


def _move_ports(config: Path, moved: dict[int, int]) -> None:
    if not moved or not config.exists():
        return
    text = config.read_text()
    for old, new in moved.items():
        text = text.replace(f"127.0.0.1:{old}", f"127.0.0.1:\0{new}")  # NUL keeps a new port from being moved again
    config.write_text(text.replace("\0", ""))


def kept_password(folder: Path) -> str:
    """The demo user's password: made once, readable by its owner alone."""
    path = folder / "password"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(9))
    return path.read_text()
