"""Where the bridge's files are: what the settings name, as absolute paths."""

import os
from pathlib import Path

from msgspec import Struct

from bridge.config.settings import Settings

SOCKET = "unabridged.sock"
_SQLITE = "sqlite:///"


class Places(Struct, frozen=True, kw_only=True):
    config: Path
    database: str
    """An address whose path, if it is a file's, is absolute."""
    database_file: Path | None
    """None where the database is a server."""
    registration: Path
    key_file: Path
    socket: Path
    """Beside the database file; beside the configuration where the database is a server."""


def places_of(settings: Settings, config_path: Path) -> Places:
    """Relative paths begin at the configuration's folder, whatever the working directory is."""
    config = Path(os.path.abspath(config_path))  # noqa: PTH100 - resolve() would follow a linked bridge.toml away from its folder
    folder = config.parent
    database, file = settings.bridge.database, None
    if database.startswith(_SQLITE):
        file = folder / Path(database.removeprefix(_SQLITE)).expanduser()
        database = f"{_SQLITE}{file}"
    return Places(
        config=config,
        database=database,
        database_file=file,
        registration=folder / Path(settings.bridge.registration).expanduser(),
        key_file=folder / Path(settings.bridge.key_file).expanduser(),
        socket=(file.parent if file else folder) / SOCKET,
    )
