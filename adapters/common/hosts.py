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


def endpoint(server: str, default_port: int) -> tuple[str, int]:
    """(host, port) of `host`, `host:port` or `[v6]:port`. Raises `ValueError` with plain words."""
    if server.startswith("["):
        host, close, rest = server[1:].partition("]")
        if not close or (rest and not rest.startswith(":")):
            raise ValueError(f"server should be host:port, not {server!r}")
        port = rest[1:]
    else:
        host, _, port = server.partition(":") if server.count(":") < 2 else (server, "", "")
    if not host or any(char.isspace() for char in host) or (port and not (port.isascii() and port.isdigit())):
        raise ValueError(f"server should be host:port, not {server!r}")
    number = int(port) if port else default_port
    if not 0 < number < 65536:
        raise ValueError(f"no port: {number}")
    return host, number
