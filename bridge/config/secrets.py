"""Which settings are secrets, where they may come from, and which values must never be shown.

A secret is a setting named `password`, `passphrase`, `secret`, `token` or `api_key`, or one whose name ends in `_` and one of
these, or in `_keys` (a table of which every value is one). It comes from the environment or from a file named by
`<setting>_file`, never from `bridge.toml` itself: that file is copied into questions and repositories.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any
from urllib.parse import unquote, urlsplit

from msgspec import Struct
from msgspec.structs import fields

_SECRET = re.compile(r"(?:.*_)?(?:password|passphrase|secret|token|api_key)\Z|.+_keys\Z")
_LIMIT = 64 * 1024


def is_secret(name: str) -> bool:
    return _SECRET.match(name) is not None


def read_secret(path: FilePath) -> str:
    """What the file holds, less one line end. Raises `ValueError` in plain words that do not quote the content."""
    try:
        with path.open("rb") as file:
            data = file.read(_LIMIT + 1)
    except OSError as error:
        raise ValueError(f"can't read {path}: {error.strerror or error}") from None
    if len(data) > _LIMIT:
        raise ValueError(f"{path} is larger than {_LIMIT // 1024} KiB: that is no secret")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise ValueError(f"{path} is empty")
    return text


def url_password(url: str) -> str | None:
    """The password within a database address, if there is one."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return None
    return unquote(password) if password else None


def secrets_in(value: Any) -> Iterator[str]:
    """Every secret held anywhere in typed settings, for the log filter to know."""
    if isinstance(value, Struct):
        for entry in fields(value):
            inner = getattr(value, entry.name)
            if isinstance(inner, Mapping) and is_secret(entry.name):
                yield from filter(None, inner.values())
            elif isinstance(inner, str):
                password = url_password(inner) if "://" in inner else None
                if is_secret(entry.name) and inner:
                    yield inner
                elif password:
                    yield password
            else:
                yield from secrets_in(inner)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from secrets_in(inner)
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from secrets_in(inner)
