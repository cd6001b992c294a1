"""Hosts in their one spelling. Pure."""

import re

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
    if not name or len(name) > 253 or ".." in name or name.startswith("."):
        raise ValueError(f"{written[:100]!r} is no host")
    if port is None:
        return name
    if not 0 < int(port) < 65_536:
        raise ValueError(f"{port} is no port")
    return f"{name}:{int(port)}"
