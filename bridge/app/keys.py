"""The key file: what encrypts stored secrets and signs public links."""

import os
import secrets
from pathlib import Path

from bridge.contract.errors import BridgeError


class KeyRefused(BridgeError):
    """The key file can't be used; the words name it and say what to do."""


def read_or_make(path: Path) -> bytes:
    """Made at first run, readable by its owner alone. Raises `KeyRefused`."""
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    except OSError as error:
        raise KeyRefused(f"the key file {path} can't be made: {error.strerror}") from error
    key = secrets.token_hex(32).encode()
    with os.fdopen(opened, "wb") as file:
        file.write(key + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return key


def _read(path: Path) -> bytes:
    try:
        key = path.read_bytes().strip()
        loose = path.stat().st_mode & 0o077
    except OSError as error:
        raise KeyRefused(f"the key file {path} can't be read: {error.strerror}") from error
    if loose:
        raise KeyRefused(f"the key file {path} is readable by others: chmod 600 {path}")
    if len(key) < 32:
        raise KeyRefused(f"the key file {path} is damaged: put back your copy, or remove it and log in anew everywhere")
    return key
