"""Hosts in their one spelling. Pure."""

import re

_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\s\[\]:/@?#\\%<>\"]+)(?::(?P<port>\d{1,5})?)?")


def fold_host(written: str) -> str:
    """`host` or `host:port` in lower case, the name as the DNS has it (IDNA). Raises `ValueError` in plain words."""
    found = _HOST.fullmatch(written.strip().lower())
    if found is None or not written.isprintable():
        raise ValueError(f"{written[:100]!r} is no host")
    name, port = found["name"].rstrip("."), found["port"]
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError(f"{written[:100]!r} is no host") from None
    if len(name) > 253 or _NAME.fullmatch(name) is None:
        raise ValueError(f"{written[:100]!r} is no host")
    if port is None:
        return name
    if not 0 < int(port) < 65_536:
        raise ValueError(f"{port} is no port")
    return f"{name}:{int(port)}"
