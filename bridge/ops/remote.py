"""Asking the running bridge, over its Unix socket."""

import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from bridge.contract.words import Answer
from bridge.ops.sockets import address_of

TIMEOUT = 120.0
"""Seconds to wait for an answer."""
LARGEST = 64 * 1024 * 1024


class NotRunning(Exception):
    """Nobody answers on the socket. Its text names it and says what to do."""


def ask(path: Path, word: str, arguments: Mapping[str, str | Sequence[str]] | Sequence[str], user: str | None) -> Answer:
    """Raises `NotRunning`, or `OSError` where the bridge went away before it answered."""
    with _connect(path) as talk:
        talk.settimeout(TIMEOUT)
        talk.sendall(request_line(word, arguments, user))
        with talk.makefile("rb") as lines:
            line = lines.readline(LARGEST)
    if not line.endswith(b"\n"):
        raise OSError("the bridge went away before it answered")
    return msgspec.json.decode(line, type=Answer)


def request_line(word: str, arguments: Mapping[str, str | Sequence[str]] | Sequence[str], user: str | None) -> bytes:
    """One request, as it goes over the socket."""
    return json.dumps({"word": word, "arguments": arguments, "as": user}).encode() + b"\n"


def _connect(path: Path) -> socket.socket:
    talk = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with address_of(path) as address:
            talk.connect(address)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        talk.close()
        raise NotRunning(f"no bridge is running: nothing answers on {path}. Start it with `unabridged run`.") from None
    except PermissionError:
        talk.close()
        raise NotRunning(f"the bridge on {path} belongs to another user of this machine.") from None
    except OSError:
        talk.close()
        raise
    return talk
